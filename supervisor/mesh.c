/* Mesh files. */

#include "supervisor/mesh.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/encode.h"
#include "common/fd.h"
#include "common/paths.h"
#include "common/xalloc.h"

int
mesh_slug_valid(const char *s)
{
	size_t	n = strspn(s, "abcdefghijklmnopqrstuvwxyz"
		    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	return n > 0 && n < MESH_SLUG_SIZE && s[n] == '\0' && s[0] != '.';
}

#define DIGITS	"0123456789"
#define HEX	DIGITS "abcdefABCDEF"
#define ALNUM	DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* A name or an address, with what may be in it; the rest in *rest_r. */
static int
mesh_parse_host(const char *p, char host[MSG_HOST_SIZE], const char **rest_r)
{
	size_t	n;

	if (*p != '[') {
		n = strspn(p, ALNUM "._-");
		*rest_r = p + n;
	} else {				/* [v6] */
		n = strspn(++p, HEX ":.");
		if (p[n] != ']' || memchr(p, ':', n) == NULL)
			return -1;
		*rest_r = p + n + 1;
	}
	if (n == 0 || n >= MSG_HOST_SIZE)
		return -1;
	memcpy(host, p, n);
	host[n] = '\0';
	return 0;
}

int
mesh_parse_url(const char *url, char host[MSG_HOST_SIZE], uint16_t *port_r,
    int *tls_r)
{
	char		 name[MSG_HOST_SIZE];
	const char	*p;
	unsigned long	 port;
	size_t		 n;
	int		 tls = strncmp(url, "wss://", 6) == 0;

	if (!tls && strncmp(url, "ws://", 5) != 0)
		return -1;
	port = tls ? 443 : 80;
	if (mesh_parse_host(url + (tls ? 6 : 5), name, &p) == -1)
		return -1;
	if (*p == ':') {
		n = strspn(++p, DIGITS);
		port = strtoul(p, NULL, 10);
		if (n > 5 || port == 0 || port > UINT16_MAX)
			return -1;
		p += n;
	}
	if (strcmp(p, "/ws") != 0)
		return -1;
	strcpy(host, name);
	*port_r = (uint16_t)port;
	*tls_r = tls;
	return 0;
}

/* A string member into a buffer; must: it may not be absent or empty. */
static int
mesh_string(const json_t *o, const char *key, char *buf, size_t size, int must)
{
	const json_t	*v = json_object_get(o, key);
	size_t		 n;

	buf[0] = '\0';
	if (v == NULL || json_is_null(v))
		return must ? -1 : 0;
	n = json_string_length(v);
	if (!json_is_string(v) || n >= size || (must && n == 0) ||
	    strlen(json_string_value(v)) != n)
		return -1;
	memcpy(buf, json_string_value(v), n + 1);
	return 0;
}

static int
mesh_uid(const json_t *v, uint64_t *uid_r)
{
	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
	    json_integer_value(v) >= UINT32_MAX)	/* (uid_t)-1: nobody */
		return -1;
	*uid_r = (uint64_t)json_integer_value(v);
	return 0;
}

/* Whom it belongs to, and who else may use it. */
static int
mesh_people(const json_t *o, struct mesh *m, uid_t file_uid)
{
	const json_t	*v, *users = json_object_get(o, "users");
	size_t		 i;

	m->owner_uid = file_uid;
	if ((v = json_object_get(o, "owner")) != NULL &&
	    mesh_uid(v, &m->owner_uid) == -1)
		return -1;
	if (users == NULL)
		return 0;
	if (!json_is_array(users) || json_array_size(users) > MSG_UIDS_MAX)
		return -1;
	json_array_foreach(users, i, v)
		if (mesh_uid(v, &m->users.v[m->users.n++]) == -1)
			return -1;
	return 0;
}

/* The member's key pair, checked. */
static int
mesh_keys(const json_t *o, struct mesh *m, uint8_t secret_r[KEY_SECRET_LEN])
{
	uint8_t		 secret[KEY_SECRET_LEN];
	const char	*pub = json_string_value(json_object_get(o, "pubkey"));
	const char	*sec = json_string_value(json_object_get(o,
			    "secretKey"));
	int		 ret = -1;

	if (pub != NULL && sec != NULL &&
	    hex_decode(m->pub, KEY_PUBLIC_LEN, pub) == 0 &&
	    hex_decode(secret, KEY_SECRET_LEN, sec) == 0 &&
	    identity_keypair_check(m->pub, secret) == 0) {
		if (secret_r != NULL)
			memcpy(secret_r, secret, KEY_SECRET_LEN);
		ret = 0;
	}
	sodium_memzero(secret, sizeof secret);
	return ret;
}

/* What is wrong with the object, or NULL. */
static const char *
mesh_fill(const json_t *o, struct mesh *m, uid_t file_uid,
    uint8_t secret_r[KEY_SECRET_LEN])
{
	if (mesh_string(o, "slug", m->slug, sizeof m->slug, 1) == -1 ||
	    !mesh_slug_valid(m->slug))
		return "\"slug\" must be 1 to 64 of A-Z a-z 0-9 . _ -";
	if (mesh_string(o, "meshId", m->mesh_id, sizeof m->mesh_id, 1) == -1)
		return "\"meshId\" must be a string of at most 128 bytes";
	if (mesh_string(o, "memberId", m->member_id, sizeof m->member_id, 1) ==
	    -1)
		return "\"memberId\" must be a string of at most 128 bytes";
	if (mesh_string(o, "name", m->name, sizeof m->name, 0) == -1)
		return "\"name\" must be a string of at most 128 bytes";
	if (mesh_string(o, "displayName", m->display_name,
	    sizeof m->display_name, 0) == -1)
		return "\"displayName\" must be a string of at most 128 bytes";
	if (mesh_keys(o, m, secret_r) == -1)
		return "\"pubkey\" and \"secretKey\" must be a pair of ed25519 "
		    "keys in lower-case hex (64 and 128 digits)";
	if (mesh_people(o, m, file_uid) == -1)
		return "\"owner\" must be a user id, \"users\" a list of them";
	if (mesh_string(o, "brokerUrl", m->url, sizeof m->url, 1) == -1)
		return "\"brokerUrl\" is missing";
	if (strcmp(m->url, MESH_EMBEDDED) == 0)
		m->embedded = 1;
	else if (mesh_parse_url(m->url, m->host, &m->port, &m->tls) == -1)
		return "\"brokerUrl\" must be ws://host:port/ws, "
		    "wss://host:port/ws or \"embedded\"";
	return NULL;
}

