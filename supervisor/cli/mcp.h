#ifndef CLI_MCP_H
#define CLI_MCP_H

/*
 * meshsup mcp: a server of the Model Context Protocol on the standard input
 * and output, between a host (an agent's program) and the daemon.
 *
 *	host --lines--> mcp_in -> mcp_rpc -> mcp_tools, mcp_skills
 *	                                       | mcp_ask (HTTP)
 *	                                     daemon
 *	                                       | mcp_events (SSE)
 *	host <--lines-- mcp_out <- mcp_event, mcp_welcome
 *	                   '-- written whole --> mcp_marks (seen)
 *
 * One process, one thread, one poll() (mcp.c): every part says before it what
 * it waits for (x_prepare), and does what it can after it (x_step).
 */

#include <jansson.h>

#include "supervisor/cli/api.h"
#include "supervisor/cli/cli.h"
#include "supervisor/cli/mcp_out.h"
#include "supervisor/cli/pollset.h"
#include "supervisor/cli/token.h"

struct mcp_asks;
struct mcp_events;
struct mcp_marks;
struct mcp_rpc;
struct mcp_welcome;

struct mcp {
	struct cli		*c;
	struct token		 token;
	int64_t			 refused_at;	/* the token, at first; or 0 */
	const char		*mesh;		/* --mesh, without a token */
	char			 self[65];	/* the session's key, or "" */
	int			 by_tool;	/* --confirm=tool */
	int			 initialized;	/* the host said so */
	struct mcp_out		*out;
	struct mcp_asks		*asks;
	struct mcp_rpc		*rpc;
	struct mcp_marks	*marks;
	struct mcp_events	*events;
	struct mcp_welcome	*welcome;
	int			 ending;
	int64_t			 end_at;	/* at the latest */
	int			 rc;
};

/*
 * Stop: nothing new is taken, what is under way has grace_ms to end.  The
 * first call counts.
 */
void	mcp_end(struct mcp *, int rc, int grace_ms);

/* The host may be sent notifications from now on. */
void	mcp_initialized(struct mcp *);

/*
 * The daemon refused the token.  0: its file has another one by now, which
 * counts from here on.  Over 0: ask again in so many ms: a session that is
 * registered anew has its old token refused before the file is written.  -1:
 * it is over, and mcp_end() was called.
 */
int	mcp_token_refused(struct mcp *);

/* It was taken. */
void	mcp_token_taken(struct mcp *);

/* Remember the session's key, as /v1/sessions/me has it. */
void	mcp_set_self(struct mcp *, const json_t *me);

/* Append "?mesh=" (or "&mesh="), without a session, when one was named. */
void	mcp_add_mesh(const struct mcp *, struct buf *path);

/* A notification of the channel; takes meta.  The position behind it. */
uint64_t mcp_notify(struct mcp *, const char *content, json_t *meta);

#endif
