/*
 * What happens by itself.
 *
 * Not one timer per connection: libwebsockets keeps its timers in a list.  All
 * waits of a kind are equally long, so the connections queue up for them.
 */

#include "contrib/broker/tick.h"

#include <libwebsockets.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "contrib/broker/broker.h"
#include "contrib/broker/conn.h"
#include "contrib/broker/members.h"
#include "contrib/broker/quiet.h"
#include "contrib/broker/rate.h"
#include "contrib/broker/topic_rows.h"
#include "contrib/broker/turn.h"

#define TICK_US		LWS_USEC_PER_SEC
#define PRUNE_US	(60 * LWS_USEC_PER_SEC)
#define PRUNE_MORE_US	(50 * LWS_USEC_PER_SEC / 1000)
#define PRUNE_ROWS	500

static void	tick_cb(lws_sorted_usec_list_t *);

struct ticker {
	struct broker			*broker;
	struct lws_context		*context;
	struct conns			 fresh;		/* no hello; by age */
	struct conns			 open;		/* by last ping */
	int				 ticking;
	lws_sorted_usec_list_t		 tick_sul, prune_sul;
};

/* Those that were opened and have not said hello. */
static void
tick_fresh(struct ticker *t, int64_t now)
{
	struct conn	*c, *next;

	for (c = TAILQ_FIRST(&t->fresh); c != NULL; c = next) {
		next = TAILQ_NEXT(c, entry);
		if (c->opened_at + t->broker->options->hello_ms > now)
			break;
		conn_close(c, CLOSE_TRY_LATER, "hello timeout");
	}
}

/* Those that are due for a ping, or did not answer the last ones. */
static void
tick_open(struct ticker *t, int64_t now)
{
	int64_t		 ping_ms = t->broker->options->ping_ms;
	struct conn	*c;

	while ((c = TAILQ_FIRST(&t->open)) != NULL) {
		if (c->pinged_at + ping_ms > now)
			break;
		c->pinged_at = now;
		TAILQ_REMOVE(&t->open, c, entry);
		TAILQ_INSERT_TAIL(&t->open, c, entry);
		if (c->close_code != 0)
			continue;
		if (now - c->pong_at > ping_ms * 5 / 2) {
			quiet_info("connection dropped: no pong");
			conn_drop(c, CLOSE_NORMAL, "timeout");
		} else {
			c->ping_due = 1;
			lws_callback_on_writable(c->wsi);
		}
	}
}

/* Tick while there is somebody to tick for. */
static void
tick_on(struct ticker *t)
{
	if (t->ticking || (TAILQ_EMPTY(&t->fresh) && TAILQ_EMPTY(&t->open) &&
	    !grace_waiting(t->broker)))
		return;
	t->ticking = 1;
	lws_sul_schedule(t->context, 0, &t->tick_sul, tick_cb, TICK_US);
}

static void
tick_cb(lws_sorted_usec_list_t *sul)
{
	struct ticker	*t = lws_container_of(sul, struct ticker, tick_sul);
	int64_t		 now = clock_mono_ms();

	tick_fresh(t, now);
	tick_open(t, now);
	deliver_lapse(t->broker->deliver, now);
	grace_expire(t->broker, now);
	feed_tick(t->broker->feed, now);
	rates_prune(t->broker->rates, now);
	turn_end(t->broker->turn);
	t->ticking = 0;
	tick_on(t);
}

static void
prune_cb(lws_sorted_usec_list_t *sul)
{
	struct ticker	*t = lws_container_of(sul, struct ticker, prune_sul);
	int64_t		 now = clock_wall_ms();
	int		 more;

	more = queue_prune(t->broker->queue, now, PRUNE_ROWS) == PRUNE_ROWS;
	more |= topic_prune(t->broker->topics, now, PRUNE_ROWS) == PRUNE_ROWS;
	more |= members_prune(t->broker->members, now, PRUNE_ROWS) ==
	    PRUNE_ROWS;
	turn_end(t->broker->turn);
	lws_sul_schedule(t->context, 0, sul, prune_cb,
	    more ? PRUNE_MORE_US : PRUNE_US);
}

struct ticker *
tick_new(struct broker *b, struct lws_context *context)
{
	struct ticker	*t = xcalloc(1, sizeof *t);

	t->broker = b;
	t->context = context;
	TAILQ_INIT(&t->fresh);
	TAILQ_INIT(&t->open);
	lws_sul_schedule(context, 0, &t->prune_sul, prune_cb, PRUNE_US);
	tick_on(t);
	return t;
}

void
tick_free(struct ticker **tp)
{
	free(*tp);
	*tp = NULL;
}

void
tick_opened(struct conn *c)
{
	struct ticker	*t = c->broker->ticker;

	TAILQ_INSERT_TAIL(&t->fresh, c, entry);
	tick_on(t);
}

void
tick_greeted(struct conn *c)
{
	struct ticker	*t = c->broker->ticker;

	TAILQ_REMOVE(&t->fresh, c, entry);
	TAILQ_INSERT_TAIL(&t->open, c, entry);
	c->greeted = 1;
	c->pinged_at = clock_mono_ms();
}

void
tick_closed(struct conn *c)
{
	struct ticker	*t = c->broker->ticker;

	if (c->greeted)
		TAILQ_REMOVE(&t->open, c, entry);
	else
		TAILQ_REMOVE(&t->fresh, c, entry);
}

void
tick_pong(struct conn *c)
{
	c->pong_at = c->heard_at = clock_mono_ms();
}

void
tick_close_all(struct ticker *t, int code, const char *reason)
{
	struct conn	*c;

	TAILQ_FOREACH(c, &t->open, entry)
		conn_close(c, code, reason);
	TAILQ_FOREACH(c, &t->fresh, entry)
		conn_close(c, code, reason);
}
