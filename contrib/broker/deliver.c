/*
 * Who gets a stored message, and what happens until it is acknowledged.
 */

#include "contrib/broker/deliver.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "contrib/broker/box.h"
#include "contrib/broker/claim.h"

#define DRAIN_ROWS	64	/* read at a time */

struct deliver {
	struct queue		*queue;
	int64_t			 hold_ms;
	struct boxes		 boxes;
	struct claims		 claims;
};

enum offer {
	OFFER_TAKEN,
	OFFER_PASSED,		/* claimed already, or nobody may have it */
	OFFER_FULL,		/* whoever should have it has no room */
};

struct deliver *
deliver_new(struct queue *queue, int64_t hold_ms)
{
	struct deliver	*d = xcalloc(1, sizeof *d);

	d->queue = queue;
	d->hold_ms = hold_ms;
	boxes_init(&d->boxes);
	claims_init(&d->claims);
	return d;
}

/* Every reader has been closed. */
void
deliver_free(struct deliver **dp)
{
	struct deliver	*d = *dp;

	*dp = NULL;
	if (d == NULL)
		return;
	boxes_clear(&d->boxes);
	claims_clear(&d->claims);
	free(d);
}

/* All claims of a stream end, and its messages wait again. */
static void
stream_release(struct deliver *d, struct stream *s)
{
	struct claim	*c, *next;

	for (c = TAILQ_FIRST(&s->claims); c != NULL; c = next) {
		next = TAILQ_NEXT(c, in_stream);
		lane_rewind(&d->boxes, s->box, (int)s->key.priority, c->seq);
		claim_free(&d->claims, c);
	}
}

/* ---- giving ---- */

static int
may_have(const struct reader *reader, enum priority priority)
{
	return !reader->quiet || priority == PRIORITY_NOW;
}

/* A sender (0: whoever) is not given its own messages. */
static struct reader *
reader_choose(const struct box *box, int64_t sender, enum priority priority)
{
	struct seat	*seat;

	TAILQ_FOREACH(seat, &box->seats, entry)
		if (seat->reader->key != sender &&
		    may_have(seat->reader, priority))
			return seat->reader;
	return NULL;
}

/* Is there anybody who may have messages of this priority? */
static int
is_quiet(const struct box *box, enum priority priority)
{
	struct seat	*seat;

	TAILQ_FOREACH(seat, &box->seats, entry)
		if (may_have(seat->reader, priority))
			return 0;
	return 1;
}

static enum offer
offer(struct deliver *d, struct box *box, const struct message *m)
{
	struct stream	*s;
	struct reader	*reader;

	if (claim_find(&d->claims, m->id) != NULL)
		return OFFER_PASSED;
	s = stream_find(&d->claims, m);
	/*
	 * What is behind a claimed part goes where that went, or waits.  What
	 * was sent later by itself may be for who asked for it.
	 */
	reader = s != NULL ? s->owner : reader_choose(box,
	    m->subtype == NULL ? m->sender : 0, m->priority);
	if (reader == NULL || !may_have(reader, m->priority)) {
		box->lanes[m->priority].passed = 1;
		return OFFER_PASSED;
	}
	if (reader->claims >= DELIVER_WINDOW || !reader->room(reader))
		return OFFER_FULL;
	if (s == NULL)
		s = stream_open(&d->claims, box, reader, m);
	claim_add(&d->claims, s, m);
	reader->push(reader, m);
	return OFFER_TAKEN;
}

int
deliver_is_served(const struct deliver *d, int64_t recipient, int64_t sender)
{
	const struct box	*box = box_find(&d->boxes, recipient);

	return box != NULL &&
	    reader_choose(box, sender, PRIORITY_NOW) != NULL;
}

void
deliver_message(struct deliver *d, const struct message *m)
{
	struct box	*box = box_find(&d->boxes, m->recipient);
	struct lane	*lane;

	if (box == NULL)
		return;
	lane = &box->lanes[m->priority];
	if (lane->backlog)
		return;		/* it is behind others */
	if (offer(d, box, m) == OFFER_FULL)
		lane->backlog = 1;
	else
		lane->cursor = m->seq;
}

struct drain {
	struct deliver	*d;
	struct box	*box;
	int		 full;
};

static int
drain_cb(void *arg, const struct message *m)
{
	struct drain	*drain = arg;

	drain->full = offer(drain->d, drain->box, m) == OFFER_FULL;
	return drain->full;
}

/* With one reader, its own messages are not even read. */
static int64_t
box_not_from(const struct box *box)
{
	struct seat	*seat = TAILQ_FIRST(&box->seats);

	return TAILQ_NEXT(seat, entry) == NULL &&
	    seat->reader->key != box->key ? seat->reader->key : 0;
}

/* Give from one lane, at most max; how many were looked at.  -1: stop. */
static int
lane_drain(struct deliver *d, struct box *box, int priority, int max)
{
	struct lane	*lane = &box->lanes[priority];
	struct drain	 drain = { d, box, 0 };
	int64_t		 not_from = box_not_from(box);
	int		 limit = max < DRAIN_ROWS ? max : DRAIN_ROWS, n;

	if (is_quiet(box, (enum priority)priority)) {
		lane->passed = 1;
		lane->backlog = 0;
		return 0;
	}
	if (not_from != 0)
		lane->passed = 1;
	n = queue_waiting(d->queue, box->key, (enum priority)priority,
	    &lane->cursor, not_from, limit, drain_cb, &drain);
	if (n == -1 || drain.full)
		return -1;
	if (n < limit)
		lane->backlog = 0;
	return n;
}

