#ifndef GATE_GATE_H
#define GATE_GATE_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/*
 * What the gate's parts share: who is at the other ends, what they told us,
 * and who is asking.
 */

#include <event2/event.h>
#include <stdint.h>

#include "common/msg.h"
#include "common/uuid.h"
#include "supervisor/gate/tally.h"

/* States, as bits for the table of control.c. */
#define GATE_NEW	0x1u	/* waits for its set-up */
#define GATE_UP		0x2u
#define GATE_STOPPING	0x4u	/* answers what was begun, then exits */

#define GATE_NOFILE	65536	/* descriptors; fewer, if that is the limit */

/*
 * How long a client waits for supervisor or store.  A worker, which gives its
 * broker as long, has a little more time, so that it can say whose fault it
 * was; clients of the reference give up at 3 s.
 */
#define GATE_ANSWER_MS	2500
#define GATE_WORKER_MS	2700
#define GATE_STOP_MS	1000
#define GATE_PART_MS	250	/* for a request that is not whole yet */

struct calls;
struct http;
struct limits;
struct members;
struct peers;
struct requests;
struct rows;
struct sends;
struct sessions;
struct streams;
struct waits;

struct gate {
	struct event_base *base;
	unsigned	 state;
	int		 replaced;	/* stopping, and another one follows */
	int		 quiescing;	/* nothing new is begun */
	struct evpeer	*sup;
	struct calls	*calls;
	struct http	*http;
	struct limits	*limits;
	struct members	*members;
	struct peers	*peers;
	struct requests	*requests;
	struct sends	*sends;
	struct sessions	*sessions;
	struct streams	*streams;
	struct waits	*waits;

	struct tally	 tally;
	struct rows	*rows;		/* NULL: not open yet */
	char		 epoch[UUID_SIZE];

	/* From the set-up. */
	char		 db[MSG_PATH_SIZE];
	uint64_t	 owner_uid;
	struct msg_uids	 allow_uids;
	int64_t		 started_at;	/* wall, ms */
	uint64_t	 supervisor_pid;
	char		 local_token[65]; /* "": nobody comes by TCP */

	struct event	*ev_open;	/* try again to open the database */
	int64_t		 open_until;	/* monotonic, ms */
	struct event	*ev_stop;	/* the end of stopping */
	struct event	*ev_part;	/* ... for those that ask nothing */
};

/*
 * Have the libraries wipe what they free; before anything else uses them.
 * Ends the process when it cannot.
 */
void	gate_memory(void);

struct gate *gate_new(int ctl_fd);
void	gate_free(struct gate **);

/* Until the supervisor is gone or stopping is done. */
void	gate_loop(struct gate *);

/* From the supervisor: the first message, and the last. */
void	gate_setup(struct gate *, const struct msg_setup_gate *);
void	gate_stop(struct gate *);

/* The same, and what comes meanwhile is answered, and not refused. */
void	gate_replace(struct gate *);

/* A request has ended: was it the last that stopping waits for? */
void	gate_idle_check(struct gate *);

/* May this uid talk to us at all? */
int	gate_uid_allowed(const struct gate *, uint64_t uid);

#endif
