/* presence pause, presence resume and session resume. */

#include <string.h>

#include "supervisor/cli/api.h"
#include "supervisor/cli/buf.h"
#include "supervisor/cli/text.h"
#include "supervisor/cli/verbs.h"

static void
print_one(const json_t *j, const char *what)
{
	const char	*reason = cli_json_str(j, "reason");

	text_printf("%s is %s%s%s%s\n", what, cli_json_or(j, "state", "?"),
	    reason != NULL ? " (" : "", reason != NULL ? reason : "",
	    reason != NULL ? ")" : "");
}

/* The session, or each mesh. */
static void
print_presence(const struct cli *c, json_t *j)
{
	const json_t	*list = json_object_get(j, "meshes"), *mesh;
	size_t		 i;

	(void)c;
	if (list == NULL)
		print_one(j, "the session");
	json_array_foreach(list, i, mesh)
		print_one(mesh, cli_json_or(mesh, "slug", "?"));
}

static int
presence(struct cli *c, const char *path)
{
	json_t	*body = json_pack("{s:s*}", "mesh", cli_opt(c, OPT_MESH));
	int	 rc;

	if (body == NULL)
		return cli_usage(c, "the name of a mesh must be UTF-8");
	rc = api_show(c, "POST", path, body, print_presence);
	json_decref(body);
	return rc;
}

int
v_presence_pause(struct cli *c)
{
	return presence(c, "/v1/presence/pause");
}

int
v_presence_resume(struct cli *c)
{
	return presence(c, "/v1/presence/resume");
}

static int
is_parked(const json_t *s)
{
	return strcmp(cli_json_or(s, "state", ""), "parked") == 0;
}

/*
 * The key of the one session that has the name or the id; of several the one
 * that is parked.  NULL, with the reason printed.
 */
static const char *
session_named(const struct cli *c, const json_t *list, const char *name)
{
	const json_t	*s, *found = NULL;
	size_t		 i, n = 0, parked = 0;

	json_array_foreach(list, i, s) {
		if (strcmp(cli_json_or(s, "displayName", ""), name) != 0 &&
		    strcmp(cli_json_or(s, "sessionId", ""), name) != 0 &&
		    strcmp(cli_json_or(json_object_get(s, "presence"),
		    "sessionPubkey", ""), name) != 0)
			continue;
		n++;
		parked += (size_t)is_parked(s);
		if (found == NULL || is_parked(s))
			found = s;
	}
	if (n == 1 || parked == 1)
		return cli_json_str(json_object_get(found, "presence"),
		    "sessionPubkey");
	cli_warn(c, n == 0 ? "you have no session %s here; meshsup session "
	    "list shows them" : "you have several sessions %s here; name one "
	    "by its key, which meshsup session list shows", name);
	return NULL;
}

static void
print_resumed(const struct cli *c, json_t *j)
{
	print_one(j, c->opts.operands[0]);
}

/* The caller's uid is what counts here, so no token is sent. */
int
v_session_resume(struct cli *c)
{
	struct api_answer	 a;
	struct buf		 path = { 0 };
	const char		*key;
	int			 rc;

	api_call(c, "GET", "/v1/sessions", NULL, NULL, API_TIMEOUT_MS, &a);
	if (!api_is_ok(&a)) {
		rc = api_refused(c, &a);
		api_answer_clear(&a);
		return rc;
	}
	key = session_named(c, json_object_get(a.json, "sessions"),
	    c->opts.operands[0]);
	if (key != NULL)
		buf_addf(&path, "/v1/sessions/%s/resume", key);
	api_answer_clear(&a);
	if (path.p == NULL)
		return CLI_FAIL;
	api_call(c, "POST", path.p, NULL, NULL, API_TIMEOUT_MS, &a);
	buf_free(&path);
	rc = api_is_ok(&a) ? CLI_OK : api_refused(c, &a);
	if (rc == CLI_OK && c->json)
		cli_print_json(c, a.json);
	else if (rc == CLI_OK)
		print_resumed(c, a.json);
	api_answer_clear(&a);
	return rc;
}
