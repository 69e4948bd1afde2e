/* What a worker may be told, by whom, and when. */

#include <sodium.h>
#include <string.h>

#include "common/fd.h"
#include "common/rules.h"
#include "worker/worker_impl.h"

#define RUNNING	(W_SESSION | W_MEMBER)

static int
on_sup_setup(void *arg, struct msg *m)
{
	struct worker		*w = arg;
	struct msg_setup_worker	 su;
	struct msg_wrk_ready	 ready;
	int			 ret;

	ret = msg_decode(m, &su);
	if (ret == 0) {
		log_set_level((enum log_level)su.log_level);
		w->self = self_new(&su, ready.wrapped);
		ret = w->self != NULL ? 0 : -1;
	}
	sodium_memzero(&su, sizeof su);
	sodium_memzero((void *)(uintptr_t)m->data, m->len);
	if (ret == -1)
		return -1;
	w->state = w->self->kind == OWNER_MEMBER ? W_MEMBER : W_SESSION;
	memcpy(ready.pub, w->self->pub, sizeof ready.pub);
	worker_say(w, MSG_WRK_READY, &ready);
	sodium_memzero(&ready, sizeof ready);
	return 0;
}

static int
on_sup_address(void *arg, struct msg *m)
{
	struct worker		*w = arg;
	struct msg_address	 a;

	if (msg_decode(m, &a) == -1)
		return -1;
	if (w->state != W_STOP)
		broker_address(w->broker, &a);
	return 0;
}

static int
on_sup_attestation(void *arg, struct msg *m)
{
	struct worker		*w = arg;
	struct msg_attestation	 a;
	struct attestation	 mine;

	if (msg_decode(m, &a) == -1 || identity_attest_verify(a.sig,
	    w->self->member_pub, w->self->pub, a.expires_at) == -1)
		return -1;
	mine.expires_at = a.expires_at;
	memcpy(mine.sig, a.sig, sizeof mine.sig);
	if (w->state != W_STOP)
		broker_attestation(w->broker, &mine);
	return 0;
}

static int
on_sup_attest(void *arg, struct msg *m)
{
	struct worker		*w = arg;
	struct msg_attest	 a;

	if (msg_decode(m, &a) == -1)
		return -1;
	if (w->state != W_STOP)
		member_attest(w->self, w->sup, m->seq, &a);
	return 0;
}

static int
on_sup_channel(void *arg, struct msg *m)
{
	struct worker		*w = arg;
	struct msg_channel	 c;
	int			 fd;

	if (msg_decode(m, &c) == -1 ||
	    (c.peer != PEER_STORE && c.peer != PEER_GATE) ||
	    memcmp(c.owner, w->self->owner, sizeof c.owner) != 0 ||
	    (fd = msg_take_fd(m)) == -1)
		return -1;
	if (w->state == W_STOP)
		fd_close(&fd);
	else if (c.peer == PEER_STORE)
		worker_store_channel(w, fd);
	else
		worker_gate_channel(w, fd);
	return 0;
}

static int
on_sup_pace(void *arg, struct msg *m)
{
	struct worker	*w = arg;
	struct msg_pace	 p;

	if (msg_decode(m, &p) == -1)
		return -1;
	if (w->state != W_STOP)
		drain_pace(w->drain, &p);
	return 0;
}

static int
on_sup_park(void *arg, struct msg *m)
{
	struct worker	*w = arg;
	struct msg_park	 p;

	if (msg_decode(m, &p) == -1)
		return -1;
	if (w->state == W_STOP)
		return 0;
	log_info("broker: %s%s", p.parked ? "parked: " : "resumed", p.reason);
	if (p.parked)
		broker_park(w->broker);
	else
		broker_resume(w->broker);
	return 0;
}

static int
on_sup_drain(void *arg, struct msg *m)
{
	struct worker	*w = arg;

	if (msg_decode(m, NULL) == -1)
		return -1;
	w->draining = 1;
	w->drained = 0;
	worker_check_drained(w);
	return 0;
}

static int
on_sup_quiesce(void *arg, struct msg *m)
{
	if (msg_decode(m, NULL) == -1)
		return -1;
	worker_quiesce(arg);
	return 0;
}

static int
on_sup_stop(void *arg, struct msg *m)
{
	if (msg_decode(m, NULL) == -1)
		return -1;
	worker_stop(arg);
	return 0;
}

static int
on_store_wake(void *arg, struct msg *m)
{
	struct worker	*w = arg;

	if (msg_decode(m, NULL) == -1)
		return -1;
	if (w->state != W_STOP) {
		drain_wake(w->drain);
		topics_wake(w->topics);
	}
	return 0;
}

