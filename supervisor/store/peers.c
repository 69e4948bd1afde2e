/*
 * The gate and the workers, as the supervisor introduces them.
 *
 * Nobody is waited for.  A peer whose queue has grown long is not read from
 * until it has shrunk, so that it cannot make us answer more; what it would be
 * told meanwhile is kept in a form that does not grow, or, where it is only of
 * passing use (a row has ended), dropped.
 */

#include "supervisor/store/peers.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/encode.h"
#include "common/log.h"
#include "common/xalloc.h"

#define FULL_BYTES	(1024 * 1024)	/* queued: stop listening */
#define SPARE_BYTES	(64 * 1024)	/* queued: listen again */
#define TICK_MS		20
#define OLD_MS		2000		/* for an old channel to end */
#define OWED_MAX	10000		/* ended rows kept for a slow gate */

struct peers {
	struct event_base *base;
	struct event	*ev_tick;
	struct peer_list all, ready;
	uint64_t	 id;		/* of the youngest */
	struct peer_list places[256];	/* by the first byte of the owner */
	void		(*ready_cb)(void *);
	void		*arg;
	void		(*came_cb)(void *, struct peer *);
	void		(*gone_cb)(void *, struct peer *);
	void		*watch_arg;
};

static void	peers_tick_cb(evutil_socket_t, short, void *);

/* For logs: who it is. */
static const char *
peer_name(const struct peer *p)
{
	static char	name[32];
	char		hex[9];

	if (p->kind == PEER_GATE)
		return "gate";
	snprintf(name, sizeof name, "worker %s",
	    hex_encode(hex, p->channel.owner, 4));
	return name;
}

struct peers *
peers_new(struct event_base *base, void (*ready_cb)(void *), void *arg)
{
	struct peers	*ps = xcalloc(1, sizeof *ps);
	int		 i;

	for (i = 0; i < 256; i++)
		TAILQ_INIT(&ps->places[i]);
	ps->base = base;
	ps->ready_cb = ready_cb;
	ps->arg = arg;
	TAILQ_INIT(&ps->all);
	TAILQ_INIT(&ps->ready);
	if ((ps->ev_tick = evtimer_new(base, peers_tick_cb, ps)) == NULL)
		fatalx("evtimer_new failed");
	return ps;
}

static void
peers_tick_soon(struct peers *ps)
{
	struct timeval	tv = { 0, TICK_MS * 1000 };

	if (!evtimer_pending(ps->ev_tick, NULL))
		evtimer_add(ps->ev_tick, &tv);
}

struct peer_list *
peers_ready(struct peers *ps)
{
	return &ps->ready;
}

/* ---- who has something to say ---- */

void
peer_not_ready(struct peer *p)
{
	if (p->ready)
		TAILQ_REMOVE(&p->peers->ready, p, ready_entry);
	p->ready = 0;
}

/* The gate goes first: somebody waits behind each of its requests. */
static void
peer_ready(struct peer *p)
{
	if (p->ready || !p->counts || p->full || p->bad)
		return;
	p->ready = 1;
	if (p->kind == PEER_GATE)
		TAILQ_INSERT_HEAD(&p->peers->ready, p, ready_entry);
	else
		TAILQ_INSERT_TAIL(&p->peers->ready, p, ready_entry);
}

void
peers_all_ready(struct peers *ps)
{
	struct peer	*p;

	TAILQ_FOREACH(p, &ps->all, entry)
		peer_ready(p);
}

/* From the loop: there is something to read. */
static int
peer_msg_cb(void *arg, struct msg *m)
{
	struct peer	*p = arg;

	(void)m;
	peer_ready(p);
	p->peers->ready_cb(p->peers->arg);
	return 0;
}

/* ---- coming and going ---- */

/* The oldest channel in a place is the one that counts. */
static struct peer *
peers_find(struct peers *ps, unsigned kind, const uint8_t *owner)
{
	struct peer	*p;

	TAILQ_FOREACH(p, &ps->places[owner[0]], place_entry)
		if (p->kind == kind && !p->bad &&
		    memcmp(p->channel.owner, owner, OWNER_ID_LEN) == 0)
			return p;
	return NULL;
}

