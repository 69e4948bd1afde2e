/*
 * Rows that somebody else than their worker wants to change.
 *
 * What a worker has answered is worth something as long as it is there.  When
 * it goes, its rows are free, since what it sent before it has reported, or
 * will be sent again; when another one comes in its place before the claim has
 * been used, that one is asked in turn.  A worker sends nothing before it has
 * been greeted, which is after it counts here, so that none is missed.
 *
 * A worker keeps one claim per row, however often it is asked: it is told to
 * look again when the last of ours is dropped.
 */

#include "supervisor/store/claims.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/xalloc.h"

#define LIMIT_MS	1000	/* for a worker to answer */
#define CLAIMS_MAX	16384	/* beyond these, rows are refused */
#define NBUCKETS	1024

struct claim {
	TAILQ_ENTRY(claim) entry;	/* all, by deadline */
	TAILQ_ENTRY(claim) bucket_entry;
	struct claims	*claims;
	struct claimant	*claimant;
	struct peer	*peer;		/* who was asked, or is to be told */
	uint8_t		 owner[OWNER_ID_LEN];
	int64_t		 row;
	int64_t		 deadline;	/* monotonic ms */
	uint32_t	 seq;		/* of the question */
	int		 ask;
	enum claim_state state;
};

TAILQ_HEAD(claim_list, claim);

struct claims {
	struct peers	*peers;
	struct event	*ev_late;
	struct claim_list all, buckets[NBUCKETS];
	size_t		 n;
	uint32_t	 seq;
	int64_t		 limit_ms;
};

static void	claims_late_cb(evutil_socket_t, short, void *);
static void	claims_came_cb(void *, struct peer *);
static void	claims_gone_cb(void *, struct peer *);

struct claims *
claims_new(struct event_base *base, struct peers *ps)
{
	struct claims	*cs = xcalloc(1, sizeof *cs);
	int		 i;

	cs->peers = ps;
	cs->limit_ms = LIMIT_MS;
	TAILQ_INIT(&cs->all);
	for (i = 0; i < NBUCKETS; i++)
		TAILQ_INIT(&cs->buckets[i]);
	if ((cs->ev_late = evtimer_new(base, claims_late_cb, cs)) == NULL)
		fatalx("evtimer_new failed");
	peers_watch(ps, claims_came_cb, claims_gone_cb, cs);
	return cs;
}

/* Whoever holds claims has dropped them before. */
void
claims_free(struct claims **csp)
{
	struct claims	*cs = *csp;

	*csp = NULL;
	if (cs == NULL)
		return;
	peers_watch(cs->peers, NULL, NULL, NULL);
	event_free(cs->ev_late);
	free(cs);
}

void
claims_set_limit(struct claims *cs, int64_t ms)
{
	cs->limit_ms = ms;
}

static struct claim_list *
claims_bucket(struct claims *cs, int64_t row)
{
	return &cs->buckets[(uint64_t)row % NBUCKETS];
}

/* ---- states ---- */

enum claim_state
claim_state(const struct claim *c)
{
	return c->state;
}

/* The count of its holder follows. */
static void
claim_set(struct claim *c, enum claim_state state)
{
	if (c->state == CLAIM_WAITS)
		c->claimant->waits--;
	c->state = state;
	if (c->state == CLAIM_WAITS)
		c->claimant->waits++;
}

static void
claim_settle(struct claim *c, enum claim_state state)
{
	claim_set(c, state);
	c->claimant->cb(c->claimant->arg);
}

/* The timer, for the first that waits.  Deadlines come in order. */
static void
claims_schedule(struct claims *cs)
{
	struct timeval	 tv;
	struct claim	*c;
	int64_t		 ms;

	TAILQ_FOREACH(c, &cs->all, entry)
		if (c->state == CLAIM_WAITS)
			break;
	if (c == NULL) {
		evtimer_del(cs->ev_late);
		return;
	}
	ms = c->deadline - clock_mono_ms();
	if (ms < 0)
		ms = 0;
	tv.tv_sec = ms / 1000;
	tv.tv_usec = ms % 1000 * 1000;
	evtimer_add(cs->ev_late, &tv);
}

