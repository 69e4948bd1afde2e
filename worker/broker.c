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
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "worker/closing.h"
#include "worker/pace.h"
#include "worker/ws.h"

#define CONNECT_MS	10000
#define HELLO_MS	5000
#define ASK_AGAIN_MS	15000		/* an unanswered question */
#define RENEW_AGAIN_MS	60000
#define ATTEST_LEFT_MS	60000		/* less is not worth a hello */
#define REPLACED_MAX	3
#define REPLACED_MS	60000
#define ADDRS_MAX	8
#define ADDR_SIZE	64

enum phase { IDLE, CONNECTING, HELLO, OPEN, PARKED, STOPPED };

struct broker {
	const struct self *self;
	const struct broker_cbs *cbs;
	void		*arg;
	struct lws_context *ctx;
	struct ws	*ws;
	enum phase	 phase;
	lws_sorted_usec_list_t sul, sul_renew;
	struct outbuf	 out;

	char		 addrs[ADDRS_MAX][ADDR_SIZE];
	unsigned	 naddrs, next;	/* next to try */
	uint32_t	 port;
	struct attestation attest;

	unsigned	 tries;		/* since the last accepted hello */
	int64_t		 not_before;	/* of the next connection, monotonic */
	int64_t		 replaced[REPLACED_MAX];
	int		 renewed;	/* after `expired', once per hello */
	int		 hello_sent, pushed;
	int		 paused, trimmed;
	char		 error[65];	/* of the error frame in HELLO */

	enum conn_state	 state;		/* as told */
	char		 reason[REASON_SIZE];
};

static void	broker_try(struct broker *);

/* Tell the supervisor, when it is news. */
static void
broker_tell(struct broker *b, enum conn_state state, const char *reason)
{
	char	text[REASON_SIZE];

	strncpy(text, reason, sizeof text - 1);
	text[sizeof text - 1] = '\0';
	if (b->state == state && strcmp(b->reason, text) == 0)
		return;
	b->state = state;
	memcpy(b->reason, text, sizeof text);
	b->cbs->state(b->arg, state, text);
}

static void
broker_timer_cb(lws_sorted_usec_list_t *sul)
{
	struct broker	*b = lws_container_of(sul, struct broker, sul);

	if (b->phase == IDLE)
		broker_try(b);
	else if (b->phase == CONNECTING)
		ws_close(b->ws, 0, "no connection within 10 s");
	else if (b->phase == HELLO)
		ws_close(b->ws, 1000, "no answer to the hello within 5 s");
}

static void
broker_timer(struct broker *b, int64_t ms)
{
	lws_sul_schedule(b->ctx, 0, &b->sul, broker_timer_cb,
	    ms > 0 ? ms * 1000 : 1);
}

/* Wait, then try. */
static void
broker_later(struct broker *b, int64_t ms)
{
	b->phase = IDLE;
	b->not_before = clock_mono_ms() + ms;
	broker_timer(b, ms);
}

/* Ask the supervisor, and again when it does not answer. */
static void
broker_ask(struct broker *b, void (*ask)(void *))
{
	ask(b->arg);
	broker_timer(b, ASK_AGAIN_MS);
}

static void
broker_try(struct broker *b)
{
	int64_t	left;

	if (b->phase != IDLE || !ws_is_down(b->ws))
		return;
	if ((left = b->not_before - clock_mono_ms()) > 0) {
		broker_timer(b, left);
		return;
	}
	if (b->self->kind == OWNER_SESSION &&
	    b->attest.expires_at - clock_wall_ms() < ATTEST_LEFT_MS) {
		broker_ask(b, b->cbs->need_attest);
		return;
	}
	if (b->next >= b->naddrs) {
		b->naddrs = 0;
		broker_ask(b, b->cbs->need_address);
		return;
	}
	b->phase = CONNECTING;
	b->hello_sent = b->pushed = 0;
	b->error[0] = '\0';
	broker_timer(b, CONNECT_MS);
	ws_connect(b->ws, b->addrs[b->next++], b->port);
}

/* ---- what comes from the supervisor ---- */

void
broker_start(struct broker *b)
{
	struct attestation	a;

	broker_tell(b, CONN_CONNECTING, "");
	if (b->self->attest_expires_at != 0) {	/* brought by the client */
		a.expires_at = b->self->attest_expires_at;
		memcpy(a.sig, b->self->attest_sig, sizeof a.sig);
		broker_attestation(b, &a);
	} else
		broker_try(b);
}