/* The number left of max, or -1 when the box has to wait for room. */
static int
box_drain(struct deliver *d, struct box *box, int max)
{
	int	 i, n;

	for (i = 0; i < NLANES; i++) {
		while (box->lanes[i].backlog && max > 0) {
			if ((n = lane_drain(d, box, i, max)) == -1)
				return -1;
			max -= n;
		}
	}
	return max;
}

int
deliver_run(struct deliver *d, int max)
{
	struct box	*box;
	int		 quota, left;

	while (max > 0 && (box = TAILQ_FIRST(&d->boxes.ready)) != NULL) {
		box_unready(&d->boxes, box);
		quota = max < DRAIN_ROWS ? max : DRAIN_ROWS;
		left = box_drain(d, box, quota);
		max -= left == -1 ? 1 : quota - left;
		/* The others first, then this one again. */
		if (left == 0 && box_backlog(box))
			box_ready(&d->boxes, box);
	}
	return !TAILQ_EMPTY(&d->boxes.ready);
}

void
deliver_room(struct deliver *d, struct reader *reader)
{
	int	 i;

	for (i = 0; i < 2; i++)
		if (reader->seats[i].box != NULL &&
		    box_backlog(reader->seats[i].box))
			box_ready(&d->boxes, reader->seats[i].box);
}

void
deliver_open(struct deliver *d, struct reader *reader)
{
	LIST_INIT(&reader->streams);
	reader->claims = 0;
	reader->quiet = 0;
	seat_take(&d->boxes, &reader->seats[0], reader, reader->key);
	reader->seats[1].box = NULL;
	if (reader->member_key != reader->key)
		seat_take(&d->boxes, &reader->seats[1], reader,
		    reader->member_key);
}

static void
seat_wake(struct deliver *d, struct seat *seat)
{
	struct box	*box = seat->box;
	int		 i;

	for (i = 0; box != NULL && i < NLANES; i++) {
		if (i == PRIORITY_NOW || !box->lanes[i].passed)
			continue;
		box->lanes[i].passed = 0;
		lane_rewind(&d->boxes, box, i, 1);
	}
}

void
deliver_quiet(struct deliver *d, struct reader *reader, int on)
{
	if (reader->quiet == on)
		return;
	reader->quiet = on;
	if (on)
		return;
	seat_wake(d, &reader->seats[0]);
	seat_wake(d, &reader->seats[1]);
}

void
deliver_close(struct deliver *d, struct reader *reader)
{
	struct stream	*s;

	while ((s = LIST_FIRST(&reader->streams)) != NULL)
		stream_release(d, s);
	seat_leave(&d->boxes, &reader->seats[0]);
	seat_leave(&d->boxes, &reader->seats[1]);
}

/* ---- how it ends ---- */

static int
may_ack(const struct reader *reader, int64_t recipient)
{
	return recipient == reader->key || recipient == reader->member_key;
}

static void
claim_end(struct deliver *d, struct claim *c)
{
	struct reader		*owner = c->stream->owner;
	struct box		*box = c->stream->box;
	enum priority		 priority;
	int64_t			 seq = c->seq;
	int			 last;

	priority = (enum priority)c->stream->key.priority;
	last = TAILQ_NEXT(TAILQ_FIRST(&c->stream->claims), in_stream) == NULL;
	(void)queue_delivered(d->queue, seq, clock_wall_ms());
	claim_free(&d->claims, c);
	/* What was passed over for its sake comes before what is new. */
	if (last && !may_have(owner, priority) && box->lanes[priority].passed)
		lane_rewind(&d->boxes, box, (int)priority, seq + 1);
	deliver_room(d, owner);
}

void
deliver_ack(struct deliver *d, struct reader *reader, const char *id)
{
	struct claim	*c;
	int64_t		 seq, recipient;

	seat_first(&reader->seats[0]);
	if ((c = claim_find(&d->claims, id)) != NULL) {
		if (may_ack(reader, c->stream->key.recipient))
			claim_end(d, c);
		return;
	}
	/* Late: its claim has lapsed, and nobody has it now. */
	if (queue_find(d->queue, id, &seq, &recipient) == 1 &&
	    may_ack(reader, recipient))
		(void)queue_delivered(d->queue, seq, clock_wall_ms());
}

void
deliver_ack_client(struct deliver *d, struct reader *reader,
    const char *client_id)
{
	struct stream	*s, *next_s;
	struct claim	*c, *next_c;

	for (s = LIST_FIRST(&reader->streams); s != NULL; s = next_s) {
		next_s = LIST_NEXT(s, of_owner);
		for (c = TAILQ_FIRST(&s->claims); c != NULL; c = next_c) {
			next_c = TAILQ_NEXT(c, in_stream);
			if (c->client_id != NULL &&
			    strcmp(c->client_id, client_id) == 0)
				claim_end(d, c);
		}
	}
}

/* Whoever let a claim lapse is the last choice, until it acknowledges. */
static void
reader_late(struct box *box, struct reader *reader)
{
	seat_last(reader->seats[0].box == box ? &reader->seats[0] :
	    &reader->seats[1]);
}

int64_t
deliver_lapse(struct deliver *d, int64_t now)
{
	struct claim	*c;

	while ((c = TAILQ_FIRST(&d->claims.by_time)) != NULL) {
		if (c->at + d->hold_ms > now)
			return c->at + d->hold_ms;
		reader_late(c->stream->box, c->stream->owner);
		stream_release(d, c->stream);
	}
	return -1;
}

void
deliver_rewind(struct deliver *d)
{
	struct box	*box;
	int		 i;

	TAILQ_FOREACH(box, &d->boxes.all, all)
		for (i = 0; i < NLANES; i++)
			lane_rewind(&d->boxes, box, i, 1);
}