struct peer *
peers_worker(struct peers *ps, const uint8_t owner[OWNER_ID_LEN])
{
	return peers_find(ps, PEER_WORKER, owner);
}

struct peer *
peers_gate(struct peers *ps)
{
	static const uint8_t	nobody[OWNER_ID_LEN];

	return peers_find(ps, PEER_GATE, nobody);
}

void
peers_each_worker(struct peers *ps,
    void (*cb)(void *, const struct msg_channel *), void *arg)
{
	struct peer	*p;

	TAILQ_FOREACH(p, &ps->all, entry)
		if (p->kind == PEER_WORKER && p->counts && !p->bad)
			cb(arg, &p->channel);
}

void
peers_watch(struct peers *ps, void (*came_cb)(void *, struct peer *),
    void (*gone_cb)(void *, struct peer *), void *arg)
{
	ps->came_cb = came_cb;
	ps->gone_cb = gone_cb;
	ps->watch_arg = arg;
}

/* From now on it is listened to; the first batch greets it. */
static void
peer_count(struct peer *p)
{
	p->counts = 1;
	evpeer_resume(p->ev);
	peer_ready(p);
	if (p->peers->came_cb != NULL)
		p->peers->came_cb(p->peers->watch_arg, p);
	p->peers->ready_cb(p->peers->arg);
}

/* Forget a peer; whoever waited for its place has it. */
static void
peer_free(struct peer *p)
{
	struct peers	*ps = p->peers;
	struct peer	*next;

	peer_not_ready(p);
	TAILQ_REMOVE(&ps->all, p, entry);
	TAILQ_REMOVE(&ps->places[p->channel.owner[0]], p, place_entry);
	if (ps->gone_cb != NULL)
		ps->gone_cb(ps->watch_arg, p);
	evpeer_free(&p->ev);
	notes_free(&p->owed_rows);
	refused_clear(&p->refused);
	next = peers_find(ps, p->kind, p->channel.owner);
	if (next != NULL && !next->counts)
		peer_count(next);
	free(p);
}

static void
peer_gone_cb(void *arg, const char *why)
{
	struct peer	*p = arg;

	log_debug("%s: channel: %s", peer_name(p), why);
	peer_free(p);
}

void
peers_add(struct peers *ps, const struct msg_channel *ch, int fd)
{
	struct peer	*p = xcalloc(1, sizeof *p), *old;

	p->peers = ps;
	p->id = ++ps->id;
	p->kind = ch->peer;
	p->channel = *ch;
	p->since = clock_mono_ms();
	p->ev = evpeer_new(ps->base, fd, peer_msg_cb, peer_gone_cb, p);
	evpeer_set_manual(p->ev);
	evpeer_pause(p->ev);
	old = peers_find(ps, p->kind, ch->owner);
	TAILQ_INSERT_TAIL(&ps->all, p, entry);
	TAILQ_INSERT_TAIL(&ps->places[ch->owner[0]], p, place_entry);
	if (old == NULL) {
		peer_count(p);
		return;
	}
	log_debug("%s: waits for its old channel to end", peer_name(p));
	peers_tick_soon(ps);
}

void
peers_free(struct peers **psp)
{
	struct peers	*ps = *psp;
	struct peer	*p;

	*psp = NULL;
	if (ps == NULL)
		return;
	while ((p = TAILQ_LAST(&ps->all, peer_list)) != NULL)
		peer_free(p);
	event_free(ps->ev_tick);
	free(ps);
}

void
peer_bad(struct peer *p)
{
	peer_not_ready(p);
	p->bad = 1;
}

void
peers_drop_bad(struct peers *ps)
{
	struct peer	*p, *next;

	for (p = TAILQ_FIRST(&ps->all); p != NULL; p = next) {
		next = TAILQ_NEXT(p, entry);
		if (!p->bad)
			continue;
		log_warnx("%s: talked nonsense: dropped", peer_name(p));
		peer_free(p);
	}
}

/* ---- telling ---- */

