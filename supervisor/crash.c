/* Deaths of one child. */

#include "supervisor/crash.h"

void
crash_died(struct crash *c, int64_t up_ms)
{
	c->failures = up_ms >= CRASH_STEADY_MS ? 1 : c->failures + 1;
	c->deaths = up_ms >= CRASH_WELL_MS ? 1 : c->deaths + 1;
}

void
crash_failed(struct crash *c)
{
	c->failures++;
}

void
crash_forget(struct crash *c)
{
	c->failures = c->deaths = 0;
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
	return c->deaths >= CRASH_DEATHS;
}
