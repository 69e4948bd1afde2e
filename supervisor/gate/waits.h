#ifndef GATE_WAITS_H
#define GATE_WAITS_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/*
 * Requests that ask what became of a send, and may wait for it: until the row
 * has ended, and then until the recipient has it, as far as the broker says.
 */

#include <stdint.h>

#include "common/msg.h"

#define WAIT_MAX_S	60
#define WAIT_DEFAULT_S	30

struct gate;
struct request;
struct waits;

enum wait_for {
	WAIT_NOT,		/* say what is known now */
	WAIT_SENT,		/* until the row has ended */
	WAIT_DELIVERED,		/* and its recipient has it */
};

struct waits *waits_new(struct gate *);
void	waits_free(struct waits **);

/*
 * Answer with a row that is there, when the time has come, after at most
 * so many ms.
 */
void	wait_begin(struct request *, const uint8_t owner[OWNER_ID_LEN],
	    const char *client_id, enum wait_for, int64_t ms);

/* A row has ended. */
void	waits_outcome(struct waits *, const struct msg_outcome *);

/* A new store: who knows what was missed. */
void	waits_again(struct waits *);

/* Answer all with what is known now. */
void	waits_stop(struct waits *);

#endif
