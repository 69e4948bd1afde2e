#ifndef BROKER_GRACE_H
#define BROKER_GRACE_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/*
 * Peers whose connection has ended and who may come back: for a while nobody
 * sees them leave, and what they said of themselves stands.  What the file
 * says of who was here when the broker stopped begins so too.
 */

#include <stdint.h>
#include <sys/queue.h>

struct broker;
struct peer;

struct grace {
	TAILQ_HEAD(, peer)	 peers;		/* by the end of it */
};

void	grace_init(struct grace *);

/* Those in the file.  0 or -1. */
int	grace_load(struct broker *);

/* Forget them; the file does not. */
void	grace_clear(struct broker *);

/* A peer has lost its connection, and is not its connection's any more. */
void	grace_enter(struct broker *, struct peer *);

/* It is somebody's again, or goes: the caller's, still in its mesh. */
void	grace_leave(struct broker *, struct peer *);

int	grace_waiting(const struct broker *);

/* Those whose time is over leave, some at a time. */
void	grace_expire(struct broker *, int64_t now);

#endif
