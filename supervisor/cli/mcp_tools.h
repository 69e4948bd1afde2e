#ifndef CLI_MCP_TOOLS_H
#define CLI_MCP_TOOLS_H

/*
 * Tools.  One table says what a tool takes; its JSON schema and the check of
 * what comes are both made from that.  A tool that cannot do what it was
 * asked says so in a result (isError), which the model reads, not in an
 * error of the protocol, which it does not.
 */

#include <jansson.h>

#include "supervisor/cli/mcp_req.h"

enum tool_arg_type {
	ARG_TEXT,		/* min to max bytes, or one of words */
	ARG_INTEGER,		/* min to max */
	ARG_FLAG,
	ARG_TEXTS,		/* up to max texts */
	ARG_ANY,		/* anything but null */
};

struct tool_arg {
	const char		*name;		/* NULL ends a table */
	enum tool_arg_type	 type;
	int			 required;
	json_int_t		 min, max;
	const char		*words;		/* "now|next|low", or NULL */
	const char		*help;
};

struct tool {
	const char		*name;
	const char		*help;
	int			 reads;		/* it changes nothing */
	const struct tool_arg	*args;
	/* Once args are checked; borrowed until the request ends. */
	void			(*call)(struct req *, const json_t *args);
};

/* Methods of the protocol. */
void	mcp_tools_list(struct req *);
void	mcp_tools_call(struct req *);

/* A new schema of what a tool takes. */
json_t	*tool_schema(const struct tool_arg *);

/* 0; -1 with a sentence in err. */
int	tool_check(const struct tool_arg *, const json_t *args, char *err,
	    size_t errlen);

/* The tool of a name, or NULL. */
const struct tool *tool_find(const char *name);

/*
 * Answers, each of which ends the request.  tool_say() empties the text;
 * rows as for req_result().  tool_refuse() says why the daemon did not do it.
 */
void	tool_say(struct req *, struct buf *text, json_t *rows);
void	tool_fail(struct req *, struct buf *text);
void	tool_refuse(struct req *, const struct api_answer *);

/* Append that reason alone. */
void	tool_add_reason(const struct api_answer *, struct buf *);

/* The tools, each in the file of its kind. */
void	tool_check_messages(struct req *, const json_t *);
void	tool_get_state(struct req *, const json_t *);
void	tool_join_group(struct req *, const json_t *);
void	tool_leave_group(struct req *, const json_t *);
void	tool_list_peers(struct req *, const json_t *);
void	tool_message_status(struct req *, const json_t *);
void	tool_recall(struct req *, const json_t *);
void	tool_remember(struct req *, const json_t *);
void	tool_send_message(struct req *, const json_t *);
void	tool_set_state(struct req *, const json_t *);
void	tool_set_status(struct req *, const json_t *);
void	tool_set_summary(struct req *, const json_t *);

#endif
