/*
 * When scheduled messages are sent.
 */

#include "contrib/broker/fire.h"

#include <libwebsockets.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/encode.h"
#include "common/envelope.h"
#include "common/xalloc.h"
#include "contrib/broker/broker.h"
#include "contrib/broker/conn.h"
#include "contrib/broker/db.h"
#include "contrib/broker/frame.h"
#include "contrib/broker/groups.h"
#include "contrib/broker/members.h"
#include "contrib/broker/push.h"
#include "contrib/broker/quiet.h"
#include "contrib/broker/quota.h"
#include "contrib/broker/schedule.h"
#include "contrib/broker/turn.h"

#define TICK_US		LWS_USEC_PER_SEC
#define MORE_US		(10 * LWS_USEC_PER_SEC / 1000)
#define FIRE_ROWS	32		/* sent in one go */
#define HELD_MS		5000		/* between looks at those that wait */
#define PRUNE_MS	3600000
/* After a start peers are given this long to be back for multicasts. */
#define SETTLE_MS	5000
#define BACK_MS		60000		/* the clock was set back */

struct fire {
	struct broker		*broker;
	struct lws_context	*context;
	int64_t			 started_at, held_at, pruned_at;  /* mono ms */
	int64_t			 last_wall;
	int64_t			 next;		/* wall ms */
	int			 holding;	/* some wait for somebody */
	int			 check;		/* both are not known */
	int			 ticking;
	lws_sorted_usec_list_t	 sul;
};

/* Does a peer get what is sent to this multicast target? */
static int
is_for(const struct peer *peer, const struct scheduled *d)
{
	const struct group_seat	*seat;

	if (peer->conn == NULL || !peer->visible ||
	    peer->reader.key == d->sender)
		return 0;
	if (*d->target == '*' || strcmp(d->target, "@all") == 0)
		return 1;
	TAILQ_FOREACH(seat, &peer->seats, of_peer)
		if (strcmp(seat->name, d->target + 1) == 0)
			return 1;
	return 0;
}

static int
is_awaited(const struct broker *b, const struct scheduled *d)
{
	struct mesh	*mesh = presence_mesh(&b->presence, d->mesh_id);
	struct peer	*peer;

	if (mesh != NULL)
		TAILQ_FOREACH(peer, &mesh->peers, entry)
			if (is_for(peer, d))
				return 1;
	return 0;
}

/* 1: sent, 0: nobody is here to get it, -1: the file failed. */
static int
fire_many(struct broker *b, const struct scheduled *d, struct message *m)
{
	struct mesh	*mesh = presence_mesh(&b->presence, d->mesh_id);
	struct peer	*peer;
	struct frame	*f;
	uint8_t		 raw[ENVELOPE_NONCE_LEN];
	char		 nonce[48];

	if (!is_awaited(b, d))
		return 0;
	randombytes_buf(raw, sizeof raw);
	m->nonce = base64_encode(nonce, sizeof nonce, raw, sizeof raw);
	m->target = d->target;
	if (queue_accept(b->queue, m) != QUEUE_STORED)
		return -1;
	f = push_frame(m, d->mesh_id);
	TAILQ_FOREACH(peer, &mesh->peers, entry)
		if (is_for(peer, d))
			conn_send(peer->conn, f);
	frame_unref(&f);
	return 1;
}

static int
fire_direct(struct broker *b, const struct scheduled *d, struct message *m)
{
	uint8_t	 key[KEY_PUBLIC_LEN];

	if (hex_decode(key, sizeof key, d->target) == -1)
		return -1;
	m->nonce = "";
	m->recipient = members_key(b->members, d->mesh, key);
	if (m->recipient <= 0 || quota_allows(b->quota, d->member,
	    SERVICE_WAITING, queue_size(m)) != 1 ||
	    queue_accept(b->queue, m) != QUEUE_STORED)
		return -1;
	deliver_message(b->deliver, m);
	return 1;
}

/* As a message of who asked for it. */
static int
fire_send(struct broker *b, const struct scheduled *d, int64_t now)
{
	struct message	 m;
	size_t		 len = strlen(d->message), size = base64_size(len);
	char		*text = xmalloc(size);
	int		 rc;

	memset(&m, 0, sizeof m);
	m.sender = d->sender;
	m.sender_member = d->member;
	memcpy(m.sender_key, d->sender_key, sizeof m.sender_key);
	memcpy(m.sender_member_key, d->member_key,
	    sizeof m.sender_member_key);
	m.sender_member_id = d->member_id;
	m.sender_name = d->sender_name;
	m.priority = PRIORITY_NOW;
	m.subtype = SCHEDULE_SUBTYPE;
	m.ciphertext = base64_encode(text, size, d->message, len);
	m.created_at = now;
	rc = schedule_is_multicast(d->target) ? fire_many(b, d, &m) :
	    fire_direct(b, d, &m);
	freezero(text, size);
	return rc;
}

