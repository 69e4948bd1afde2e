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
#include "common/xalloc.h"
#include "supervisor/store/batch_impl.h"

#define OPS_MAX		64		/* of one peer, in one batch */
#define BYTES_MAX	(256 * 1024)
#define BATCH_US	8000		/* then it is time to answer */

struct batch *
batch_new(struct tables *t, struct peers *ps, struct claims *cs,
    int64_t retention_ms, void (*ready_cb)(void *), void *arg)
{
	struct batch	*b = xcalloc(1, sizeof *b);

	b->t = t;
	b->peers = ps;
	b->claims = cs;
	b->jobs = jobs_new(t, ps, cs, ready_cb, arg);
	b->retention_ms = retention_ms;
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
	jobs_free(&b->jobs);
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

int
batch_enter(struct batch *b)
{
	if (b->state == BATCH_EMPTY)
		b->state = db_begin(b->t->db) == 0 ? BATCH_OPEN : BATCH_FAILED;
	return b->state == BATCH_OPEN ? 0 : -1;
}

struct answer *
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
	struct msg	m;
	size_t		bytes = 0;
	int		i, ret;

	for (i = 0; i < OPS_MAX && bytes < BYTES_MAX &&
	    clock_mono_us() < end_us; i++) {
		if (evpeer_take(p->ev, &m) != 1)
			break;		/* nothing more, or gone: the loop */
		bytes += m.len;
		ret = batch_dispatch(b, p, &m);
		msg_drop_fd(&m);
		if (ret == -1) {
			peer_bad(p);
			return;
		}
	}
}

/* What operators asked for, once the workers of the rows have spoken. */
static void
batch_jobs(struct batch *b)
{
	struct job	*j;
	enum op		 op;

	while ((j = jobs_next(b->jobs)) != NULL) {
		op = batch_enter(b) == -1 ? OP_FAULT :
		    job_apply(j, b->now, &b->notes);
		if (op == OP_NONSENSE) {
			peer_bad(job_peer(j));
			continue;
		}
		if (op == OP_FAULT)
			b->state = BATCH_FAILED;
		batch_answer(b, job_peer(j), MSG_STORE_OPERATED, 0)->u.job = j;
		b->operations++;
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
	case MSG_STORE_DELETED:
	case MSG_STORE_TOPIC:
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
		if (refused_add(&a->peer->refused, a->seq) == -1)
			peer_bad(a->peer);
		break;
	case MSG_STORE_OPERATED:
		job_failed(a->u.job, full);
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
	switch (a->type) {
	case MSG_STORE_WAKE:
		peer_wake(a->peer, 0);
		if (a->u.handover)
			peer_wake(a->peer, 1);
		break;
	case MSG_STORE_OPERATED:
		job_answer(a->u.job);
		break;
	default:
		peer_send(a->peer, a->type, a->seq, &a->u);
		break;
	}
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
	batch_jobs(b);
	batch_leave(b);
	for (i = 0; i < b->n; i++)
		answer_send(&b->answers[i]);
	done = (int)b->n;
	b->n = 0;
	peers_tell(b->peers, &b->notes);
	jobs_settle(b->jobs);
	peers_drop_bad(b->peers);
	return done;
}
