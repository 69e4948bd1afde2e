/*
 * Tools that ask the broker: who is there, how one is seen, groups, state and
 * memory.
 */

#include <string.h>

#include "supervisor/cli/mcp_ask.h"
#include "supervisor/cli/mcp_event.h"
#include "supervisor/cli/mcp_tools.h"

/* What is said when it was done, with kept "said". */
static void
on_done(struct req *r, struct api_answer *a)
{
	struct buf	 text = { 0 };

	if (!api_is_ok(a)) {
		tool_refuse(r, a);
		return;
	}
	buf_adds(&text, cli_json_or(req_kept(r), "said", "Done."));
	tool_say(r, &text, NULL);
}

/* A change; takes body and said.  flags: may it be asked twice? */
static void
ask_change(struct req *r, const char *path, json_t *body, int flags,
    json_t *said)
{
	const struct mcp	*m = req_mcp(r);

	if (m->mesh != NULL && token_hex(&m->token) == NULL)
		json_object_set_new(body, "mesh", json_string(m->mesh));
	req_keep(r, json_pack("{s:o}", "said", said));
	req_ask(r, "POST", path, body, flags, API_TIMEOUT_MS, on_done);
	json_decref(body);
}

static void
ask_about(struct req *r, const char *path, const char *name,
    const char *value, req_answer_cb cb)
{
	struct buf	 b = { 0 };

	buf_adds(&b, path);
	buf_add_query(&b, name, value);
	mcp_add_mesh(req_mcp(r), &b);
	req_ask(r, "GET", b.p, NULL, MCP_ASK_AGAIN, API_TIMEOUT_MS, cb);
	buf_free(&b);
}

/* Meshes that did not answer, so that a short list is not taken for all. */
static void
add_unavailable(const json_t *answer, struct buf *b)
{
	const json_t	*u;
	size_t		 i;

	json_array_foreach(json_object_get(answer, "unavailable"), i, u) {
		buf_adds(b, "\nNo answer for mesh ");
		mcp_add_line(u, "mesh", "?", b);
		buf_adds(b, ": ");
		mcp_add_line(u, "detail", cli_json_or(u, "error", "?"), b);
	}
	if (json_is_true(json_object_get(answer, "truncated")))
		buf_adds(b, "\nThere is more than this.");
}

/* ---- peers ---- */

static void
add_peer(const struct mcp *m, const json_t *peer, struct buf *b)
{
	buf_adds(b, "\n- ");
	mcp_add_line(peer, "displayName", "?", b);
	if (*m->self != '\0' && strcmp(cli_json_or(peer, "pubkey", ""),
	    m->self) == 0)
		buf_adds(b, " (yourself)");
	buf_adds(b, ", ");
	mcp_add_line(peer, "status", "status unknown", b);
	buf_adds(b, ", key ");
	mcp_add_line(peer, "pubkey", "?", b);
	mcp_add_groups(peer, ", in ", "", b);
	if (cli_json_str(peer, "cwd") != NULL) {
		buf_adds(b, ", works in ");
		mcp_add_line(peer, "cwd", "", b);
	}
	if (cli_json_str(peer, "hostname") != NULL) {
		buf_adds(b, " on ");
		mcp_add_line(peer, "hostname", "", b);
	}
	if (*cli_json_or(peer, "summary", "") != '\0') {
		buf_adds(b, ": ");
		mcp_add_line(peer, "summary", "", b);
	}
}

static void
on_peers(struct req *r, struct api_answer *a)
{
	const json_t	*peers = json_object_get(a->json, "peers"), *p;
	struct buf	 text = { 0 };
	size_t		 i;

	if (!api_is_ok(a)) {
		tool_refuse(r, a);
		return;
	}
	buf_addf(&text, "%zu on the mesh:", json_array_size(peers));
	json_array_foreach(peers, i, p)
		add_peer(req_mcp(r), p, &text);
	add_unavailable(a->json, &text);
	tool_say(r, &text, NULL);
}

void
tool_list_peers(struct req *r, const json_t *args)
{
	(void)args;
	ask_about(r, "/v1/peers", "all", "false", on_peers);
}

/* ---- how one is seen ---- */

void
tool_set_summary(struct req *r, const json_t *args)
{
	ask_change(r, "/v1/profile", json_pack("{s:O}", "summary",
	    json_object_get(args, "summary")), MCP_ASK_AGAIN,
	    json_string("Your summary is set."));
}

void
tool_set_status(struct req *r, const json_t *args)
{
	ask_change(r, "/v1/profile", json_pack("{s:O}", "status",
	    json_object_get(args, "status")), MCP_ASK_AGAIN,
	    json_sprintf("Your status is %s now.",
	    cli_json_or(args, "status", "?")));
}

