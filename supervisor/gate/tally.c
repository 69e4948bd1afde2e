/* Counting what happens. */

#include "supervisor/gate/tally.h"

void
tally_accept(struct tally *t, int64_t result)
{
	if (result >= 0 && result <= ACCEPT_RESULT_MAX)
		t->accepts[result]++;
}

void
tally_outcome(struct tally *t, int64_t state)
{
	if (state >= 0 && state <= ROW_STATE_MAX)
		t->ended[state]++;
}

void
tally_answer(struct tally *t, int status)
{
	if (status >= 0 && status / 100 < TALLY_CLASSES)
		t->answers[status / 100]++;
}