/* 1; 0: the file failed. */
static int
fire_one(struct fire *f, const struct scheduled *d, int64_t now)
{
	struct broker	*b = f->broker;
	int		 rc = d->revoked ? -1 : fire_send(b, d, now);

	b->commit_now = 1;
	f->check = 1;
	if (rc == 0)
		return schedule_hold(b->schedule, d) != -1;
	if (rc == -1 && !db_failed(b->db))
		quiet_info("a scheduled message has nobody to go to, or its "
		    "member too much that waits");
	return schedule_done(b->schedule, d, now) != -1;
}

/* What is due, what has been so longest first.  How many. */
static int
fire_due(struct fire *f, int64_t now)
{
	struct scheduled	 d;
	int			 settled, n = 0, ok = 1;

	settled = clock_mono_ms() >= f->started_at + SETTLE_MS;
	while (ok && n < FIRE_ROWS &&
	    schedule_due(f->broker->schedule, now, settled, &d) == 1) {
		ok = fire_one(f, &d, now);
		scheduled_clear(&d);
		n++;
	}
	return n;
}

/* Somebody may have come for what waits in a mesh. */
static void
fire_mesh(struct fire *f, const struct mesh *mesh, int64_t now)
{
	struct scheduled	 d;
	int64_t			 above = 0;
	int			 ok = 1;

	while (ok && schedule_held(f->broker->schedule, mesh->row, above,
	    &d) == 1) {
		above = d.id;
		if (d.revoked || is_awaited(f->broker, &d))
			ok = fire_one(f, &d, now);
		scheduled_clear(&d);
	}
}

static void
fire_held(struct fire *f, int64_t now, int64_t mono)
{
	const struct table	*meshes = &f->broker->presence.meshes;
	struct link		*l;
	size_t			 i;

	if (!f->holding || mono < f->held_at + HELD_MS)
		return;
	f->held_at = mono;
	for (i = 0; i < meshes->nslots; i++)
		for (l = meshes->slots[i]; l != NULL; l = l->next)
			fire_mesh(f, table_entry(l, struct mesh, link), now);
}

static void
fire_chores(struct fire *f, int64_t now, int64_t mono)
{
	fire_held(f, now, mono);
	if (now < f->last_wall - BACK_MS) {
		(void)schedule_replan(f->broker->schedule, now);
		f->check = 1;
	}
	f->last_wall = now;
	if (mono >= f->pruned_at + PRUNE_MS) {
		f->pruned_at = mono;
		(void)schedule_prune(f->broker->schedule, now);
	}
}

static void
tick_cb(lws_sorted_usec_list_t *sul)
{
	struct fire	*f = lws_container_of(sul, struct fire, sul);
	int64_t		 now = clock_wall_ms();
	int		 n = 0;

	fire_chores(f, now, clock_mono_ms());
	if (f->check) {
		f->check = 0;
		f->next = schedule_next(f->broker->schedule);
		f->holding = schedule_holds(f->broker->schedule);
	}
	if (f->next <= now)
		n = fire_due(f, now);
	turn_end(f->broker->turn);
	f->ticking = f->check || f->holding || f->next != INT64_MAX;
	if (f->ticking)
		lws_sul_schedule(f->context, 0, sul, tick_cb,
		    n == FIRE_ROWS ? MORE_US : TICK_US);
}

void
fire_plan(struct fire *f)
{
	f->check = 1;
	if (f->ticking)
		return;
	f->ticking = 1;
	lws_sul_schedule(f->context, 0, &f->sul, tick_cb, MORE_US);
}

struct fire *
fire_new(struct broker *b, struct lws_context *context)
{
	struct fire	*f = xcalloc(1, sizeof *f);

	f->broker = b;
	f->context = context;
	f->started_at = f->held_at = clock_mono_ms();
	f->pruned_at = f->started_at - PRUNE_MS;
	f->last_wall = INT64_MAX;	/* the clock may have gone back */
	fire_plan(f);
	return f;
}

void
fire_free(struct fire **fp)
{
	free(*fp);
	*fp = NULL;
}
