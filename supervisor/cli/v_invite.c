/*
 * mesh create, mesh invite and mesh join.  Meshes are a user's, not a
 * session's, so no token is sent.  An invite is a secret: what was read of one
 * is wiped.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/invite.h"
#include "supervisor/cli/api.h"
#include "supervisor/cli/buf.h"
#include "supervisor/cli/text.h"
#include "supervisor/cli/verbs.h"

#define JOIN_TIMEOUT_MS	40000		/* the daemon takes 30 s */
#define USES_MAX	1000000
#define MINUTE		60
#define DAY		86400
#define EXPIRES_MAX	(366 * DAY)

/* Ask, and print the answer.  Takes body. */
static int
mesh_call(const struct cli *c, const char *path, json_t *body, int timeout_ms,
    void (*print)(const struct cli *, const json_t *))
{
	struct api_answer	a;
	int			rc = CLI_OK;

	api_call(c, "POST", path, NULL, body, timeout_ms, &a);
	json_decref(body);
	if (!api_is_ok(&a))
		rc = api_refused(c, &a);
	else if (c->json)
		cli_print_json(c, a.json);
	else
		print(c, a.json);
	api_answer_clear(&a);
	return rc;
}

static void
add_option(const struct cli *c, json_t *body, const char *key, enum opt id)
{
	if (cli_opt(c, id) != NULL)
		json_object_set_new(body, key, json_string(cli_opt(c, id)));
}

/* ---- create ---- */

static void
print_created(const struct cli *c, const json_t *j)
{
	const json_t	*m = json_object_get(j, "mesh");

	(void)c;
	text_printf("mesh %s was made; others join it with an invite: "
	    "meshsup mesh invite %s\n", cli_json_or(m, "slug", "?"),
	    cli_json_or(m, "slug", "?"));
}

int
v_mesh_create(struct cli *c)
{
	json_t	*body = json_object();

	if (json_object_set_new(body, "name",
	    json_string(c->opts.operands[0])) == -1) {
		json_decref(body);
		return cli_usage(c, "NAME is not UTF-8 text");
	}
	add_option(c, body, "slug", OPT_SLUG);
	add_option(c, body, "display_name", OPT_DISPLAY_NAME);
	return mesh_call(c, "/v1/meshes", body, API_TIMEOUT_MS,
	    print_created);
}

/* ---- invite ---- */

/* "30m", "12h", "7d", to seconds. */
static int
expires_add(struct cli *c, json_t *body)
{
	const char	*s = cli_opt(c, OPT_EXPIRES);
	long		 seconds;

	if (s == NULL)
		return CLI_OK;
	if (opts_span(s, EXPIRES_MAX, &seconds) == -1 || seconds < MINUTE)
		return cli_usage(c, "--expires is a time such as 30m, 12h or "
		    "7d, from 60s to 366d");
	json_object_set_new(body, "expires_in", json_integer(seconds));
	return CLI_OK;
}

static int
invite_body(struct cli *c, json_t *body)
{
	const char	*role = cli_opt(c, OPT_ROLE);
	enum invite_role r;
	long		 uses = -1;
	int		 rc;

	if (cli_opt(c, OPT_REVOKE) != NULL) {
		if (role != NULL || cli_opt(c, OPT_EXPIRES) != NULL ||
		    cli_opt(c, OPT_USES) != NULL)
			return cli_usage(c, "--revoke makes no invite: it "
			    "stands alone");
		json_object_set_new(body, "revoke", json_true());
		return CLI_OK;
	}
	if (role != NULL && invite_role_parse(role, &r) == -1)
		return cli_usage(c, "--role is admin or member");
	if ((rc = cli_number(c, OPT_USES, "uses", 0, USES_MAX, &uses)) !=
	    CLI_OK || (rc = expires_add(c, body)) != CLI_OK)
		return rc;
	if (uses != -1)
		json_object_set_new(body, "max_uses", json_integer(uses));
	add_option(c, body, "role", OPT_ROLE);
	return CLI_OK;
}

/* The link alone on the standard output, so that it can be passed on. */
static void
print_invite(const struct cli *c, const json_t *j)
{
	long long	 uses = cli_json_int(j, "max_uses");
	char		*when;

	(void)c;
	if (cli_json_str(j, "invite") == NULL) {
		text_printf("%lld revoked\n", cli_json_int(j, "revoked"));
		return;
	}
	text_printf("%s\n", cli_json_or(j, "invite", ""));
	when = text_time(cli_json_str(j, "expires_at"));
	if (uses == 0)
		fprintf(stderr, "for any number of members, until %s; whoever "
		    "has it can join\n", when);
	else
		fprintf(stderr, "for %lld member%s, until %s; whoever has it "
		    "can join\n", uses, uses == 1 ? "" : "s", when);
	free(when);
}

int
v_mesh_invite(struct cli *c)
{
	json_t		*body = json_object();
	struct buf	 path = { 0 };
	int		 rc;

	if ((rc = invite_body(c, body)) == CLI_OK &&
	    (rc = cli_row_path(c, &path, "/v1/meshes/")) == CLI_OK) {
		buf_adds(&path, "/invite");
		rc = mesh_call(c, path.p, json_incref(body), API_TIMEOUT_MS,
		    print_invite);
	}
	json_decref(body);
	buf_free(&path);
	return rc;
}

/* ---- join ---- */

static void
print_joined(const struct cli *c, const json_t *j)
{
	const json_t	*m = json_object_get(j, "mesh");

	(void)c;
	text_printf("joined %s at %s\n", cli_json_or(m, "slug", "?"),
	    cli_json_or(m, "brokerUrl", "?"));
}

/* LINK, or "-": the first line of the standard input, which nobody sees. */
static int
link_read(struct cli *c, char *out, size_t size)
{
	const char	*s = c->opts.operands[0];
	size_t		 n;

	if (strcmp(s, "-") == 0) {
		if (fgets(out, (int)size, stdin) == NULL)
			return cli_fail(c, "no link on the standard input");
		n = strcspn(out, "\r\n");
		if (out[n] == '\0' && n + 1 == size)
			return cli_fail(c, "that is no invite: it is too long");
		out[n] = '\0';
	} else if ((n = strlen(s)) < size)
		memcpy(out, s, n + 1);
	else
		return cli_fail(c, "that is no invite: it is too long");
	return CLI_OK;
}

int
v_mesh_join(struct cli *c)
{
	char	 link[INVITE_LINK_MAX + 2];
	json_t	*body = json_object();
	int	 rc;

	if ((rc = link_read(c, link, sizeof link)) == CLI_OK &&
	    json_object_set_new(body, "invite", json_string(link)) == -1)
		rc = cli_fail(c, "that is no invite: it is not text");
	explicit_bzero(link, sizeof link);
	if (rc != CLI_OK) {
		json_decref(body);
		return rc;
	}
	add_option(c, body, "slug", OPT_SLUG);
	add_option(c, body, "display_name", OPT_DISPLAY_NAME);
	return mesh_call(c, "/v1/meshes/join", body, JOIN_TIMEOUT_MS,
	    print_joined);
}
