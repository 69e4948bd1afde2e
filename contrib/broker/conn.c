/*
 * One WebSocket: frames in, frames out, and its end.
 */

#include "contrib/broker/conn.h"

#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "contrib/broker/arrive.h"
#include "contrib/broker/ask.h"
#include "contrib/broker/broker.h"
#include "contrib/broker/frame.h"
#include "contrib/broker/turn.h"

_Static_assert(FRAME_HEADROOM >= LWS_PRE, "room for the header of a frame");

#define CLOSE_WAIT_S	5	/* for a peer that does not read */

static size_t	 total_in;	/* of incap, over all connections */

struct conn *
conn_new(struct broker *b, struct lws *wsi)
{
	struct conn	*c = xcalloc(1, sizeof *c);

	c->broker = b;
	c->wsi = wsi;
	c->opened_at = c->pinged_at = c->pong_at = c->heard_at =
	    clock_mono_ms();
	STAILQ_INIT(&c->out);
	return c;
}

/* ---- out ---- */

static void
out_pop(struct conn *c)
{
	struct conn_out	*out = STAILQ_FIRST(&c->out);

	STAILQ_REMOVE_HEAD(&c->out, entry);
	c->nout--;
	c->out_bytes -= out->frame->len;
	frame_unref(&out->frame);
	free(out);
}

static void
out_clear(struct conn *c)
{
	while (!STAILQ_EMPTY(&c->out))
		out_pop(c);
	c->nready = 0;
}

static void
in_clear(struct conn *c)
{
	total_in -= c->incap;
	freezero(c->in, c->incap);
	c->in = NULL;
	c->inlen = c->incap = 0;
}

void
conn_free(struct conn **cp)
{
	struct conn	*c = *cp;

	*cp = NULL;
	if (c == NULL)
		return;
	out_clear(c);
	in_clear(c);
	peer_free(&c->peer);
	free(c);
}

/* 0, or -1: there is no connection, or no room. */
static int
out_push(struct conn *c, struct frame *f)
{
	struct conn_out	*out;

	if (c == NULL || c->close_code != 0)
		return -1;
	if (c->out_bytes > CONN_OUT_MAX || (frame_total() > CONN_OUT_TOTAL &&
	    c->out_bytes > CONN_OUT_PUSH)) {
		c->overflow = 1;
		turn_add(c);
		return -1;
	}
	out = xmalloc(sizeof *out);
	out->frame = frame_ref(f);
	STAILQ_INSERT_TAIL(&c->out, out, entry);
	c->nout++;
	c->out_bytes += f->len;
	return 0;
}

void
conn_send(struct conn *c, struct frame *f)
{
	if (out_push(c, f) == 0)
		turn_add(c);
}

void
conn_send_later(struct conn *c, struct frame *f)
{
	if (out_push(c, f) == 0)
		turn_add_later(c);
}

void
conn_give(struct conn *c, struct frame **f)
{
	conn_send(c, *f);
	frame_unref(f);
}

/*
 * A peer that asks and does not read the answers is not heard further; one that
 * asks for much is not in this turn.
 */
static void
conn_pace(struct conn *c)
{
	int	 pause = (c->out_bytes > CONN_OUT_READ ||
		    c->busy_us > CONN_TURN_US) && c->close_code == 0;

	if (pause == c->paused)
		return;
	c->paused = pause;
	lws_rx_flow_control(c->wsi, !pause);
}

int
conn_has_room(const struct conn *c)
{
	return c != NULL && c->close_code == 0 && c->out_bytes < CONN_OUT_PUSH;
}

/* libwebsockets keeps what the socket does not take now. */
static int
frame_write(struct conn *c, const struct frame *f)
{
	unsigned char	*p = (unsigned char *)f->buf + FRAME_HEADROOM;

	return lws_write(c->wsi, p, f->len, LWS_WRITE_TEXT) < 0 ? -1 : 0;
}

/* libwebsockets does not tell of the pong of an empty ping. */
static int
ping_write(struct conn *c)
{
	unsigned char	 buf[LWS_PRE + 1];

	c->ping_due = 0;
	buf[LWS_PRE] = '!';
	return lws_write(c->wsi, buf + LWS_PRE, 1, LWS_WRITE_PING) < 0 ? -1 :
	    0;
}

static void
room_again(struct conn *c)
{
	if (c->peer == NULL || c->peer->mesh == NULL)
		return;
	if (!c->broker->options->ack_only)
		deliver_room(c->broker->deliver, &c->peer->reader);
	feed_room(c->broker->feed, c->peer);
}

