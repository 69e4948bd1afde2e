#ifndef GATE_MINE_H
#define GATE_MINE_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/* Rows of the outbox, as far as they are the caller's. */

#include "common/rows.h"

struct request;
struct scope;

/*
 * A row of the scope by its id; one of somebody else is as unknown as one that
 * never was.  The operator's scope has those of ended sessions, too.  1, and
 * to be cleared; 0: none; -1: the database fails, or is not open yet.
 */
int	mine_row(const struct request *, const struct scope *, const char *id,
	    int body, struct out_row *);

/*
 * Did the caller itself send it?  A session's row is its alone; a member's is
 * of those who send in its name, outside of a session.  Only they read it, and
 * send it to somebody else.
 */
int	mine_is_own(const struct request *, const struct out_row *);

/* Who asks, for aborted_by: the session's name, or "uid 1000". */
void	mine_name(const struct request *, char out[NAME_SIZE]);

#endif
