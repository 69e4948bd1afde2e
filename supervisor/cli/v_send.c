/*
 * send.  The command gives every message an id of its own before it is sent
 * for the first time, so that trying again after a lost connection can never
 * send twice.
 */

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/uuid.h"
#include "supervisor/cli/api.h"
#include "supervisor/cli/buf.h"
#include "supervisor/cli/input.h"
#include "supervisor/cli/text.h"
#include "supervisor/cli/verbs.h"
#include "supervisor/cli/wait.h"

#define AGAIN_FOR_MS	5000
#define AGAIN_FIRST_MS	100
#define AGAIN_MAX_MS	1000
#define ID_MAX		128

/* --meta, a JSON object. */
static int
meta_add(struct cli *c, json_t *body)
{
	const char	*text = cli_opt(c, OPT_META);
	json_error_t	 je;
	json_t		*meta;

	if (text == NULL)
		return CLI_OK;
	meta = json_loads(text, JSON_REJECT_DUPLICATES, &je);
	if (!json_is_object(meta)) {
		json_decref(meta);
		return cli_usage(c, "--meta must be a JSON object");
	}
	json_object_set_new(body, "meta", meta);
	return CLI_OK;
}

static int
body_build(struct cli *c, json_t **body_r)
{
	const char	*id = cli_opt(c, OPT_ID);
	const char	*priority = cli_opt(c, OPT_PRIORITY);
	struct buf	 text = { 0 };
	char		 minted[UUID_SIZE];
	int		 rc;

	if (priority != NULL && strcmp(priority, "now") != 0 &&
	    strcmp(priority, "next") != 0 && strcmp(priority, "low") != 0)
		return cli_usage(c, "--priority must be now, next or low");
	if (id != NULL && (*id == '\0' || strlen(id) > ID_MAX))
		return cli_usage(c, "--id must have 1 to %d bytes", ID_MAX);
	if ((rc = input_text(c, c->opts.operands[1], "the message",
	    &text)) == CLI_OK) {
		*body_r = json_pack("{s:s, s:s%, s:s, s:s*, s:s*, s:s*}",
		    "to", c->opts.operands[0], "message", text.p, text.len,
		    "client_message_id", id != NULL ? id : uuid_v7(minted),
		    "mesh", cli_opt(c, OPT_MESH), "priority", priority,
		    "reply_to_id", cli_opt(c, OPT_REPLY_TO));
		rc = *body_r == NULL ? cli_usage(c, "the arguments must be "
		    "UTF-8") : meta_add(c, *body_r);
	}
	buf_free(&text);
	return rc;
}

/* Is it worth trying again with the same id? */
static int
may_try_again(const struct api_answer *a, int unknown)
{
	if (a->result == CLIENT_DOWN)
		return unknown;		/* it may be starting again */
	return api_is_passing(a);
}

/*
 * Send until there is an answer, or the time is over.  Returns whether it is
 * unknown how it ended.
 */
static int
send_try(const struct cli *c, const char *token, const json_t *body,
    struct api_answer *a)
{
	int64_t	 end = clock_mono_ms() + AGAIN_FOR_MS;
	int	 wait = AGAIN_FIRST_MS, unknown = 0, ms;

	for (;;) {
		api_call(c, "POST", "/v1/send", token, body, API_TIMEOUT_MS,
		    a);
		unknown |= api_is_unknown(a);
		if (!may_try_again(a, unknown))
			break;
		ms = wait;
		if (a->retry_after > 0 && a->retry_after * 1000 > ms)
			ms = a->retry_after * 1000;
		if (end - clock_mono_ms() < ms)
			break;
		api_answer_clear(a);
		poll(NULL, 0, ms);
		wait = wait * 2 < AGAIN_MAX_MS ? wait * 2 : AGAIN_MAX_MS;
	}
	return api_ends_unknown(a, unknown);
}

/* What the daemon said of it at once: its id, and whom a name stands for. */
static void
print_accepted(const struct cli *c, const json_t *j)
{
	const char	*to = cli_json_str(j, "to");
	const char	*parked = cli_json_str(j, "parked");

	text_printf("%s %s", cli_json_or(j, "status", "done"),
	    cli_json_or(j, "client_message_id", "?"));
	if (to != NULL && strcmp(to, c->opts.operands[0]) != 0)
		text_printf(" to %s", to);
	fputs(json_is_true(json_object_get(j, "duplicate")) ?
	    " (it had been sent before)\n" : "\n", stdout);
	if (parked != NULL)
		cli_warn(c, "it waits here: the sender is parked (%s), until "
		    "meshsup presence resume", parked);
}

/* It is accepted: say so, and what becomes of it when that is asked. */
static int
accepted(const struct cli *c, const struct wait *w, const char *token,
    json_t *j)
{
	const char	*id = cli_json_str(j, "client_message_id");
	json_t		*state = NULL;
	struct buf	 text = { 0 };
	int		 rc = CLI_OK;

	if (!c->json) {
		print_accepted(c, j);
		fflush(stdout);
	}
	if (w->wanted && id != NULL)
		rc = wait_for(c, w, token, id, &state);
	if (c->json) {
		if (state != NULL)
			json_object_update(j, state);
		cli_print_json(c, j);
	} else if (state != NULL) {
		wait_describe(w, state, id, &text);
		text_printf("%s\n", text.p);
		buf_free(&text);
	}
	json_decref(state);
	return rc;
}

int
v_send(struct cli *c)
{
	struct api_answer	 a = { 0 };
	struct token		 t;
	struct wait		 w;
	json_t			*body = NULL;
	int			 rc, unknown;

	if ((rc = wait_options(c, &w)) != CLI_OK ||
	    (rc = api_token(c, &t)) != CLI_OK)
		return rc;
	if ((rc = body_build(c, &body)) != CLI_OK)
		goto out;
	unknown = send_try(c, token_hex(&t), body, &a);
	if (api_is_ok(&a))
		rc = accepted(c, &w, token_hex(&t), a.json);
	else
		rc = api_refused(c, &a);
	if (unknown)
		cli_warn(c, "it is not known whether the message was "
		    "accepted; to be sure that it is, and only once, send "
		    "it again with --id %s",
		    cli_json_str(body, "client_message_id"));

out:
	api_answer_clear(&a);
	token_wipe(&t);
	json_decref(body);
	return rc;
}
