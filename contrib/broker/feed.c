/*
 * Topic messages, live.
 */

#include "contrib/broker/feed.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "contrib/broker/broker.h"
#include "contrib/broker/conn.h"
#include "contrib/broker/frame.h"
#include "contrib/broker/lodging.h"
#include "contrib/broker/push.h"
#include "contrib/broker/topic_rows.h"

#define RUN_ROWS	32	/* given to one peer at a time */
#define RUN_SPAN	2000	/* numbers looked at at a time */
#define KEEP_MS		5000	/* a cursor in the file is at most so old */

TAILQ_HEAD(feed_list, peer);

struct feed {
	struct broker	*broker;
	struct feed_list ready, dirty;
	int64_t		 kept_at;
};

void
feed_init(struct feed_seat *seat)
{
	memset(seat, 0, sizeof *seat);
	TAILQ_INIT(&seat->owed);
}

static void
owed_drop(struct feed_seat *seat, struct feed_owed *owed)
{
	TAILQ_REMOVE(&seat->owed, owed, entry);
	seat->nowed--;
	free(owed);
}

void
feed_clear(struct feed_seat *seat)
{
	while (!TAILQ_EMPTY(&seat->owed))
		owed_drop(seat, TAILQ_FIRST(&seat->owed));
}

struct feed *
feed_new(struct broker *b)
{
	struct feed	*feed = xcalloc(1, sizeof *feed);

	feed->broker = b;
	TAILQ_INIT(&feed->ready);
	TAILQ_INIT(&feed->dirty);
	return feed;
}

void
feed_free(struct feed **feed)
{
	free(*feed);
	*feed = NULL;
}

/* ---- cursors ---- */

/* All up to here was given, and came, as far as is known. */
static int64_t
cursor(const struct feed *feed, const struct peer *peer)
{
	const struct feed_seat	*seat = &peer->feed;
	const struct feed_owed	*owed;
	int64_t			 seq;

	seq = seat->behind ? seat->seq : topic_rows_last(feed->broker->topics);
	TAILQ_FOREACH(owed, &seat->owed, entry)
		if (owed->seq <= seq)
			seq = owed->seq - 1;
	return seq;
}

static void
ready_set(struct feed *feed, struct peer *peer, int on)
{
	struct feed_seat	*seat = &peer->feed;

	if (on == seat->is_ready)
		return;
	seat->is_ready = on;
	if (on)
		TAILQ_INSERT_TAIL(&feed->ready, peer, feed.ready);
	else
		TAILQ_REMOVE(&feed->ready, peer, feed.ready);
}

static void
dirty_set(struct feed *feed, struct peer *peer, int on)
{
	struct feed_seat	*seat = &peer->feed;

	if (on == seat->is_dirty)
		return;
	seat->is_dirty = on;
	if (on)
		TAILQ_INSERT_TAIL(&feed->dirty, peer, feed.dirty);
	else
		TAILQ_REMOVE(&feed->dirty, peer, feed.dirty);
}

/* To the file, when it is another one. */
static void
cursor_keep(struct feed *feed, struct peer *peer)
{
	int64_t	 seq = cursor(feed, peer);

	if (seq == peer->feed.kept)
		return;
	peer->feed.kept = seq;
	(void)lodging_put_seq(feed->broker->lodging, peer, seq);
}

static void
fall_behind(struct peer *peer, int64_t seq)
{
	struct feed_seat	*seat = &peer->feed;

	seat->behind = 1;
	seat->seq = seq;
	seat->now_seq = 0;
	seat->now_missed = 0;
}

void
feed_open(struct feed *feed, struct peer *peer)
{
	peer->feed.kept = topic_rows_last(feed->broker->topics);
}

void
feed_close(struct feed *feed, struct peer *peer)
{
	int64_t	 seq = cursor(feed, peer);

	cursor_keep(feed, peer);
	feed_forget(feed, peer);
	feed_clear(&peer->feed);
	fall_behind(peer, seq);
}

void
feed_move(struct feed *feed, struct peer *to, struct peer *from)
{
	to->feed.kept = from->feed.kept;
	fall_behind(to, cursor(feed, from));
	feed_room(feed, to);
}

void
feed_forget(struct feed *feed, struct peer *peer)
{
	ready_set(feed, peer, 0);
	dirty_set(feed, peer, 0);
}

void
feed_room(struct feed *feed, struct peer *peer)
{
	if (peer->feed.behind && peer->status != STATUS_DND)
		ready_set(feed, peer, 1);
}

void
feed_rewind(struct feed *feed)
{
	const struct table	*meshes = &feed->broker->presence.meshes;
	struct link		*l;
	struct peer		*peer;
	size_t			 i;

	for (i = 0; i < meshes->nslots; i++)
		for (l = meshes->slots[i]; l != NULL; l = l->next)
			TAILQ_FOREACH(peer, &table_entry(l, struct mesh,
			    link)->peers, entry)
				if (peer->conn != NULL)
					feed_room(feed, peer);
}

