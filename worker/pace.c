/* Back-off and rate. */

#include "worker/pace.h"

#include <stdlib.h>
#include <string.h>

#define CLOCK_BACK_MS	(5 * 60 * 1000)	/* further ahead: the clock moved */
#define NUMBER_MAX	1000000

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

/* The number behind a word, within reason. */
static uint32_t
pace_number(const char *text, const char *word)
{
	const char	*at = strstr(text, word);
	long		 n = at != NULL ? strtol(at + strlen(word), NULL, 10) :
			    0;

	return n > 0 && n <= NUMBER_MAX ? (uint32_t)n : 0;
}

void
pace_parse(const char *error, uint32_t *per_minute_r, uint32_t *burst_r)
{
	*per_minute_r = pace_number(error, "max ");
	*burst_r = pace_number(error, "burst ");
}
