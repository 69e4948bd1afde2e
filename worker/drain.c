/*
 * The outbox to the broker: which targets there are, and when to send.
 *
 * One timer for everything that waits: targets in back-off, the pace that the
 * broker asked for, answers that do not come.  Sending happens only in the
 * writable callback, which is asked for whenever a head is due and the window
 * has room.
 */

#include "worker/drain.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "worker/drain_impl.h"

#define SCAN_TURN	200	/* targets per turn of the loop */
#define WAKE_TURN	500	/* rows per turn */
#define RESCAN_US	(1000 * 1000)

/* A row is in the file: its target may be forgotten, or read from the start. */
static void
drain_ended_cb(void *arg, struct target *t)
{
	struct drain	*d = arg;

	t->nended--;
	targets_update(&d->targets, t, clock_mono_ms());
}

struct drain *
drain_new(struct lws_context *ctx, const struct self *self, struct rows *rows,
    struct broker *broker, void (*rate_cb)(void *, const struct msg_rate *),
    void *arg)
{
	struct drain	*d = xcalloc(1, sizeof *d);

	d->ctx = ctx;
	d->self = self;
	d->rows = rows;
	d->broker = broker;
	d->rate_cb = rate_cb;
	d->arg = arg;
	TAILQ_INIT(&d->claims);
	d->report = report_new(ctx, drain_ended_cb, d);
	targets_init(&d->targets);
	window_init(&d->window);
	return d;
}

void
drain_free(struct drain **dp)
{
	struct drain	*d = *dp;

	if (d == NULL)
		return;
	lws_sul_cancel(&d->sul);
	lws_sul_cancel(&d->sul_scan);
	drain_claims_clear(d);
	window_clear(&d->window);
	report_free(&d->report);
	targets_clear(&d->targets);
	free(d);
	*dp = NULL;
}

/* ---- when ---- */

static int
drain_may_send(const struct drain *d, int64_t now)
{
	unsigned	limit = d->nsuspect > 0 ? 1 : WINDOW_MAX;

	return d->open && d->store != NULL && d->greeted && !d->stopped &&
	    now >= d->db_until && d->window.n < limit &&
	    report_count(d->report) < REPORT_MAX;
}

static void
drain_timer_cb(lws_sorted_usec_list_t *sul)
{
	struct drain	*d = lws_container_of(sul, struct drain, sul);

	if (d->tick_ms != 0 && clock_mono_ms() >= d->tick_ms) {
		d->tick_ms = 0;
		drain_check_window(d, clock_mono_ms());
	}
	drain_kick(d);
}

/* The smaller of two waits, of which -1 is none. */
static int64_t
sooner(int64_t a, int64_t b)
{
	return a == -1 || (b != -1 && b < a) ? b : a;
}

void
drain_kick(struct drain *d)
{
	int64_t	now = clock_mono_ms(), wait;

	(void)targets_due(&d->targets, now);
	if (TAILQ_EMPTY(&d->targets.ready))
		drain_rate_give_back(d);
	else if (drain_may_send(d, now) && drain_rate_ok(d))
		broker_want_write(d->broker);
	wait = targets_due(&d->targets, now);
	if (d->window.n > 0) {
		if (d->tick_ms == 0)
			d->tick_ms = now + INFLIGHT_MS;
		wait = sooner(wait, d->tick_ms > now ? d->tick_ms - now : 0);
	}
	if (d->db_until > now)
		wait = sooner(wait, d->db_until - now);
	if (wait == -1)
		lws_sul_cancel(&d->sul);
	else
		lws_sul_schedule(d->ctx, 0, &d->sul, drain_timer_cb,
		    wait * 1000 + 1);
}

void
drain_db_failed(struct drain *d)
{
	d->db_until = clock_mono_ms() + DB_PAUSE_MS;
}

/* The next target: suspects first, while there are any. */
struct target *
drain_pick(struct drain *d)
{
	struct target	*t;

	if (d->nsuspect > 0)
		TAILQ_FOREACH(t, &d->targets.ready, entry)
			if (t->suspect != 0)
				return t;
	return TAILQ_FIRST(&d->targets.ready);
}

void
drain_unsuspect(struct drain *d, struct target *t)
{
	if (t->suspect == 0)
		return;
	t->suspect = 0;
	d->nsuspect--;
}

void
drain_fill(struct drain *d)
{
	int64_t		 now = clock_mono_ms();
	struct target	*t;
	enum drain_sent	 sent;

	(void)targets_due(&d->targets, now);
	while ((t = drain_pick(d)) != NULL && drain_may_send(d, now) &&
	    drain_rate_ok(d)) {
		sent = drain_send_head(d, t, now);
		if (sent == DRAIN_CHOKED || sent == DRAIN_FAILED)
			break;
	}
	drain_kick(d);
}