void
feed_tick(struct feed *feed, int64_t now)
{
	struct peer	*peer;

	if (now - feed->kept_at < KEEP_MS)
		return;
	feed->kept_at = now;
	while ((peer = TAILQ_FIRST(&feed->dirty)) != NULL) {
		dirty_set(feed, peer, 0);
		cursor_keep(feed, peer);
	}
}

/* ---- giving ---- */

static void
give(struct feed *feed, struct peer *peer, const struct message *m,
    struct frame *f)
{
	struct feed_seat	*seat = &peer->feed;
	struct feed_owed	*owed = xcalloc(1, sizeof *owed);

	if (seat->nowed == FEED_OWED_MAX)
		owed_drop(seat, TAILQ_FIRST(&seat->owed));
	owed->seq = m->seq;
	memcpy(owed->id, m->id, sizeof owed->id);
	TAILQ_INSERT_TAIL(&seat->owed, owed, entry);
	seat->nowed++;
	dirty_set(feed, peer, 1);
	conn_send(peer->conn, f);
}

/* One subscriber, and a message that has just been stored. */
static void
offer(struct feed *feed, struct peer *peer, const struct message *m,
    struct frame *f)
{
	struct feed_seat	*seat = &peer->feed;
	int			 room = conn_has_room(peer->conn);
	int			 now = m->priority == PRIORITY_NOW;

	if (!seat->behind && (!room ||
	    (peer->status == STATUS_DND && !now)))
		fall_behind(peer, m->seq - 1);
	if (!seat->behind)
		give(feed, peer, m, f);
	else if (now && room && peer->status == STATUS_DND &&
	    !seat->now_missed) {
		seat->now_seq = m->seq;
		give(feed, peer, m, f);
	} else if (now)
		seat->now_missed = 1;
}

static int
is_subscriber(const void *key, const void *member)
{
	int64_t	 a = *(const int64_t *)key, b = *(const int64_t *)member;

	return a < b ? -1 : a > b;
}

int
feed_publish(struct feed *feed, const struct topic *topic,
    const struct message *m, struct peer *sender)
{
	struct mesh	*mesh = sender->mesh;
	struct peer	*peer;
	struct frame	*f;
	int64_t		*members = NULL;
	int		 n;

	n = topic_subscribers(feed->broker->topics, topic->row, &members);
	if (n > 0) {
		f = push_frame(m, mesh->mesh_id);
		TAILQ_FOREACH(peer, &mesh->peers, entry)
			if (peer != sender && peer->conn != NULL &&
			    bsearch(&peer->member, members, (size_t)n,
			    sizeof *members, is_subscriber) != NULL)
				offer(feed, peer, m, f);
		frame_unref(&f);
	}
	free(members);
	return n == -1 ? -1 : 0;
}

int
feed_ack(struct feed *feed, struct peer *peer, const char *id)
{
	struct feed_owed	*owed;

	TAILQ_FOREACH(owed, &peer->feed.owed, entry) {
		if (strcmp(owed->id, id) != 0)
			continue;
		owed_drop(&peer->feed, owed);
		dirty_set(feed, peer, 1);
		return 1;
	}
	return 0;
}

/* ---- what was missed ---- */

struct catch_up {
	struct feed	*feed;
	struct peer	*peer;
	int		 full;
};

static int
catch_up_cb(void *arg, const struct message *m)
{
	struct catch_up		*up = arg;
	struct peer		*peer = up->peer;
	struct frame		*f;

	if (m->priority == PRIORITY_NOW && m->seq <= peer->feed.now_seq) {
		peer->feed.seq = m->seq;	/* it has that */
		return 0;
	}
	if (!conn_has_room(peer->conn)) {
		up->full = 1;
		return 1;
	}
	f = push_frame(m, peer->mesh->mesh_id);
	give(up->feed, peer, m, f);
	frame_unref(&f);
	peer->feed.seq = m->seq;
	return 0;
}

/* A slice; how many rows were looked at. */
static int
catch_up(struct feed *feed, struct peer *peer)
{
	struct topic_rows	*topics = feed->broker->topics;
	struct catch_up		 up = { feed, peer, 0 };
	int64_t			 last = topic_rows_last(topics), to;
	int			 n, rc;

	to = peer->feed.seq + RUN_SPAN < last ? peer->feed.seq + RUN_SPAN :
	    last;
	rc = topic_waiting(topics, peer->member, peer->reader.key,
	    peer->feed.seq, to, RUN_ROWS, &n, catch_up_cb, &up);
	if (rc == -1 || up.full)
		return n + 1;
	if (n < RUN_ROWS)
		peer->feed.seq = to;
	if (peer->feed.seq >= last)
		peer->feed.behind = 0;
	else
		ready_set(feed, peer, 1);
	return n + 1;
}

int
feed_run(struct feed *feed, int max)
{
	struct peer	*peer;

	while (max > 0 && (peer = TAILQ_FIRST(&feed->ready)) != NULL) {
		ready_set(feed, peer, 0);
		if (peer->feed.behind && peer->status != STATUS_DND)
			max -= catch_up(feed, peer);
	}
	return !TAILQ_EMPTY(&feed->ready);
}
