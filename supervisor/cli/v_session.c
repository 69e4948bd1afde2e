/* session register, list, end. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/uuid.h"
#include "common/xalloc.h"
#include "supervisor/cli/api.h"
#include "supervisor/cli/buf.h"
#include "supervisor/cli/table.h"
#include "supervisor/cli/text.h"
#include "supervisor/cli/verbs.h"

#define PID_LARGEST	4194304		/* what a 64-bit Linux allows */

/* A registration under way. */
struct reg {
	struct cli	*c;
	char		*path;		/* of the token file */
	struct token	 token;
	struct token_draft draft;
	json_t		*body;
};

static void
reg_clear(struct reg *r)
{
	token_drop(&r->draft);
	token_wipe(&r->token);
	json_decref(r->body);
	free(r->path);
}

/* "a,b,c" as an array; an empty string is an empty one. */
static json_t *
split_commas(const char *list)
{
	json_t	*a = json_array();
	size_t	 n;

	while (*list != '\0') {
		n = strcspn(list, ",");
		if (n > 0)
			json_array_append_new(a, json_stringn(list, n));
		list += n + (list[n] == ',');
	}
	return a;
}

/*
 * Which session: --session-id, else the one that the token file was for, else
 * a new one.  A file that is there and is no token file is left alone.
 */
static int
reg_identify(struct reg *r)
{
	const char	*file = cli_opt(r->c, OPT_TOKEN_FILE);
	const char	*id = cli_opt(r->c, OPT_SESSION_ID);
	char		 err[512];

	r->path = file != NULL ? xstrdup(file) :
	    api_token_path(r->c, cli_opt(r->c, OPT_NAME), 1);
	if (r->path == NULL)
		return CLI_FAIL;
	if (token_load(&r->token, r->path, err, sizeof err) == -1)
		return cli_fail(r->c, "%s; it is not overwritten", err);
	if (id != NULL && !token_id_is_valid(id))
		return cli_usage(r->c, "--session-id must be printable, "
		    "without blanks, at most %d characters", TOKEN_ID_MAX);
	if (id != NULL)
		strcpy(r->token.session_id, id);
	else if (*r->token.session_id == '\0')
		uuid_v4(r->token.session_id);
	token_mint(&r->token);
	return CLI_OK;
}

static int
reg_body(struct reg *r)
{
	const char	*caps = cli_opt(r->c, OPT_CAPS);
	char		*cwd;
	long		 owner = getppid();
	json_t		*groups;
	size_t		 i;

	if (cli_number(r->c, OPT_PID, "pid", 1, PID_LARGEST,
	    &owner) != CLI_OK)
		return CLI_USAGE;
	if (cli_opt(r->c, OPT_PID) == NULL && owner <= 1)
		return cli_fail(r->c, "the process that called has ended; "
		    "name the session's with --pid");
	r->body = json_pack("{s:s, s:s, s:s*, s:s, s:I, s:s*, s:{s:b}}",
	    "token", r->token.hex, "session_id", r->token.session_id,
	    "mesh", cli_opt(r->c, OPT_MESH),
	    "display_name", cli_opt(r->c, OPT_NAME), "pid",
	    (json_int_t)owner, "role", cli_opt(r->c, OPT_ROLE),
	    "presence", "mint", 1);
	if (r->body == NULL)
		return cli_usage(r->c, "names must be UTF-8");
	if ((cwd = getcwd(NULL, 0)) != NULL) {
		json_object_set_new(r->body, "cwd", json_string(cwd));
		free(cwd);
	}
	if (r->c->opts.ngroups > 0) {
		groups = json_array();
		for (i = 0; i < r->c->opts.ngroups; i++)
			json_array_append_new(groups,
			    json_string(r->c->opts.groups[i]));
		json_object_set_new(r->body, "groups", groups);
	}
	if (caps != NULL)
		json_object_set_new(r->body, "caps", split_commas(caps));
	return CLI_OK;
}

/* What to do with it now, for a person or for a program. */
static void
reg_print(const struct reg *r, json_t *answer)
{
	const char	*name = cli_opt(r->c, OPT_NAME);
	const char	*id = r->token.session_id;
	char		*real = realpath(r->path, NULL), *quoted;
	const char	*path = real != NULL ? real : r->path;

	if (r->c->json) {
		json_object_set_new(answer, "session_id", json_string(id));
		json_object_set_new(answer, "display_name",
		    json_string(name));
		json_object_set_new(answer, "token_file", json_string(path));
		cli_print_json(r->c, answer);
	} else {
		quoted = text_quote(path);
		text_printf("session  %s (%s)\n", name, id);
		text_printf("key      %s\n",
		    cli_json_or(answer, "session_pubkey", "-"));
		printf("export MESHSUP_TOKEN_FILE=%s\n", quoted);
		free(quoted);
	}
	free(real);
}

/*
 * The token is on the disk before the daemon hears of it, and takes its place
 * only when the daemon has accepted it: neither a full disk nor a refusal
 * costs the session that was there before.
 */
