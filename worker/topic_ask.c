/*
 * Questions of topics to the broker.  An answer counts only with our id: of
 * one without, nobody could say which page of a history it is.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "worker/topics_impl.h"

static const struct {
	const char	*type;
	const char	*answer;	/* NULL: none, but for an error */
} kinds[] = {
	[Q_LIST] = { "topic_list", "topic_list_response" },
	[Q_HISTORY] = { "topic_history", "topic_history_response" },
	[Q_JOIN] = { "topic_join", NULL },
	[Q_LEAVE] = { "topic_leave", NULL },
};

struct question *
question_new(struct topics *ts, enum question_kind kind, const char *topic,
    int64_t ms, question_cb cb, void *arg)
{
	struct question	*q = xcalloc(1, sizeof *q);

	q->kind = kind;
	q->no = ++ts->no;
	snprintf(q->id, sizeof q->id, "t%u", ++ts->last);
	snprintf(q->topic, sizeof q->topic, "%s", topic);
	q->until_ms = clock_mono_ms() + ms;
	q->cb = cb;
	q->arg = arg;
	TAILQ_INSERT_TAIL(&ts->questions, q, entry);
	broker_want_write(ts->broker);
	topics_schedule(ts);
	return q;
}

static void
question_done(struct topics *ts, struct question *q, const struct frame *f,
    const char *error)
{
	question_cb	 cb = q->cb;
	void		*arg = q->arg;

	TAILQ_REMOVE(&ts->questions, q, entry);
	free(q);
	if (cb != NULL)
		cb(ts, arg, f, error);
}

void
questions_cancel(struct topics *ts, const void *arg)
{
	struct question	*q;

	TAILQ_FOREACH(q, &ts->questions, entry)
		if (q->arg == arg)
			q->cb = NULL;
}

void
questions_fail(struct topics *ts, const char *error)
{
	struct question	*q;

	while ((q = TAILQ_FIRST(&ts->questions)) != NULL)
		question_done(ts, q, NULL, error);
}

int64_t
questions_expire(struct topics *ts, int64_t now)
{
	struct question	*q;
	int64_t		 next;

again:
	next = INT64_MAX;
	TAILQ_FOREACH(q, &ts->questions, entry) {
		if (q->until_ms <= now) {
			question_done(ts, q, NULL, "timeout");
			goto again;	/* the list may be another now */
		}
		if (q->until_ms < next)
			next = q->until_ms;
	}
	return next;
}

static void
question_frame(struct outbuf *o, const struct question *q)
{
	char	limit[32];

	outbuf_reset(o);
	outbuf_add(o, "{\"type\":\"");
	outbuf_add(o, kinds[q->kind].type);
	outbuf_add(o, "\",\"_reqId\":\"");
	outbuf_add(o, q->id);
	outbuf_add(o, "\"");
	if (q->topic[0] != '\0') {
		outbuf_add(o, ",\"topic\":");
		outbuf_add_string(o, q->topic);
	}
	if (q->limit != 0) {
		snprintf(limit, sizeof limit, ",\"limit\":%d", q->limit);
		outbuf_add(o, limit);
	}
	if (q->before[0] != '\0') {
		outbuf_add(o, ",\"beforeId\":");
		outbuf_add_string(o, q->before);
	}
	outbuf_add(o, "}");
}

int
topics_write(struct topics *ts)
{
	struct question	*q, *next;
	int		 ret;

	if (!broker_is_open(ts->broker))
		return 0;
	for (q = TAILQ_FIRST(&ts->questions); q != NULL; q = next) {
		next = TAILQ_NEXT(q, entry);
		if (q->sent)
			continue;
		question_frame(broker_out(ts->broker), q);
		if ((ret = broker_write(ts->broker)) == -1)
			return ret;
		q->sent = 1;
		if (kinds[q->kind].answer == NULL && q->cb == NULL)
			question_done(ts, q, NULL, NULL);
		if (ret != 0)
			return ret;
	}
	return 0;
}

int
topics_frame(struct topics *ts, const struct frame *f)
{
	struct frame_error	 e = { 0 };
	struct question		*q;
	char			 type[33];

	if (f->type == FRAME_ERROR) {
		if (frame_get_error(f, &e) == -1)
			return 0;
	} else if (frame_string(f->json, "_reqId", e.req_id,
	    sizeof e.req_id) != 1)
		return 0;
	TAILQ_FOREACH(q, &ts->questions, entry)
		if (q->sent && strcmp(q->id, e.req_id) == 0)
			break;
	if (q == NULL)
		return 0;
	if (f->type == FRAME_ERROR) {
		question_done(ts, q, NULL, e.code);
		return 1;
	}
	if (kinds[q->kind].answer == NULL || frame_string(f->json, "type",
	    type, sizeof type) != 1 ||
	    strcmp(type, kinds[q->kind].answer) != 0)
		return 0;
	question_done(ts, q, f, NULL);
	return 1;
}
