#ifndef CLI_MCP_EVENT_H
#define CLI_MCP_EVENT_H

/*
 * Events as the host is told of them: a text, and meta, in which every value
 * is a string (a host drops the notification otherwise).  Pure.
 */

#include <jansson.h>

#include "supervisor/cli/buf.h"

/*
 * What to say of an event.  Appends the text and returns a new meta; NULL:
 * nothing.
 */
json_t	*mcp_event_tell(const char *event, const json_t *data,
	    struct buf *text);

/* Append "[unverified] ", "[URGENT] " or "[low] ", as far as they hold. */
void	mcp_add_marks(const json_t *item, struct buf *);

/* Append a member of an item as one clean line, or something in its place. */
void	mcp_add_line(const json_t *item, const char *key,
	    const char *otherwise, struct buf *);

/* Append its groups, "@a, @b:role", between two texts; nothing without any. */
void	mcp_add_groups(const json_t *item, const char *before,
	    const char *after, struct buf *);

/* The member as a clean string, for meta; NULL when absent or empty. */
json_t	*mcp_meta_line(const json_t *item, const char *key);

/*
 * The id by which a message is answered: the broker's, or that of its row;
 * borrowed, NULL when the item has neither.
 */
const char *mcp_message_id(const json_t *item);

/* A value as JSON text in a string, as meta has lists. */
json_t	*mcp_meta_json(const json_t *);

#endif
