/* Deaths of one child. */

#include "supervisor/crash.h"

#include <string.h>

void
crash_died(struct crash *c, int64_t now, int64_t up_ms)
{
	int	steady = up_ms >= CRASH_STEADY_MS;

	c->failures = steady ? 1 : c->failures + 1;
	c->early = steady ? 0 : c->early + 1;
	c->at[c->n++ % CRASH_DEATHS] = now;
}

void
crash_failed(struct crash *c)
{
	c->failures++;
}

void
crash_forget(struct crash *c)
{
	memset(c, 0, sizeof *c);
}

int64_t
crash_delay(const struct crash *c)
{
	if (c->failures <= 1)
		return 0;
	if (c->failures > 6)
		return CRASH_DELAY_MAX_MS;
	return 1000LL << (c->failures - 2);
}

int
crash_is_loop(const struct crash *c)
{
	int64_t	newest, oldest;

	if (c->n < CRASH_DEATHS)
		return 0;
	newest = c->at[(c->n - 1) % CRASH_DEATHS];
	oldest = c->at[c->n % CRASH_DEATHS];
	return c->early >= CRASH_DEATHS || newest - oldest < CRASH_SPAN_MS;
}
