/* Tool: check_messages. */

#include <string.h>

#include "supervisor/cli/mcp_ask.h"
#include "supervisor/cli/mcp_event.h"
#include "supervisor/cli/mcp_marks.h"
#include "supervisor/cli/mcp_tools.h"

#define LIMIT	20
#define INBOX_MAX	1000		/* that the daemon lists */
#define TEXT_MAX	(200 * 1024)	/* of one answer, but for one message */

/* "from bob (key ...) at ..., message_id ...": what an answer needs. */
static void
add_head(const json_t *item, struct buf *b)
{
	const char	*id = mcp_message_id(item);
	const char	*topic = cli_json_str(item, "topic");

	buf_adds(b, "\n\n--- ");
	mcp_add_marks(item, b);
	buf_adds(b, "from ");
	mcp_add_line(item, "sender_name", "?", b);
	buf_adds(b, " (key ");
	mcp_add_line(item, "sender_pubkey", "?", b);
	buf_adds(b, ")");
	if (topic != NULL) {
		buf_adds(b, " in #");
		mcp_add_line(item, "topic", "", b);
	}
	buf_adds(b, " on ");
	mcp_add_line(item, "mesh", "?", b);
	buf_adds(b, " at ");
	mcp_add_line(item, "received_at", "?", b);
	buf_addf(b, ", message_id %s", id != NULL ? id : "?");
	if (cli_json_str(item, "reply_to_id") != NULL) {
		buf_adds(b, ", in reply to ");
		mcp_add_line(item, "reply_to_id", "", b);
	}
	buf_addf(b, "\n%s", cli_json_or(item, "body", ""));
}

/*
 * Which of the items, newest first, are shown: not what the host was shown a
 * moment ago.  A new list, oldest first; *more_r: not all of them fit.
 */
static json_t *
choose(const struct mcp *m, const json_t *items, long long limit, int seen_too,
    int *more_r)
{
	json_t		*list = json_array(), *item;
	const char	*id;
	size_t		 i, size = 0;

	*more_r = 0;
	json_array_foreach(items, i, item) {
		id = cli_json_or(item, "id", "");
		if (!seen_too && mcp_marks_has(m->marks, id))
			continue;
		size += strlen(cli_json_or(item, "body", ""));
		if ((long long)json_array_size(list) == limit ||
		    (size > TEXT_MAX && json_array_size(list) > 0)) {
			*more_r = 1;
			break;
		}
		json_array_insert(list, 0, item);
	}
	return list;
}

/* Ids of those in the list that were not seen before. */
static json_t *
unseen(const json_t *list)
{
	json_t		*rows = json_array(), *item;
	size_t		 i;

	json_array_foreach(list, i, item) {
		if (cli_json_str(item, "seen_at") == NULL &&
		    cli_json_str(item, "id") != NULL)
			json_array_append(rows, json_object_get(item, "id"));
	}
	return rows;
}

static void
on_inbox(struct req *r, struct api_answer *a)
{
	int		 seen_too = json_is_true(json_object_get(req_kept(r),
			    "seen_too")), more;
	json_t		*list, *item;
	struct buf	 text = { 0 };
	size_t		 i;

	if (!api_is_ok(a)) {
		tool_refuse(r, a);
		return;
	}
	list = choose(req_mcp(r), json_object_get(a->json, "items"),
	    cli_json_int(req_kept(r), "limit"), seen_too, &more);
	if (json_array_size(list) == 0)
		buf_addf(&text, "No %smessages.", seen_too ? "" : "new ");
	else
		buf_addf(&text, "%zu message%s, the newest last.%s",
		    json_array_size(list), json_array_size(list) == 1 ? "" :
		    "s", !more ? "" : seen_too ? " There are older ones." :
		    " There are older ones: call check_messages again.");
	json_array_foreach(list, i, item)
		add_head(item, &text);
	tool_say(r, &text, unseen(list));
	json_decref(list);
}

void
tool_check_messages(struct req *r, const json_t *args)
{
	const json_t	*n = json_object_get(args, "limit");
	long long	 limit = json_is_integer(n) ? json_integer_value(n) :
			    LIMIT;
	int		 seen_too = json_is_true(json_object_get(args,
			    "include_seen"));
	struct buf	 path = { 0 };
	size_t		 ask;

	/*
	 * They are marked when the answer is written, not by asking.  Those
	 * whose mark is under way are listed, too; one more tells of older
	 * ones.
	 */
	ask = (size_t)limit + 1 + mcp_marks_count(req_mcp(r)->marks);
	buf_addf(&path, "/v1/inbox?mark_seen=false&limit=%zu",
	    ask < INBOX_MAX ? ask : INBOX_MAX);
	if (!seen_too)
		buf_add_query(&path, "unread_only", "true");
	buf_add_query(&path, "from", cli_json_str(args, "from"));
	buf_add_query(&path, "topic", cli_json_str(args, "topic"));
	mcp_add_mesh(req_mcp(r), &path);
	req_keep(r, json_pack("{s:I, s:b}", "limit", (json_int_t)limit,
	    "seen_too", seen_too));
	req_ask(r, "GET", path.p, NULL, MCP_ASK_AGAIN, API_TIMEOUT_MS,
	    on_inbox);
	buf_free(&path);
}
