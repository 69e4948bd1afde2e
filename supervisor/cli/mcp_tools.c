/* The table of tools, and how they are listed and called. */

#include "supervisor/cli/mcp_tools.h"

#include <string.h>

#include "supervisor/cli/mcp_ask.h"

#define END { NULL, 0, 0, 0, 0, NULL, NULL }

static const struct tool_arg args_none[] = { END };

static const struct tool_arg args_send[] = {
	{ "to", ARG_TEXT, 1, 1, 256, NULL, "whom: a peer's name, its key or "
	    "at least 8 of the first digits of that, @group, #topic, or * "
	    "for everybody on the mesh" },
	{ "message", ARG_TEXT, 1, 1, 65536, NULL, "the text" },
	{ "priority", ARG_TEXT, 0, 0, 0, "now|next|low",
	    "now interrupts the recipient; next is usual; low can wait" },
	{ "reply_to", ARG_TEXT, 0, 1, 256, NULL,
	    "the message_id of the message that this answers" },
	{ "wait", ARG_TEXT, 0, 0, 0, "accepted|sent|delivered",
	    "until when to wait: accepted (safely stored here), sent (the "
	    "broker has it; the default) or delivered (the recipient has it)" },
	{ "timeout_seconds", ARG_INTEGER, 0, 0, 60, NULL,
	    "wait no longer (3 for sent, 30 for delivered)" },
	{ "client_message_id", ARG_TEXT, 0, 1, 128, NULL, "only to repeat a "
	    "call whose outcome is unknown: the id that it told. The message "
	    "is then sent once" },
	END
};

static const struct tool_arg args_check[] = {
	{ "limit", ARG_INTEGER, 0, 1, 100, NULL, "at most so many (20)" },
	{ "from", ARG_TEXT, 0, 1, 256, NULL,
	    "only from this sender: its name or whole key" },
	{ "topic", ARG_TEXT, 0, 1, 256, NULL, "only of this topic" },
	{ "include_seen", ARG_FLAG, 0, 0, 0, NULL,
	    "those that were shown before, too" },
	END
};

static const struct tool_arg args_status[] = {
	{ "client_message_id", ARG_TEXT, 1, 1, 256, NULL,
	    "the id that send_message told" },
	{ "wait", ARG_TEXT, 0, 0, 0, "sent|delivered",
	    "wait until that (not at all)" },
	{ "timeout_seconds", ARG_INTEGER, 0, 0, 60, NULL,
	    "wait no longer (30)" },
	END
};

static const struct tool_arg args_set_summary[] = {
	{ "summary", ARG_TEXT, 1, 0, 4096, NULL,
	    "what you are working on, in a sentence or two" },
	END
};

static const struct tool_arg args_set_status[] = {
	{ "status", ARG_TEXT, 1, 0, 0, "idle|working|dnd",
	    "dnd: only urgent messages are brought" },
	END
};

static const struct tool_arg args_get_state[] = {
	{ "key", ARG_TEXT, 0, 1, 256, NULL, "which; without it, all" },
	END
};

static const struct tool_arg args_set_state[] = {
	{ "key", ARG_TEXT, 1, 1, 256, NULL, "which" },
	{ "value", ARG_ANY, 1, 0, 0, NULL, "any JSON value but null" },
	END
};

static const struct tool_arg args_remember[] = {
	{ "content", ARG_TEXT, 1, 1, 65536, NULL, "what to remember" },
	{ "tags", ARG_TEXTS, 0, 0, 64, NULL, "words to find it by" },
	END
};

static const struct tool_arg args_recall[] = {
	{ "query", ARG_TEXT, 0, 1, 1024, NULL,
	    "words to look for; without it, the latest" },
	END
};

static const struct tool_arg args_join[] = {
	{ "group", ARG_TEXT, 1, 1, 256, NULL,
	    "its name, with or without @" },
	{ "role", ARG_TEXT, 0, 1, 64, NULL, "what you do in it" },
	END
};

static const struct tool_arg args_leave[] = {
	{ "group", ARG_TEXT, 1, 1, 256, NULL,
	    "its name, with or without @" },
	END
};

