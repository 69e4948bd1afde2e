/* Channels between children. */

#include "supervisor/pair.h"

#include <string.h>

#include "supervisor/child.h"
#include "supervisor/member.h"
#include "supervisor/session.h"

/* Whose rows and whose connection a worker's channel is about. */
static void
pair_describe(const struct child *worker, struct msg_channel *ch)
{
	const struct member	*m = NULL;
	const struct session	*se;

	if (child_role(worker) == CHILD_MEMBER) {
		m = child_arg(worker);
		ch->kind = OWNER_MEMBER;
		memcpy(ch->owner, m->owner, OWNER_ID_LEN);
		memcpy(ch->pub, m->mesh.pub, KEY_PUBLIC_LEN);
	} else {
		se = child_arg(worker);
		m = se->member;
		ch->kind = OWNER_SESSION;
		memcpy(ch->owner, se->rec.owner, OWNER_ID_LEN);
		memcpy(ch->pub, se->rec.pub, KEY_PUBLIC_LEN);
	}
	memcpy(ch->member_owner, m->owner, OWNER_ID_LEN);
	memcpy(ch->member_pub, m->mesh.pub, KEY_PUBLIC_LEN);
	memcpy(ch->mesh, m->mesh.slug, sizeof ch->mesh);
}

static int
pair_is_worker(const struct child *c)
{
	return child_peer(c) == PEER_WORKER;
}

/* Do these two talk to each other? */
static int
pair_wanted(const struct child *a, const struct child *b)
{
	unsigned	peers = child_peer(a) | child_peer(b);

	return peers == (PEER_GATE | PEER_STORE) ||
	    peers == (PEER_GATE | PEER_WORKER) ||
	    peers == (PEER_STORE | PEER_WORKER);
}

static void
pair_make(struct child *a, struct child *b)
{
	struct msg_channel	ch;
	int			fds[2];

	memset(&ch, 0, sizeof ch);
	if (pair_is_worker(a))
		pair_describe(a, &ch);
	else if (pair_is_worker(b))
		pair_describe(b, &ch);
	if (channel_pair(fds) == -1) {
		/* Without it the younger one is of no use: try again. */
		log_warn("channel between %s and %s",
		    child_role_name(child_role(a)),
		    child_role_name(child_role(b)));
		child_kill(a);
		return;
	}
	ch.peer = child_peer(b);
	child_send(a, MSG_SUP_CHANNEL, 0, &ch, fds[0]);
	ch.peer = child_peer(a);
	child_send(b, MSG_SUP_CHANNEL, 0, &ch, fds[1]);
}

/* With workers, or with those that are none. */
static void
pair_with(struct child *c, int workers)
{
	struct supervisor	*s = child_sup(c);
	struct child		*other;

	for (other = TAILQ_FIRST(&s->children); other != NULL;
	    other = child_next(other))
		if (other != c && child_is_up(other) &&
		    pair_wanted(c, other) && pair_is_worker(other) == workers)
			pair_make(c, other);
}

/*
 * The workers first: a store that hears of the gate before them would take
 * what it asks for rows that nobody is sending.
 */
void
pair_up(struct child *c)
{
	pair_with(c, 1);
	pair_with(c, 0);
}
