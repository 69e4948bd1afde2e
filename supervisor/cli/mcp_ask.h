#ifndef CLI_MCP_ASK_H
#define CLI_MCP_ASK_H

/*
 * Questions to the daemon, several at once.  Each is on a connection of its
 * own and has the session's token.  What fails in passing is tried again for a
 * few seconds, unless it may have been done and must not be done twice.
 */

#include <jansson.h>
#include <stdint.h>

#include "supervisor/cli/api.h"
#include "supervisor/cli/pollset.h"

struct mcp;
struct mcp_ask;
struct mcp_asks;

#define MCP_ASK_AGAIN	1	/* may be done twice, to the same effect */
#define MCP_ASK_WAIT	2	/* the daemon holds it back (?wait=) */

/* The answer is the callee's for the time of the call. */
typedef void (*mcp_ask_cb)(void *arg, struct api_answer *);

struct mcp_asks *mcp_asks_new(struct mcp *);
void	mcp_asks_free(struct mcp_asks **);

/* path and body may go; the callback comes later, from mcp_asks_step(). */
struct mcp_ask *mcp_ask(struct mcp *, const char *method, const char *path,
	    const json_t *body, int flags, int timeout_ms, mcp_ask_cb,
	    void *arg);

/* Nobody wants the answer any more; the callback does not come. */
void	mcp_ask_drop(struct mcp_ask **);

/* The daemon was reached: from now on, its absence is waited for. */
void	mcp_asks_reached(struct mcp_asks *);

void	mcp_asks_prepare(const struct mcp_asks *, struct pollset *);
void	mcp_asks_step(struct mcp_asks *);

#endif
