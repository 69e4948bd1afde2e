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
	uint32_t	 gate_seq;	/* of the gate's question */
	request_cb	 cb;		/* NULL: the gate's */
	void		*arg;
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
	request_taken_cb taken_cb;
	void		*arg;
	struct request_list list;	/* oldest first */
	unsigned	 n, last;
	lws_sorted_usec_list_t sul;
};

/* Take it out of the list; answered and freed next. */
void	request_remove(struct requests *, struct request *);

/* It is out of the list: tell who asked, and free it. */
void	request_end(struct requests *, struct request *, int64_t status,
	    const struct frame *, const char *error);

/* The broker has it: as above, with status 0. */
void	request_taken(struct requests *, struct request *,
	    const struct frame *);

#endif
