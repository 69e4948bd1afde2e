/* Tools: send_message, and what becomes of it. */

#include <string.h>

#include "common/encode.h"
#include "common/uuid.h"
#include "supervisor/cli/mcp_ask.h"
#include "supervisor/cli/mcp_event.h"
#include "supervisor/cli/mcp_tools.h"

#define SENT_S		3
#define DELIVERED_S	30
#define KEY_DIGITS	64

/*
 * What a request keeps: "id", "to" as it was asked for, "wait" and "timeout",
 * "state" (the last answer about the row), "parked".
 */

static const char *
kept_text(const struct req *r, const char *key)
{
	return cli_json_or(req_kept(r), key, "");
}

static int
state_is(const json_t *state, const char *status)
{
	return strcmp(cli_json_or(state, "status", ""), status) == 0;
}

/* ---- words ---- */

static void
add_done(const json_t *state, struct buf *b)
{
	const json_t	*delivered = json_object_get(state, "delivered");

	if (json_is_true(delivered))
		buf_adds(b, "delivered: its recipient has it.");
	else if (json_is_false(delivered))
		buf_adds(b, "sent, and not delivered yet: the broker keeps it "
		    "until its recipient takes it.");
	else
		buf_adds(b, "sent; whether it was delivered cannot be said.");
}

static void
add_waiting(const struct req *r, const json_t *state, struct buf *b)
{
	const char	*error = cli_json_str(state, "last_error");
	const char	*parked = kept_text(r, "parked");

	buf_adds(b, state_is(state, "inflight") ? "on its way to the broker" :
	    "stored here, and not sent yet");
	if (json_is_true(json_object_get(state, "held")))
		buf_adds(b, ": an operator holds it back");
	else if (*parked != '\0')
		buf_addf(b, ": you are kept from the mesh (%s)", parked);
	else if (error != NULL) {
		buf_adds(b, ": ");
		mcp_add_line(state, "last_error", "", b);
	}
	buf_adds(b, ". It is sent as soon as that can be; do not send it "
	    "again. message_status says more.");
}

/* The whole answer about a message; is it one that failed? */
static int
add_state(const struct req *r, const json_t *state, struct buf *b)
{
	const char	*to = cli_json_or(state, "to", "");
	const char	*asked = kept_text(r, "to");

	buf_addf(b, "Message %s to %s", kept_text(r, "id"),
	    *asked != '\0' ? asked : to);
	if (*asked != '\0' && *to != '\0' && strcmp(asked, to) != 0)
		buf_addf(b, " (%s)", to);
	buf_adds(b, ": ");
	if (state_is(state, "done"))
		add_done(state, b);
	else if (state_is(state, "dead")) {
		buf_adds(b, "not sent, and it never will be. ");
		mcp_add_line(state, "reason", cli_json_or(state,
		    "last_error", "No reason is known."), b);
		return 1;
	} else if (state_is(state, "aborted")) {
		buf_adds(b, "an operator ended it, unsent.");
		return 1;
	} else
		add_waiting(r, state, b);
	return 0;
}

static void
say_state(struct req *r, const json_t *state)
{
	struct buf	 text = { 0 };

	if (add_state(r, state, &text))
		tool_fail(r, &text);
	else
		tool_say(r, &text, NULL);
}

/* ---- what has become of it ---- */

/* Why nothing moves, where the row does not know: who sends is not there. */
static void
on_me(struct req *r, struct api_answer *a)
{
	const json_t	*me = json_object_get(a->json, "session");
	const char	*state = cli_json_or(me, "state", "");
	json_t		*why = NULL;

	if (api_is_ok(a) && strcmp(state, "open") != 0 && *state != '\0')
		why = json_sprintf("your connection to the broker is %s%s%s",
		    state, cli_json_str(me, "reason") != NULL ? ", " : "",
		    cli_json_or(me, "reason", ""));
	if (why != NULL)
		json_object_set_new(req_kept(r), "parked", why);
	say_state(r, json_object_get(req_kept(r), "state"));
}

static void	ask_state(struct req *, const char *, long long);

/*
 * A wait for "sent" ends before the broker could say whether it was delivered;
 * asked without a wait, the daemon gives it a moment for that.
 */
static int
ask_delivered(struct req *r, const json_t *state)
{
	if (strcmp(kept_text(r, "wait"), "sent") != 0 ||
	    !state_is(state, "done") ||
	    !json_is_null(json_object_get(state, "delivered")) ||
	    !hex_is(cli_json_or(state, "to", ""), KEY_DIGITS))
		return 0;
	json_object_set_new(req_kept(r), "wait", json_string(""));
	ask_state(r, "", 0);
	return 1;
}

