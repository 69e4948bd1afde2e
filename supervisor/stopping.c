/* How it stops. */

#include "supervisor/stopping.h"

#include <event2/event.h>

#include "common/clock.h"
#include "supervisor/child.h"
#include "supervisor/lock.h"
#include "supervisor/notify.h"
#include "supervisor/supervisor.h"
#include "supervisor/upgrade.h"

#define STEP_MS		50	/* between looks */
#define STEP_STORE	40	/* steps until store and broker are told */
#define STEP_KILL	76	/* steps until what is left is killed: 3.8 s */

static int
is_worker(const struct child *c)
{
	return child_peer(c) == PEER_WORKER;
}

/* Is nothing under way, as far as somebody is there who could say so? */
static int
supervisor_is_quiet(const struct supervisor *s)
{
	const struct child	*c;

	for (c = TAILQ_FIRST(&s->children); c != NULL; c = child_next(c))
		if (is_worker(c) && child_is_up(c) && !child_is_quiet(c))
			return 0;
	return 1;
}

/* Have all of them ended?  store and broker count only at the end. */
static int
supervisor_alone(const struct supervisor *s, int all)
{
	const struct child	*c;

	for (c = TAILQ_FIRST(&s->children); c != NULL; c = child_next(c))
		if (child_running(c) && (all || (c != s->store &&
		    c != s->broker)))
			return 0;
	return 1;
}

static void
stop_children(struct supervisor *s)
{
	struct child	*c;

	s->stop_step = 0;
	for (c = TAILQ_FIRST(&s->children); c != NULL; c = child_next(c))
		if (c != s->store && c != s->broker)
			child_stop(c);
}

/* Workers first, so that the store hears their last words. */
static void
stop_step(struct supervisor *s)
{
	struct child	*c;

	s->stop_step++;
	if (supervisor_alone(s, 0) || s->stop_step >= STEP_STORE) {
		child_stop(s->store);
		if (s->broker != NULL)
			child_stop(s->broker);
	}
	if (s->stop_step >= STEP_KILL)
		for (c = TAILQ_FIRST(&s->children); c != NULL;
		    c = child_next(c))
			child_kill(c);
	if (supervisor_alone(s, 1))
		event_base_loopbreak(s->base);
}

static void
supervisor_stop_cb(evutil_socket_t fd, short what, void *arg)
{
	struct supervisor	*s = arg;

	(void)fd;
	(void)what;
	if (s->drain_until != 0) {
		if (!supervisor_is_quiet(s)) {
			if (clock_mono_ms() < s->drain_until)
				return;
			log_warnx("messages are still unanswered after %lld "
			    "ms: they are sent again at the next start",
			    (long long)s->conf.drain_timeout_ms);
		}
		s->drain_until = 0;
		stop_children(s);
		return;
	}
	stop_step(s);
}

/* Nothing new; -1: there is nothing to wait for. */
static int
supervisor_quiesce(struct supervisor *s)
{
	struct child	*c;

	if (s->exit_code != 0 || s->conf.drain_timeout_ms == 0)
		return -1;
	/* Also to those that are starting: they may be up before the end. */
	for (c = TAILQ_FIRST(&s->children); c != NULL; c = child_next(c))
		if (is_worker(c) || c == s->gate)
			child_send(c, MSG_SUP_QUIESCE, 0, NULL, -1);
	return supervisor_is_quiet(s) ? -1 : 0;
}

void
supervisor_stop(struct supervisor *s)
{
	if (s->state == SUP_STOPPING)
		return;
	upgrade_cancel(s);
	s->state = SUP_STOPPING;
	notify_say(s->notify, "STOPPING=1\nSTATUS=stopping");
	lock_say(s->state_lock, "stopping");
	lock_say(s->run_lock, "stopping");
	if (s->ev_start != NULL)
		event_del(s->ev_start);
	if (supervisor_quiesce(s) == 0)
		s->drain_until = clock_mono_ms() + s->conf.drain_timeout_ms;
	else
		stop_children(s);
	s->ev_stop = event_new(s->base, -1, EV_PERSIST, supervisor_stop_cb,
	    s);
	if (s->ev_stop == NULL)
		fatalx("event_new failed");
	supervisor_after(s->ev_stop, STEP_MS);
}

int
on_quiet(void *child, struct msg *m)
{
	struct child		*c = child;
	struct supervisor	*s = child_sup(c);

	if (msg_decode(m, NULL) == -1)
		return -1;
	child_set_quiet(c);
	if (s->drain_until != 0 && supervisor_is_quiet(s))
		event_active(s->ev_stop, EV_TIMEOUT, 0);
	return 0;
}