static int
on_store_recorded(void *arg, struct msg *m)
{
	struct worker		*w = arg;
	struct msg_recorded	 r;

	if (msg_decode(m, &r) == -1)
		return -1;
	drain_recorded(w->drain, m->seq, &r);
	worker_check_drained(w);
	return 0;
}

static int
on_store_stored(void *arg, struct msg *m)
{
	struct worker		*w = arg;
	struct msg_stored	 s;

	if (msg_decode(m, &s) == -1)
		return -1;
	puts_stored(w->puts, m->seq, &s);
	return 0;
}

static int
on_store_topic(void *arg, struct msg *m)
{
	struct worker		*w = arg;
	struct msg_count	 c;

	if (msg_decode(m, &c) == -1)
		return -1;
	topics_kept(w->topics, m->seq, &c);
	return 0;
}

static int
on_store_handover(void *arg, struct msg *m)
{
	struct worker	*w = arg;

	if (msg_decode(m, NULL) == -1)
		return -1;
	w->handover = 1;
	worker_handover(w);
	return 0;
}

static int
on_store_claim(void *arg, struct msg *m)
{
	struct worker		*w = arg;
	struct msg_claim	 c;
	struct msg_claimed	 answer = { 0 };

	if (msg_decode(m, &c) == -1)
		return -1;
	answer.row = c.row;
	answer.free = drain_claim(w->drain, c.row);
	(void)peer_send(w->store, MSG_WRK_CLAIMED, m->seq, &answer);
	return 0;
}

static int
on_store_unclaim(void *arg, struct msg *m)
{
	struct worker		*w = arg;
	struct msg_claim	 c;

	if (msg_decode(m, &c) == -1)
		return -1;
	if (w->state != W_STOP)
		drain_unclaim(w->drain, c.row);
	return 0;
}

static int
on_gate_ask(void *arg, struct msg *m)
{
	struct worker	*w = arg;
	struct msg_ask	 a;

	if (msg_decode(m, &a) == -1)
		return -1;
	if (w->state != W_STOP && !topics_ask(w->topics, m->seq, &a))
		requests_ask(w->requests, m->seq, &a);
	return 0;
}

static const struct rule worker_rules[] = {
	{ MSG_SUP_SETUP_WORKER, PEER_SUPERVISOR, W_SETUP, on_sup_setup },
	{ MSG_SUP_CHANNEL, PEER_SUPERVISOR, RUNNING | W_STOP, on_sup_channel },
	{ MSG_SUP_ADDRESS, PEER_SUPERVISOR, RUNNING | W_STOP, on_sup_address },
	{ MSG_SUP_ATTESTATION, PEER_SUPERVISOR, W_SESSION | W_STOP,
	    on_sup_attestation },
	{ MSG_SUP_ATTEST, PEER_SUPERVISOR, W_MEMBER | W_STOP, on_sup_attest },
	{ MSG_SUP_PACE, PEER_SUPERVISOR, RUNNING | W_STOP, on_sup_pace },
	{ MSG_SUP_PARK, PEER_SUPERVISOR, RUNNING | W_STOP, on_sup_park },
	{ MSG_SUP_DRAIN, PEER_SUPERVISOR, RUNNING | W_STOP, on_sup_drain },
	{ MSG_SUP_QUIESCE, PEER_SUPERVISOR, RUNNING | W_STOP, on_sup_quiesce },
	{ MSG_SUP_STOP, PEER_SUPERVISOR, RUNNING | W_STOP, on_sup_stop },
	{ MSG_SUP_LOG_LEVEL, PEER_SUPERVISOR, RUNNING | W_STOP,
	    rules_log_level },

	{ MSG_STORE_WAKE, PEER_STORE, RUNNING | W_STOP, on_store_wake },
	{ MSG_STORE_RECORDED, PEER_STORE, RUNNING | W_STOP,
	    on_store_recorded },
	{ MSG_STORE_STORED, PEER_STORE, RUNNING | W_STOP, on_store_stored },
	{ MSG_STORE_TOPIC, PEER_STORE, RUNNING | W_STOP, on_store_topic },
	{ MSG_STORE_CLAIM, PEER_STORE, RUNNING | W_STOP, on_store_claim },
	{ MSG_STORE_UNCLAIM, PEER_STORE, RUNNING | W_STOP, on_store_unclaim },
	{ MSG_STORE_HANDOVER, PEER_STORE, W_MEMBER | W_STOP,
	    on_store_handover },

	{ MSG_GATE_ASK, PEER_GATE, RUNNING | W_STOP, on_gate_ask },
};

int
worker_dispatch(struct worker *w, unsigned peer, struct msg *m)
{
	return rules_dispatch(worker_rules, sizeof worker_rules /
	    sizeof worker_rules[0], peer, w->state, w, m);
}