static void
ask_group(struct req *r, const json_t *args, const char *what,
    const char *said)
{
	const char	*name = cli_json_or(args, "group", "");
	const char	*role = cli_json_str(args, "role");
	struct buf	 path = { 0 };

	buf_adds(&path, "/v1/groups/");
	buf_add_escaped(&path, name);
	buf_adds(&path, what);
	ask_change(r, path.p, json_pack("{s:s*}", "role", role),
	    MCP_ASK_AGAIN, json_sprintf("You %s group %s.", said, name));
	buf_free(&path);
}

void
tool_join_group(struct req *r, const json_t *args)
{
	ask_group(r, args, "/join", "joined");
}

void
tool_leave_group(struct req *r, const json_t *args)
{
	ask_group(r, args, "/leave", "left");
}

/* ---- state ---- */

static void
add_entry(const json_t *e, struct buf *b)
{
	mcp_add_line(e, "key", "?", b);
	buf_adds(b, " = ");
	cli_json_dump(b, json_object_get(e, "value"));
	buf_adds(b, " (set by ");
	mcp_add_line(e, "updatedBy", "?", b);
	buf_adds(b, " at ");
	mcp_add_line(e, "updatedAt", "?", b);
	buf_adds(b, ")");
}

static void
on_get_state(struct req *r, struct api_answer *a)
{
	const json_t	*one = json_object_get(a->json, "state"), *e;
	const json_t	*entries = json_object_get(a->json, "entries");
	struct buf	 text = { 0 };
	size_t		 i;

	if (a->result == CLIENT_OK && a->status == 404 && strcmp(
	    cli_json_or(a->json, "error", ""), "state_not_found") == 0) {
		buf_adds(&text, "It is not set.");
		tool_say(r, &text, NULL);
		return;
	}
	if (!api_is_ok(a)) {
		tool_refuse(r, a);
		return;
	}
	if (one != NULL)
		add_entry(one, &text);
	else if (json_array_size(entries) == 0)
		buf_adds(&text, "Nothing is set.");
	json_array_foreach(entries, i, e) {
		buf_adds(&text, i > 0 ? "\n" : "");
		add_entry(e, &text);
	}
	add_unavailable(a->json, &text);
	tool_say(r, &text, NULL);
}

void
tool_get_state(struct req *r, const json_t *args)
{
	ask_about(r, "/v1/state", "key", cli_json_str(args, "key"),
	    on_get_state);
}

void
tool_set_state(struct req *r, const json_t *args)
{
	ask_change(r, "/v1/state", json_pack("{s:O, s:O}", "key",
	    json_object_get(args, "key"), "value",
	    json_object_get(args, "value")), MCP_ASK_AGAIN,
	    json_sprintf("%s is set.", cli_json_or(args, "key", "?")));
}

/* ---- memory ---- */

static void
on_remember(struct req *r, struct api_answer *a)
{
	struct buf	 text = { 0 };

	if (!api_is_ok(a)) {
		tool_refuse(r, a);
		return;
	}
	buf_adds(&text, "Remembered, as ");
	mcp_add_line(a->json, "id", "?", &text);
	buf_adds(&text, ".");
	tool_say(r, &text, NULL);
}

void
tool_remember(struct req *r, const json_t *args)
{
	const struct mcp	*m = req_mcp(r);
	json_t			*tags = json_object_get(args, "tags");
	json_t			*body;

	body = json_pack("{s:O, s:s*}", "content",
	    json_object_get(args, "content"), "mesh",
	    token_hex(&m->token) == NULL ? m->mesh : NULL);
	if (json_is_array(tags))
		json_object_set(body, "tags", tags);
	req_ask(r, "POST", "/v1/memory", body, 0, API_TIMEOUT_MS,
	    on_remember);
	json_decref(body);
}

static void
on_recall(struct req *r, struct api_answer *a)
{
	const json_t	*list = json_object_get(a->json, "matches"), *e, *tag;
	struct buf	 text = { 0 };
	size_t		 i, k;

	if (!api_is_ok(a)) {
		tool_refuse(r, a);
		return;
	}
	if (json_array_size(list) == 0)
		buf_adds(&text, "Nothing was found.");
	json_array_foreach(list, i, e) {
		buf_addf(&text, "%s--- %s, by ", i > 0 ? "\n\n" : "",
		    cli_json_or(e, "id", "?"));
		mcp_add_line(e, "rememberedBy", "?", &text);
		buf_adds(&text, " at ");
		mcp_add_line(e, "rememberedAt", "?", &text);
		json_array_foreach(json_object_get(e, "tags"), k, tag)
			buf_addf(&text, "%s%s", k == 0 ? ", tags: " : ", ",
			    json_is_string(tag) ? json_string_value(tag) :
			    "?");
		buf_addf(&text, "\n%s", cli_json_or(e, "content", ""));
	}
	add_unavailable(a->json, &text);
	tool_say(r, &text, NULL);
}

void
tool_recall(struct req *r, const json_t *args)
{
	ask_about(r, "/v1/memory", "q", cli_json_str(args, "query"),
	    on_recall);
}
