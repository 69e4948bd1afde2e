#ifndef GATE_CALL_H
#define GATE_CALL_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/*
 * What the gate has asked of the supervisor, the store or a worker on behalf
 * of a request, and not been answered yet.  Every call ends once: with its
 * answer, after some time (gate.h), or because who was asked is gone for good; a
 * new store is asked again instead.  A call whose request is gone is forgotten.
 */

#include <stddef.h>

#include "common/msg.h"

struct calls;
struct gate;
struct peer;
struct request;

enum call_end {
	CALL_ANSWERED,		/* body is the struct of the answer's type */
	CALL_TIMEOUT,
	CALL_LOST,		/* the worker is gone */
	CALL_FULL,		/* the store's queue is */
};

/*
 * Not called from inside call_*().  arg is call_worker()'s, else NULL; body
 * lives until it returns.
 */
typedef void (*call_cb)(struct request *, void *arg, enum call_end,
	    const void *body);

struct calls *calls_new(struct gate *);
void	calls_free(struct calls **);

/*
 * Ask, and expect an answer of the given type.  -1: the queue is full or the
 * other end is dead; nothing was asked.
 */
int	call_supervisor(struct request *, enum msg_type, const void *body,
	    enum msg_type answer, call_cb);
/* The same, of what takes longer: so many ms. */
int	call_supervisor_for(struct request *, enum msg_type, const void *body,
	    enum msg_type answer, call_cb, int64_t ms);
int	call_worker(struct request *, struct peer *, enum msg_type,
	    const void *body, enum msg_type answer, call_cb, void *arg);

/*
 * The same to the store, asked again when a new one comes, and later when
 * there is none now.  body and what its slice points to (may be NULL) were
 * malloc'ed, and are taken, also on failure.
 */
int	call_store(struct request *, enum msg_type, void *body, size_t size,
	    uint8_t *slice, size_t slicelen, enum msg_type answer, call_cb);

/* A new store: ask what was not answered, in the order of asking. */
void	calls_repeat(struct calls *);

/* A worker is gone: nobody will answer. */
void	calls_lost(struct calls *, const struct peer *);

/*
 * An answer came; from is the worker it came from, NULL for store and
 * supervisor.  One that nobody waits for any more is dropped.
 */
void	calls_answer(struct calls *, const struct peer *from,
	    const struct msg *, const void *body);

/* The request is gone. */
void	calls_cancel(struct calls *, const struct request *);

#endif
