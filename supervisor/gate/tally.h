#ifndef GATE_TALLY_H
#define GATE_TALLY_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/* What has happened since this gate was started, for GET /metrics. */

#include <stdint.h>

#include "common/msg.h"

#define TALLY_CLASSES	6		/* of answers, by their first digit */

struct tally {
	uint64_t	accepts[ACCEPT_RESULT_MAX + 1];
	uint64_t	ended[ROW_STATE_MAX + 1];	/* outbox rows */
	uint64_t	answers[TALLY_CLASSES];
	uint64_t	dropped;	/* events that slow readers missed */
};

void	tally_accept(struct tally *, int64_t result);
void	tally_outcome(struct tally *, int64_t state);
void	tally_answer(struct tally *, int status);

#endif
