/*
 * What nobody waits for.
 *
 * A slice is one transaction: as many small steps of what is due as fit in
 * 5 ms, then a pause as long, in which the loop turns to those who wait.  Every
 * step is small, and finds its rows through an index.
 *
 * Expiry begins a minute after the start, when the workers that live are
 * connected and can be asked.
 */

#include "supervisor/store/chores.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "supervisor/store/expiry.h"

#define SLICE_US	5000
#define PAUSE_MS	5
#define RETRY_MS	1000		/* after a fault */
#define STEP_ROWS	8		/* that one step deletes */
#define STEP_PAGES	8		/* that one step gives back */
#define MINUTE_MS	60000
#define HOUR_MS		(60 * MINUTE_MS)
#define IDLE_MS		5000
#define WAL_BYTES	(4 * 1024 * 1024)	/* time for a checkpoint */
#define WAL_STEP	(1024 * 1024)		/* time for another attempt */
#define WAL_IDLE	(1024 * 1024)		/* worth emptying when idle */

enum chore {
	CHORE_END_ROWS,
	CHORE_EXPIRE,
	CHORE_OUTBOX,
	CHORE_INBOX,
	CHORE_TOMBSTONES,
	CHORE_OWNERS,
	CHORE_SHRINK,
	NCHORES,
};
#define HOURLY		(1u << CHORE_TOMBSTONES)
#define RETENTION	(1u << CHORE_OUTBOX | 1u << CHORE_INBOX |	\
	1u << CHORE_OWNERS)

/* Kept until its end is committed. */
struct ending {
	STAILQ_ENTRY(ending) entry;
	uint32_t	 seq;
	int		 done;
	struct msg_end_rows body;
};

struct chores {
	struct tables	*t;
	struct peers	*peers;
	struct event	*ev_slice, *ev_minute, *ev_hour, *ev_idle;
	struct notes	 notes;
	chores_ended_cb	 ended_cb;
	void		*arg;
	STAILQ_HEAD(, ending) endings;
	int64_t		 retention_ms, max_age_ms;
	unsigned	 due;		/* bits of enum chore */
	struct expiry	*expiry;
	uint8_t		 pruned[OWNER_ID_LEN];	/* how far pruning has come */
	uint64_t	 idle_commits;	/* when the loop was last idle */
	int64_t		 wal_tried;	/* bytes at the last checkpoint */
};

/* ---- steps: OP_DONE and *more_r, in a transaction ---- */

static enum op
step_end_rows(struct chores *c, int64_t now, int *more_r)
{
	struct ending	*e;
	enum op		 op;
	int		 row;

	STAILQ_FOREACH(e, &c->endings, entry)
		if (!e->done)
			break;
	*more_r = e != NULL;
	if (e == NULL)
		return OP_DONE;
	op = outbox_end_one(c->t->outbox, e->body.owner, e->body.reason, now,
	    &c->notes, &row);
	e->done = op == OP_DONE && !row;
	return op;
}

/* A slice is committed, or it did not happen. */
static void
endings_settle(struct chores *c, int committed)
{
	struct ending	*e;

	while (committed && (e = STAILQ_FIRST(&c->endings)) != NULL &&
	    e->done) {
		STAILQ_REMOVE_HEAD(&c->endings, entry);
		c->ended_cb(c->arg, e->seq, e->body.owner);
		free(e);
	}
	STAILQ_FOREACH(e, &c->endings, entry)
		e->done = 0;
}

static enum op
step_expire(struct chores *c, int64_t now, int *more_r)
{
	return expiry_step(c->expiry, now - c->max_age_ms, now, &c->notes,
	    more_r);
}

static enum op
step_outbox(struct chores *c, int64_t now, int *more_r)
{
	return outbox_prune(c->t->outbox, now - c->retention_ms, STEP_ROWS,
	    more_r);
}

static enum op
step_inbox(struct chores *c, int64_t now, int *more_r)
{
	return reader_prune_one(c->t->readers, c->pruned,
	    now - c->retention_ms, more_r);
}

static enum op
step_tombstones(struct chores *c, int64_t now, int *more_r)
{
	return reader_prune_tombstones(c->t->readers, now, STEP_ROWS, more_r);
}

