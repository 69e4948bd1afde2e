/* What gate and workers may ask for in a batch: one handler per message. */

#include "supervisor/store/batch_impl.h"

#include "common/rules.h"

#define STATE_ANY	1u		/* no peer comes before we are up */

/* What a handler works on. */
struct turn {
	struct batch	*b;
	struct peer	*p;
};

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
	if (!refused_is_next(&t->p->refused, m->seq)) {
		a->u.stored.result = PUT_BUSY;
		return refused_add(&t->p->refused, m->seq);
	}
	refused_del(&t->p->refused, m->seq);
	return batch_result(b, batch_enter(b) == -1 ? OP_FAULT :
	    inbox_put(b->t->inbox, &t->p->channel, &body, b->now, &b->notes,
	    &a->u.stored));
}

static int
on_topic(void *arg, struct msg *m)
{
	struct turn		*t = arg;
	struct batch		*b = t->b;
	struct msg_topic	 body;
	struct answer		*a;

	if (msg_decode(m, &body) == -1)
		return -1;
	a = batch_answer(b, t->p, MSG_STORE_TOPIC, m->seq);
	return batch_result(b, batch_enter(b) == -1 ? OP_FAULT :
	    topic_keep(b->t->topics, t->p->channel.owner, &body, b->now,
	    &a->u.seen));
}

static int
on_topic_leave(void *arg, struct msg *m)
{
	struct turn		*t = arg;
	struct batch		*b = t->b;
	struct msg_topic_leave	 body;
	struct answer		*a;

	if (msg_decode(m, &body) == -1)
		return -1;
	a = batch_answer(b, t->p, MSG_STORE_TOPIC, m->seq);
	return batch_result(b, batch_enter(b) == -1 ? OP_FAULT :
	    topic_leave(b->t->topics, t->p->channel.owner, body.topic,
	    &a->u.seen));
}

static int
on_delete(void *arg, struct msg *m)
{
	struct turn	*t = arg;
	struct batch	*b = t->b;
	struct msg_seen	 body;
	struct answer	*a;

	if (msg_decode(m, &body) == -1)
		return -1;
	a = batch_answer(b, t->p, MSG_STORE_DELETED, m->seq);
	return batch_result(b, batch_enter(b) == -1 ? OP_FAULT :
	    reader_delete_all(b->t->readers, body.reader, &body.rows, b->now,
	    b->retention_ms > 0 ? b->now + b->retention_ms : INT64_MAX,
	    &a->u.seen.count));
}

/* A job has its answer later; one that could not be begun, at once. */
static int
batch_job(struct batch *b, enum op op)
{
	if (op == OP_FAULT)
		b->state = BATCH_FAILED;
	return op == OP_NONSENSE ? -1 : 0;
}

static int
on_operate(void *arg, struct msg *m)
{
	struct turn		*t = arg;
	struct msg_operate	 body;

	if (msg_decode(m, &body) == -1)
		return -1;
	(void)batch_enter(t->b);
	return batch_job(t->b, jobs_operate(t->b->jobs, t->p, m->seq, &body));
}

static int
on_requeue(void *arg, struct msg *m)
{
	struct turn		*t = arg;
	struct msg_requeue	 body;

	if (msg_decode(m, &body) == -1)
		return -1;
	(void)batch_enter(t->b);
	return batch_job(t->b, jobs_requeue(t->b->jobs, t->p, m->seq, &body));
}

static int
on_claimed(void *arg, struct msg *m)
{
	struct turn		*t = arg;
	struct msg_claimed	 body;

	if (msg_decode(m, &body) == -1)
		return -1;
	claims_answer(t->b->claims, t->p, m->seq, &body);
	return 0;
}

static const struct rule batch_rules[] = {
	{ MSG_GATE_ACCEPT,	PEER_GATE,	STATE_ANY, on_accept },
	{ MSG_GATE_SEEN,	PEER_GATE,	STATE_ANY, on_seen },
	{ MSG_GATE_DELETE,	PEER_GATE,	STATE_ANY, on_delete },
	{ MSG_GATE_OPERATE,	PEER_GATE,	STATE_ANY, on_operate },
	{ MSG_GATE_REQUEUE,	PEER_GATE,	STATE_ANY, on_requeue },
	{ MSG_WRK_PROGRESS,	PEER_WORKER,	STATE_ANY, on_progress },
	{ MSG_WRK_PUT,		PEER_WORKER,	STATE_ANY, on_put },
	{ MSG_WRK_CLAIMED,	PEER_WORKER,	STATE_ANY, on_claimed },
	{ MSG_WRK_TOPIC,	PEER_WORKER,	STATE_ANY, on_topic },
	{ MSG_WRK_TOPIC_LEAVE,	PEER_WORKER,	STATE_ANY, on_topic_leave },
};

int
batch_dispatch(struct batch *b, struct peer *p, struct msg *m)
{
	struct turn	t = { b, p };

	return rules_dispatch(batch_rules,
	    sizeof batch_rules / sizeof batch_rules[0], p->kind, STATE_ANY,
	    &t, m);
}
