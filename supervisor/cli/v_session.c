/* session list and session end. */

#include <stdio.h>
#include <string.h>

#include "supervisor/cli/api.h"
#include "supervisor/cli/buf.h"
#include "supervisor/cli/form.h"
#include "supervisor/cli/table.h"
#include "supervisor/cli/text.h"
#include "supervisor/cli/verbs.h"

/* What it may do, as --caps takes it. */
static void
add_caps(struct table *t, const json_t *caps)
{
	struct buf	 text = { 0 };
	const json_t	*name;
	size_t		 i;

	json_array_foreach(caps, i, name)
		buf_addf(&text, "%s%s", i > 0 ? "," : "",
		    json_string_value(name));
	table_add(t, text.len == 0 ? "none" :
	    json_array_size(caps) == form_caps_count() ? "all" : text.p);
	buf_free(&text);
}

static void
print_sessions(const struct cli *c, const json_t *list)
{
	static const char *const heads[] = { "NAME", "MESH", "STATE", ">PID",
				    "SESSION", "KEY", "CAPS", NULL };
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
		add_caps(t, json_object_get(s, "caps"));
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
