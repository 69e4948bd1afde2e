#ifndef CLI_MCP_RPC_H
#define CLI_MCP_RPC_H

/*
 * JSON-RPC 2.0 with the host: what a line asks, and who answers it.  Versions
 * of the Model Context Protocol are told apart here, and only here.
 */

#include <stddef.h>

struct mcp;
struct mcp_rpc;

#define MCP_LINE_MAX	(4 * 1024 * 1024)

struct mcp_rpc *mcp_rpc_new(struct mcp *);
void	mcp_rpc_free(struct mcp_rpc **);

/* A line of the host; NULL: one over MCP_LINE_MAX.  (A mcp_line_cb.) */
void	mcp_rpc_line(void *rpc, const char *line, size_t len);

/* Nothing is answered any more. */
void	mcp_rpc_drop(struct mcp_rpc *);

/* Requests that are not answered yet, and whether they are too many. */
unsigned mcp_rpc_open(const struct mcp_rpc *);
int	mcp_rpc_is_full(const struct mcp_rpc *);

#endif
