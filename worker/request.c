/* Questions to the broker. */

#include "worker/request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/clock.h"
#include "common/xalloc.h"

#define ANSWER_MS	2500
#define PENDING_MAX	64
#define JSON_MAX	(3 * 1024 * 1024)	/* of MSG_WRK_ANSWER */

/* What may be asked, and what answers it. */
static const struct {
	const char	*what;
	enum frame_type	 answer;
} askable[] = {
	{ "list_peers", FRAME_PEERS_LIST },
};
#define NASKABLE	(sizeof askable / sizeof askable[0])

struct request {
	TAILQ_ENTRY(request) entry;
	uint32_t	 gate_seq;
	size_t		 kind;		/* into askable */
	int		 sent;
	int64_t		 until_ms;	/* monotonic */
	char		 id[REQ_ID_SIZE];
};

struct requests {
	struct lws_context *ctx;
	struct broker	*broker;
	struct peer	*gate;
	TAILQ_HEAD(, request) list;	/* oldest first */
	unsigned	 n, last;
	lws_sorted_usec_list_t sul;
};

struct requests *
requests_new(struct lws_context *ctx, struct broker *broker)
{
	struct requests	*rs = xcalloc(1, sizeof *rs);

	rs->ctx = ctx;
	rs->broker = broker;
	TAILQ_INIT(&rs->list);
	return rs;
}

static void
request_free(struct requests *rs, struct request *r)
{
	TAILQ_REMOVE(&rs->list, r, entry);
	rs->n--;
	free(r);
}

void
requests_free(struct requests **rsp)
{
	struct requests	*rs = *rsp;

	if (rs == NULL)
		return;
	requests_gate(rs, NULL);
	lws_sul_cancel(&rs->sul);
	free(rs);
	*rsp = NULL;
}

void
requests_gate(struct requests *rs, struct peer *gate)
{
	rs->gate = gate;
	while (!TAILQ_EMPTY(&rs->list))
		request_free(rs, TAILQ_FIRST(&rs->list));
}

/* status 0: json is the answer; else error says what went wrong. */
static void
requests_answer(struct requests *rs, uint32_t seq, int64_t status,
    const char *json, size_t len, const char *error)
{
	struct msg_answer	a = { 0 };

	if (rs->gate == NULL)
		return;
	a.status = status;
	a.json.p = (const uint8_t *)json;
	a.json.len = len;
	snprintf(a.error, sizeof a.error, "%s", error);
	if (peer_send(rs->gate, MSG_WRK_ANSWER, seq, &a) == -1 &&
	    errno == ENOBUFS)
		log_warnx("gate: its queue is full, an answer is dropped");
}

/* What waited too long. */
static void
requests_timer_cb(lws_sorted_usec_list_t *sul)
{
	struct requests	*rs = lws_container_of(sul, struct requests, sul);
	struct request	*r;
	int64_t		 now = clock_mono_ms();

	while ((r = TAILQ_FIRST(&rs->list)) != NULL && r->until_ms <= now) {
		requests_answer(rs, r->gate_seq, 504, NULL, 0,
		    "broker_timeout");
		request_free(rs, r);
	}
	if (r != NULL)
		lws_sul_schedule(rs->ctx, 0, &rs->sul, requests_timer_cb,
		    (r->until_ms - now) * 1000);
}

void
requests_ask(struct requests *rs, uint32_t seq, const struct msg_ask *ask)
{
	struct request	*r;
	size_t		 kind;

	for (kind = 0; kind < NASKABLE; kind++)
		if (strcmp(ask->what, askable[kind].what) == 0)
			break;
	if (kind == NASKABLE) {
		requests_answer(rs, seq, 501, NULL, 0, "not_supported");
		return;
	}
	if (!broker_is_open(rs->broker)) {
		requests_answer(rs, seq, 503, NULL, 0, "broker_unavailable");
		return;
	}
	if (rs->n >= PENDING_MAX) {
		requests_answer(rs, seq, 503, NULL, 0, "too_many_requests");
		return;
	}
	r = xcalloc(1, sizeof *r);
	r->gate_seq = seq;
	r->kind = kind;
	r->until_ms = clock_mono_ms() + ANSWER_MS;
	snprintf(r->id, sizeof r->id, "r%u", ++rs->last);
	if (TAILQ_EMPTY(&rs->list))
		lws_sul_schedule(rs->ctx, 0, &rs->sul, requests_timer_cb,
		    ANSWER_MS * 1000);
	TAILQ_INSERT_TAIL(&rs->list, r, entry);
	rs->n++;
	broker_want_write(rs->broker);
}

int
requests_write(struct requests *rs)
{
	struct outbuf	*o = broker_out(rs->broker);
	struct request	*r;
	int		 ret;

	if (!broker_is_open(rs->broker))
		return 0;
	TAILQ_FOREACH(r, &rs->list, entry) {
		if (r->sent)
			continue;
		outbuf_reset(o);
		outbuf_add(o, "{\"type\":\"");
		outbuf_add(o, askable[r->kind].what);
		outbuf_add(o, "\",\"_reqId\":\"");
		outbuf_add(o, r->id);
		outbuf_add(o, "\"}");
		if ((ret = broker_write(rs->broker)) == -1)
			return ret;
		r->sent = 1;
		if (ret != 0)
			return ret;
	}
	return 0;
}

/* By id; a broker that does not echo ids answers in order. */
static struct request *
requests_find(struct requests *rs, const char *id, enum frame_type type)
{
	struct request	*r;

	TAILQ_FOREACH(r, &rs->list, entry) {
		if (!r->sent)
			continue;
		if (id[0] != '\0' ? strcmp(r->id, id) == 0 &&
		    (type == FRAME_ERROR || askable[r->kind].answer == type) :
		    askable[r->kind].answer == type)
			return r;
	}
	return NULL;
}

void
requests_frame(struct requests *rs, const struct frame *f)
{
	struct frame_error	 e = { 0 };
	struct request		*r;

	if (f->type == FRAME_ERROR) {
		if (frame_get_error(f, &e) == -1)
			return;
	} else
		(void)frame_string(f->json, "_reqId", e.req_id,
		    sizeof e.req_id);
	if ((r = requests_find(rs, e.req_id, f->type)) == NULL)
		return;
	if (f->type == FRAME_ERROR)
		requests_answer(rs, r->gate_seq, 502, NULL, 0, e.code);
	else if (f->len > JSON_MAX)
		requests_answer(rs, r->gate_seq, 502, NULL, 0,
		    "answer_too_large");
	else
		requests_answer(rs, r->gate_seq, 0, f->text, f->len, "");
	request_free(rs, r);
}

void
requests_closed(struct requests *rs)
{
	struct request	*r;

	while ((r = TAILQ_FIRST(&rs->list)) != NULL) {
		requests_answer(rs, r->gate_seq, 503, NULL, 0,
		    "broker_unavailable");
		request_free(rs, r);
	}
}
