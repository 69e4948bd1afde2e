/* The broker's rate limit, shared by the workers of one member. */

#include "supervisor/pace.h"

#include <sys/queue.h>

#include <event2/event.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "supervisor/child.h"
#include "supervisor/member.h"
#include "supervisor/session.h"

/* A worker that has asked, in its turn. */
struct asking {
	TAILQ_ENTRY(asking) entry;
	struct child	*child;
};

struct pace {
	struct member	*member;
	int		 limited;
	int64_t		 interval_us;	/* between two sends */
	int64_t		 burst;		/* sends that may be saved up */
	int64_t		 next_us;	/* monotonic: when the next may be */
	TAILQ_HEAD(, asking) queue;
	struct event	*ev;
};

static void	pace_tick(evutil_socket_t, short, void *);

struct pace *
pace_new(struct member *mb)
{
	struct pace	*p = xcalloc(1, sizeof *p);

	p->member = mb;
	TAILQ_INIT(&p->queue);
	if ((p->ev = evtimer_new(mb->sup->base, pace_tick, p)) == NULL)
		fatalx("evtimer_new failed");
	return p;
}

void
pace_free(struct pace **pp)
{
	struct pace	*p = *pp;
	struct asking	*a;

	if (p == NULL)
		return;
	while ((a = TAILQ_FIRST(&p->queue)) != NULL) {
		TAILQ_REMOVE(&p->queue, a, entry);
		free(a);
	}
	event_free(p->ev);
	free(p);
	*pp = NULL;
}

static void
pace_tell(const struct pace *p, struct child *c, uint32_t sends)
{
	struct msg_pace	body = { .limited = p->limited, .sends = sends };

	child_send(c, MSG_SUP_PACE, 0, &body, -1);
}

/* Every worker of the member that is up. */
static void
pace_tell_all(const struct pace *p)
{
	struct session	*se;

	if (child_is_up(p->member->child))
		pace_tell(p, p->member->child, 0);
	TAILQ_FOREACH(se, &p->member->sup->sessions, entry)
		if (se->member == p->member && child_is_up(se->child))
			pace_tell(p, se->child, 0);
}

/* The timer: at the next send, or when the limit is to be forgotten. */
static void
pace_schedule(struct pace *p)
{
	int64_t	now = clock_mono_us(), wait;

	if (TAILQ_EMPTY(&p->queue))
		wait = PACE_FORGET_MS * 1000LL;
	else
		wait = p->next_us > now ? p->next_us - now : 0;
	supervisor_after(p->ev, (wait + 999) / 1000);
}

/* Sends not made are saved up, as the broker does, but for one of them. */
static void
pace_save(struct pace *p, int64_t now)
{
	int64_t	oldest = now - (p->burst - 2) * p->interval_us;

	if (p->burst > 2 && p->next_us < oldest)
		p->next_us = oldest;
	else if (p->burst <= 2 && p->next_us < now)
		p->next_us = now;
}

static void
pace_tick(evutil_socket_t fd, short what, void *arg)
{
	struct pace	*p = arg;
	struct asking	*a;
	int64_t		 now = clock_mono_us();

	(void)fd;
	(void)what;
	if (TAILQ_EMPTY(&p->queue)) {
		log_info("mesh %s: nothing was to be sent for a while, the "
		    "rate limit is forgotten", p->member->mesh.slug);
		p->limited = 0;
		pace_tell_all(p);
		return;
	}
	pace_save(p, now);
	while (p->next_us <= now && (a = TAILQ_FIRST(&p->queue)) != NULL) {
		TAILQ_REMOVE(&p->queue, a, entry);
		p->next_us += p->interval_us;
		pace_tell(p, a->child, 1);
		free(a);
	}
	pace_schedule(p);
}

void
pace_up(struct pace *p, struct child *c)
{
	if (p->limited)
		pace_tell(p, c, 0);
}

void
pace_forget(struct pace *p, struct child *c)
{
	struct asking	*a;

	TAILQ_FOREACH(a, &p->queue, entry)
		if (a->child == c)
			break;
	if (a != NULL) {
		TAILQ_REMOVE(&p->queue, a, entry);
		free(a);
	}
}

/*
 * Refused: the broker's bucket is empty.  2 % slower than it says, so that two
 * clocks that differ do not make for refusals.
 */
static void
pace_refused(struct pace *p, const struct msg_rate *r)
{
	uint32_t	per_minute = r->per_minute != 0 ? r->per_minute :
			    PACE_DEFAULT;
	int64_t		now = clock_mono_us();

	p->interval_us = 61200000LL / per_minute;
	p->burst = r->burst;
	if (p->next_us < now + p->interval_us)
		p->next_us = now + p->interval_us;
	if (p->limited)
		return;
	p->limited = 1;
	log_info("mesh %s: the broker allows %u messages a minute; sessions "
	    "take turns", p->member->mesh.slug, per_minute);
	pace_tell_all(p);
}

int
on_rate(void *child, struct msg *m)
{
	struct child	*c = child;
	struct pace	*p;
	struct asking	*a;
	struct msg_rate	 body;

	if (msg_decode(m, &body) == -1)
		return -1;
	p = child_role(c) == CHILD_MEMBER ?
	    ((struct member *)child_arg(c))->pace :
	    ((struct session *)child_arg(c))->member->pace;
	if (body.refused)
		pace_refused(p, &body);
	else if (!p->limited)		/* forgotten meanwhile */
		pace_tell(p, c, 0);
	else if (body.due) {
		pace_forget(p, c);	/* it has one place */
		a = xcalloc(1, sizeof *a);
		a->child = c;
		TAILQ_INSERT_TAIL(&p->queue, a, entry);
	} else				/* it gives one back */
		p->next_us -= p->interval_us;
	if (p->limited)
		pace_schedule(p);
	return 0;
}