/* Who has a channel for long was seen today all the same. */
struct connected {
	struct owners	*owners;
	int64_t		 now;
	enum op		*op;
};

static void
owner_connected_cb(void *arg, const struct msg_channel *ch)
{
	struct connected	*cn = arg;

	if (*cn->op == OP_DONE)
		*cn->op = owner_note(cn->owners, ch, cn->now);
}

static enum op
step_owners(struct chores *c, int64_t now, int *more_r)
{
	enum op	op = OP_DONE;

	*more_r = 0;
	peers_each_worker(c->peers, owner_connected_cb, &(struct connected){
	    c->t->owners, now, &op });
	if (op == OP_DONE)
		op = owner_prune(c->t->owners, now - c->retention_ms);
	return op == OP_DONE ? topic_prune(c->t->topics) : op;
}

static enum op
step_shrink(struct chores *c, int64_t now, int *more_r)
{
	(void)now;
	*more_r = db_shrink(c->t->db, STEP_PAGES);
	return *more_r == -1 ? OP_FAULT : OP_DONE;
}

static enum op (*const steps[NCHORES])(struct chores *, int64_t, int *) = {
	[CHORE_END_ROWS] = step_end_rows,
	[CHORE_EXPIRE] = step_expire,
	[CHORE_OUTBOX] = step_outbox,
	[CHORE_INBOX] = step_inbox,
	[CHORE_TOMBSTONES] = step_tombstones,
	[CHORE_OWNERS] = step_owners,
	[CHORE_SHRINK] = step_shrink,
};

/* ---- slices ---- */

static void
chores_schedule(struct chores *c, int ms)
{
	struct timeval	tv = { ms / 1000, ms % 1000 * 1000 };

	if (c->due != 0)
		evtimer_add(c->ev_slice, &tv);
}

static void
chores_due(struct chores *c, unsigned which)
{
	if (which & 1u << CHORE_EXPIRE)
		expiry_begin(c->expiry);
	if (which & 1u << CHORE_INBOX)
		memset(c->pruned, 0, sizeof c->pruned);
	c->due |= which;
	if (!evtimer_pending(c->ev_slice, NULL))
		chores_schedule(c, 0);
}

/* Steps of what is due, until the time is up.  OP_FAULT: roll back. */
static enum op
chores_steps(struct chores *c, int64_t end_us)
{
	int64_t	now = clock_wall_ms();
	int	i, more;

	for (i = 0; i < NCHORES; i++) {
		if (!(c->due & 1u << i))
			continue;
		do {
			if (clock_mono_us() >= end_us)
				return OP_DONE;
			if (steps[i](c, now, &more) != OP_DONE)
				return OP_FAULT;
		} while (more);
		c->due &= ~(1u << i);
	}
	return OP_DONE;
}

/* One transaction.  -1: it did not happen, and is begun anew later. */
static int
chores_slice(struct chores *c)
{
	unsigned	due = c->due;

	if (db_begin(c->t->db) == 0) {
		if (chores_steps(c, clock_mono_us() + SLICE_US) == OP_DONE &&
		    db_commit(c->t->db) == 0) {
			peers_tell(c->peers, &c->notes);
			endings_settle(c, 1);
			expiry_settle(c->expiry, 1);
			return 0;
		}
		db_rollback(c->t->db);
	}
	endings_settle(c, 0);
	expiry_settle(c->expiry, 0);
	notes_clear(&c->notes);
	c->due = 0;
	chores_due(c, due);
	return -1;
}

static void
chores_slice_cb(evutil_socket_t fd, short what, void *arg)
{
	struct chores	*c = arg;

	(void)fd;
	(void)what;
	if (chores_slice(c) == 0) {
		chores_after_batch(c);
		chores_schedule(c, PAUSE_MS);
	} else
		chores_schedule(c, RETRY_MS);
}

void
chores_finish(struct chores *c, int64_t end_ms)
{
	while (c->due != 0 && clock_mono_ms() < end_ms &&
	    chores_slice(c) == 0)
		;
}

/* ---- what makes them due ---- */

/* Workers have said whether old rows are free: the walk goes on. */
static void
chores_expiry_cb(void *arg)
{
	struct chores	*c = arg;

	c->due |= 1u << CHORE_EXPIRE;
	if (!evtimer_pending(c->ev_slice, NULL))
		chores_schedule(c, 0);
}

