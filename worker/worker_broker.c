/* What the broker's connection brings, and to whom it goes. */

#include <string.h>

#include "common/clock.h"
#include "worker/worker_impl.h"

#define MALFORMED_MS	60000

static void
on_open(void *arg, const struct frame_hello_ack *ack)
{
	struct worker	*w = arg;

	log_info("broker: open%s", ack->ordered ? ", ordered" : "");
	drain_open(w->drain, ack->ordered);
	requests_open(w->requests, ack->presence_id);
	topics_open(w->topics);
}

static void
on_closed(void *arg, int code)
{
	struct worker	*w = arg;

	drain_closed(w->drain, code);
	requests_closed(w->requests);
	topics_closed(w->topics);
}

static void
on_writable(void *arg)
{
	struct worker	*w = arg;

	if (puts_write_acks(w->puts) != 0 ||
	    requests_write(w->requests) != 0 ||
	    topics_write(w->topics) != 0) {
		broker_want_write(w->broker);
		return;
	}
	drain_fill(w->drain);
}

/* Somebody connected: what waits for them need not wait any longer. */
static void
on_peer_event(struct worker *w, const struct push *p)
{
	char	key[HEX_KEY_SIZE];

	if ((strcmp(p->event, "peer_joined") == 0 ||
	    strcmp(p->event, "peer_returned") == 0) &&
	    frame_string(p->event_data, "pubkey", key, sizeof key) == 1)
		drain_peer_seen(w->drain, key);
	if (strncmp(p->event, "peer_", strlen("peer_")) == 0 ||
	    strcmp(p->event, "profile_updated") == 0)
		requests_peers_changed(w->requests);
	if (w->self->kind == OWNER_MEMBER &&
	    member_event(w->gate, p) == -1) {
		w->events_lost++;
		worker_gate_room(w);
	}
}

/* Its readers are told how much they have missed. */
void
worker_gate_room(void *arg)
{
	struct worker	*w = arg;

	if (w->events_lost > 0 && w->gate != NULL &&
	    member_lost(w->gate, w->events_lost) == 0)
		w->events_lost = 0;
}

/* One line a minute is enough to know of it. */
static void
on_malformed(struct worker *w)
{
	int64_t	now = clock_mono_ms();

	w->malformed++;
	if (w->malformed_ms != 0 && now - w->malformed_ms < MALFORMED_MS)
		return;
	log_warnx("inbound: %u malformed pushes are left to the broker",
	    w->malformed);
	w->malformed = 0;
	w->malformed_ms = now;
}

static void
on_push(struct worker *w, const struct frame *f)
{
	struct push	p;

	if (push_parse(&p, f, clock_wall_ms()) == -1) {
		on_malformed(w);
		return;
	}
	if (p.system)
		on_peer_event(w, &p);
	else if (worker_handover_first(w) == -1 ||
	    inbound_push(w->self, w->puts, &p) == -1)
		broker_drop(w->broker, "a push cannot be kept in its order");
	push_clear(&p);
	broker_pause(w->broker, puts_is_full(w->puts));
}

/* Of a send, or, as sends have no _reqId, of something else. */
static void
on_ack(struct worker *w, const struct frame *f)
{
	struct frame_ack	 a;

	if (json_object_get(f->json, "_reqId") != NULL ||
	    frame_get_ack(f, &a) == -1 || !drain_answer(w->drain, &a))
		requests_frame(w->requests, f);
}

static void
on_frame(void *arg, const struct frame *f)
{
	struct worker	*w = arg;

	if (f->type != FRAME_PUSH && topics_frame(w->topics, f))
		return;
	switch (f->type) {
	case FRAME_ACK:
		on_ack(w, f);
		break;
	case FRAME_PUSH:
		on_push(w, f);
		break;
	case FRAME_ERROR:
	case FRAME_OTHER:
		requests_frame(w->requests, f);
		break;
	case FRAME_HELLO_ACK:
		break;
	}
}

static void
on_state(void *arg, enum conn_state state, const char *reason, int whole)
{
	struct msg_wrk_state	s = { 0 };

	s.state = state;
	s.whole = whole;
	memcpy(s.reason, reason, strnlen(reason, sizeof s.reason - 1));
	worker_say(arg, MSG_WRK_STATE, &s);
}

static void
on_need_address(void *arg)
{
	worker_say(arg, MSG_WRK_NEED_ADDRESS, NULL);
}

static void
on_need_attest(void *arg)
{
	worker_say(arg, MSG_WRK_NEED_ATTEST, NULL);
}

const struct broker_cbs worker_broker_cbs = {
	.open = on_open,
	.frame = on_frame,
	.writable = on_writable,
	.closed = on_closed,
	.state = on_state,
	.need_address = on_need_address,
	.need_attest = on_need_attest,
};

/* A put has ended: read on, and go on with handover rows. */
void
worker_room(void *arg)
{
	struct worker	*w = arg;

	broker_pause(w->broker, puts_is_full(w->puts));
	worker_handover(w);
	topics_room(w->topics);
}

/* About the member's rate. */
void
worker_rate(void *arg, const struct msg_rate *r)
{
	worker_say(arg, MSG_WRK_RATE, r);
}
