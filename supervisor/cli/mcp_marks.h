#ifndef CLI_MCP_MARKS_H
#define CLI_MCP_MARKS_H

/*
 * Messages that are to be marked as seen, each once the line that showed it
 * is written whole.
 */

#include <stddef.h>
#include <stdint.h>

#include "supervisor/cli/pollset.h"

struct mcp;
struct mcp_marks;

struct mcp_marks *mcp_marks_new(struct mcp *);
void	mcp_marks_free(struct mcp_marks **);

/* A row's id, and the position behind its line.  Positions only rise. */
void	mcp_marks_add(struct mcp_marks *, const char *row, uint64_t pos);

/* Is this row waiting to be marked? */
int	mcp_marks_has(const struct mcp_marks *, const char *row);

size_t	mcp_marks_count(const struct mcp_marks *);

/* So many wait that no more should be shown. */
int	mcp_marks_are_many(const struct mcp_marks *);

/* Is there anything whose line is written, and that is not marked? */
int	mcp_marks_are_due(const struct mcp_marks *);

void	mcp_marks_prepare(const struct mcp_marks *, struct pollset *);
void	mcp_marks_step(struct mcp_marks *);

#endif
