/*
 * What operators ask for.
 *
 * A job is put aside until none of its claims waits, which takes a second at
 * most, while batches go on.  When the gate that asked is gone by then, nothing
 * is done: the next one asks again for what was not answered.
 */

#include "supervisor/store/jobs.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

#define JOBS_MAX	512	/* beyond these, come again */

struct job {
	TAILQ_ENTRY(job) entry;
	struct jobs	*jobs;
	uint64_t	 gate;		/* id of the peer that asked */
	struct peer	*peer;		/* the same, once handed out */
	uint32_t	 seq;
	int		 failed;	/* nothing is to be done any more */
	struct claimant	 claimant;
	struct claim	*claims[OPERATE_ROWS_MAX];	/* or NULL, by row */
	int		 is_requeue;
	struct msg_operate operate;
	struct msg_operated operated;
	struct msg_requeue requeue;
	struct msg_requeued requeued;
	uint8_t		*body;		/* of the request */
};

TAILQ_HEAD(job_list, job);

struct jobs {
	struct tables	*t;
	struct peers	*peers;
	struct claims	*claims;
	struct job_list	 waiting, given;
	unsigned	 n;		/* that wait */
	void		(*ready_cb)(void *);
	void		*arg;
};

struct jobs *
jobs_new(struct tables *t, struct peers *ps, struct claims *cs,
    void (*ready_cb)(void *), void *arg)
{
	struct jobs	*js = xcalloc(1, sizeof *js);

	js->t = t;
	js->peers = ps;
	js->claims = cs;
	js->ready_cb = ready_cb;
	js->arg = arg;
	TAILQ_INIT(&js->waiting);
	TAILQ_INIT(&js->given);
	return js;
}

/* Its rows are let go. */
static void
job_free(struct job *j)
{
	size_t	i;

	for (i = 0; i < OPERATE_ROWS_MAX; i++)
		claim_drop(&j->claims[i]);
	free(j->body);
	free(j);
}

static void
jobs_clear(struct job_list *list)
{
	struct job	*j;

	while ((j = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, j, entry);
		job_free(j);
	}
}

void
jobs_free(struct jobs **jsp)
{
	struct jobs	*js = *jsp;

	*jsp = NULL;
	if (js == NULL)
		return;
	jobs_clear(&js->waiting);
	jobs_clear(&js->given);
	free(js);
}

/* ---- asking the workers ---- */

static void
job_claim_cb(void *arg)
{
	struct job	*j = arg;

	if (j->claimant.waits == 0)
		j->jobs->ready_cb(j->jobs->arg);
}

static struct job *
job_new(struct jobs *js, const struct peer *gate, uint32_t seq)
{
	struct job	*j = xcalloc(1, sizeof *j);

	j->jobs = js;
	j->gate = gate->id;
	j->seq = seq;
	j->claimant.cb = job_claim_cb;
	j->claimant.arg = j;
	TAILQ_INSERT_TAIL(&js->waiting, j, entry);
	if (++js->n > JOBS_MAX)
		job_failed(j, 0);
	return j;
}

/* The i-th row of a job.  Only open ones are anybody's to let go of. */
static enum op
job_claim(struct job *j, int i, int64_t row, int ask)
{
	struct jobs	*js = j->jobs;
	uint8_t		 owner[OWNER_ID_LEN];
	int		 open;

	if (j->failed)
		return OP_DONE;
	if (operate_look(js->t->operates, row, owner, &open) != OP_DONE) {
		job_failed(j, 0);
		return OP_FAULT;
	}
	if (open)
		j->claims[i] = claim_take(js->claims, &j->claimant, owner,
		    row, ask);
	return OP_DONE;
}

/* A held row is not sent: to release it, its worker is only told. */
enum op
jobs_operate(struct jobs *js, struct peer *gate, uint32_t seq,
    const struct msg_operate *q)
{
	struct job	*j;
	enum op		 op = OP_DONE;
	uint32_t	 i;

	if (!operate_sound(q))
		return OP_NONSENSE;
	j = job_new(js, gate, seq);
	j->operate = *q;
	j->operated.rows = q->rows;
	j->operated.results.n = q->rows.n;
	if (j->failed)
		job_failed(j, 0);
	for (i = 0; i < q->rows.n && op == OP_DONE; i++)
		op = job_claim(j, (int)i, (int64_t)q->rows.v[i],
		    q->operation != OPERATE_RELEASE);
	return op;
}

enum op
jobs_requeue(struct jobs *js, struct peer *gate, uint32_t seq,
    const struct msg_requeue *q)
{
	struct job	*j;

	if (!operate_requeue_sound(q))
		return OP_NONSENSE;
	j = job_new(js, gate, seq);
	j->is_requeue = 1;
	j->requeue = *q;
	j->body = xmalloc(q->body.len + 1);
	if (q->body.len > 0)
		memcpy(j->body, q->body.p, q->body.len);
	j->requeue.body.p = j->body;
	return job_claim(j, 0, q->row, 1);
}

/* ---- applying ---- */

struct job *
jobs_next(struct jobs *js)
{
	struct job	*j, *next;

	for (j = TAILQ_FIRST(&js->waiting); j != NULL; j = next) {
		next = TAILQ_NEXT(j, entry);
		if (j->claimant.waits > 0)
			continue;
		TAILQ_REMOVE(&js->waiting, j, entry);
		TAILQ_INSERT_TAIL(&js->given, j, entry);
		js->n--;
		j->peer = peers_gate(js->peers);
		if (j->peer != NULL && j->peer->id == j->gate)
			return j;
		/* Nobody waits for it any more; jobs_settle frees it. */
	}
	return NULL;
}

struct peer *
job_peer(const struct job *j)
{
	return j->peer;
}

/* A row without a claim has ended, or is not there. */
static int
job_is_free(const struct job *j, uint32_t i)
{
	return j->claims[i] != NULL &&
	    claim_state(j->claims[i]) == CLAIM_FREE;
}

enum op
job_apply(struct job *j, int64_t now, struct notes *notes)
{
	struct operates		*o = j->jobs->t->operates;
	enum operate_result	 r;
	enum op			 op;
	uint32_t		 i;

	if (j->failed)
		return OP_DONE;
	if (j->is_requeue)
		return operate_requeue(o, &j->requeue, job_is_free(j, 0), now,
		    notes, &j->requeued);
	for (i = 0; i < j->operate.rows.n; i++) {
		op = operate_row(o, (enum operation)j->operate.operation,
		    j->operate.by, (int64_t)j->operate.rows.v[i],
		    job_is_free(j, i), now, notes, &r);
		if (op != OP_DONE)
			return op;
		j->operated.results.v[i] = r;
	}
	return OP_DONE;
}

void
job_failed(struct job *j, int full)
{
	int		result = full ? OPERATE_FULL : OPERATE_BUSY;
	uint32_t	i;

	j->failed = 1;
	memset(&j->requeued, 0, sizeof j->requeued);
	j->requeued.result = result;
	for (i = 0; i < j->operated.results.n; i++)
		j->operated.results.v[i] = (uint64_t)result;
}

void
job_answer(struct job *j)
{
	if (j->is_requeue)
		peer_send(j->peer, MSG_STORE_REQUEUED, j->seq, &j->requeued);
	else
		peer_send(j->peer, MSG_STORE_OPERATED, j->seq, &j->operated);
}

void
jobs_settle(struct jobs *js)
{
	jobs_clear(&js->given);
}
