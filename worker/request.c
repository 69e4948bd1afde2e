/*
 * Questions to the broker.  Nothing but the words and fields of the table below
 * gets into a frame, whatever the gate says.
 */

#include "worker/request.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "worker/roster.h"

#define ANSWER_MS	2500
#define PENDING_MAX	64
#define JSON_MAX	(3 * 1024 * 1024)	/* of MSG_WRK_ANSWER */

/* What may be asked, how, with which field (a string), and what answers it. */
static const struct {
	const char	*what;
	const char	*type;
	const char	*field;		/* NULL: none */
	enum frame_type	 answer;
} askable[] = {
	{ "list_peers", "list_peers", NULL, FRAME_PEERS_LIST },
	{ "message_status", "message_status", "messageId",
	    FRAME_MESSAGE_STATUS },
	{ "roster", "list_peers", NULL, FRAME_PEERS_LIST },
};
#define NASKABLE	(sizeof askable / sizeof askable[0])
#define ROSTER		2

/* Errors of a broker that mean something to who asked; others are 502. */
static const struct {
	const char	*code;
	int64_t		 status;
} request_errors[] = {
	{ "ambiguous_prefix", 409 },
	{ "invalid_argument", 400 },
	{ "not_found", 404 },
};
#define NERRORS		(sizeof request_errors / sizeof request_errors[0])

struct request {
	TAILQ_ENTRY(request) entry;
	uint32_t	 gate_seq;
	size_t		 kind;		/* into askable */
	int		 sent;
	int64_t		 asked_ms, sent_ms;	/* monotonic */
	unsigned	 changes;	/* of the roster, when it was sent */
	/* Several that wait for one answer have the same id. */
	char		 id[REQ_ID_SIZE];
	char		 field[BROKER_ID_SIZE];
};

struct requests {
	struct lws_context *ctx;
	struct broker	*broker;
	struct peer	*gate;
	struct roster	*roster;
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
	rs->roster = roster_new(ctx);
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
	roster_free(&rs->roster);
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

	while ((r = TAILQ_FIRST(&rs->list)) != NULL &&
	    r->asked_ms + ANSWER_MS <= now) {
		requests_answer(rs, r->gate_seq, 504, NULL, 0,
		    "broker_timeout");
		request_free(rs, r);
	}
	if (r != NULL)
		lws_sul_schedule(rs->ctx, 0, &rs->sul, requests_timer_cb,
		    (r->asked_ms + ANSWER_MS - now) * 1000);
}

/* The field of a question.  0, or -1: it is not there, or no short string. */
static int
request_field(struct request *r, const struct msg_ask *ask)
{
	json_t	*o;
	int	 ret;

	if (askable[r->kind].field == NULL)
		return 0;
	if (frame_scan((const char *)ask->args.p, ask->args.len) == -1)
		return -1;
	o = json_loadb((const char *)ask->args.p, ask->args.len,
	    JSON_REJECT_DUPLICATES, NULL);
	ret = frame_string(o, askable[r->kind].field, r->field,
	    sizeof r->field);
	json_decref(o);
	return ret == 1 && r->field[0] != '\0' ? 0 : -1;
}

/* The same question, under way; NULL: none. */
static const struct request *
requests_same(const struct requests *rs, const struct request *r)
{
	const struct request	*old;

	TAILQ_FOREACH(old, &rs->list, entry)
		if (strcmp(askable[old->kind].type,
		    askable[r->kind].type) == 0)
			return old;
	return NULL;
}

/* It waits for its answer from now on. */
static void
requests_add(struct requests *rs, struct request *r)
{
	const struct request	*same = NULL;

	/* A roster may be a little old, so one answer is enough for many. */
	if (r->kind == ROSTER && (same = requests_same(rs, r)) != NULL) {
		r->sent = same->sent;
		r->sent_ms = same->sent_ms;
		r->changes = same->changes;
		memcpy(r->id, same->id, sizeof r->id);
	} else
		snprintf(r->id, sizeof r->id, "r%u", ++rs->last);
	if (TAILQ_EMPTY(&rs->list))
		lws_sul_schedule(rs->ctx, 0, &rs->sul, requests_timer_cb,
		    ANSWER_MS * 1000);
	TAILQ_INSERT_TAIL(&rs->list, r, entry);
	rs->n++;
	if (!r->sent)
		broker_want_write(rs->broker);
}

