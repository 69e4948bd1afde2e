/*
 * The head of a target becomes a frame.  What does not depend on the moment
 * is frozen in the row, so that every transmission is the same, byte for byte.
 */

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/encode.h"
#include "common/xalloc.h"
#include "worker/drain_impl.h"
#include "worker/secret.h"
#include "worker/verdict.h"

#define NO_BODY		"unreadable: the stored body does not open"
#define NO_KEY		"invalid_target: no valid key"
#define OTHER_KEY	"sender_key_changed: the session has another key now"
#define NO_UTF8		"invalid_schema: the row is no UTF-8"
#define TOO_LARGE	"payload_too_large: over 65536 bytes as a frame"

/* The first row of the target that is not taken yet.  As rows_target_row(). */
static int
drain_read(struct drain *d, struct target *t, struct out_row *row)
{
	int	ret;

	for (;;) {
		ret = rows_target_row(d->rows, d->self->owner, t->name,
		    t->cursor, row);
		if (ret != 1 || ((t->nwin == 0 ||
		    window_find_row(&d->window, row->seq) == NULL) &&
		    (t->nended == 0 ||
		    !report_has_ended(d->report, row->seq))))
			return ret;
		t->cursor = row->seq;
		out_row_clear(row);
	}
}

/* Everything but the ciphertext. */
static void
drain_head_of_frame(struct outbuf *o, const struct out_row *row, int first)
{
	char	hex[2 * FINGERPRINT_LEN + 1];

	outbuf_reset(o);
	outbuf_add(o, "{\"type\":\"send\",\"id\":");
	outbuf_add_string(o, row->client_id);
	outbuf_add(o, ",\"client_message_id\":");
	outbuf_add_string(o, row->client_id);
	outbuf_add(o, ",\"request_fingerprint\":\"");
	outbuf_add(o, hex_encode(hex, row->fingerprint, FINGERPRINT_LEN));
	outbuf_add(o, "\",\"targetSpec\":");
	outbuf_add_string(o, row->target);
	outbuf_add(o, ",\"priority\":\"");
	outbuf_add(o, row_priority_name(row->priority));
	outbuf_add(o, "\"");
	if (row->has_reply_to) {
		outbuf_add(o, ",\"replyToId\":");
		outbuf_add_string(o, row->reply_to);
	}
	if (first)
		outbuf_add(o, ",\"first\":true");
	outbuf_add(o, ",\"nonce\":");
	outbuf_add_base64(o, row->nonce, sizeof row->nonce);
	outbuf_add(o, ",\"ciphertext\":");
}

/* NULL, or why the row can never be sent. */
static const char *
drain_frame(struct drain *d, const struct target *t,
    const struct out_row *row, int first)
{
	struct outbuf		*o = broker_out(d->broker);
	struct body_context	 ctx;
	char			 sender[HEX_KEY_SIZE];
	const char		*text, *why = NULL;
	uint8_t			*buf, *box;
	size_t			 buflen, len;

	if (memcmp(row->sender, d->self->pub, sizeof row->sender) != 0)
		return OTHER_KEY;
	out_row_context(row, &ctx, sender);
	if (row->body == NULL || secret_body_open(d->self->secret, &ctx,
	    row->body, row->bodylen, &buf, &buflen, &text, &len) == -1)
		return NO_BODY;
	drain_head_of_frame(o, row, first);
	if (t->direct) {
		box = xmalloc(len + ENVELOPE_MAC_LEN);
		if (secret_seal(d->self->secret, box, t->key, row->nonce,
		    text, len) == 0)
			outbuf_add_base64(o, box, len + ENVELOPE_MAC_LEN);
		else
			why = NO_KEY;
		free(box);
	} else
		outbuf_add_base64(o, text, len);
	freezero(buf, buflen);
	outbuf_add(o, "}");
	if (why == NULL && o->bad)
		why = NO_UTF8;
	return why;
}

/*
 * The frame of a row.  "first" only tells the broker what it mostly knows, so
 * it does not make a frame too large.
 */
static const char *
drain_compose(struct drain *d, const struct target *t,
    const struct out_row *row, int first)
{
	const char	*why = drain_frame(d, t, row, first);

	if (why == NULL && first &&
	    broker_out(d->broker)->len > FRAME_OUT_MAX)
		why = drain_frame(d, t, row, 0);
	if (why == NULL && broker_out(d->broker)->len > FRAME_OUT_MAX)
		why = TOO_LARGE;
	return why;
}

