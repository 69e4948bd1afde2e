#ifndef CLI_MCP_WELCOME_H
#define CLI_MCP_WELCOME_H

/*
 * One notification, three seconds after the host is ready and once events
 * come: who one is, who is there, what is unread.
 */

#include <jansson.h>

#include "supervisor/cli/buf.h"
#include "supervisor/cli/pollset.h"

struct mcp;
struct mcp_welcome;

struct mcp_welcome *mcp_welcome_new(struct mcp *);
void	mcp_welcome_free(struct mcp_welcome **);

/* The host is ready: it is due in three seconds. */
void	mcp_welcome_due(struct mcp_welcome *);

void	mcp_welcome_prepare(const struct mcp_welcome *, struct pollset *);
void	mcp_welcome_step(struct mcp_welcome *);

/*
 * What it says.  me: a session, or NULL; peers: others on line, NULL when that
 * cannot be said; unread: messages, newest first, likewise; more: there are
 * more of them.  Appends the text and returns a new meta.
 */
json_t	*mcp_welcome_text(const json_t *me, const char *mesh,
	    const json_t *peers, const json_t *unread, int more,
	    struct buf *text);

#endif
