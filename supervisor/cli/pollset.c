/* What a loop waits for. */

#include "supervisor/cli/pollset.h"

#include <errno.h>

#include "common/clock.h"

#define IDLE_MS	3600000		/* it may look up once an hour */

void
pollset_reset(struct pollset *p)
{
	p->n = 0;
	p->until = clock_mono_ms() + IDLE_MS;
}

int
pollset_add(struct pollset *p, int fd, short events)
{
	if (p->n == POLLSET_MAX)
		return -1;
	p->pfd[p->n] = (struct pollfd){ fd, events, 0 };
	return (int)p->n++;
}

void
pollset_until(struct pollset *p, int64_t ms)
{
	if (ms < p->until)
		p->until = ms;
}

short
pollset_came(const struct pollset *p, int at)
{
	return at < 0 ? 0 : p->pfd[at].revents;
}

int
pollset_wait(struct pollset *p)
{
	int64_t	 left = p->until - clock_mono_ms();
	nfds_t	 i;

	if (poll(p->pfd, p->n, left > 0 ? (int)left : 0) != -1)
		return 0;
	if (errno != EINTR)
		return -1;
	for (i = 0; i < p->n; i++)
		p->pfd[i].revents = 0;
	return 0;
}
