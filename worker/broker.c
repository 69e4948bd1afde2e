/*
 * The life of the connection to the broker: an address, an attestation, a
 * hello, an answer; and what its end means.
 *
 *	IDLE -> CONNECTING -> HELLO -> OPEN
 *	  ^---------+----------+--------'   and any -> PARKED, STOPPED
 *
 * One timer: in IDLE it ends a back-off or repeats a question to the
 * supervisor, in CONNECTING and HELLO it ends the patience.
 */

#include "worker/broker.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "worker/broker_impl.h"

#define HELLO_MS	5000
#define TRIM_BYTES	(256 * 1024)	/* a frame that cost memory */

/* ---- the socket ---- */

static void
broker_opened(void *arg)
{
	struct broker	*b = arg;

	if (b->phase != CONNECTING)
		return;
	b->phase = HELLO;
	broker_timer(b, HELLO_MS);
	ws_want_write(b->ws);
}

static void
broker_writable(void *arg)
{
	struct broker	*b = arg;

	if (b->phase == HELLO && !b->hello_sent) {
		b->hello_sent = 1;
		if (hello_write(&b->out, b->self, &b->attest,
		    clock_wall_ms()) == -1) {
			strcpy(b->error, "malformed");
			ws_close(b->ws, 1000, "no hello");
			return;
		}
		if (ws_send(b->ws, &b->out) != 0)
			return;
	}
	if (broker_takes_acks(b))
		b->cbs->writable(b->arg);
}

static void
broker_accepted(struct broker *b, const struct frame *f)
{
	struct frame_hello_ack	ack;

	if (b->phase != HELLO || frame_get_hello_ack(f, &ack) == -1)
		return;
	b->phase = OPEN;
	b->tries = 0;
	b->renewed = 0;
	b->next = 0;			/* the addresses are good */
	b->error[0] = '\0';
	lws_sul_cancel(&b->sul);
	broker_tell(b, CONN_OPEN, "");
	if (b->paused)
		ws_pause(b->ws, 1);
	b->cbs->open(b->arg, &ack);
	ws_want_write(b->ws);
	if (!b->trimmed)
		malloc_trim(0);		/* what TLS needed to connect */
	b->trimmed = 1;
}

static void
broker_frame(void *arg, const char *text, size_t len)
{
	struct broker		*b = arg;
	struct frame		 f;
	struct frame_error	 e;

	if ((b->phase != HELLO && b->phase != OPEN) || b->dropped)
		return;
	if (frame_parse(&f, text, len) == -1) {
		log_debug("broker: a frame of %zu bytes is no JSON object "
		    "that we take", len);
		return;
	}
	if (f.type == FRAME_HELLO_ACK)
		broker_accepted(b, &f);
	else if (f.type == FRAME_ERROR && b->phase == HELLO) {
		if (frame_get_error(&f, &e) == 0)
			memcpy(b->error, e.code, sizeof b->error);
	} else {
		if (f.type == FRAME_PUSH)
			b->pushed = 1;
		b->cbs->frame(b->arg, &f);
	}
	frame_clear(&f);
	if (len > TRIM_BYTES)
		malloc_trim(0);
}

static void
broker_closed(void *arg, int code, const char *reason)
{
	struct broker	*b = arg;
	enum phase	 was = b->phase;
	enum closing	 what;
	const char	*why;

	if (b->parting) {
		b->parting = 0;
		if (was == IDLE)	/* resumed meanwhile */
			broker_later(b, 0);
		return;
	}
	if (was == STOPPED || was == PARKED)
		return;
	b->phase = IDLE;
	what = closing_of(code, reason, b->error, &why);
	if (was == CONNECTING) {
		log_info("broker: connect %s: %s",
		    b->addrs[b->next > 0 ? b->next - 1 : 0], why);
		broker_tell(b, CONN_RECONNECTING, why);
		if (b->next < b->naddrs) {	/* there is another one */
			broker_later(b, 0);
			return;
		}
		b->naddrs = b->next = 0;
	} else {
		log_info("broker: connection ended: %d %s", code, why);
		b->cbs->closed(b->arg, code);
		if (what != CLOSING_PARK && what != CLOSING_BAN)
			broker_tell(b, CONN_RECONNECTING, why);
	}
	broker_after(b, what, why);
}

static const struct ws_cbs broker_ws = {
	.opened = broker_opened,
	.frame = broker_frame,
	.writable = broker_writable,
	.closed = broker_closed,
};

/* ---- for the others ---- */

struct broker *
broker_new(struct lws_context *ctx, struct lws_vhost *vh,
    const struct self *self, const struct broker_cbs *cbs, void *arg)
{
	struct broker	*b = xcalloc(1, sizeof *b);

	b->ctx = ctx;
	b->self = self;
	b->cbs = cbs;
	b->arg = arg;
	b->state = CONN_STARTING;
	b->ws = ws_new(ctx, vh, self->host, self->port, self->tls,
	    &broker_ws, b);
	outbuf_init(&b->out);
	return b;
}

void
broker_free(struct broker **bp)
{
	struct broker	*b = *bp;

	if (b == NULL)
		return;
	lws_sul_cancel(&b->sul);
	lws_sul_cancel(&b->sul_renew);
	ws_free(&b->ws);
	outbuf_clear(&b->out);
	free(b);
	*bp = NULL;
}

int
broker_is_open(const struct broker *b)
{
	return b->phase == OPEN;
}

/* A push shows that the hello was accepted, though its answer is not here. */
int
broker_takes_acks(const struct broker *b)
{
	return b->phase == OPEN || (b->phase == HELLO && b->pushed);
}

struct outbuf *
broker_out(struct broker *b)
{
	return &b->out;
}

int
broker_write(struct broker *b)
{
	return ws_send(b->ws, &b->out);
}

void
broker_want_write(struct broker *b)
{
	if (broker_takes_acks(b))
		ws_want_write(b->ws);
}

void
broker_pause(struct broker *b, int paused)
{
	if (b->paused == paused)
		return;
	b->paused = paused;
	if (b->phase == OPEN)		/* the answer to a hello is read */
		ws_pause(b->ws, paused);
}

void
broker_drop(struct broker *b, const char *why)
{
	b->dropped = 1;
	ws_close(b->ws, 0, why);
}

void
broker_stop(struct broker *b, int ended)
{
	int	open = b->phase == OPEN || b->phase == HELLO;

	b->phase = STOPPED;
	lws_sul_cancel(&b->sul);
	lws_sul_cancel(&b->sul_renew);
	if (ended)
		ws_farewell(b->ws, "session_ended");
	ws_close(b->ws, open ? 1000 : 0, "stopping");
}

void
broker_park(struct broker *b)
{
	enum phase	was = b->phase;

	if (was == PARKED || was == STOPPED)
		return;
	broker_rest(b);
	b->state = CONN_PARKED;		/* as the supervisor knows */
	if (!ws_is_down(b->ws)) {
		b->parting = 1;
		ws_close(b->ws, was == OPEN || was == HELLO ? 1000 : 0,
		    "parked");
	}
	if (was == OPEN || was == HELLO)
		b->cbs->closed(b->arg, 1000);
}

int
broker_is_down(const struct broker *b)
{
	return ws_is_down(b->ws);
}

int
broker_callback(struct broker *b, struct lws *wsi,
    enum lws_callback_reasons reason, void *in, size_t len)
{
	return ws_callback(b->ws, wsi, reason, in, len);
}