/* ---- which ---- */

/* There may be rows for a target. */
static void
drain_more(struct drain *d, const char *name)
{
	struct target	*t = targets_get(&d->targets, name);

	if (t->more)
		return;
	t->more = 1;
	targets_update(&d->targets, t, clock_mono_ms());
}

static void	drain_scan_cb(lws_sorted_usec_list_t *);

/*
 * A slice of the table of targets; the next one comes by timer.  Each is read
 * from its beginning, since a row that was released may be behind others that
 * are under way.
 */
static void
drain_scan(struct drain *d)
{
	char	name[TARGET_SIZE];
	int	i, ret = 1;

	for (i = 0; i < SCAN_TURN; i++) {
		ret = rows_target_next(d->rows, d->self->owner,
		    d->scan_after, name);
		if (ret != 1)
			break;
		targets_get(&d->targets, name)->cursor = 0;
		drain_more(d, name);
		memcpy(d->scan_after, name, sizeof d->scan_after);
	}
	if (ret == 0)
		d->scanning = 0;
	else
		lws_sul_schedule(d->ctx, 0, &d->sul_scan, drain_scan_cb,
		    ret == 1 ? 1 : DB_PAUSE_MS * 1000);
	drain_kick(d);
}

static void
drain_scan_cb(lws_sorted_usec_list_t *sul)
{
	struct drain	*d = lws_container_of(sul, struct drain, sul_scan);

	if (!d->scanning) {
		d->scanning = 1;
		d->scan_after[0] = '\0';
	}
	if (d->store != NULL)
		drain_scan(d);
}

void
drain_rescan(struct drain *d, int64_t us)
{
	lws_sul_schedule(d->ctx, 0, &d->sul_scan, drain_scan_cb, us);
}

static void
drain_row_cb(void *arg, int64_t seq, const char *target)
{
	(void)seq;
	drain_more(arg, target);
}

/*
 * New rows have higher numbers than all before.  A wake without any is about
 * an older row, released by an operator: the table is read anew, soon.
 *
 * A store wakes us first when it knows that we are there.  Until then it may
 * change rows without asking, so that none is sent before.
 */
void
drain_wake(struct drain *d)
{
	int	n, total = 0;

	if (d->store == NULL)
		return;
	d->greeted = 1;
	do {
		n = rows_new_since(d->rows, d->self->owner, &d->seen,
		    WAKE_TURN, drain_row_cb, d);
		total += n > 0 ? n : 0;
	} while (n == WAKE_TURN);
	if (n == -1 || (total == 0 && !d->scanning))
		drain_rescan(d, n == -1 ? DB_PAUSE_MS * 1000 : RESCAN_US);
	drain_kick(d);
}

void
drain_store(struct drain *d, struct peer *store)
{
	d->store = store;
	d->greeted = 0;
	drain_claims_clear(d);		/* whoever made them is gone */
	report_store(d->report, store);
	if (store == NULL)
		return;
	d->scanning = 1;
	d->scan_after[0] = '\0';
	drain_scan(d);
}

void
drain_store_room(struct drain *d)
{
	report_room(d->report);
	drain_kick(d);
}

void
drain_recorded(struct drain *d, uint32_t seq, const struct msg_recorded *rec)
{
	int	was_full = report_count(d->report) >= REPORT_MAX;

	report_recorded(d->report, seq, rec);
	if (was_full)
		drain_kick(d);
}

/* ---- the connection ---- */

/*
 * What waits for a connection is due anyway, and what waits for a recipient is
 * due now: it may have come while we were away.
 */
void
drain_open(struct drain *d, int ordered)
{
	d->open = 1;
	d->targets.many = ordered;
	targets_hurry(&d->targets, WAIT_PEER, clock_mono_ms());
	drain_kick(d);
}

void
drain_peer_seen(struct drain *d, const char *key_hex)
{
	struct target	*t = targets_find(&d->targets, key_hex);
	struct slot	*s;

	if (t == NULL)
		return;
	TAILQ_FOREACH(s, &d->window.slots, entry)
		if (s->target == t)
			s->seen = 1;
	if (t->wait != WAIT_PEER)
		return;
	t->due_ms = 0;
	targets_update(&d->targets, t, clock_mono_ms());
	drain_kick(d);
}

int
drain_is_dry(struct drain *d)
{
	return drain_is_quiet(d) &&
	    rows_has_open(d->rows, d->self->owner) == 0;
}

int
drain_is_quiet(const struct drain *d)
{
	return d->window.n == 0 && report_count(d->report) == 0;
}

void
drain_stop(struct drain *d)
{
	d->stopped = 1;
}
