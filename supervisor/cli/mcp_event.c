/* Events as the host is told of them. */

#include "supervisor/cli/mcp_event.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "supervisor/cli/cli.h"
#include "supervisor/cli/list.h"
#include "supervisor/cli/text.h"

#define KEY_SHORT	8
#define SUMMARY_MAX	200	/* columns */

/* ---- pieces ---- */

void
mcp_add_line(const json_t *item, const char *key, const char *otherwise,
    struct buf *b)
{
	char	*line = text_clean(cli_json_or(item, key, otherwise),
	    TEXT_LINE);

	buf_adds(b, line);
	freezero_str(line);
}

void
mcp_add_groups(const json_t *item, const char *before, const char *after,
    struct buf *b)
{
	const json_t	*groups = json_object_get(item, "groups");
	struct buf	 list = { 0 };
	char		*line;

	if (!list_is_words(groups))
		return;
	list_join(&list, groups, ", ");
	line = text_clean(list.p, TEXT_LINE);
	buf_addf(b, "%s%s%s", before, line, after);
	freezero_str(line);
	buf_free(&list);
}

json_t *
mcp_meta_line(const json_t *item, const char *key)
{
	const char	*s = cli_json_str(item, key);
	char		*line;
	json_t		*j;

	if (s == NULL || *s == '\0')
		return NULL;
	line = text_clean(s, TEXT_LINE);
	j = json_string(line);
	freezero_str(line);
	return j;
}

json_t *
mcp_meta_json(const json_t *value)
{
	struct buf	 b = { 0 };
	json_t		*j;

	cli_json_dump(&b, value);
	j = json_stringn(b.p, b.len);
	buf_free(&b);
	return j;
}

const char *
mcp_message_id(const json_t *item)
{
	return cli_json_or(item, "broker_message_id",
	    cli_json_str(item, "id"));
}

void
mcp_add_marks(const json_t *item, struct buf *b)
{
	const char	*priority = cli_json_or(item, "priority", "");

	if (!json_is_true(json_object_get(item, "authenticated")))
		buf_adds(b, "[unverified] ");
	if (strcmp(priority, "now") == 0)
		buf_adds(b, "[URGENT] ");
	else if (strcmp(priority, "low") == 0)
		buf_adds(b, "[low] ");
}

/* meta[key] = value, when there is one. */
static void
meta_set(json_t *meta, const char *key, json_t *value)
{
	if (value != NULL)
		json_object_set_new(meta, key, value);
}

static void
meta_copy(json_t *meta, const char *key, const json_t *item, const char *from)
{
	meta_set(meta, key, mcp_meta_line(item, from));
}

/* ---- messages ---- */

/* Whoever has no member key but its own, an old broker's sender, has that. */
static const char *
member_key(const json_t *item)
{
	return cli_json_or(item, "sender_member_pubkey",
	    cli_json_or(item, "sender_pubkey", ""));
}

static json_t *
message_meta(const json_t *item)
{
	json_t		*meta = json_object();
	const char	*id = mcp_message_id(item);

	json_object_set_new(meta, "from_id", json_string(member_key(item)));
	json_object_set_new(meta, "from_pubkey",
	    json_string(member_key(item)));
	json_object_set_new(meta, "from_session_pubkey",
	    json_string(cli_json_or(item, "sender_pubkey", "")));
	meta_copy(meta, "from_name", item, "sender_name");
	meta_copy(meta, "mesh_slug", item, "mesh");
	meta_copy(meta, "priority", item, "priority");
	meta_set(meta, "message_id", json_string(id != NULL ? id : ""));
	meta_copy(meta, "client_message_id", item, "client_message_id");
	meta_copy(meta, "topic", item, "topic");
	meta_copy(meta, "reply_to_id", item, "reply_to_id");
	meta_copy(meta, "subtype", item, "subtype");
	return meta;
}