/* Numeric addresses with spaces between. */
static void
broker_take_addrs(struct broker *b, const char *s)
{
	size_t	n;

	b->naddrs = b->next = 0;
	for (; *s != '\0' && b->naddrs < ADDRS_MAX; s += n) {
		s += strspn(s, " ");
		n = strcspn(s, " ");
		if (n == 0 || n >= ADDR_SIZE)
			continue;
		memcpy(b->addrs[b->naddrs], s, n);
		b->addrs[b->naddrs++][n] = '\0';
	}
}

void
broker_address(struct broker *b, const struct msg_address *a)
{
	char	why[REASON_SIZE + 16];

	if (b->phase != IDLE)
		return;			/* nobody asked any more */
	broker_take_addrs(b, a->addrs);
	b->port = a->port;
	if (b->naddrs > 0) {
		broker_try(b);
		return;
	}
	snprintf(why, sizeof why, "no address: %s", a->error);
	broker_tell(b, CONN_RECONNECTING, why);
	broker_later(b, pace_connect(b->tries++, randombytes_random()));
}

static void
broker_renew_cb(lws_sorted_usec_list_t *sul)
{
	struct broker	*b = lws_container_of(sul, struct broker, sul_renew);

	b->cbs->need_attest(b->arg);
	lws_sul_schedule(b->ctx, 0, &b->sul_renew, broker_renew_cb,
	    RENEW_AGAIN_MS * 1000LL);
}

/* Keep it, and renew it at half-life. */
void
broker_attestation(struct broker *b, const struct attestation *a)
{
	int64_t	left = a->expires_at - clock_wall_ms();

	b->attest = *a;
	if (left < 2 * ATTEST_LEFT_MS)
		left = 2 * ATTEST_LEFT_MS;
	lws_sul_schedule(b->ctx, 0, &b->sul_renew, broker_renew_cb,
	    left / 2 * 1000);
	broker_try(b);
}

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

	if (b->phase != HELLO && b->phase != OPEN)
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
	if (len > 256 * 1024)
		malloc_trim(0);
}

/* Were there three session_replaced within a minute? */
static int
broker_replaced(struct broker *b)
{
	int64_t	now = clock_mono_ms();

	memmove(b->replaced + 1, b->replaced,
	    sizeof b->replaced - sizeof b->replaced[0]);
	b->replaced[0] = now;
	return b->replaced[REPLACED_MAX - 1] != 0 &&
	    now - b->replaced[REPLACED_MAX - 1] <= REPLACED_MS;
}

static void
broker_park(struct broker *b, const char *why)
{
	log_warnx("broker: parked: %s", why);
	b->phase = PARKED;
	lws_sul_cancel(&b->sul);
	lws_sul_cancel(&b->sul_renew);
	broker_tell(b, CONN_PARKED, why);
}

/* Come back as the table says. */
static void
broker_after(struct broker *b, enum closing what, const char *why)
{
	uint32_t	rnd = randombytes_random();

	switch (what) {
	case CLOSING_PARK:
		broker_park(b, why);
		return;
	case CLOSING_REPLACED:
		if (broker_replaced(b)) {
			broker_park(b, "session_id_in_use");
			return;
		}
		break;
	case CLOSING_RENEW:
		b->attest.expires_at = 0;
		if (!b->renewed) {
			b->renewed = 1;
			b->next = 0;
			broker_later(b, 0);
			return;
		}
		break;
	case CLOSING_LONG:
		b->next = 0;
		broker_later(b, pace_jitter(PACE_LONG_MS, rnd));
		return;
	case CLOSING_RETRY:
	case CLOSING_TOO_BIG:
		break;
	}
	b->next = 0;
	broker_later(b, pace_connect(b->tries++, rnd));
}

static void
broker_closed(void *arg, int code, const char *reason)
{
	struct broker	*b = arg;
	enum phase	 was = b->phase;
	enum closing	 what;
	const char	*why;

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
		if (what != CLOSING_PARK)
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
broker_stop(struct broker *b)
{
	int	open = b->phase == OPEN || b->phase == HELLO;

	b->phase = STOPPED;
	lws_sul_cancel(&b->sul);
	lws_sul_cancel(&b->sul_renew);
	ws_close(b->ws, open ? 1000 : 0, "stopping");
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