void
peer_send(struct peer *p, enum msg_type type, uint32_t seq, const void *body)
{
	if (evpeer_send(p->ev, type, seq, body, -1) == -1 && errno != EPIPE)
		log_warn("%s: %s", peer_name(p), msg_name(type));
	if (p->full || evpeer_queued(p->ev) < FULL_BYTES)
		return;
	p->full = 1;
	peer_not_ready(p);
	evpeer_pause(p->ev);
	log_info("%s: does not read: not listened to", peer_name(p));
	peers_tick_soon(p->peers);
}

void
peer_wake(struct peer *p, int handover)
{
	enum note_kind	kind = handover ? NOTE_HANDOVER : NOTE_WAKE;

	if (p->full)
		p->owed |= 1 << kind;
	else
		peer_send(p, handover ? MSG_STORE_HANDOVER : MSG_STORE_WAKE,
		    0, NULL);
}

/* Inbox rows of many owners, and outbox rows that ended, to the gate. */
static void
peer_tell_rows(struct peer *p, const struct notes *n)
{
	struct msg_rows	 rows;
	size_t		 i;

	for (i = 0; i < n->n; i++) {
		if (n->v[i].kind != NOTE_ROWS)
			continue;
		memcpy(rows.owner, n->v[i].owner, sizeof rows.owner);
		rows.seq = n->v[i].seq;
		if (p->full)
			notes_add(&p->owed_rows, NOTE_ROWS, rows.owner,
			    rows.seq);
		else
			peer_send(p, MSG_STORE_ROWS, 0, &rows);
	}
	for (i = 0; i < n->nended; i++) {
		if (!p->full)
			peer_send(p, MSG_STORE_STATUS, 0, &n->ended[i]);
		else if (p->owed_rows.nended < OWED_MAX)
			notes_ended(&p->owed_rows, n->ended[i].owner,
			    n->ended[i].client_id,
			    (enum row_state)n->ended[i].state,
			    n->ended[i].reason);
	}
	if (p->full)
		notes_unique(&p->owed_rows);
}

void
peers_tell(struct peers *ps, struct notes *n)
{
	struct peer	*p;
	size_t		 i;

	notes_unique(n);
	for (i = 0; i < n->n; i++) {
		if (n->v[i].kind == NOTE_ROWS)
			continue;
		p = peers_find(ps, PEER_WORKER, n->v[i].owner);
		if (p != NULL && p->greeted)
			peer_wake(p, n->v[i].kind == NOTE_HANDOVER);
	}
	p = peers_gate(ps);
	if (p != NULL && p->counts)
		peer_tell_rows(p, n);
	notes_clear(n);
}

/* It reads again: say what was kept for it. */
static void
peer_catch_up(struct peer *p)
{
	struct notes	rows = p->owed_rows;
	int		owed = p->owed;

	p->full = 0;
	p->owed = 0;
	memset(&p->owed_rows, 0, sizeof p->owed_rows);
	evpeer_resume(p->ev);
	if (owed & 1 << NOTE_WAKE)
		peer_wake(p, 0);
	if (owed & 1 << NOTE_HANDOVER)
		peer_wake(p, 1);
	peer_tell_rows(p, &rows);
	notes_free(&rows);
}

/* Something waits: for a slow reader, or for an old channel to end. */
static void
peers_tick_cb(evutil_socket_t fd, short what, void *arg)
{
	struct peers	*ps = arg;
	struct peer	*p, *old;
	int64_t		 now = clock_mono_ms();
	int		 waits = 0;

	(void)fd;
	(void)what;
	TAILQ_FOREACH(p, &ps->all, entry) {
		if (p->full && evpeer_queued(p->ev) < SPARE_BYTES)
			peer_catch_up(p);
		if (!p->counts && now - p->since >= OLD_MS) {
			old = peers_find(ps, p->kind, p->channel.owner);
			log_warnx("%s: old channel does not end: dropped",
			    peer_name(old));
			peer_free(old);		/* older than p: before it */
		}
		waits |= p->full || !p->counts;
	}
	if (waits)
		peers_tick_soon(ps);
}

void
peers_drain(struct peers *ps, int timeout_ms)
{
	struct peer	*p;
	int64_t		 end = clock_mono_ms() + timeout_ms, left;

	TAILQ_FOREACH(p, &ps->all, entry) {
		left = end - clock_mono_ms();
		evpeer_drain(p->ev, left > 0 ? (int)left : 0);
	}
}
