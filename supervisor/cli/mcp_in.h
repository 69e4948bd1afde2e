#ifndef CLI_MCP_IN_H
#define CLI_MCP_IN_H

/*
 * Lines of the host, piece by piece.  Pure: no descriptors.  Empty lines are
 * skipped, a CR before the line end is not part of the line, and what is
 * longer than max is dropped as it comes.
 */

#include <stddef.h>

struct mcp_in;

/* The line is only borrowed.  NULL: there was one that was too long. */
typedef void (*mcp_line_cb)(void *arg, const char *line, size_t len);

struct mcp_in *mcp_in_new(size_t max, mcp_line_cb, void *arg);
void	mcp_in_free(struct mcp_in **);

void	mcp_in_feed(struct mcp_in *, const char *, size_t len);

/* No more comes: the last line may lack its end. */
void	mcp_in_end(struct mcp_in *);

#endif