int
mesh_read(const char *path, struct mesh *m, uint8_t secret_r[KEY_SECRET_LEN],
    char *err, size_t errlen)
{
	struct stat	 st;
	json_error_t	 je;
	json_t		*o = NULL;
	const char	*why;
	char		*text;
	size_t		 len;

	memset(m, 0, sizeof *m);
	if (lstat(path, &st) == -1) {
		snprintf(err, errlen, "%s: %s", path, strerror(errno));
		return -1;
	}
	if (!S_ISREG(st.st_mode) ||
	    (st.st_uid != geteuid() && st.st_uid != 0)) {
		snprintf(err, errlen, "%s: not a regular file of ours", path);
		return -1;
	}
	if ((st.st_mode & 077) != 0) {
		snprintf(err, errlen, "%s: others can read the member's secret "
		    "key (mode %04o): chmod 600 it", path,
		    (unsigned)(st.st_mode & 07777));
		return -1;
	}
	if ((text = fd_read_file(path, MESH_FILE_MAX, &len)) == NULL) {
		snprintf(err, errlen, "%s: %s", path, strerror(errno));
		return -1;
	}
	o = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);
	freezero(text, len + 1);
	if (o == NULL || !json_is_object(o)) {
		snprintf(err, errlen, "%s:%d: not a JSON object", path,
		    o == NULL ? je.line : 1);
		json_decref(o);
		return -1;
	}
	why = mesh_fill(o, m, st.st_uid, secret_r);
	json_decref(o);
	if (why != NULL) {
		snprintf(err, errlen, "%s: %s", path, why);
		if (secret_r != NULL)
			sodium_memzero(secret_r, KEY_SECRET_LEN);
		return -1;
	}
	if (m->name[0] == '\0')
		strcpy(m->name, m->slug);
	m->path = xstrdup(path);
	return 0;
}

int
mesh_write(const struct mesh *m, const uint8_t secret[KEY_SECRET_LEN],
    char *err, size_t errlen)
{
	char	 pub[2 * KEY_PUBLIC_LEN + 1], sec[2 * KEY_SECRET_LEN + 1];
	char	 now[CLOCK_ISO_SIZE], *text = NULL;
	json_t	*o, *users;
	json_free_t free_text;
	uint32_t i;
	int	 ret = -1;

	users = json_array();
	for (i = 0; i < m->users.n; i++)
		json_array_append_new(users,
		    json_integer((json_int_t)m->users.v[i]));
	o = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:o}",
	    "meshId", m->mesh_id, "memberId", m->member_id, "slug", m->slug,
	    "name", m->name, "displayName", m->display_name,
	    "pubkey", hex_encode(pub, m->pub, KEY_PUBLIC_LEN),
	    "secretKey", hex_encode(sec, secret, KEY_SECRET_LEN),
	    "brokerUrl", m->url, "joinedAt", clock_iso(clock_wall_ms(), now),
	    "owner", (json_int_t)m->owner_uid, "users", users);
	sodium_memzero(sec, sizeof sec);
	if (o != NULL)
		text = json_dumps(o, JSON_INDENT(2));
	json_decref(o);
	if (text == NULL)
		snprintf(err, errlen, "%s: cannot encode it", m->path);
	else if (fd_write_file(m->path, 0600, text, strlen(text)) == -1)
		snprintf(err, errlen, "%s: %s", m->path, strerror(errno));
	else
		ret = 0;
	if (text != NULL) {
		sodium_memzero(text, strlen(text));
		json_get_alloc_funcs(NULL, &free_text);
		free_text(text);
	}
	return ret;
}

void
mesh_clear(struct mesh *m)
{
	free(m->path);
	m->path = NULL;
}

static int
mesh_is_file(const struct dirent *d)
{
	size_t	n = strlen(d->d_name);

	return n > 5 && d->d_name[0] != '.' &&
	    strcmp(d->d_name + n - 5, ".json") == 0;
}

int
mesh_each(const char *dir, void (*cb)(void *arg, struct mesh *), void *arg)
{
	struct dirent	**names = NULL;
	struct mesh	  m;
	char		  err[512], *path;
	int		  i, n;

	if ((n = scandir(dir, &names, mesh_is_file, alphasort)) == -1)
		return -1;
	for (i = 0; i < n; i++) {
		path = paths_join(dir, names[i]->d_name);
		if (i >= MESH_FILES_MAX)
			log_warnx("%s: more than %d mesh files, left out",
			    path, MESH_FILES_MAX);
		else if (mesh_read(path, &m, NULL, err, sizeof err) == -1)
			log_warnx("mesh file left out: %s", err);
		else {
			cb(arg, &m);
			mesh_clear(&m);
		}
		free(path);
		free(names[i]);
	}
	free(names);
	return 0;
}
