/*
 * Rows for the inbox on their way to the store.
 *
 * The broker is told nothing before the store has committed: what is lost
 * between, it pushes again, and the store knows a copy when it sees one.
 */

#include "worker/puts.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/xalloc.h"
#include "worker/pace.h"

#define RETRY_MS	500		/* the store is full, or busy */
#define RETRY_MAX_MS	15000
#define HARD_FACTOR	2		/* of the limits: nothing is kept */

struct put {
	TAILQ_ENTRY(put) entry;
	struct msg_put	 msg;		/* owns body.p */
	uint32_t	 seq;
	int		 unsent;
	char		*ack;		/* the frame, or NULL */
};

struct ack {
	TAILQ_ENTRY(ack) entry;
	char		 frame[];
};

struct puts {
	struct lws_context *ctx;
	struct broker	*broker;
	struct peer	*store;
	TAILQ_HEAD(, put) list;		/* in the order of coming */
	TAILQ_HEAD(, ack) acks;
	unsigned	 n, nacks, nunsent;
	size_t		 bytes;
	uint32_t	 seq;
	int64_t		 failures;	/* rounds, in a row */
	int		 resting;	/* until the timer */
	lws_sorted_usec_list_t sul;
	void		(*room_cb)(void *);
	void		*arg;
};

struct puts *
puts_new(struct lws_context *ctx, struct broker *broker,
    void (*room_cb)(void *), void *arg)
{
	struct puts	*p = xcalloc(1, sizeof *p);

	p->ctx = ctx;
	p->broker = broker;
	p->room_cb = room_cb;
	p->arg = arg;
	TAILQ_INIT(&p->list);
	TAILQ_INIT(&p->acks);
	return p;
}

static void
put_free(struct puts *p, struct put *put)
{
	TAILQ_REMOVE(&p->list, put, entry);
	p->n--;
	p->nunsent -= put->unsent ? 1 : 0;
	p->bytes -= put->msg.body.len;
	freezero((void *)(uintptr_t)put->msg.body.p, put->msg.body.len);
	free(put->ack);
	free(put);
}

static void
ack_free(struct puts *p, struct ack *a)
{
	TAILQ_REMOVE(&p->acks, a, entry);
	p->nacks--;
	free(a);
}

void
puts_free(struct puts **pp)
{
	struct puts	*p = *pp;

	if (p == NULL)
		return;
	lws_sul_cancel(&p->sul);
	while (!TAILQ_EMPTY(&p->list))
		put_free(p, TAILQ_FIRST(&p->list));
	while (!TAILQ_EMPTY(&p->acks))
		ack_free(p, TAILQ_FIRST(&p->acks));
	free(p);
	*pp = NULL;
}

/* ---- to the store ---- */

/* Give the store what it has not got. */
void
puts_store_room(struct puts *p)
{
	struct put	*put, *next;

	if (p->store == NULL || p->nunsent == 0)
		return;
	for (put = TAILQ_FIRST(&p->list); put != NULL; put = next) {
		next = TAILQ_NEXT(put, entry);
		if (!put->unsent)
			continue;
		if (peer_send(p->store, MSG_WRK_PUT, put->seq,
		    &put->msg) == 0) {
			put->unsent = 0;
			p->nunsent--;
		} else if (errno == EINVAL || errno == EMSGSIZE) {
			/* It stays with the broker, unacknowledged. */
			log_warnx("inbound: a message that no row can hold");
			put_free(p, put);
		} else
			return;
	}
}

static void
puts_retry_cb(lws_sorted_usec_list_t *sul)
{
	struct puts	*p = lws_container_of(sul, struct puts, sul);

	p->resting = 0;
	puts_store_room(p);
}

/* The store cannot just now: all of it again, after a while. */
static void
puts_rest(struct puts *p)
{
	int64_t	ms;

	if (p->resting)
		return;		/* it refused more than one */
	ms = RETRY_MS * (p->failures + 1);
	if (ms >= RETRY_MAX_MS)
		ms = RETRY_MAX_MS;
	else
		p->failures++;
	p->resting = 1;
	lws_sul_schedule(p->ctx, 0, &p->sul, puts_retry_cb,
	    1000 * pace_jitter(ms, randombytes_random()));
}

