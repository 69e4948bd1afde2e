#ifndef CLI_MCP_EVENTS_H
#define CLI_MCP_EVENTS_H

/*
 * The event stream of the daemon, told to the host as it comes.  It comes back
 * by itself after a loss, behind the last message that was told.  It is not
 * read while the host does not read, so that nothing piles up here.
 */

#include "supervisor/cli/pollset.h"

struct mcp;
struct mcp_events;

struct mcp_events *mcp_events_new(struct mcp *);
void	mcp_events_free(struct mcp_events **);

/* Has it ever been open?  Whatever came before that is in the inbox only. */
int	mcp_events_were_open(const struct mcp_events *);

/* Nothing more is to be told. */
void	mcp_events_stop(struct mcp_events *);

void	mcp_events_prepare(const struct mcp_events *, struct pollset *);
void	mcp_events_step(struct mcp_events *);

#endif