/* From what we have.  1: answered. */
static int
requests_answer_kept(struct requests *rs, uint32_t seq, size_t kind)
{
	const char	*text;
	size_t		 len;

	if (kind != ROSTER ||
	    (text = roster_get(rs->roster, &len)) == NULL)
		return 0;
	requests_answer(rs, seq, 0, text, len, "");
	return 1;
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
	if (requests_answer_kept(rs, seq, kind))
		return;
	if (rs->n >= PENDING_MAX) {
		requests_answer(rs, seq, 503, NULL, 0, "too_many_requests");
		return;
	}
	r = xcalloc(1, sizeof *r);
	r->gate_seq = seq;
	r->kind = kind;
	r->asked_ms = clock_mono_ms();
	if (request_field(r, ask) == -1) {
		requests_answer(rs, seq, 400, NULL, 0, "invalid_argument");
		free(r);
		return;
	}
	requests_add(rs, r);
}

static void
request_frame(struct outbuf *o, const struct request *r)
{
	outbuf_reset(o);
	outbuf_add(o, "{\"type\":\"");
	outbuf_add(o, askable[r->kind].type);
	outbuf_add(o, "\",\"_reqId\":\"");
	outbuf_add(o, r->id);
	outbuf_add(o, "\"");
	if (askable[r->kind].field != NULL) {
		outbuf_add(o, ",\"");
		outbuf_add(o, askable[r->kind].field);
		outbuf_add(o, "\":");
		outbuf_add_string(o, r->field);
	}
	outbuf_add(o, "}");
}

/* All that wait for this answer. */
static void
requests_sent(struct requests *rs, const char *id)
{
	struct request	*r;

	TAILQ_FOREACH(r, &rs->list, entry) {
		if (strcmp(r->id, id) != 0)
			continue;
		r->sent = 1;
		r->sent_ms = clock_mono_ms();
		r->changes = roster_changes(rs->roster);
	}
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
		request_frame(o, r);
		if ((ret = broker_write(rs->broker)) == -1)
			return ret;
		requests_sent(rs, r->id);
		if (ret != 0)
			return ret;
	}
	return 0;
}

/*
 * Is it the answer to this one, by its id?  A broker that does not echo ids
 * answers in order, or says what it is about.
 */
static int
request_is_answered(const struct request *r, const struct frame *f,
    const char *id)
{
	char	field[BROKER_ID_SIZE];

	if (!r->sent)
		return 0;
	if (f->type == FRAME_ERROR)
		return id[0] != '\0' && strcmp(r->id, id) == 0;
	if (askable[r->kind].answer != f->type)
		return 0;
	if (id[0] != '\0')
		return strcmp(r->id, id) == 0;
	return askable[r->kind].field == NULL || (frame_string(f->json,
	    askable[r->kind].field, field, sizeof field) == 1 &&
	    strncmp(field, r->field, strlen(r->field)) == 0);
}

/* The status to give for a broker's error. */
static int64_t
request_status(const char *code)
{
	size_t	i;

	for (i = 0; i < NERRORS; i++)
		if (strcmp(code, request_errors[i].code) == 0)
			return request_errors[i].status;
	return 502;
}

/* This frame (e: or error) is what it gets. */
static void
request_done(struct requests *rs, struct request *r, const struct frame *f,
    const struct frame_error *e)
{
	if (f->type == FRAME_ERROR)
		requests_answer(rs, r->gate_seq, request_status(e->code),
		    NULL, 0, e->code);
	else if (f->len > JSON_MAX)
		requests_answer(rs, r->gate_seq, 502, NULL, 0,
		    "answer_too_large");
	else
		requests_answer(rs, r->gate_seq, 0, f->text, f->len, "");
	request_free(rs, r);
}

void
requests_frame(struct requests *rs, const struct frame *f)
{
	struct frame_error	 e = { 0 };
	struct request		*r, *next;
	char			 id[REQ_ID_SIZE];

	if (f->type == FRAME_ERROR) {
		if (frame_get_error(f, &e) == -1)
			return;
	} else
		(void)frame_string(f->json, "_reqId", e.req_id,
		    sizeof e.req_id);
	TAILQ_FOREACH(r, &rs->list, entry)
		if (request_is_answered(r, f, e.req_id))
			break;
	if (r == NULL)
		return;
	if (f->type == FRAME_PEERS_LIST && f->len <= JSON_MAX)
		roster_keep(rs->roster, f->text, f->len, r->sent_ms,
		    r->changes);
	memcpy(id, r->id, sizeof id);
	for (; r != NULL; r = next) {
		next = TAILQ_NEXT(r, entry);
		if (strcmp(r->id, id) == 0)
			request_done(rs, r, f, &e);
	}
}

void
requests_peers_changed(struct requests *rs)
{
	roster_changed(rs->roster);
}

void
requests_closed(struct requests *rs)
{
	struct request	*r;

	roster_changed(rs->roster);
	while ((r = TAILQ_FIRST(&rs->list)) != NULL) {
		requests_answer(rs, r->gate_seq, 503, NULL, 0,
		    "broker_unavailable");
		request_free(rs, r);
	}
}