static void
on_state(struct req *r, struct api_answer *a)
{
	struct buf	 text = { 0 };

	if (!api_is_ok(a) && *kept_text(r, "accepted") == '\0') {
		tool_refuse(r, a);
		return;
	}
	if (!api_is_ok(a)) {
		buf_addf(&text, "Message %s is safely stored, and will be "
		    "sent once. What became of it since cannot be said now: ",
		    kept_text(r, "id"));
		tool_add_reason(a, &text);
		tool_say(r, &text, NULL);
		return;
	}
	if (ask_delivered(r, a->json))
		return;
	json_object_set(req_kept(r), "state", a->json);
	if (state_is(a->json, "pending") &&
	    cli_json_str(a->json, "last_error") == NULL &&
	    *kept_text(r, "parked") == '\0' &&
	    token_hex(&req_mcp(r)->token) != NULL)
		req_ask(r, "GET", "/v1/sessions/me", NULL, MCP_ASK_AGAIN,
		    API_TIMEOUT_MS, on_me);
	else
		say_state(r, a->json);
}

/* wait: "sent", "delivered", or "" for what is known now. */
static void
ask_state(struct req *r, const char *wait, long long seconds)
{
	struct buf	 path = { 0 };
	int		 flags = MCP_ASK_AGAIN;

	buf_adds(&path, "/v1/send/");
	buf_add_escaped(&path, kept_text(r, "id"));
	mcp_add_mesh(req_mcp(r), &path);
	if (*wait != '\0') {
		buf_add_query(&path, "wait", wait);
		buf_addf(&path, "&timeout=%lld", seconds);
		flags |= MCP_ASK_WAIT;
	}
	req_ask(r, "GET", path.p, NULL, flags,
	    (int)seconds * 1000 + API_TIMEOUT_MS, on_state);
	buf_free(&path);
}

/* The seconds of a wait, as asked for or as usual. */
static long long
wait_seconds(const json_t *args, const char *wait)
{
	const json_t	*n = json_object_get(args, "timeout_seconds");

	if (json_is_integer(n))
		return json_integer_value(n);
	return strcmp(wait, "sent") == 0 ? SENT_S : DELIVERED_S;
}

/* ---- send_message ---- */

/* Refused, or nobody knows whether it was taken. */
static void
send_failed(struct req *r, const struct api_answer *a)
{
	struct buf	 text = { 0 };

	tool_add_reason(a, &text);
	if (a->unknown)
		buf_addf(&text, " To be sure that the message is sent, and "
		    "only once, call send_message again with the same "
		    "arguments and client_message_id \"%s\".",
		    kept_text(r, "id"));
	else
		buf_adds(&text, " The message was not accepted.");
	tool_fail(r, &text);
}

static void
on_sent(struct req *r, struct api_answer *a)
{
	json_t		*kept = req_kept(r);
	const char	*wait = kept_text(r, "wait");
	struct buf	 text = { 0 };

	if (!api_is_ok(a)) {
		send_failed(r, a);
		return;
	}
	json_object_set_new(kept, "accepted", json_string("yes"));
	if (json_object_get(a->json, "parked") != NULL)
		json_object_set(kept, "parked",
		    json_object_get(a->json, "parked"));
	if (strcmp(wait, "accepted") != 0) {
		ask_state(r, wait, cli_json_int(kept, "timeout"));
		return;
	}
	buf_addf(&text, "Message %s to %s is safely stored (%s), and is sent "
	    "from here.", kept_text(r, "id"), kept_text(r, "to"),
	    cli_json_or(a->json, "status", "queued"));
	tool_say(r, &text, NULL);
}

void
tool_send_message(struct req *r, const json_t *args)
{
	const struct mcp	*m = req_mcp(r);
	const char		*wait = cli_json_or(args, "wait", "sent");
	const char		*id = cli_json_str(args, "client_message_id");
	char			 minted[UUID_SIZE];
	json_t			*body;

	if (id == NULL)
		id = uuid_v7(minted);
	req_keep(r, json_pack("{s:s, s:s, s:s, s:I}", "id", id, "to",
	    cli_json_or(args, "to", ""), "wait", wait, "timeout",
	    (json_int_t)wait_seconds(args, wait)));
	body = json_pack("{s:s, s:s, s:s, s:s*, s:s*, s:s*}", "to",
	    cli_json_or(args, "to", ""), "message",
	    cli_json_or(args, "message", ""), "client_message_id", id,
	    "priority", cli_json_str(args, "priority"), "reply_to_id",
	    cli_json_str(args, "reply_to"), "mesh",
	    token_hex(&m->token) == NULL ? m->mesh : NULL);
	req_ask(r, "POST", "/v1/send", body, MCP_ASK_AGAIN, API_TIMEOUT_MS,
	    on_sent);
	json_decref(body);
}

/* ---- message_status ---- */

void
tool_message_status(struct req *r, const json_t *args)
{
	const char	*wait = cli_json_or(args, "wait", "");

	req_keep(r, json_pack("{s:s, s:s}", "id",
	    cli_json_or(args, "client_message_id", ""), "wait", wait));
	ask_state(r, wait, *wait != '\0' ? json_is_integer(json_object_get(
	    args, "timeout_seconds")) ? cli_json_int(args,
	    "timeout_seconds") : DELIVERED_S : 0);
}
