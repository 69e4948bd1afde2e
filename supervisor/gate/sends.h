#ifndef GATE_SENDS_H
#define GATE_SENDS_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/*
 * Sends under way.  Those of one sender with one client_message_id are one
 * send: the first leads, the others wait for what becomes of it, and all are
 * told the same.
 */

#include <sys/queue.h>

#include <stdint.h>

#include "common/msg.h"
#include "supervisor/gate/resolve.h"
#include "supervisor/gate/sending.h"

struct event;
struct gate;
struct request;
struct send;
struct sends;

TAILQ_HEAD(send_list, send);

/* The state of a request. */
struct send {
	TAILQ_ENTRY(send) next;
	struct send_list *in;		/* NULL: in none */
	struct sends	*all;
	struct request	*req;
	struct sending	 s;		/* into the request */
	uint8_t		 owner[OWNER_ID_LEN];
	char		 client_id[CLIENT_ID_SIZE];
	uint8_t		 fingerprint[FINGERPRINT_LEN];
	struct resolve	 resolve;
	struct send_list followers;	/* of one that leads */
};

/* again_cb: the one that it waited for is gone; it is on its own. */
struct sends *sends_new(struct gate *, void (*again_cb)(struct send *));
void	sends_free(struct sends **);

/* Of a request, whose state it becomes. */
struct send *send_new(struct request *);

/*
 * It leads from now on, or (1) follows one with its id; then it is answered
 * with that one.
 */
int	send_enter(struct send *);

/* What became of it, also for those that follow it. */
void	send_row(struct send *, const struct msg_accepted *);
void	send_refused(struct send *, const struct fault *, json_t *more);

/* Everything that comes after the checks (on_send.c); as again_cb. */
void	send_step(struct send *);

/* The answer to one: the row of its id (send_answer.c). */
void	send_reply_row(const struct send *, const struct msg_accepted *);

#endif
