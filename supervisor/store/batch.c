/*
 * One transaction for all who wait.
 *
 * The transaction begins with the first operation and takes what is readable
 * now: from each peer at most OPS_MAX operations or BYTES_MAX bytes, the gate
 * first, then the workers in the order in which they spoke up.  Who has more is
 * read again in the next batch, behind the others.  Answers are kept until the
 * commit has been synced.
 *
 * When the database fails, at whatever point, everything is rolled back and
 * every operation of the batch is answered so; all of them may be repeated.
 */

#include "supervisor/store/batch.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/rules.h"
#include "common/xalloc.h"

#define OPS_MAX		64		/* of one peer, in one batch */
#define BYTES_MAX	(256 * 1024)
#define BATCH_US	8000		/* then it is time to answer */

#define STATE_ANY	1u		/* no peer comes before we are up */

/* The body of an answer, by its type. */
struct answer {
	struct peer	*peer;
	enum msg_type	 type;
	uint32_t	 seq;
	union {
		struct msg_accepted	 accepted;
		struct msg_count	 seen;
		struct msg_recorded	 recorded;
		struct msg_stored	 stored;
		int			 handover;	/* MSG_STORE_WAKE */
	} u;
};

enum batch_state { BATCH_EMPTY, BATCH_OPEN, BATCH_FAILED };

struct batch {
	struct tables	*t;
	struct peers	*peers;
	struct notes	 notes;
	struct answer	*answers;
	size_t		 n, size;
	enum batch_state state;
	enum db_fault	 fault;		/* of a failed one */
	int64_t		 now;		/* wall time of all rows in it */
	int64_t		 limit_us;
	uint64_t	 operations;
};

/* What a handler works on. */
struct turn {
	struct batch	*b;
	struct peer	*p;
};

struct batch *
batch_new(struct tables *t, struct peers *ps)
{
	struct batch	*b = xcalloc(1, sizeof *b);

	b->t = t;
	b->peers = ps;
	b->limit_us = BATCH_US;
	return b;
}

void
batch_free(struct batch **bp)
{
	struct batch	*b = *bp;

	*bp = NULL;
	if (b == NULL)
		return;
	notes_free(&b->notes);
	free(b->answers);
	free(b);
}

void
batch_set_limit(struct batch *b, int64_t us)
{
	b->limit_us = us;
}

uint64_t
batch_operations(const struct batch *b)
{
	return b->operations;
}

/* The transaction, begun when it is first needed.  -1: this batch failed. */
static int
batch_enter(struct batch *b)
{
	if (b->state == BATCH_EMPTY)
		b->state = db_begin(b->t->db) == 0 ? BATCH_OPEN : BATCH_FAILED;
	return b->state == BATCH_OPEN ? 0 : -1;
}

/* Room for one more answer; valid until the next one. */
static struct answer *
batch_answer(struct batch *b, struct peer *p, enum msg_type type,
    uint32_t seq)
{
	struct answer	*a;

	if (b->n == b->size) {
		b->size = b->size != 0 ? 2 * b->size : 256;
		b->answers = xreallocarray(b->answers, b->size,
		    sizeof *b->answers);
	}
	a = &b->answers[b->n++];
	memset(a, 0, sizeof *a);
	a->peer = p;
	a->type = type;
	a->seq = seq;
	return a;
}

/* What became of the operation whose answer is the last one.  0 or -1. */
static int
batch_result(struct batch *b, enum op op)
{
	if (op == OP_NONSENSE) {
		b->n--;
		return -1;
	}
	if (op == OP_FAULT)
		b->state = BATCH_FAILED;
	b->operations++;
	return 0;
}

/* ---- operations ---- */

static int
on_accept(void *arg, struct msg *m)
{
	struct turn		*t = arg;
	struct batch		*b = t->b;
	struct msg_accept	 body;
	struct answer		*a;

	if (msg_decode(m, &body) == -1)
		return -1;
	a = batch_answer(b, t->p, MSG_STORE_ACCEPTED, m->seq);
	return batch_result(b, batch_enter(b) == -1 ? OP_FAULT :
	    outbox_accept(b->t->outbox, &body, b->now, &b->notes,
	    &a->u.accepted));
}

static int
on_seen(void *arg, struct msg *m)
{
	struct turn	*t = arg;
	struct batch	*b = t->b;
	struct msg_seen	 body;
	struct answer	*a;

	if (msg_decode(m, &body) == -1)
		return -1;
	a = batch_answer(b, t->p, MSG_STORE_SEEN, m->seq);
	return batch_result(b, batch_enter(b) == -1 ? OP_FAULT :
	    reader_seen(b->t->readers, body.reader, &body.rows, b->now,
	    &a->u.seen.count));
}

static int
on_progress(void *arg, struct msg *m)
{
	struct turn		*t = arg;
	struct batch		*b = t->b;
	struct msg_progress	 body;
	struct answer		*a;

	if (msg_decode(m, &body) == -1)
		return -1;
	a = batch_answer(b, t->p, MSG_STORE_RECORDED, m->seq);
	a->u.recorded.row = body.row;
	return batch_result(b, batch_enter(b) == -1 ? OP_FAULT :
	    outbox_progress(b->t->outbox, t->p->channel.owner, &body, b->now,
	    &b->notes, &a->u.recorded));
}

