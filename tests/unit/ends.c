/* Two channels on a loop. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ends.h"

#include <event2/event.h>
#include <string.h>

#include "common/fd.h"
#include "fds.h"

struct event_base	*base;
struct end		 e, f;
static int		 before;	/* descriptors */

static int
act(struct end *en, struct msg *m)
{
	switch (en->what) {
	case TAKE:
		return 0;
	case NONSENSE:
		return -1;
	case FREE:
		evpeer_free(&en->other->p);
		return 0;
	case FREE_NONSENSE:
		evpeer_free(&en->p);
		return -1;
	case PAUSE:
		evpeer_pause(en->p);
		return 0;
	case SEND:
		(void)evpeer_send(en->p, MSG_READY, 1, NULL, -1);
		return 0;
	case STEAL:
		en->fd = msg_take_fd(m);
		return 0;
	}
	return -1;
}

static int
msg_cb(void *arg, struct msg *m)
{
	struct end	*en = arg;

	assert_non_null(m);
	assert_int_equal(en->gone, 0);
	en->msgs++;
	en->seq = m->seq;
	return en->msgs == en->at ? act(en, m) : 0;
}

static void
gone_cb(void *arg, const char *why)
{
	struct end	*en = arg;

	en->gone++;
	en->why = why;
	assert_non_null(why);
	if (en->free_gone)
		evpeer_free(&en->p);
}

static void
end_new(struct end *en, evpeer_msg_cb cb)
{
	int	fds[2];

	memset(en, 0, sizeof *en);
	en->fd = -1;
	en->other = en;
	assert_int_equal(channel_pair(fds), 0);
	en->p = evpeer_new(base, fds[0], cb, gone_cb, en);
	en->far = channel_new(fds[1]);
}

static void
end_free(struct end *en)
{
	evpeer_free(&en->p);
	channel_free(&en->far);
	fd_close(&en->fd);
}

/* Of one that is read by hand. */
static int
manual_cb(void *arg, struct msg *m)
{
	struct end	*en = arg;

	assert_null(m);
	en->told++;
	if (en->free_told)
		evpeer_free(&en->p);
	return 0;
}

int
ends_new(void **state)
{
	(void)state;
	before = fds_count();
	assert_non_null(base = event_base_new());
	end_new(&e, msg_cb);
	end_new(&f, msg_cb);
	return 0;
}

int
ends_new_manual(void **state)
{
	(void)state;
	before = fds_count();
	assert_non_null(base = event_base_new());
	end_new(&e, manual_cb);
	end_new(&f, msg_cb);
	evpeer_set_manual(e.p);
	return 0;
}

int
ends_free(void **state)
{
	(void)state;
	end_free(&e);
	end_free(&f);
	event_base_free(base);
	return fds_count() == before ? 0 : -1;
}

void
turns(int n)
{
	while (n-- > 0)
		assert_int_not_equal(event_base_loop(base, EVLOOP_ONCE |
		    EVLOOP_NONBLOCK), -1);
}

void
say(struct end *en, unsigned n)
{
	unsigned	i;

	for (i = 1; i <= n; i++)
		assert_int_equal(msg_send(en->far, MSG_READY, i, NULL, -1),
		    0);
}

void
fill(struct end *en)
{
	while (evpeer_queued(en->p) == 0)
		assert_int_equal(evpeer_send(en->p, MSG_READY, 0, NULL, -1),
		    0);
}

void
expect_gone(struct end *en, const char *why)
{
	turns(5);
	assert_int_equal(en->gone, 1);
	assert_string_equal(en->why, why);
}