static const struct tool tools[] = {
	{ "send_message", "Send a message to a peer, a group, a topic or "
	    "everybody on the mesh. The answer says what has truly become of "
	    "it: stored, sent, delivered, or waiting and why.",
	    0, args_send, tool_send_message },
	{ "check_messages", "Show messages that were not seen yet, the "
	    "oldest first, and mark them as seen.",
	    0, args_check, tool_check_messages },
	{ "list_peers", "Show who is on the mesh: names, keys, status, "
	    "groups and what they are working on.",
	    1, args_none, tool_list_peers },
	{ "message_status", "Say what became of a message that you sent.",
	    1, args_status, tool_message_status },
	{ "set_summary", "Tell your peers what you are working on.",
	    0, args_set_summary, tool_set_summary },
	{ "set_status", "Tell your peers whether you are idle, working, or "
	    "not to be disturbed.", 0, args_set_status, tool_set_status },
	{ "get_state", "Read a value, or all, of the state that the mesh "
	    "shares.", 1, args_get_state, tool_get_state },
	{ "set_state", "Set a value of the state that the mesh shares; "
	    "peers are told.", 0, args_set_state, tool_set_state },
	{ "remember", "Store something in the memory that the mesh shares.",
	    0, args_remember, tool_remember },
	{ "recall", "Search the memory that the mesh shares.",
	    1, args_recall, tool_recall },
	{ "join_group", "Join a group, so that messages to @group reach you.",
	    0, args_join, tool_join_group },
	{ "leave_group", "Leave a group.", 0, args_leave, tool_leave_group },
};

const struct tool *
tool_find(const char *name)
{
	size_t	 i;

	for (i = 0; i < sizeof tools / sizeof *tools; i++) {
		if (strcmp(tools[i].name, name) == 0)
			return &tools[i];
	}
	return NULL;
}

void
mcp_tools_list(struct req *r)
{
	json_t	*list = json_array();
	size_t	 i;

	for (i = 0; i < sizeof tools / sizeof *tools; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:o,"
		    " s:{s:b}}", "name", tools[i].name, "description",
		    tools[i].help, "inputSchema", tool_schema(tools[i].args),
		    "annotations", "readOnlyHint", tools[i].reads));
	req_result(r, json_pack("{s:o}", "tools", list), NULL);
}

void
mcp_tools_call(struct req *r)
{
	json_t			*args;
	const char		*name = cli_json_str(req_params(r), "name");
	const struct tool	*t = name != NULL ? tool_find(name) : NULL;
	struct buf		 text = { 0 };
	char			 err[512];

	if (t == NULL) {
		req_error(r, RPC_PARAMS, name == NULL ? "tools/call needs the "
		    "name of a tool" : "there is no tool of this name; "
		    "tools/list has those there are");
		return;
	}
	args = json_object_get(req_params(r), "arguments");
	if (args == NULL || json_is_null(args)) {
		args = json_object();
		json_object_set_new(req_params(r), "arguments", args);
	}
	if (tool_check(t->args, args, err, sizeof err) == 0) {
		t->call(r, args);
		return;
	}
	buf_addf(&text, "%s: %s", t->name, err);
	tool_fail(r, &text);
}

/* ---- answers ---- */

/* "...": a text of the mesh, which is UTF-8, and never cut inside. */
static void
answer(struct req *r, struct buf *text, int failed, json_t *rows)
{
	json_t	*s = json_stringn(text->p != NULL ? text->p : "", text->len);

	buf_free(text);
	if (s == NULL)
		s = json_string("the answer is not UTF-8 text");
	req_result(r, json_pack("{s:[{s:s, s:o}], s:b}", "content", "type",
	    "text", "text", s, "isError", failed), rows);
}

void
tool_say(struct req *r, struct buf *text, json_t *rows)
{
	answer(r, text, 0, rows);
}

void
tool_fail(struct req *r, struct buf *text)
{
	answer(r, text, 1, NULL);
}

void
tool_refuse(struct req *r, const struct api_answer *a)
{
	struct buf	 text = { 0 };

	tool_add_reason(a, &text);
	tool_fail(r, &text);
}