void
puts_store(struct puts *p, struct peer *store)
{
	struct put	*put;

	p->store = store;
	TAILQ_FOREACH(put, &p->list, entry)
		put->unsent = 1;
	p->nunsent = p->n;
	puts_store_room(p);
}

/* {"type":"client_ack","brokerMessageId":...}, allocated; NULL: no id. */
static char *
ack_frame(const char *broker_id, const char *client_id)
{
	struct outbuf	 o;
	char		*frame;

	if (broker_id[0] == '\0' && client_id[0] == '\0')
		return NULL;
	outbuf_init(&o);
	outbuf_reset(&o);
	outbuf_add(&o, "{\"type\":\"client_ack\",");
	outbuf_add(&o, broker_id[0] != '\0' ? "\"brokerMessageId\":" :
	    "\"clientMessageId\":");
	outbuf_add_string(&o, broker_id[0] != '\0' ? broker_id : client_id);
	outbuf_add(&o, "}");
	frame = xstrndup((const char *)outbuf_data(&o), o.len);
	outbuf_clear(&o);
	return frame;
}

int
puts_add(struct puts *p, const struct msg_put *msg, const char *ack_broker_id,
    const char *ack_client_id)
{
	struct put	*put;

	if (p->n >= HARD_FACTOR * PUTS_MAX ||
	    p->bytes + msg->body.len > HARD_FACTOR * PUTS_BYTES_MAX) {
		freezero((void *)(uintptr_t)msg->body.p, msg->body.len);
		return -1;
	}
	put = xcalloc(1, sizeof *put);
	put->msg = *msg;
	put->ack = ack_frame(ack_broker_id, ack_client_id);
	if (++p->seq == 0)
		p->seq = 1;
	put->seq = p->seq;
	put->unsent = 1;
	TAILQ_INSERT_TAIL(&p->list, put, entry);
	p->n++;
	p->nunsent++;
	p->bytes += msg->body.len;
	if (p->nunsent == 1)		/* else in order, behind the others */
		puts_store_room(p);
	return 0;
}

/* ---- to the broker ---- */

static void
ack_queue(struct puts *p, const char *frame)
{
	struct ack	*a;
	size_t		 len;

	if (frame == NULL)
		return;
	len = strlen(frame) + 1;
	a = xcalloc(1, sizeof *a + len);
	memcpy(a->frame, frame, len);
	TAILQ_INSERT_TAIL(&p->acks, a, entry);
	p->nacks++;
	broker_want_write(p->broker);
}

void
puts_ack(struct puts *p, const char *broker_id, const char *client_id)
{
	char	*frame = ack_frame(broker_id, client_id);

	if (p->nacks < HARD_FACTOR * PUTS_MAX)
		ack_queue(p, frame);
	free(frame);
}

void
puts_stored(struct puts *p, uint32_t seq, const struct msg_stored *st)
{
	struct put	*put;

	TAILQ_FOREACH(put, &p->list, entry)
		if (put->seq == seq)
			break;
	if (put == NULL)
		return;			/* of an earlier channel */
	if (st->result == PUT_FULL || st->result == PUT_BUSY) {
		if (!put->unsent) {
			put->unsent = 1;
			p->nunsent++;
		}
		puts_rest(p);
		return;
	}
	p->failures = 0;
	ack_queue(p, put->ack);
	put_free(p, put);
	p->room_cb(p->arg);
}

int
puts_write_acks(struct puts *p)
{
	struct ack	*a;
	int		 ret = 0, wrote = 0;

	while (ret == 0 && (a = TAILQ_FIRST(&p->acks)) != NULL) {
		outbuf_reset(broker_out(p->broker));
		outbuf_add(broker_out(p->broker), a->frame);
		if ((ret = broker_write(p->broker)) == -1)
			break;
		ack_free(p, a);
		wrote = 1;
	}
	if (wrote)
		p->room_cb(p->arg);
	return ret;
}

uint32_t
puts_last(const struct puts *p)
{
	return p->seq;
}

/* They end in any order, but stand in that of coming. */
int
puts_are_stored(const struct puts *p, uint32_t last)
{
	const struct put	*first = TAILQ_FIRST(&p->list);

	return first == NULL || (int32_t)(first->seq - last) > 0;
}

int
puts_is_full(const struct puts *p)
{
	return p->n + p->nacks >= PUTS_MAX || p->bytes >= PUTS_BYTES_MAX;
}
