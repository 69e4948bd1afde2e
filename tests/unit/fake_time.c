/* A clock and the timers of libwebsockets, moved by hand. */

#include "fake_time.h"

#include <libwebsockets.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MAX_SULS	16

int64_t	fake_us, fake_slept_ms;

static struct {
	lws_sorted_usec_list_t	*sul;
	sul_cb_t		 cb;
	int64_t			 at;
} suls[MAX_SULS];

int64_t	__wrap_clock_mono_ms(void);
int64_t	__wrap_clock_wall_ms(void);

int64_t
__wrap_clock_mono_ms(void)
{
	return fake_us / 1000;
}

int64_t
__wrap_clock_wall_ms(void)
{
	return FAKE_WALL + fake_us / 1000 + fake_slept_ms;
}

void
lws_sul_cancel(lws_sorted_usec_list_t *sul)
{
	int	i;

	for (i = 0; i < MAX_SULS; i++)
		if (suls[i].sul == sul)
			suls[i].sul = NULL;
}

void
lws_sul_schedule(struct lws_context *ctx, int tid,
    lws_sorted_usec_list_t *sul, sul_cb_t cb, lws_usec_t us)
{
	int	i;

	(void)ctx;
	(void)tid;
	lws_sul_cancel(sul);
	for (i = 0; suls[i].sul != NULL; i++)
		assert_in_range(i, 0, MAX_SULS - 2);
	suls[i].sul = sul;
	suls[i].cb = cb;
	suls[i].at = fake_us + us;
}

void
fake_time_reset(void)
{
	memset(suls, 0, sizeof suls);
	fake_us = 1000000;
	fake_slept_ms = 0;
}

int
fake_timers(void)
{
	int	i, n = 0;

	for (i = 0; i < MAX_SULS; i++)
		n += suls[i].sul != NULL;
	return n;
}

void
fake_time_advance(int64_t ms, void (*step)(void))
{
	int64_t			 end = fake_us + ms * 1000;
	lws_sorted_usec_list_t	*sul;
	int			 i, next, fired = 0;

	for (;;) {
		if (step != NULL)
			step();
		next = -1;
		for (i = 0; i < MAX_SULS; i++)
			if (suls[i].sul != NULL && (next == -1 ||
			    suls[i].at < suls[next].at))
				next = i;
		if (next == -1 || suls[next].at > end)
			break;
		assert_in_range(++fired, 0, 100000);	/* it does not spin */
		if (suls[next].at > fake_us)
			fake_us = suls[next].at;
		sul = suls[next].sul;
		suls[next].sul = NULL;
		suls[next].cb(sul);
	}
	fake_us = end;
}