static int
on_put(void *arg, struct msg *m)
{
	struct turn	*t = arg;
	struct batch	*b = t->b;
	struct msg_put	 body;
	struct answer	*a;

	if (msg_decode(m, &body) == -1)
		return -1;
	a = batch_answer(b, t->p, MSG_STORE_STORED, m->seq);
	return batch_result(b, batch_enter(b) == -1 ? OP_FAULT :
	    inbox_put(b->t->inbox, &t->p->channel, &body, b->now, &b->notes,
	    &a->u.stored));
}

static const struct rule batch_rules[] = {
	{ MSG_GATE_ACCEPT,	PEER_GATE,	STATE_ANY, on_accept },
	{ MSG_GATE_SEEN,	PEER_GATE,	STATE_ANY, on_seen },
	{ MSG_WRK_PROGRESS,	PEER_WORKER,	STATE_ANY, on_progress },
	{ MSG_WRK_PUT,		PEER_WORKER,	STATE_ANY, on_put },
};

#define NRULES	(sizeof batch_rules / sizeof batch_rules[0])

/*
 * A worker is new: it reads what is there by itself, once it is told to.  That
 * it has rows to open need not be true.
 */
static void
batch_greet(struct batch *b, struct peer *p)
{
	struct answer	*a;
	int		 has = 1;

	p->greeted = 1;
	if (p->kind != PEER_WORKER)
		return;
	a = batch_answer(b, p, MSG_STORE_WAKE, 0);
	if (batch_enter(b) == 0 &&
	    (owner_note(b->t->owners, &p->channel, b->now) != OP_DONE ||
	    inbox_has_handover(b->t->inbox, p->channel.owner, &has) !=
	    OP_DONE))
		b->state = BATCH_FAILED;
	a->u.handover = p->channel.kind == OWNER_MEMBER && has != 0;
}

/* What one peer has to say, as far as its share goes. */
static void
batch_take(struct batch *b, struct peer *p, int64_t end_us)
{
	struct turn	t = { b, p };
	struct msg	m;
	size_t		bytes = 0;
	int		i, ret;

	for (i = 0; i < OPS_MAX && bytes < BYTES_MAX &&
	    clock_mono_us() < end_us; i++) {
		if (evpeer_take(p->ev, &m) != 1)
			break;		/* nothing more, or gone: the loop */
		bytes += m.len;
		ret = rules_dispatch(batch_rules, NRULES, p->kind, STATE_ANY,
		    &t, &m);
		msg_drop_fd(&m);
		if (ret == -1) {
			peer_bad(p);
			return;
		}
	}
}

/* ---- answers ---- */

/* Nothing of it happened. */
static void
answer_failed(struct answer *a, int full)
{
	int64_t	result = full ? ACCEPT_FULL : ACCEPT_BUSY, row;

	switch (a->type) {
	case MSG_STORE_ACCEPTED:
		memset(&a->u, 0, sizeof a->u);
		a->u.accepted.result = result;
		break;
	case MSG_STORE_SEEN:
		a->u.seen.result = result;
		a->u.seen.count = 0;
		break;
	case MSG_STORE_RECORDED:
		row = a->u.recorded.row;
		memset(&a->u, 0, sizeof a->u);
		a->u.recorded.row = row;
		a->u.recorded.result = result;
		break;
	case MSG_STORE_STORED:
		a->u.stored.row = 0;
		a->u.stored.result = full ? PUT_FULL : PUT_BUSY;
		break;
	default:
		break;
	}
}

static void
answer_send(struct answer *a)
{
	if (a->peer->bad)
		return;
	if (a->type != MSG_STORE_WAKE) {
		peer_send(a->peer, a->type, a->seq, &a->u);
		return;
	}
	peer_wake(a->peer, 0);
	if (a->u.handover)
		peer_wake(a->peer, 1);
}

/* Commit, or have it not happened. */
static void
batch_leave(struct batch *b)
{
	size_t	i;

	if (b->state == BATCH_OPEN && db_commit(b->t->db) == -1)
		b->state = BATCH_FAILED;
	if (b->state == BATCH_FAILED) {
		db_rollback(b->t->db);
		for (i = 0; i < b->n; i++)
			answer_failed(&b->answers[i],
			    db_fault(b->t->db) == DB_FULL);
		notes_clear(&b->notes);
	}
	b->state = BATCH_EMPTY;
}

int
batch_run(struct batch *b)
{
	struct peer	*p;
	int64_t		 end_us = clock_mono_us() + b->limit_us;
	size_t		 i;
	int		 done;

	b->now = clock_wall_ms();
	while ((p = TAILQ_FIRST(peers_ready(b->peers))) != NULL &&
	    clock_mono_us() < end_us) {
		peer_not_ready(p);
		if (!p->greeted)
			batch_greet(b, p);
		batch_take(b, p, end_us);
	}
	batch_leave(b);
	for (i = 0; i < b->n; i++)
		answer_send(&b->answers[i]);
	done = (int)b->n;
	b->n = 0;
	peers_tell(b->peers, &b->notes);
	peers_drop_bad(b->peers);
	return done;
}
