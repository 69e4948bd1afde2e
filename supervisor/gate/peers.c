/*
 * Channels to siblings.  A worker that was replaced may have said things that
 * are still on their way: its old channel is read to its end, only nothing is
 * sent there any more.
 */

#include "supervisor/gate/peers.h"

#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "common/evpeer.h"
#include "common/log.h"
#include "common/rules.h"
#include "common/xalloc.h"
#include "supervisor/gate/call.h"
#include "supervisor/gate/control.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/stream.h"
#include "supervisor/gate/waits.h"

struct peer {
	TAILQ_ENTRY(peer) next;
	struct gate	*gate;
	struct evpeer	*ev;
	struct msg_channel who;
	int		 replaced;
};

struct peers {
	struct gate	*gate;
	TAILQ_HEAD(, peer) list;
};

struct peers *
peers_new(struct gate *g)
{
	struct peers	*ps = xcalloc(1, sizeof *ps);

	ps->gate = g;
	TAILQ_INIT(&ps->list);
	return ps;
}

static void
peer_free(struct peers *ps, struct peer *p)
{
	TAILQ_REMOVE(&ps->list, p, next);
	evpeer_free(&p->ev);
	free(p);
}

void
peers_free(struct peers **psp)
{
	struct peers	*ps = *psp;
	struct peer	*p;

	if (ps == NULL)
		return;
	while ((p = TAILQ_FIRST(&ps->list)) != NULL)
		peer_free(ps, p);
	free(ps);
	*psp = NULL;
}

/* "store", or "worker" and the first digits of its owner's id, for the log. */
static const char *
peer_name(const struct peer *p)
{
	static char	name[32];

	if (p->who.peer == PEER_STORE)
		return "store";
	snprintf(name, sizeof name, "worker %02x%02x%02x%02x",
	    p->who.owner[0], p->who.owner[1], p->who.owner[2],
	    p->who.owner[3]);
	return name;
}

static int
peer_msg_cb(void *arg, struct msg *m)
{
	struct peer	*p = arg;

	if (control_dispatch(p->gate, p->who.peer, p, m) == 0)
		return 0;
	log_warnx("%s: %s: nonsense", peer_name(p), msg_name(m->type));
	return -1;
}

static void
peer_gone_cb(void *arg, const char *why)
{
	struct peer	*p = arg;
	struct gate	*g = p->gate;

	if (!p->replaced && g->state == GATE_UP)
		log_info("%s: channel %s", peer_name(p), why);
	if (p->who.peer == PEER_WORKER)
		calls_lost(g->calls, p);
	peer_free(g->peers, p);
}

static struct peer *
peers_find(struct peers *ps, uint32_t kind, const uint8_t *owner)
{
	struct peer	*p;

	TAILQ_FOREACH(p, &ps->list, next)
		if (!p->replaced && p->who.peer == kind && (owner == NULL ||
		    memcmp(p->who.owner, owner, OWNER_ID_LEN) == 0))
			break;
	return p;
}

int
peers_add(struct peers *ps, int fd, const struct msg_channel *who)
{
	struct peer	*p, *old;

	if (who->peer != PEER_STORE && who->peer != PEER_WORKER)
		return -1;
	old = peers_find(ps, who->peer,
	    who->peer == PEER_WORKER ? who->owner : NULL);
	if (old != NULL)
		old->replaced = 1;
	p = xcalloc(1, sizeof *p);
	p->gate = ps->gate;
	p->who = *who;
	p->ev = evpeer_new(ps->gate->base, fd, peer_msg_cb, peer_gone_cb, p);
	TAILQ_INSERT_TAIL(&ps->list, p, next);
	if (who->peer == PEER_STORE) {
		calls_repeat(ps->gate->calls);
		streams_again(ps->gate->streams);
		waits_again(ps->gate->waits);
	}
	return 0;
}

struct peer *
peers_store(struct peers *ps)
{
	return peers_find(ps, PEER_STORE, NULL);
}

struct peer *
peers_worker(struct peers *ps, const uint8_t owner[OWNER_ID_LEN])
{
	return peers_find(ps, PEER_WORKER, owner);
}

struct evpeer *
peer_ev(struct peer *p)
{
	return p->ev;
}

struct gate *
peer_gate(struct peer *p)
{
	return p->gate;
}

const struct msg_channel *
peer_who(const struct peer *p)
{
	return &p->who;
}
