#ifndef WORKER_WORKER_IMPL_H
#define WORKER_WORKER_IMPL_H

/* Inside of worker.c and the files worker_*.c only. */

#include "worker/broker.h"
#include "worker/drain.h"
#include "worker/inbound.h"
#include "worker/member.h"
#include "worker/peer.h"
#include "worker/puts.h"
#include "worker/request.h"
#include "worker/topics.h"
#include "worker/worker.h"

/* States, for the table of who may send what. */
#define W_SETUP		0x1u		/* waiting for the set-up */
#define W_SESSION	0x2u
#define W_MEMBER	0x4u
#define W_STOP		0x8u		/* stopping: what comes is ignored */

struct worker {
	unsigned	 state;
	struct channel	*early;		/* to the supervisor, before a loop */
	struct self	*self;
	struct rows	*rows;
	struct lws_context *ctx;
	struct lws_vhost *vh;
	struct peer	*sup, *store, *gate;
	struct broker	*broker;
	struct drain	*drain;
	struct puts	*puts;
	struct requests	*requests;
	struct topics	*topics;
	int		 draining, drained;
	int		 quiescing;	/* say when no send is unanswered */
	int		 handover;	/* there may be handover rows */
	int64_t		 handover_after;
	int		 retried;	/* quarantined rows, with our key */
	int64_t		 retry_after;
	lws_sorted_usec_list_t sul_stop, sul_drained, sul_quiet;
	lws_sorted_usec_list_t sul_handover, sul_retry;
	int64_t		 stop_ms;	/* monotonic: leave, whatever is left */
	int		 quit;
	int		 dying;		/* the loop is being torn down */
	unsigned	 log_dropped;
	unsigned	 events_lost;	/* that the gate did not take */
	unsigned	 malformed;	/* pushes, since they were logged */
	int64_t		 malformed_ms;	/* monotonic, of that line */
};

/* One message; -1: nonsense. */
int	worker_dispatch(struct worker *, unsigned peer, struct msg *);

/* worker_log.c: our own lines, and what libwebsockets says. */
void	worker_log_to(struct worker *);
void	worker_lws_log(int level, const char *line);

/* To the supervisor. */
void	worker_say(struct worker *, enum msg_type, const void *body);

void	worker_store_channel(struct worker *, int fd);
void	worker_gate_channel(struct worker *, int fd);

/* worker_chores.c: go on with handover rows, while there is room. */
void	worker_handover(struct worker *);

/* All of them, before a push that came after.  -1: not now. */
int	worker_handover_first(struct worker *);

/* Try quarantined rows with our key, once. */
void	worker_retry(struct worker *);

/* Say so when no row is open any more. */
void	worker_check_drained(struct worker *);
void	worker_stop(struct worker *);

/* Send nothing more, and say when all that was sent is answered. */
void	worker_quiesce(struct worker *);

/* worker.c: leave the loop. */
void	worker_quit(struct worker *);
void	worker_chores_free(struct worker *);

/* The broker's side: worker_broker.c */
extern const struct broker_cbs worker_broker_cbs;
void	worker_room(void *arg);
void	worker_gate_room(void *arg);
void	worker_rate(void *arg, const struct msg_rate *);

#endif
