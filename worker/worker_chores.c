/* What is done beside: rows that nobody has opened, and the end. */

#include "common/clock.h"
#include "worker/worker_impl.h"

#define STOP_MS		700
#define STOP_STORE_MS	250		/* for what the store must still get */
#define STOP_LOOK_US	10000
#define DRAINED_US	(1000 * 1000)
#define HANDOVER_US	(250 * 1000)
#define RETRY_US	(50 * 1000)

/* ---- handover rows ---- */

static void
worker_handover_cb(lws_sorted_usec_list_t *sul)
{
	worker_handover(lws_container_of(sul, struct worker, sul_handover));
}

void
worker_handover(struct worker *w)
{
	int	ret;

	if (!w->handover || w->state != W_MEMBER || w->store == NULL)
		return;
	w->handover = 0;		/* our own puts call us again */
	ret = inbound_handover(w->self, w->puts, w->rows,
	    &w->handover_after);
	broker_pause(w->broker, puts_is_full(w->puts));
	if (ret != 0)
		w->handover = 1;
	if (ret == -1)
		lws_sul_schedule(w->ctx, 0, &w->sul_handover,
		    worker_handover_cb, HANDOVER_US);
}

/*
 * What a session handed over, the broker had from it acknowledged before it
 * pushed this to us: it must stand before this in the inbox.  The rows are in
 * the file by now, whether the store has told us or not.
 */
int
worker_handover_first(struct worker *w)
{
	return w->state != W_MEMBER ? 0 : inbound_handover(w->self, w->puts,
	    w->rows, &w->handover_after) == 0 ? 0 : -1;
}

/* ---- quarantined rows ---- */

static void
worker_retry_cb(lws_sorted_usec_list_t *sul)
{
	worker_retry(lws_container_of(sul, struct worker, sul_retry));
}

/* There may be many of them, so not all at once. */
void
worker_retry(struct worker *w)
{
	int	ret;

	if (w->retried || w->store == NULL || w->state == W_STOP)
		return;
	ret = inbound_retry(w->self, w->puts, w->rows, &w->retry_after);
	w->retried = ret == 0;
	if (!w->retried)
		lws_sul_schedule(w->ctx, 0, &w->sul_retry, worker_retry_cb,
		    RETRY_US);
}

/* ---- the end ---- */

static void
worker_drained_cb(lws_sorted_usec_list_t *sul)
{
	worker_check_drained(lws_container_of(sul, struct worker,
	    sul_drained));
}

/* Rows also end by the store's hand, of which we hear nothing: look again. */
void
worker_check_drained(struct worker *w)
{
	if (!w->draining || w->drained || w->state == W_STOP)
		return;
	if (w->store != NULL && drain_is_dry(w->drain)) {
		w->drained = 1;
		lws_sul_cancel(&w->sul_drained);
		worker_say(w, MSG_WRK_DRAINED, NULL);
		return;
	}
	lws_sul_schedule(w->ctx, 0, &w->sul_drained, worker_drained_cb,
	    DRAINED_US);
}

static void
worker_quiet_cb(lws_sorted_usec_list_t *sul)
{
	struct worker	*w = lws_container_of(sul, struct worker, sul_quiet);

	if (w->state == W_STOP)
		return;
	if (drain_is_quiet(w->drain))
		worker_say(w, MSG_WRK_QUIET, NULL);
	else
		lws_sul_schedule(w->ctx, 0, &w->sul_quiet, worker_quiet_cb,
		    STOP_LOOK_US);
}

void
worker_quiesce(struct worker *w)
{
	if (w->state == W_STOP || w->quiescing)
		return;
	w->quiescing = 1;
	drain_stop(w->drain);
	worker_quiet_cb(&w->sul_quiet);
}

static void
worker_stop_cb(lws_sorted_usec_list_t *sul)
{
	struct worker	*w = lws_container_of(sul, struct worker, sul_stop);

	if (broker_is_down(w->broker) || clock_mono_ms() >= w->stop_ms) {
		worker_quit(w);
		return;
	}
	lws_sul_schedule(w->ctx, 0, &w->sul_stop, worker_stop_cb,
	    STOP_LOOK_US);
}

void
worker_stop(struct worker *w)
{
	if (w->state == W_STOP)
		return;
	w->state = W_STOP;
	w->stop_ms = clock_mono_ms() + STOP_MS;
	drain_stop(w->drain);
	topics_stop(w->topics);
	if (w->store != NULL)
		peer_drain(w->store, STOP_STORE_MS);
	broker_stop(w->broker, w->draining);
	worker_stop_cb(&w->sul_stop);
}

void
worker_chores_free(struct worker *w)
{
	lws_sul_cancel(&w->sul_stop);
	lws_sul_cancel(&w->sul_drained);
	lws_sul_cancel(&w->sul_quiet);
	lws_sul_cancel(&w->sul_handover);
	lws_sul_cancel(&w->sul_retry);
}
