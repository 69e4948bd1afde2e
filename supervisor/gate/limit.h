#ifndef GATE_LIMIT_H
#define GATE_LIMIT_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/*
 * How much of the gate one session, or one uid without a session, may use at
 * a time.
 */

#include <stddef.h>
#include <stdint.h>

#define LIMIT_BODY	(256 * 1024)	/* bytes of a request's body */
#define LIMIT_HEADERS	(16 * 1024)	/* and of its head */
#define LIMIT_REQUEST_S	30		/* until it is complete */
#define LIMIT_IDLE_S	60		/* between requests; stuck writing */

#define LIMIT_SESSION_REQUESTS	16
#define LIMIT_SESSION_STREAMS	4
#define LIMIT_SESSION_WAITS	64
#define LIMIT_UID_REQUESTS	64
#define LIMIT_UID_STREAMS	16
#define LIMIT_UID_WAITS		256
#define LIMIT_ANSWERS	(16 * 1024 * 1024) /* bytes of answers not read yet */

#define LIMIT_CONNS		2048	/* of all; half of the descriptors */
#define LIMIT_UID_CONNS		1024	/* of one uid but the owner */
#define LIMIT_STRANGER_CONNS	8	/* of one uid that gets 403 */
#define LIMIT_UID_INPUT	(32 * 1024 * 1024) /* bytes of unfinished requests */

/* What a session, or a uid without one, has going. */
struct bucket {
	unsigned	requests;
	unsigned	streams;
	unsigned	waits;
	size_t		answers;	/* bytes */
};

struct uid_use {
	struct uid_use	*next;
	uint64_t	 uid;
	struct bucket	 use;
	unsigned	 conns;
	size_t		 input;		/* bytes */
};

struct limits;

struct limits *limits_new(void);
void	limits_free(struct limits **);

/* Of a uid, made when new; limits_put() when a connection has ended. */
struct uid_use *limits_get(struct limits *, uint64_t uid);
void	limits_put(struct limits *, struct uid_use *);

#endif
