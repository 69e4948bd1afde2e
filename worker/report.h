#ifndef WORKER_REPORT_H
#define WORKER_REPORT_H

/*
 * What the store is told about rows, kept until it has recorded it: repeated
 * on a new channel and after a failure.  Of one row only the latest counts.
 */

#include "worker/peer.h"

#define REPORT_MAX	1024	/* unrecorded; past that nothing is sent */

struct report;
struct target;

/* An ended row of the target is in the file now. */
typedef void (*report_ended_cb)(void *arg, struct target *);

struct report *report_new(struct lws_context *, report_ended_cb, void *arg);
void	report_free(struct report **);

/* The channel to the store; NULL: none now.  A new one gets everything. */
void	report_store(struct report *, struct peer *);

/* There is room in the channel again. */
void	report_room(struct report *);

/* target: of a row that ends with this (DONE, DEAD), else NULL. */
void	report_row(struct report *, const struct msg_progress *,
	    struct target *);

void	report_recorded(struct report *, uint32_t seq,
	    const struct msg_recorded *);

/* Did this row end here, though the file may not say so yet? */
int	report_has_ended(const struct report *, int64_t row);

size_t	report_count(const struct report *);

#endif
