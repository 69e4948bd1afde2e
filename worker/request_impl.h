#ifndef WORKER_REQUEST_IMPL_H
#define WORKER_REQUEST_IMPL_H

/* Inside of request.c and request_answer.c only. */

#include <sys/queue.h>

#include "worker/request.h"
#include "worker/request_kind.h"
#include "worker/roster.h"
#include "worker/standing.h"

#define ANSWER_MS	2500
#define PENDING_MAX	64
#define JSON_MAX	(3 * 1024 * 1024)	/* of MSG_WRK_ANSWER */

struct request {
	TAILQ_ENTRY(request) entry;
	const struct kind *kind;
	uint32_t	 gate_seq;
	json_t		*frame;		/* with its _reqId */
	int		 sent;
	int64_t		 asked_ms, sent_ms;	/* monotonic */
	unsigned	 changes;	/* of the roster, when it was sent */
	/* Several that wait for one answer have the same id. */
	char		 id[REQ_ID_SIZE];
};

TAILQ_HEAD(request_list, request);

struct requests {
	struct lws_context *ctx;
	struct broker	*broker;
	struct peer	*gate;
	struct roster	*roster;
	struct standing	*standing;
	struct request_list list;	/* oldest first */
	unsigned	 n, last;
	lws_sorted_usec_list_t sul;
};

/* Answer it, take it out of the list, and free it. */
void	request_refused(struct requests *, struct request *, int64_t status,
	    const char *error);

/* The same: the broker has it, and says this; NULL: it says nothing to it. */
void	request_taken(struct requests *, struct request *,
	    const struct frame *);

#endif
