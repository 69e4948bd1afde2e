/*
 * Questions to the broker: asked, written, and given up after some time.
 * request_answer.c finds the one that a frame answers.
 */

#include "worker/request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "worker/request_impl.h"

struct requests *
requests_new(struct lws_context *ctx, struct broker *broker)
{
	struct requests	*rs = xcalloc(1, sizeof *rs);

	rs->ctx = ctx;
	rs->broker = broker;
	rs->roster = roster_new(ctx);
	rs->standing = standing_new(broker);
	TAILQ_INIT(&rs->list);
	return rs;
}

static void
request_free(struct requests *rs, struct request *r)
{
	TAILQ_REMOVE(&rs->list, r, entry);
	rs->n--;
	json_decref(r->frame);
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
	standing_free(&rs->standing);
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

/* ---- answers ---- */

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

static void
requests_refuse(struct requests *rs, uint32_t seq, int64_t status,
    const char *error)
{
	requests_answer(rs, seq, status, NULL, 0, error);
}

void
request_refused(struct requests *rs, struct request *r, int64_t status,
    const char *error)
{
	requests_refuse(rs, r->gate_seq, status, error);
	request_free(rs, r);
}

void
request_taken(struct requests *rs, struct request *r, const struct frame *f)
{
	if (r->kind->flags & KIND_KEPT)
		standing_keep(rs->standing, r->frame);
	if (f == NULL)
		requests_answer(rs, r->gate_seq, 0, "{}", 2, "");
	else if (f->len > JSON_MAX)
		requests_refuse(rs, r->gate_seq, 502, "answer_too_large");
	else
		requests_answer(rs, r->gate_seq, 0, f->text, f->len, "");
	request_free(rs, r);
}

/* What waited too long. */
static void
requests_timer_cb(lws_sorted_usec_list_t *sul)
{
	struct requests	*rs = lws_container_of(sul, struct requests, sul);
	struct request	*r;
	int64_t		 now = clock_mono_ms();

	while ((r = TAILQ_FIRST(&rs->list)) != NULL &&
	    r->asked_ms + ANSWER_MS <= now)
		request_refused(rs, r, 504, "broker_timeout");
	if (r != NULL)
		lws_sul_schedule(rs->ctx, 0, &rs->sul, requests_timer_cb,
		    (r->asked_ms + ANSWER_MS - now) * 1000);
}

/* ---- questions ---- */

/*
 * The same question, under way, whose answer will be as good: it was asked
 * after all that is known of the peers, and may still come.  NULL: none.
 */
static const struct request *
requests_same(const struct requests *rs, const struct request *r)
{
	const struct request	*old;

	TAILQ_FOREACH(old, &rs->list, entry)
		if (strcmp(old->kind->type, r->kind->type) == 0 &&
		    (!old->sent || (old->changes == roster_changes(
		    rs->roster) && old->sent_ms + ANSWER_MS >
		    clock_mono_ms())))
			return old;
	return NULL;
}

/* It waits for its answer from now on. */
static void
requests_add(struct requests *rs, struct request *r)
{
	const struct request	*same = NULL;

	/* A roster may be a little old, so one answer is enough for many. */
	if ((r->kind->flags & KIND_SHARED) &&
	    (same = requests_same(rs, r)) != NULL) {
		r->sent = same->sent;
		r->sent_ms = same->sent_ms;
		r->changes = same->changes;
		memcpy(r->id, same->id, sizeof r->id);
	} else
		snprintf(r->id, sizeof r->id, "r%u", ++rs->last);
	json_object_set_new(r->frame, "_reqId", json_string(r->id));
	r->asked_ms = clock_mono_ms();
	if (TAILQ_EMPTY(&rs->list))
		lws_sul_schedule(rs->ctx, 0, &rs->sul, requests_timer_cb,
		    ANSWER_MS * 1000);
	TAILQ_INSERT_TAIL(&rs->list, r, entry);
	rs->n++;
	if (!r->sent)
		broker_want_write(rs->broker);
}

/* The size of a frame, with the longest id. */
static size_t
frame_size(const json_t *frame)
{
	return json_dumpb(frame, NULL, 0, JSON_COMPACT) +
	    sizeof ",\"_reqId\":\"\"" + REQ_ID_SIZE;
}

/*
 * May it be asked now?  0, or the status to answer; why gets the error.  The
 * frame is made here, so that a question that is wrong is told so first.
 */
static int64_t
requests_check(struct requests *rs, const struct kind *k, const json_t *args,
    json_t **frame_r, char why[REASON_SIZE])
{
	char	wrong[REASON_SIZE - 20];

	if ((*frame_r = kind_frame(k, args, wrong, sizeof wrong)) == NULL) {
		snprintf(why, REASON_SIZE, "invalid_argument: %s", wrong);
		return 400;
	}
	if (frame_size(*frame_r) > FRAME_OUT_MAX) {
		snprintf(why, REASON_SIZE, "frame_too_large");
		return 413;
	}
	if ((k->flags & KIND_KEPT) &&
	    !standing_has_room(rs->standing, *frame_r)) {
		snprintf(why, REASON_SIZE, "too_many_groups");
		return 400;
	}
	if (!broker_is_open(rs->broker)) {
		snprintf(why, REASON_SIZE, "broker_unavailable");
		return 503;
	}
	if (rs->n >= PENDING_MAX) {
		snprintf(why, REASON_SIZE, "too_many_requests");
		return 503;
	}
	return 0;
}

/* From what we have.  1: answered. */
static int
requests_answer_kept(struct requests *rs, uint32_t seq, const struct kind *k)
{
	const char	*text;
	size_t		 len;

	if (!(k->flags & KIND_SHARED) || !broker_is_open(rs->broker) ||
	    (text = roster_get(rs->roster, &len)) == NULL)
		return 0;
	requests_answer(rs, seq, 0, text, len, "");
	return 1;
}

/* The fields that the gate sent; -1: no object that we take. */
static int
ask_args(const struct msg_ask *ask, json_t **args_r)
{
	const char	*text = (const char *)ask->args.p;

	*args_r = NULL;
	if (ask->args.len == 0)
		return 0;
	if (frame_scan(text, ask->args.len) == 0)
		*args_r = json_loadb(text, ask->args.len,
		    JSON_REJECT_DUPLICATES, NULL);
	return json_is_object(*args_r) ? 0 : -1;
}

void
requests_ask(struct requests *rs, uint32_t seq, const struct msg_ask *ask)
{
	const struct kind	*k = kind_find(ask->what);
	struct request		*r;
	json_t			*args, *frame = NULL;
	char			 why[REASON_SIZE];
	int64_t			 status;

	if (k == NULL) {
		requests_refuse(rs, seq, 501, "not_supported");
		return;
	}
	if (requests_answer_kept(rs, seq, k))
		return;
	if (ask_args(ask, &args) == -1) {
		status = 400;
		snprintf(why, sizeof why, "invalid_argument: not a JSON "
		    "object, or over %d levels deep", FRAME_DEPTH_MAX);
	} else
		status = requests_check(rs, k, args, &frame, why);
	json_decref(args);
	if (status != 0) {
		json_decref(frame);
		requests_refuse(rs, seq, status, why);
		return;
	}
	r = xcalloc(1, sizeof *r);
	r->gate_seq = seq;
	r->kind = k;
	r->frame = frame;
	requests_add(rs, r);
}

/* ---- writing ---- */

/* All that wait for this answer; one without an answer has ended. */
static void
requests_sent(struct requests *rs, struct request *sent)
{
	struct request	*r;

	if (!kind_is_answered(sent->kind)) {
		request_taken(rs, sent, NULL);
		return;
	}
	TAILQ_FOREACH(r, &rs->list, entry) {
		if (strcmp(r->id, sent->id) != 0)
			continue;
		r->sent = 1;
		r->sent_ms = clock_mono_ms();
		r->changes = roster_changes(rs->roster);
	}
}

static struct request *
requests_unsent(struct requests *rs)
{
	struct request	*r;

	TAILQ_FOREACH(r, &rs->list, entry)
		if (!r->sent)
			break;
	return r;
}

int
requests_write(struct requests *rs)
{
	struct outbuf	*o = broker_out(rs->broker);
	struct request	*r;
	int		 ret;

	if (!broker_is_open(rs->broker))
		return 0;
	if ((ret = standing_write(rs->standing)) != 0)
		return ret;
	while ((r = requests_unsent(rs)) != NULL) {
		outbuf_reset(o);
		outbuf_add_json(o, r->frame);
		if ((ret = broker_write(rs->broker)) == -1)
			return ret;
		requests_sent(rs, r);
		if (ret != 0)
			return ret;
	}
	return 0;
}

/* ---- the connection ---- */

void
requests_peers_changed(struct requests *rs)
{
	roster_changed(rs->roster);
}

void
requests_open(struct requests *rs, const char *presence_id)
{
	standing_open(rs->standing, presence_id);
	broker_want_write(rs->broker);
}

void
requests_closed(struct requests *rs)
{
	roster_changed(rs->roster);
	while (!TAILQ_EMPTY(&rs->list))
		request_refused(rs, TAILQ_FIRST(&rs->list), 503,
		    "broker_unavailable");
}