void
chores_end_rows(struct chores *c, uint32_t seq,
    const struct msg_end_rows *body)
{
	struct ending	*e = xcalloc(1, sizeof *e);

	e->seq = seq;
	e->body = *body;
	STAILQ_INSERT_TAIL(&c->endings, e, entry);
	chores_due(c, 1u << CHORE_END_ROWS);
}

void
chores_minute(struct chores *c)
{
	chores_due(c, 1u << CHORE_SHRINK |
	    (c->max_age_ms > 0 ? 1u << CHORE_EXPIRE : 0));
}

void
chores_hour(struct chores *c)
{
	chores_due(c, HOURLY | (c->retention_ms > 0 ? RETENTION : 0));
}

static void
chores_minute_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	chores_minute(arg);
}

static void
chores_hour_cb(evutil_socket_t fd, short what, void *arg)
{
	struct chores	*c = arg;

	(void)fd;
	(void)what;
	/* The log has copies of bodies that were wiped. */
	(void)db_truncate(c->t->db);
	chores_hour(c);
}

/* ---- the log ---- */

/*
 * Readers may keep a checkpoint from coming to its end: it is tried again when
 * the log has grown by as much again, not after every commit.
 */
void
chores_after_batch(struct chores *c)
{
	int64_t	bytes = db_wal_bytes(c->t->db);

	if (bytes < c->wal_tried)
		c->wal_tried = 0;
	if (db_fault(c->t->db) != DB_FULL &&
	    (bytes < WAL_BYTES || bytes - c->wal_tried < WAL_STEP))
		return;
	c->wal_tried = bytes;
	(void)db_checkpoint(c->t->db);
}

static void
chores_idle_cb(evutil_socket_t fd, short what, void *arg)
{
	struct chores	*c = arg;
	uint64_t	 commits = db_commits(c->t->db);

	(void)fd;
	(void)what;
	if (commits == c->idle_commits && db_wal_bytes(c->t->db) > WAL_IDLE &&
	    db_truncate(c->t->db) == 0)
		c->wal_tried = 0;
	c->idle_commits = commits;
}

/* A timer that comes again and again. */
static struct event *
chores_every(struct event_base *base, int64_t ms, event_callback_fn cb,
    struct chores *c)
{
	struct timeval	 tv = { ms / 1000, ms % 1000 * 1000 };
	struct event	*ev;

	ev = event_new(base, -1, EV_PERSIST, cb, c);
	if (ev == NULL || event_add(ev, &tv) == -1)
		fatalx("event_new failed");
	return ev;
}

struct chores *
chores_new(struct event_base *base, struct tables *t, struct peers *ps,
    struct claims *cs, int64_t retention_ms, int64_t max_age_ms,
    chores_ended_cb ended_cb, void *arg)
{
	struct chores	*c = xcalloc(1, sizeof *c);

	c->t = t;
	c->peers = ps;
	c->ended_cb = ended_cb;
	c->arg = arg;
	c->retention_ms = retention_ms;
	c->max_age_ms = max_age_ms;
	STAILQ_INIT(&c->endings);
	c->expiry = expiry_new(t, ps, cs, chores_expiry_cb, c);
	if ((c->ev_slice = evtimer_new(base, chores_slice_cb, c)) == NULL)
		fatalx("evtimer_new failed");
	c->ev_minute = chores_every(base, MINUTE_MS, chores_minute_cb, c);
	c->ev_hour = chores_every(base, HOUR_MS, chores_hour_cb, c);
	c->ev_idle = chores_every(base, IDLE_MS, chores_idle_cb, c);
	chores_hour(c);
	return c;
}

void
chores_free(struct chores **cp)
{
	struct chores	*c = *cp;
	struct ending	*e;

	*cp = NULL;
	if (c == NULL)
		return;
	while ((e = STAILQ_FIRST(&c->endings)) != NULL) {
		STAILQ_REMOVE_HEAD(&c->endings, entry);
		free(e);
	}
	expiry_free(&c->expiry);
	event_free(c->ev_slice);
	event_free(c->ev_minute);
	event_free(c->ev_hour);
	event_free(c->ev_idle);
	notes_free(&c->notes);
	free(c);
}
