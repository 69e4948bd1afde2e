#ifndef WORKER_DRAIN_IMPL_H
#define WORKER_DRAIN_IMPL_H

/* Inside of drain.c, drain_send.c and drain_answer.c only. */

#include "worker/drain.h"
#include "worker/pace.h"
#include "worker/report.h"
#include "worker/target.h"
#include "worker/window.h"

#define ACK_TIMEOUT_MS	15000
#define INFLIGHT_MS	250	/* unanswered so long: people may see it */
#define DB_PAUSE_MS	250	/* after an error of the database */

struct drain {
	struct lws_context *ctx;
	const struct self *self;
	struct rows	*rows;
	struct broker	*broker;
	struct peer	*store;
	int		 greeted;	/* by that store: it asks before it
					   changes a row of ours */
	struct report	*report;
	struct targets	 targets;
	struct window	 window;
	TAILQ_HEAD(, claim) claims;
	unsigned	 nclaims;
	/*
	 * The member's rate, once a broker has named it: the supervisor gives
	 * out sends one by one.
	 */
	int		 limited, asked;
	unsigned	 credit;	/* sends that we were given */
	int64_t		 refused_ms;	/* monotonic */
	void		(*rate_cb)(void *, const struct msg_rate *);
	void		*arg;
	lws_sorted_usec_list_t sul, sul_scan;
	int64_t		 seen;		/* rows up to here are in the table */
	int		 scanning;	/* reading the table anew */
	char		 scan_after[TARGET_SIZE];
	int		 open, stopped;
	int64_t		 tick_ms;	/* next look at the window; 0: none */
	int64_t		 db_until;	/* monotonic; 0: the database is well */
	/*
	 * A connection broke over a frame (1009), or three in a row without an
	 * answer: the rows that were under way are sent one at a time.
	 */
	unsigned	 nsuspect;	/* targets with suspects */
	unsigned	 fruitless;	/* connections */
};

/* A row that the store wants to change. */
struct claim {
	TAILQ_ENTRY(claim) entry;
	int64_t		 row;
	struct target	*target;	/* it waits for this row, or NULL */
};

/* Something changed: ask for room to write, or for time. */
void	drain_kick(struct drain *);
void	drain_db_failed(struct drain *);
void	drain_unsuspect(struct drain *, struct target *);

/* The next target whose turn it is, or NULL. */
struct target *drain_pick(struct drain *);

/* drain_send.c: what became of an attempt to send the head of a target. */
enum drain_sent {
	DRAIN_SENT,
	DRAIN_CHOKED,		/* sent, but no more for now */
	DRAIN_NOTHING,		/* the target has moved on: look again */
	DRAIN_FAILED,		/* not now */
};
enum drain_sent drain_send_head(struct drain *, struct target *,
	    int64_t now);

/* Is there anything to send now?  What only might be is looked at. */
int	drain_has_head(struct drain *);

/* drain_claim.c: the claim of a row, or NULL. */
struct claim *drain_claim_find(struct drain *, int64_t row);
void	drain_claims_clear(struct drain *);

/* Read the table of targets again, in so many us. */
void	drain_rescan(struct drain *, int64_t us);

/* drain_rate.c: a send was refused; we may send, or have asked; one went. */
void	drain_rate_refused(struct drain *, int64_t sent_ms, const char *error);
int	drain_rate_ok(struct drain *);
void	drain_rate_sent(struct drain *);
void	drain_rate_give_back(struct drain *);

/* drain_answer.c */
void	drain_row_ended(struct drain *, struct target *, int64_t row,
	    enum row_state, int64_t attempts, const char *broker_id,
	    const char *reason);
void	drain_check_window(struct drain *, int64_t now);

#endif
