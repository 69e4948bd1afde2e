#ifndef CLI_MCP_OUT_H
#define CLI_MCP_OUT_H

/*
 * Lines to the host.  They wait here until the host reads; a position in all
 * that was ever queued tells whether a line is written whole.  How much may
 * wait is up to who asks for more: nothing should be read, from the host or
 * from the daemon, while mcp_out_is_full().
 */

#include <jansson.h>
#include <stdint.h>

#include "supervisor/cli/pollset.h"

struct mcp_out;

/* fd stays the caller's, and blocking: it is never written to unasked. */
struct mcp_out *mcp_out_new(int fd);
void	mcp_out_free(struct mcp_out **);

/* Queue a value as a line.  Returns the position behind it. */
uint64_t mcp_out_put(struct mcp_out *, const json_t *);

/* All up to this position is with the kernel. */
uint64_t mcp_out_written(const struct mcp_out *);

int	mcp_out_is_full(const struct mcp_out *);
int	mcp_out_is_empty(const struct mcp_out *);

/* Nobody reads any more: drop what is not written, and take no more. */
void	mcp_out_forget(struct mcp_out *);

void	mcp_out_prepare(const struct mcp_out *, struct pollset *);

/* Write what goes without blocking.  -1: nobody will ever read it. */
int	mcp_out_step(struct mcp_out *);

#endif