/* Write what is released, as far as the socket takes it.  0 or -1. */
static int
out_flush(struct conn *c)
{
	while (c->nready > 0) {
		if (lws_send_pipe_choked(c->wsi)) {
			lws_callback_on_writable(c->wsi);
			return 0;
		}
		if (frame_write(c, STAILQ_FIRST(&c->out)->frame) == -1)
			return -1;
		out_pop(c);
		c->nready--;
	}
	return 0;
}

/* There may be room again before all is written. */
static int
out_write(struct conn *c)
{
	int	 had_room = conn_has_room(c);

	if (out_flush(c) == -1)
		return -1;
	conn_pace(c);
	if (!had_room && conn_has_room(c))
		room_again(c);
	return 0;
}

/*
 * Written here and now, not when libwebsockets says so: that would be one more
 * poll() of all connections for every message.
 */
void
conn_release(struct conn *c)
{
	c->busy_us = 0;		/* the turn is over */
	if (c->ended)
		return;
	conn_pace(c);
	c->nready = c->nout;
	if (out_write(c) == -1) {
		conn_peer_gone(c);
		lws_set_timeout(c->wsi, PENDING_TIMEOUT_CLOSE_SEND,
		    LWS_TO_KILL_ASYNC);
	} else if (c->close_code != 0 && c->nout == 0)
		lws_callback_on_writable(c->wsi);
}

int
conn_writable(struct conn *c)
{
	if (c->ended)
		return 0;
	if (c->ping_due && ping_write(c) == -1)
		return -1;
	if (out_write(c) == -1)
		return -1;
	if (c->close_code == 0 || c->nout > 0)
		return 0;
	c->ended = 1;
	lws_close_reason(c->wsi, (enum lws_close_status)c->close_code,
	    (unsigned char *)(uintptr_t)c->close_reason,
	    strlen(c->close_reason));
	return -1;
}

/* ---- the end ---- */

void
conn_close(struct conn *c, int code, const char *reason)
{
	if (c->close_code != 0)
		return;
	c->close_code = code;
	c->close_reason = reason;
	depart(c);
	conn_pace(c);
	lws_set_timeout(c->wsi, PENDING_TIMEOUT_CLOSE_SEND, CLOSE_WAIT_S);
	turn_add(c);
}

void
conn_drop(struct conn *c, int code, const char *reason)
{
	out_clear(c);
	conn_close(c, code, reason);
}

void
conn_peer_closed(struct conn *c, const void *text, size_t len)
{
	static const char	 leaving[] = "\x03\xe8" CONN_LEAVING;

	if (c->peer != NULL && len == sizeof leaving - 1 &&
	    memcmp(text, leaving, len) == 0)
		c->peer->end = END_LEFT;
	conn_peer_gone(c);
}

void
conn_peer_gone(struct conn *c)
{
	out_clear(c);
	c->ended = 1;
	if (c->close_code != 0)
		return;
	c->close_code = CLOSE_NORMAL;
	c->close_reason = "";
	depart(c);
}

/* ---- in ---- */

/* 0, or -1 when there is no room for so many unfinished frames. */
static int
in_append(struct conn *c, const char *p, size_t len)
{
	size_t	 cap = c->incap != 0 ? c->incap : 4096;

	while (cap < c->inlen + len)
		cap *= 2;
	if (cap != c->incap) {
		if (total_in - c->incap + cap > CONN_IN_TOTAL)
			return -1;
		c->in = xreallocarray(c->in, 1, cap);
		total_in += cap - c->incap;
		c->incap = cap;
	}
	memcpy(c->in + c->inlen, p, len);
	c->inlen += len;
	return 0;
}

/* Handle a frame, and see how long that takes. */
static void
in_frame(struct conn *c, const char *p, size_t len)
{
	int64_t	 begin = clock_mono_us(), end;

	ask_frame(c, p, len);
	end = clock_mono_us();
	c->heard_at = end / 1000;
	c->busy_us += end - begin;
	conn_pace(c);
}

int
conn_readable(struct conn *c, const char *p, size_t len, int final)
{
	if (c->close_code != 0)
		return 0;
	if (len > FRAME_MAX - c->inlen) {
		conn_close(c, CLOSE_TOO_BIG, "");
		return 0;
	}
	/* Mostly a frame comes in one piece. */
	if (final && c->inlen == 0) {
		in_frame(c, p, len);
		return 0;
	}
	if (in_append(c, p, len) == -1) {
		conn_close(c, CLOSE_TRY_LATER, "busy");
		return 0;
	}
	if (final) {
		in_frame(c, c->in, c->inlen);
		in_clear(c);
	}
	return 0;
}