int
v_session_register(struct cli *c)
{
	struct reg		 r = { .c = c };
	struct api_answer	 a = { 0 };
	char			 err[512];
	int			 rc;

	if (cli_opt(c, OPT_NAME) == NULL)
		return cli_usage(c, "--name is missing");
	if ((rc = reg_identify(&r)) != CLI_OK ||
	    (rc = reg_body(&r)) != CLI_OK)
		goto out;
	if (token_prepare(&r.draft, &r.token, r.path, err, sizeof err) == -1) {
		rc = cli_fail(c, "%s", err);
		goto out;
	}
	api_call(c, "POST", "/v1/sessions/register", NULL, r.body,
	    API_TIMEOUT_MS, &a);
	if (!api_is_ok(&a))
		rc = api_refused(c, &a);
	else if (token_commit(&r.draft, err, sizeof err) == -1)
		rc = cli_fail(c, "registered, but %s", err);
	else
		reg_print(&r, a.json);

out:
	api_answer_clear(&a);
	reg_clear(&r);
	return rc;
}

static void
print_sessions(const struct cli *c, const json_t *list)
{
	static const char *const heads[] = { "NAME", "MESH", "STATE", ">PID",
				    "SESSION", "KEY", NULL };
	struct table		*t = table_new(heads);
	const json_t		*s;
	const char		*reason;
	size_t			 i;

	json_array_foreach(list, i, s) {
		reason = cli_json_str(s, "reason");
		table_add(t, cli_json_str(s, "displayName"));
		table_add(t, cli_json_str(s, "mesh"));
		if (reason != NULL)
			table_addf(t, "%s (%s)", cli_json_str(s, "state"),
			    reason);
		else
			table_add(t, cli_json_str(s, "state"));
		table_addf(t, "%lld", cli_json_int(s, "pid"));
		table_add(t, cli_json_str(s, "sessionId"));
		table_add(t, cli_json_str(json_object_get(s, "presence"),
		    "sessionPubkey"));
	}
	table_end(&t, stdout, c->color, "no sessions");
}

/* --key: one line to be used in another command, so only if there is one. */
static int
print_key(const struct cli *c, const json_t *list, const char *name)
{
	const json_t	*s;
	const char	*key, *found = NULL, *state, *its;
	size_t		 i, n = 0;

	json_array_foreach(list, i, s) {
		its = cli_json_str(s, "displayName");
		state = cli_json_str(s, "state");
		key = cli_json_str(json_object_get(s, "presence"),
		    "sessionPubkey");
		if (its == NULL || strcmp(its, name) != 0 || key == NULL ||
		    (state != NULL && (strcmp(state, "draining") == 0 ||
		    strcmp(state, "ended") == 0)))
			continue;
		found = key;
		n++;
	}
	if (n != 1)
		return cli_fail(c, n == 0 ? "you have no session %s here" :
		    "you have several sessions %s here; meshsup session list "
		    "shows them", name);
	text_printf("%s\n", found);
	return CLI_OK;
}

/* The caller's uid is what counts here, so no token is sent. */
int
v_session_list(struct cli *c)
{
	const char		*name = cli_opt(c, OPT_KEY);
	struct api_answer	 a;
	int			 rc = CLI_OK;

	if (name != NULL && c->json)
		return cli_usage(c, "either --key or --json");
	api_call(c, "GET", "/v1/sessions", NULL, NULL, API_TIMEOUT_MS, &a);
	if (!api_is_ok(&a))
		rc = api_refused(c, &a);
	else if (name != NULL)
		rc = print_key(c, json_object_get(a.json, "sessions"), name);
	else if (c->json)
		cli_print_json(c, a.json);
	else
		print_sessions(c, json_object_get(a.json, "sessions"));
	api_answer_clear(&a);
	return rc;
}

/*
 * The token in the path is what allows it; the header stays away, so that a
 * dead token is 404 and not 401.  The token file stays: with the session's id
 * in it, registering the name again brings key and messages back.
 */
int
v_session_end(struct cli *c)
{
	struct api_answer	 a;
	struct token		 t;
	struct buf		 path = { 0 };
	int			 rc;

	if (c->opts.noperands > 0) {
		if (cli_opt(c, OPT_AS) != NULL)
			return cli_usage(c, "either NAME or --as");
		c->opts.value[OPT_AS] = c->opts.operands[0];
	}
	if ((rc = api_token(c, &t)) != CLI_OK)
		return rc;
	if (token_hex(&t) == NULL)
		return cli_usage(c, "which session?  Give its NAME");
	buf_addf(&path, "/v1/sessions/%s", t.hex);
	api_call(c, "DELETE", path.p, NULL, NULL, API_TIMEOUT_MS, &a);
	buf_free(&path);
	token_wipe(&t);
	if (!api_is_ok(&a))
		rc = a.result == CLIENT_OK && a.status == 404 ?
		    cli_fail(c, "that session has ended already") :
		    api_refused(c, &a);
	else if (c->json)
		cli_print_json(c, a.json);
	else
		text_printf("ended (token %s...)\n",
		    cli_json_or(a.json, "token_prefix", ""));
	api_answer_clear(&a);
	return rc;
}
