#ifndef STORE_BATCH_IMPL_H
#define STORE_BATCH_IMPL_H

/* What batch.c and batch_ops.c share; for nobody else. */

#include "supervisor/store/batch.h"
#include "supervisor/store/jobs.h"

/* The body of an answer, by its type. */
struct answer {
	struct peer	*peer;
	enum msg_type	 type;
	uint32_t	 seq;
	union {
		struct msg_accepted	 accepted;
		struct msg_count	 seen;	/* deleted, topic */
		struct msg_recorded	 recorded;
		struct msg_stored	 stored;
		struct job		*job;	/* operated and requeued */
		int			 handover;	/* MSG_STORE_WAKE */
	} u;
};

enum batch_state { BATCH_EMPTY, BATCH_OPEN, BATCH_FAILED };

struct batch {
	struct tables	*t;
	struct peers	*peers;
	struct claims	*claims;
	struct jobs	*jobs;
	struct notes	 notes;
	struct answer	*answers;
	size_t		 n, size;
	enum batch_state state;
	int64_t		 now;		/* wall time of all rows in it */
	int64_t		 limit_us;
	int64_t		 retention_ms;	/* 0: for ever */
	uint64_t	 operations;
};

/* The transaction, begun when it is first needed.  -1: this batch failed. */
int	batch_enter(struct batch *);

/* Room for one more answer; valid until the next one. */
struct answer *batch_answer(struct batch *, struct peer *, enum msg_type,
	    uint32_t seq);

/* One message.  -1: nonsense. */
int	batch_dispatch(struct batch *, struct peer *, struct msg *);

#endif
