/* Back-off and rate. */

#include "worker/pace.h"

#include <stdlib.h>
#include <string.h>

#define CLOCK_BACK_MS	(5 * 60 * 1000)	/* further ahead: the clock moved */
#define DEFAULT_PER_MIN	60
#define PAUSE_MAX	8		/* intervals */
#define FORGET_MS	60000		/* without anything to send */

int64_t
pace_jitter(int64_t ms, uint32_t rnd)
{
	int64_t	span = ms * PACE_JITTER / 100;

	return ms - span + (int64_t)(rnd % (uint64_t)(2 * span + 1));
}

int64_t
pace_row(int64_t attempts, int64_t max_ms, uint32_t rnd)
{
	int64_t	ms = 500;

	for (; attempts > 0 && ms < max_ms; attempts--)
		ms *= 2;
	return pace_jitter(ms < max_ms ? ms : max_ms, rnd);
}

int64_t
pace_connect(unsigned tries, uint32_t rnd)
{
	static const int64_t	table[] = { 1000, 2000, 4000, 8000, 16000,
	    30000 };
	const unsigned		n = sizeof table / sizeof table[0];

	return pace_jitter(table[tries < n ? tries : n - 1], rnd);
}

int64_t
pace_wait(int64_t next_attempt_at, int64_t now_wall)
{
	const int64_t	slack = PACE_ABSENT_MAX_MS * PACE_JITTER / 100;
	int64_t		left = next_attempt_at - now_wall;

	return left <= 0 || left > CLOCK_BACK_MS + slack ? 0 : left;
}

int64_t
pace_left(const struct pace *p, int64_t now)
{
	if (p->interval_ms == 0 || now >= p->next_ms ||
	    now - p->used_ms > FORGET_MS)
		return 0;
	return p->next_ms - now;
}

void
pace_sent(struct pace *p, int64_t now)
{
	if (p->interval_ms == 0)
		return;
	if (now - p->used_ms > FORGET_MS) {
		memset(p, 0, sizeof *p);
		return;
	}
	p->next_ms = now + p->interval_ms;
	p->used_ms = now;
}

/* The number before " msg/min", or what brokers have by default. */
static int64_t
pace_parse(const char *error)
{
	const char	*at = strstr(error, "max ");
	long		 n = at != NULL ? strtol(at + 4, NULL, 10) : 0;

	return 60000 / (n > 0 && n <= 60000 ? n : DEFAULT_PER_MIN);
}

void
pace_refused(struct pace *p, const char *error, int64_t sent_ms, int64_t now)
{
	if (p->interval_ms != 0 && sent_ms <= p->refused_ms)
		return;
	p->interval_ms = pace_parse(error);
	p->pause_ms = p->pause_ms == 0 ? p->interval_ms : p->pause_ms * 2;
	if (p->pause_ms > p->interval_ms * PAUSE_MAX)
		p->pause_ms = p->interval_ms * PAUSE_MAX;
	p->next_ms = now + p->pause_ms;
	p->refused_ms = p->used_ms = now;
}

void
pace_accepted(struct pace *p)
{
	p->pause_ms = 0;
}