static json_t *
tell_message(const json_t *item, struct buf *text)
{
	const char	*topic = cli_json_str(item, "topic");

	mcp_add_marks(item, text);
	mcp_add_line(item, "sender_name", "?", text);
	if (topic != NULL && *topic != '\0') {
		buf_adds(text, " (#");
		mcp_add_line(item, "topic", "", text);
		buf_adds(text, ")");
	}
	buf_addf(text, ": %s", cli_json_or(item, "body", ""));
	return message_meta(item);
}

/* ---- peers ---- */

static void
add_summary(const json_t *data, struct buf *b)
{
	const char	*summary = cli_json_str(data, "summary");
	char		*line;

	if (summary == NULL || *summary == '\0')
		return;
	line = text_clean(summary, TEXT_LINE);
	text_cut(line, SUMMARY_MAX);
	buf_addf(b, "; summary: %s", line);
	freezero_str(line);
}

/* What a peer did, NULL: nothing that is worth a line. */
static const char *
peer_did(const char *event)
{
	if (strcmp(event, "peer_joined") == 0 ||
	    strcmp(event, "peer_join") == 0)
		return "joined";
	if (strcmp(event, "peer_returned") == 0)
		return "returned to";
	if (strcmp(event, "peer_left") == 0 ||
	    strcmp(event, "peer_leave") == 0)
		return "left";
	return NULL;
}

static json_t *
tell_peer(const char *kind, const json_t *data, struct buf *text)
{
	const char	*event = cli_json_or(data, "event", kind);
	const char	*did = peer_did(event);
	const char	*key = cli_json_or(data, "pubkey", "");
	size_t		 n = strspn(key, "0123456789abcdef");
	json_t		*meta;

	if (did == NULL)
		return NULL;
	buf_adds(text, "[system] Peer \"");
	mcp_add_line(data, "name", "?", text);
	buf_addf(text, "\" (%.*s)", n < KEY_SHORT ? (int)n : KEY_SHORT, key);
	mcp_add_groups(data, " [", "]", text);
	buf_addf(text, " %s the mesh", did);
	if (cli_json_str(data, "lastSeenAt") != NULL) {
		buf_adds(text, "; last seen ");
		mcp_add_line(data, "lastSeenAt", "", text);
	}
	add_summary(data, text);
	meta = json_pack("{s:s, s:s}", "kind", "system", "event", event);
	meta_copy(meta, "mesh_slug", data, "mesh");
	meta_copy(meta, "peer_name", data, "name");
	meta_copy(meta, "peer_pubkey", data, "pubkey");
	return meta;
}

/* ---- ourselves ---- */

/* Of our own session only: it can do nothing until somebody undoes that. */
static json_t *
tell_status(const json_t *data, struct buf *text)
{
	const char	*status = cli_json_or(data, "status", "");
	json_t		*meta;

	if (cli_json_str(data, "session") == NULL ||
	    strcmp(status, "parked") != 0)
		return NULL;
	buf_adds(text, "[system] This session is parked (");
	mcp_add_line(data, "reason", "no reason is known", text);
	buf_adds(text, "): what it sends waits, and nothing arrives, until "
	    "its user runs meshsup presence resume");
	meta = json_pack("{s:s, s:s}", "kind", "system", "event", "parked");
	meta_copy(meta, "mesh_slug", data, "mesh");
	return meta;
}

static json_t *
tell_gap(const json_t *data, struct buf *text)
{
	buf_addf(text, "[system] %lld events of peers (never messages) were "
	    "left out, as they came faster than they were read; list_peers "
	    "shows who is there", cli_json_int(data, "dropped"));
	return json_pack("{s:s, s:s}", "kind", "system", "event", "gap");
}

json_t *
mcp_event_tell(const char *event, const json_t *data, struct buf *text)
{
	if (strcmp(event, "message") == 0)
		return tell_message(data, text);
	if (strcmp(event, "peer_join") == 0 ||
	    strcmp(event, "peer_leave") == 0)
		return tell_peer(event, data, text);
	if (strcmp(event, "broker_status") == 0)
		return tell_status(data, text);
	if (strcmp(event, "gap") == 0)
		return tell_gap(data, text);
	return NULL;
}
