/*
 * One turn of the loop.
 *
 * A turn that only took acknowledgements of pushes is left uncommitted for some
 * milliseconds, since nobody waits for it: the next turn that is waited for
 * commits it too.
 */

#include "contrib/broker/turn.h"

#include <libwebsockets.h>
#include <stdlib.h>

#include "common/xalloc.h"
#include "contrib/broker/broker.h"
#include "contrib/broker/conn.h"
#include "contrib/broker/db.h"
#include "contrib/broker/quiet.h"

#define TURN_MESSAGES	512		/* waiting ones given in one turn */
#define LAZY_US		(10 * LWS_USEC_PER_SEC / 1000)
#define LATER_US	(250 * LWS_USEC_PER_SEC / 1000)

struct turn {
	struct broker			*broker;
	struct lws_context		*context;
	TAILQ_HEAD(batch, conn)		 batch, later;
	int				 lazy;
	lws_sorted_usec_list_t		 lazy_sul, later_sul;
};

struct turn *
turn_new(struct broker *b, struct lws_context *context)
{
	struct turn	*t = xcalloc(1, sizeof *t);

	t->broker = b;
	t->context = context;
	TAILQ_INIT(&t->batch);
	TAILQ_INIT(&t->later);
	return t;
}

void
turn_free(struct turn **tp)
{
	struct turn	*t = *tp;

	*tp = NULL;
	if (t == NULL)
		return;
	(void)db_commit(t->broker->db);
	free(t);
}

static void
turn_not_later(struct turn *t, struct conn *c)
{
	if (!c->in_later)
		return;
	c->in_later = 0;
	TAILQ_REMOVE(&t->later, c, batched);
}

void
turn_add(struct conn *c)
{
	struct turn	*t = c->broker->turn;

	if (c->in_batch)
		return;
	turn_not_later(t, c);
	c->in_batch = 1;
	TAILQ_INSERT_TAIL(&t->batch, c, batched);
}

/* A timer, so not in the middle of a turn. */
static void
later_cb(lws_sorted_usec_list_t *sul)
{
	struct turn	*t = lws_container_of(sul, struct turn, later_sul);

	while (!TAILQ_EMPTY(&t->later))
		turn_add(TAILQ_FIRST(&t->later));
	turn_end(t);
}

void
turn_add_later(struct conn *c)
{
	struct turn	*t = c->broker->turn;

	if (c->in_batch || c->in_later)
		return;
	if (TAILQ_EMPTY(&t->later))
		lws_sul_schedule(t->context, 0, &t->later_sul, later_cb,
		    LATER_US);
	c->in_later = 1;
	TAILQ_INSERT_TAIL(&t->later, c, batched);
}

void
turn_forget(struct conn *c)
{
	struct turn	*t = c->broker->turn;

	turn_not_later(t, c);
	if (!c->in_batch)
		return;
	c->in_batch = 0;
	TAILQ_REMOVE(&t->batch, c, batched);
}

/*
 * Nothing of the turn has happened: whoever took part believes otherwise, and
 * starts again with a new connection.
 */
static void
turn_failed(struct turn *t)
{
	struct broker	*b = t->broker;
	struct conn	*c = TAILQ_FIRST(&t->batch), *last;

	deliver_rewind(b->deliver);
	feed_rewind(b->feed);
	/* Not those who are told of it, and come behind the last. */
	last = TAILQ_LAST(&t->batch, batch);
	for (; c != NULL; c = c == last ? NULL : TAILQ_NEXT(c, batched))
		conn_drop(c, CLOSE_INTERNAL, "storage failed");
	/* They left, which is written too, if it can. */
	(void)db_commit(b->db);
}

int
turn_commit(struct turn *t)
{
	int	 rc;

	t->broker->commit_now = 0;
	if ((rc = db_commit(t->broker->db)) == -1)
		turn_failed(t);
	return rc;
}

/* Let what was answered be written.  Those in an open transaction stay. */
static void
turn_release(struct turn *t)
{
	struct conn	*c, *next;
	int		 stay = db_in_transaction(t->broker->db);

	for (c = TAILQ_FIRST(&t->batch); c != NULL; c = next) {
		if (c->overflow && c->close_code == 0) {
			quiet_info("connection dropped: does not read");
			conn_drop(c, CLOSE_TRY_LATER, "too slow");
		}
		conn_release(c);
		next = TAILQ_NEXT(c, batched);
		if (stay)
			continue;
		c->in_batch = 0;
		TAILQ_REMOVE(&t->batch, c, batched);
	}
}

/* A timer, so not in the middle of a turn. */
static void
lazy_cb(lws_sorted_usec_list_t *sul)
{
	struct turn	*t = lws_container_of(sul, struct turn, lazy_sul);

	t->broker->commit_now = 1;
	turn_end(t);
}

/* What nobody waits for is committed later, at the latest by a timer. */
static void
turn_lazy(struct turn *t)
{
	int	 lazy = db_in_transaction(t->broker->db);

	if (lazy && !t->lazy)
		lws_sul_schedule(t->context, 0, &t->lazy_sul, lazy_cb,
		    LAZY_US);
	if (!lazy && t->lazy)
		lws_sul_cancel(&t->lazy_sul);
	t->lazy = lazy;
}

void
turn_end(struct turn *t)
{
	struct broker	*b = t->broker;
	int		 again;

	again = deliver_run(b->deliver, TURN_MESSAGES);
	again |= feed_run(b->feed, TURN_MESSAGES);
	if (b->commit_now || db_failed(b->db))
		again |= turn_commit(t) == -1;
	turn_release(t);
	/* What was written may have made room. */
	again |= deliver_run(b->deliver, 0);
	again |= feed_run(b->feed, 0);
	if (again)
		lws_cancel_service(t->context);	/* do not wait in poll() */
	db_checkpoint(b->db);
	turn_lazy(t);
}