/*
 * A row that an earlier process tried may have to wait; ours knows by itself.
 * Not for its recipient: that may have come when nobody was here to hear of
 * it.  1: it waits.
 */
static int
drain_must_wait(struct target *t, const struct out_row *row, int64_t now)
{
	const char	*code;
	int64_t		 left;

	if (row->seq == t->retry_row)
		return 0;
	t->retry_row = row->seq;
	t->retry_attempts = row->attempts;
	if (row->next_attempt_at == 0 ||
	    verdict_of(row->last_error, &code) == VERDICT_ABSENT)
		return 0;
	left = pace_wait(row->next_attempt_at, clock_wall_ms());
	if (left == 0)
		return 0;
	t->due_ms = now + left;
	t->wait = WAIT_TIME;
	return 1;
}

/* The store wants to change the row: what follows it must not overtake it. */
static void
drain_halt(struct drain *d, struct target *t, struct claim *c, int64_t now)
{
	c->target = t;
	t->halted = 1;
	drain_unsuspect(d, t);
	targets_update(&d->targets, t, now);
}

/* Nothing is left for the target. */
static void
drain_none(struct drain *d, struct target *t, int64_t now)
{
	drain_unsuspect(d, t);
	t->more = 0;
	targets_update(&d->targets, t, now);
}

static enum drain_sent
drain_send_row(struct drain *d, struct target *t, const struct out_row *row,
    int64_t now)
{
	struct slot	*s;
	const char	*why;
	int		 first = d->targets.many && t->nwin == 0, ret;

	if ((why = drain_compose(d, t, row, first)) != NULL) {
		drain_row_ended(d, t, row->seq, ROW_DEAD, row->attempts, "",
		    why);
		return DRAIN_NOTHING;
	}
	if ((ret = broker_write(d->broker)) == -1)
		return DRAIN_FAILED;
	s = window_add(&d->window, t, row->seq, row->client_id, now);
	s->first = first;
	/* The file may say yet that it is on its way, which counts one more. */
	s->attempts = row->seq == t->retry_row ? t->retry_attempts :
	    row->attempts;
	t->nwin++;
	t->cursor = row->seq;
	drain_rate_sent(d);
	targets_update(&d->targets, t, now);
	return ret == 1 ? DRAIN_CHOKED : DRAIN_SENT;
}

/*
 * The row that the target has to send now, to be cleared.  1, 0: none, the
 * target has moved on; -1: the database fails.
 */
static int
drain_head(struct drain *d, struct target *t, struct out_row *row,
    int64_t now)
{
	struct claim	*claim;
	int		 ret;

	memset(row, 0, sizeof *row);
	if ((ret = drain_read(d, t, row)) == -1) {
		drain_db_failed(d);
		return -1;
	}
	if (ret == 0) {
		drain_none(d, t, now);
		return 0;
	}
	if (t->suspect != 0 && row->seq > t->suspect)
		drain_unsuspect(d, t);
	if ((claim = drain_claim_find(d, row->seq)) != NULL)
		drain_halt(d, t, claim, now);
	else if (drain_must_wait(t, row, now)) {
		drain_unsuspect(d, t);
		targets_update(&d->targets, t, now);
	} else
		return 1;
	out_row_clear(row);
	return 0;
}

int
drain_has_head(struct drain *d)
{
	struct out_row	 row;
	struct target	*t;
	int		 ret = 0;

	while (ret == 0 && (t = drain_pick(d)) != NULL)
		ret = drain_head(d, t, &row, clock_mono_ms());
	if (ret == 1)
		out_row_clear(&row);
	return ret == 1;
}

enum drain_sent
drain_send_head(struct drain *d, struct target *t, int64_t now)
{
	struct out_row	 row;
	enum drain_sent	 sent;
	int		 ret;

	if ((ret = drain_head(d, t, &row, now)) != 1)
		return ret == 0 ? DRAIN_NOTHING : DRAIN_FAILED;
	sent = drain_send_row(d, t, &row, now);
	out_row_clear(&row);
	return sent;
}
