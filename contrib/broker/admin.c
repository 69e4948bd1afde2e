/*
 * Verbs of the command line on the file of a broker, which may be served by
 * another process meanwhile.
 */

#include "contrib/broker/admin.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/encode.h"
#include "contrib/broker/db.h"
#include "contrib/broker/members.h"

#define EXIT_USAGE	2

struct request {
	char		 slug[MEMBERS_SLUG_MAX + 1];
	uint8_t		 pubkey[KEY_PUBLIC_LEN];
	const char	*name;
};

/* 0, or -1 when it is not "mesh:pubkey:name". */
static int
request_parse(struct request *r, const char *what)
{
	char		 hex[2 * KEY_PUBLIC_LEN + 1];
	const char	*key = strchr(what, ':');
	size_t		 len;

	if (key == NULL || (len = (size_t)(key - what)) >= sizeof r->slug)
		return -1;
	memcpy(r->slug, what, len);
	r->slug[len] = '\0';
	key++;
	r->name = strchr(key, ':');
	if (r->name == NULL || (size_t)(r->name - key) != sizeof hex - 1)
		return -1;
	memcpy(hex, key, sizeof hex - 1);
	hex[sizeof hex - 1] = '\0';
	r->name++;
	return hex_decode(r->pubkey, sizeof r->pubkey, hex);
}

static int
print_member(const char *mesh_id, const char *member_id, const char *slug)
{
	json_t	*json;

	json = json_pack("{s:s,s:s,s:s}", "meshId", mesh_id, "memberId",
	    member_id, "slug", slug);
	if (json == NULL || json_dumpf(json, stdout, JSON_COMPACT) == -1 ||
	    putchar('\n') == EOF || fflush(stdout) == EOF)
		return EXIT_FAILURE;
	json_decref(json);
	return EXIT_SUCCESS;
}

static int
member_add(struct db *db, const struct request *r)
{
	struct members	*m = members_new(db);
	char		 mesh_id[MEMBERS_ID_SIZE], member_id[MEMBERS_ID_SIZE];
	char		 err[128];
	int		 rc;

	rc = members_add(m, r->slug, r->pubkey, r->name, mesh_id, member_id,
	    err, sizeof err);
	members_free(&m);
	if (rc == -1) {
		fprintf(stderr, "broker: --add-member: %s\n", err);
		return EXIT_FAILURE;
	}
	if (db_commit(db) == -1)
		return EXIT_FAILURE;
	return print_member(mesh_id, member_id, r->slug);
}

int
admin_add_member(const char *path, const char *what)
{
	struct request	 r;
	struct db	*db;
	int		 code;

	if (request_parse(&r, what) == -1) {
		fprintf(stderr, "broker: --add-member: MESH:PUBKEY:NAME, "
		    "PUBKEY being 64 lower-case hex digits\n");
		return EXIT_USAGE;
	}
	if ((db = db_open(path)) == NULL)
		return EXIT_FAILURE;
	code = member_add(db, &r);
	db_close(&db);
	return code;
}
