/*
 * session register: the token is kept before the daemon hears of it, and the
 * command waits a little until the session is on the mesh, so that the next
 * one can send to it by name.
 */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/uuid.h"
#include "common/xalloc.h"
#include "supervisor/cli/api.h"
#include "supervisor/cli/form.h"
#include "supervisor/cli/text.h"
#include "supervisor/cli/verbs.h"

#define OPEN_WAIT_MS	3000
#define OPEN_POLL_MS	20
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
	if (id != NULL && form_session_id(r->c, &r->token) != CLI_OK)
		return CLI_USAGE;
	if (*r->token.session_id == '\0')
		uuid_v4(r->token.session_id);
	token_mint(&r->token);
	return CLI_OK;
}

static int
reg_body(struct reg *r)
{
	long	 owner = getppid();
	int	 rc;

	if (cli_number(r->c, OPT_PID, "pid", 1, PID_LARGEST,
	    &owner) != CLI_OK)
		return CLI_USAGE;
	if (cli_opt(r->c, OPT_PID) == NULL && owner <= 1)
		return cli_fail(r->c, "the process that called has ended; "
		    "name the session's with --pid");
	r->body = form_make(r->c, &r->token, cli_opt(r->c, OPT_NAME),
	    (pid_t)owner, &rc);
	return rc;
}

/* On its way to the mesh, and not parked? */
static int
is_coming(const char *state)
{
	return strcmp(state, "registered") == 0 ||
	    strcmp(state, "starting") == 0 ||
	    strcmp(state, "connecting") == 0;
}

/*
 * The state that it is in, when it is on the mesh or will not be so soon.
 * Allocated.
 */
static char *
reg_settle(const struct reg *r)
{
	int64_t			 end = clock_mono_ms() + OPEN_WAIT_MS;
	struct api_answer	 a;
	const char		*state;
	char			*last = xstrdup("registered");
	int			 again;

	do {
		api_call(r->c, "GET", "/v1/sessions/me", token_hex(&r->token),
		    NULL, OPEN_WAIT_MS, &a);
		state = cli_json_str(json_object_get(a.json, "session"),
		    "state");
		again = state != NULL ? is_coming(state) :
		    api_is_passing(&a);
		if (state != NULL) {
			free(last);
			last = xstrdup(state);
		}
		api_answer_clear(&a);
		if (again)
			poll(NULL, 0, OPEN_POLL_MS);
	} while (again && clock_mono_ms() < end);
	return last;
}

/* What to do with it now, for a person or for a program. */
static void
reg_print(const struct reg *r, json_t *answer)
{
	const char	*name = cli_opt(r->c, OPT_NAME);
	const char	*id = r->token.session_id;
	char		*real = realpath(r->path, NULL), *quoted;
	char		*state = reg_settle(r);
	const char	*path = real != NULL ? real : r->path;

	if (r->c->json) {
		json_object_set_new(answer, "session_id", json_string(id));
		json_object_set_new(answer, "display_name",
		    json_string(name));
		json_object_set_new(answer, "token_file", json_string(path));
		json_object_set_new(answer, "state", json_string(state));
		cli_print_json(r->c, answer);
	} else {
		quoted = text_quote(path);
		text_printf("session  %s (%s), %s\n", name, id, state);
		text_printf("key      %s\n",
		    cli_json_or(answer, "session_pubkey", "-"));
		printf("export MESHSUP_TOKEN_FILE=%s\n", quoted);
		if (strcmp(state, "parked") == 0)
			cli_warn(r->c, "it is kept away from the mesh until "
			    "meshsup session resume; meshsup session list "
			    "says why");
		free(quoted);
	}
	free(real);
	free(state);
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

	if (form_caps_asked(c))
		return CLI_OK;
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
