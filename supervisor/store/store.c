/*
 * The store's loop.  The supervisor says once where the file is, introduces
 * the gate and the workers, and says when to stop; all else comes from those.
 *
 * A batch runs at the end of the turn of the loop in which somebody had
 * something to say: what the others said meanwhile is in it.
 */

#include "supervisor/store/store.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/evpeer.h"
#include "common/log.h"
#include "common/rules.h"
#include "common/xalloc.h"
#include "supervisor/store/batch.h"
#include "supervisor/store/chores.h"
#include "supervisor/store/claims.h"
#include "supervisor/store/peers.h"
#include "supervisor/store/tables.h"

#define STORE_NEW	0x1u		/* not set up yet */
#define STORE_UP	0x2u
#define STORE_ENDING	0x4u

#define LAST_BATCH_MS	1000		/* what is begun is finished */
#define LAST_WORD_MS	500		/* and written */

struct store {
	struct event_base *base;
	struct event	*ev_batch;
	struct evpeer	*ctl;
	struct tables	 tables;
	struct peers	*peers;
	struct claims	*claims;
	struct batch	*batch;
	struct chores	*chores;
	unsigned	 state;
	int		 status;	/* of exit */
};

static void
store_end(struct store *s, int status)
{
	s->state = STORE_ENDING;
	s->status = status;
	event_base_loopbreak(s->base);
}

/* ---- batches ---- */

/* Somebody has something to say: a batch, behind all who are heard now. */
static void
store_ready_cb(void *arg)
{
	struct store	*s = arg;

	if (s->state == STORE_UP)
		event_active(s->ev_batch, EV_TIMEOUT, 0);
}

static void
store_batch_cb(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval	 now;
	struct store			*s = arg;

	(void)fd;
	(void)what;
	if (batch_run(s->batch) > 0)
		chores_after_batch(s->chores);
	if (!TAILQ_EMPTY(peers_ready(s->peers)))
		evtimer_add(s->ev_batch, &now);
}

/* ---- the supervisor ---- */

static void
store_ended_cb(void *arg, uint32_t seq, const uint8_t owner[OWNER_ID_LEN])
{
	struct store		*s = arg;
	struct msg_owner	 body;

	memcpy(body.owner, owner, sizeof body.owner);
	(void)evpeer_send(s->ctl, MSG_STORE_ENDED, seq, &body, -1);
}

static int
on_setup(void *arg, struct msg *m)
{
	struct store		*s = arg;
	struct msg_setup_store	 body;

	if (msg_decode(m, &body) == -1)
		return -1;
	log_set_level((enum log_level)body.log_level);
	if (tables_open(&s->tables, body.dir) == -1) {
		store_end(s, 1);
		return 0;
	}
	s->peers = peers_new(s->base, store_ready_cb, s);
	s->claims = claims_new(s->base, s->peers);
	s->batch = batch_new(&s->tables, s->peers, s->claims,
	    body.retention_ms, store_ready_cb, s);
	s->chores = chores_new(s->base, &s->tables, s->peers, s->claims,
	    body.retention_ms, body.max_age_ms, store_ended_cb, s);
	s->state = STORE_UP;
	(void)evpeer_send(s->ctl, MSG_READY, 0, NULL, -1);
	return 0;
}

static int
on_channel(void *arg, struct msg *m)
{
	static const uint8_t	 nobody[OWNER_ID_LEN];
	struct store		*s = arg;
	struct msg_channel	 body;
	int			 fd;

	if (msg_decode(m, &body) == -1)
		return -1;
	if (body.peer == PEER_GATE)
		memset(body.owner, 0, sizeof body.owner);
	else if (body.peer != PEER_WORKER || *body.mesh == '\0' ||
	    memcmp(body.owner, nobody, sizeof nobody) == 0)
		return -1;
	if ((fd = msg_take_fd(m)) == -1)
		return -1;
	peers_add(s->peers, &body, fd);
	return 0;
}

static int
on_end_rows(void *arg, struct msg *m)
{
	struct store		*s = arg;
	struct msg_end_rows	 body;

	if (msg_decode(m, &body) == -1)
		return -1;
	chores_end_rows(s->chores, m->seq, &body);
	return 0;
}

static int
on_stop(void *arg, struct msg *m)
{
	if (msg_decode(m, NULL) == -1)
		return -1;
	store_end(arg, 0);
	return 0;
}

static const struct rule ctl_rules[] = {
	{ MSG_SUP_SETUP_STORE, PEER_SUPERVISOR, STORE_NEW, on_setup },
	{ MSG_SUP_CHANNEL, PEER_SUPERVISOR, STORE_UP, on_channel },
	{ MSG_SUP_END_ROWS, PEER_SUPERVISOR, STORE_UP, on_end_rows },
	{ MSG_SUP_LOG_LEVEL, PEER_SUPERVISOR, STORE_UP, rules_log_level },
	{ MSG_SUP_STOP, PEER_SUPERVISOR, STORE_NEW | STORE_UP, on_stop },
};

static int
ctl_msg_cb(void *arg, struct msg *m)
{
	struct store	*s = arg;

	if (s->state == STORE_ENDING)
		return 0;
	if (rules_dispatch(ctl_rules, sizeof ctl_rules / sizeof ctl_rules[0],
	    PEER_SUPERVISOR, s->state, s, m) == 0)
		return 0;
	log_warnx("supervisor: %s: nonsense", msg_name(m->type));
	return -1;
}

/* Without a supervisor there is nobody to work for. */
static void
ctl_gone_cb(void *arg, const char *why)
{
	log_warnx("supervisor: %s", why);
	store_end(arg, 1);
}

/* ---- life ---- */

struct store *
store_new(int ctl_fd)
{
	struct store	*s = xcalloc(1, sizeof *s);

	s->state = STORE_NEW;
	s->status = 1;
	if ((s->base = event_base_new()) == NULL ||
	    (s->ev_batch = evtimer_new(s->base, store_batch_cb, s)) == NULL)
		fatalx("event_base_new failed");
	s->ctl = evpeer_new(s->base, ctl_fd, ctl_msg_cb, ctl_gone_cb, s);
	evpeer_log_to(s->ctl);
	return s;
}

/* What was asked before the end is done and answered. */
static void
store_last_batches(struct store *s)
{
	int64_t	end = clock_mono_ms() + LAST_BATCH_MS;

	do
		peers_all_ready(s->peers);
	while (batch_run(s->batch) > 0 && clock_mono_ms() < end);
	chores_finish(s->chores, end);
	peers_drain(s->peers, LAST_WORD_MS);
	log_info("stopped: %llu operations, %llu commits",
	    (unsigned long long)batch_operations(s->batch),
	    (unsigned long long)db_commits(s->tables.db));
}

int
store_loop(struct store *s)
{
	while (s->state != STORE_ENDING)
		if (event_base_dispatch(s->base) == -1)
			fatalx("event_base_dispatch failed");
	if (s->peers != NULL)
		store_last_batches(s);
	return s->status;
}

void
store_free(struct store **sp)
{
	struct store	*s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	chores_free(&s->chores);
	batch_free(&s->batch);
	claims_free(&s->claims);
	peers_free(&s->peers);
	tables_close(&s->tables);
	evpeer_drain(s->ctl, LAST_WORD_MS);
	evpeer_log_to(NULL);
	evpeer_free(&s->ctl);
	event_free(s->ev_batch);
	event_base_free(s->base);
	free(s);
}