static void
claims_late_cb(evutil_socket_t fd, short what, void *arg)
{
	struct claims	*cs = arg;
	struct claim	*c;
	int64_t		 now = clock_mono_ms();
	int		 late = 0;

	(void)fd;
	(void)what;
	TAILQ_FOREACH(c, &cs->all, entry) {
		if (c->deadline > now)
			break;
		if (c->state != CLAIM_WAITS)
			continue;
		claim_settle(c, CLAIM_REFUSED);
		late++;
	}
	if (late > 0)
		log_info("%d rows: their worker does not say whether they are "
		    "free", late);
	claims_schedule(cs);
}

/* ---- asking ---- */

/* Who does not read would not answer either. */
static enum claim_state
claim_ask(struct claim *c, struct peer *p)
{
	struct msg_claim	body = { c->row };

	if (p->full)
		return CLAIM_REFUSED;
	if (++c->claims->seq == 0)
		c->claims->seq = 1;
	c->seq = c->claims->seq;
	c->peer = p;
	peer_send(p, MSG_STORE_CLAIM, c->seq, &body);
	return CLAIM_WAITS;
}

struct claim *
claim_take(struct claims *cs, struct claimant *by,
    const uint8_t owner[OWNER_ID_LEN], int64_t row, int ask)
{
	struct claim	*c = xcalloc(1, sizeof *c);
	struct peer	*p = peers_worker(cs->peers, owner);

	c->claims = cs;
	c->claimant = by;
	c->row = row;
	c->ask = ask;
	memcpy(c->owner, owner, sizeof c->owner);
	c->deadline = clock_mono_ms() + cs->limit_ms;
	c->state = CLAIM_FREE;
	if (p != NULL && !ask)
		c->peer = p;
	else if (p != NULL)
		claim_set(c, cs->n < CLAIMS_MAX ? claim_ask(c, p) :
		    CLAIM_REFUSED);
	TAILQ_INSERT_TAIL(&cs->all, c, entry);
	TAILQ_INSERT_TAIL(claims_bucket(cs, row), c, bucket_entry);
	cs->n++;
	if (c->state == CLAIM_WAITS && !evtimer_pending(cs->ev_late, NULL))
		claims_schedule(cs);
	return c;
}

/* Is there another claim of the same worker's row? */
static int
claim_shared(struct claim *c)
{
	struct claim	*other;

	TAILQ_FOREACH(other, claims_bucket(c->claims, c->row), bucket_entry)
		if (other != c && other->row == c->row &&
		    other->peer == c->peer && other->ask)
			return 1;
	return 0;
}

void
claim_drop(struct claim **cp)
{
	struct claim		*c = *cp;
	struct msg_claim	 body;

	*cp = NULL;
	if (c == NULL)
		return;
	if (c->state == CLAIM_WAITS)
		c->claimant->waits--;
	body.row = c->row;
	if (c->peer != NULL && !c->peer->bad && !claim_shared(c))
		peer_send(c->peer, MSG_STORE_UNCLAIM, 0, &body);
	TAILQ_REMOVE(&c->claims->all, c, entry);
	TAILQ_REMOVE(claims_bucket(c->claims, c->row), c, bucket_entry);
	c->claims->n--;
	free(c);
}

void
claims_answer(struct claims *cs, const struct peer *p, uint32_t seq,
    const struct msg_claimed *body)
{
	struct claim	*c;

	TAILQ_FOREACH(c, claims_bucket(cs, body->row), bucket_entry) {
		if (c->row != body->row || c->seq != seq || c->peer != p ||
		    c->state != CLAIM_WAITS)
			continue;
		claim_settle(c, body->free ? CLAIM_FREE : CLAIM_REFUSED);
		return;
	}
}

/* ---- workers that come and go ---- */

static void
claims_came_cb(void *arg, struct peer *p)
{
	struct claims	*cs = arg;
	struct claim	*c;

	TAILQ_FOREACH(c, &cs->all, entry)
		if (c->peer == NULL && c->ask && c->state != CLAIM_REFUSED &&
		    memcmp(c->owner, p->channel.owner, OWNER_ID_LEN) == 0)
			claim_set(c, claim_ask(c, p));
	claims_schedule(cs);
}

/* Who follows in its place is about to come. */
static void
claims_gone_cb(void *arg, struct peer *p)
{
	struct claims	*cs = arg;
	struct claim	*c;

	TAILQ_FOREACH(c, &cs->all, entry) {
		if (c->peer != p)
			continue;
		c->peer = NULL;
		if (c->state == CLAIM_WAITS &&
		    peers_worker(cs->peers, c->owner) == NULL)
			claim_settle(c, CLAIM_FREE);
	}
}
