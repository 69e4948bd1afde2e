/*
 * Topics: which are joined, and when something is due.
 *
 * The store keeps what is joined and how far it is read; here is a copy of
 * that, changed only once the store has committed the change.  Membership at
 * the broker is the member's, and a broker may forget it: joining is said
 * again on every connection, which changes nothing where it stands.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "worker/topics_impl.h"

#define LOAD_MS		250		/* the file could not be read */

static void	topics_timer_cb(lws_sorted_usec_list_t *);

struct topics *
topics_new(struct lws_context *ctx, const struct self *self,
    struct rows *rows, struct broker *broker, struct puts *puts)
{
	struct topics	*ts = xcalloc(1, sizeof *ts);

	ts->ctx = ctx;
	ts->self = self;
	ts->rows = rows;
	ts->broker = broker;
	ts->puts = puts;
	TAILQ_INIT(&ts->list);
	TAILQ_INIT(&ts->questions);
	TAILQ_INIT(&ts->sayings);
	TAILQ_INIT(&ts->tasks);
	return ts;
}

static void
saying_free(struct topics *ts, struct saying *s)
{
	TAILQ_REMOVE(&ts->sayings, s, entry);
	free(s);
}

void
topics_free(struct topics **tsp)
{
	struct topics	*ts = *tsp;
	struct question	*q;

	if (ts == NULL)
		return;
	ts->stopped = 1;
	topics_gate(ts, NULL);
	while ((q = TAILQ_FIRST(&ts->questions)) != NULL) {
		TAILQ_REMOVE(&ts->questions, q, entry);
		free(q);
	}
	while (!TAILQ_EMPTY(&ts->sayings))
		saying_free(ts, TAILQ_FIRST(&ts->sayings));
	while (!TAILQ_EMPTY(&ts->list))
		topic_remove(ts, TAILQ_FIRST(&ts->list));
	topics_forget_known(ts);
	lws_sul_cancel(&ts->sul);
	free(ts);
	*tsp = NULL;
}

/* ---- what is joined ---- */

/* It stands in a target and in frames as it is. */
int
topic_id_ok(const char *id)
{
	const char	*s;

	for (s = id; *s != '\0'; s++)
		if (*s <= ' ' || *s > '~' || *s == '"' || *s == '\\')
			return 0;
	return *id != '\0';
}

struct topic *
topic_find(struct topics *ts, const char *id)
{
	struct topic	*t;

	TAILQ_FOREACH(t, &ts->list, entry)
		if (strcmp(t->row.topic, id) == 0)
			return t;
	return NULL;
}

struct topic *
topic_find_name(struct topics *ts, const char *name)
{
	struct topic	*t;

	TAILQ_FOREACH(t, &ts->list, entry)
		if (strcmp(t->row.name, name) == 0)
			return t;
	return NULL;
}

/* Joined, or joined again: how far it is read stays what it is. */
void
topic_add(struct topics *ts, const struct topic_row *row)
{
	struct topic	*t = topic_find(ts, row->topic);

	if (t == NULL) {
		t = xcalloc(1, sizeof *t);
		t->row = *row;
		t->limit = TOPICS_PAGE;
		TAILQ_INSERT_TAIL(&ts->list, t, entry);
		ts->n++;
	} else {
		memcpy(t->row.name, row->name, sizeof t->row.name);
		t->row.gone = 0;
	}
	t->next_ms = clock_mono_ms();
	topics_schedule(ts);
}

void
topic_remove(struct topics *ts, struct topic *t)
{
	if (ts->topic == t)
		read_stop(ts);
	questions_cancel(ts, t);
	TAILQ_REMOVE(&ts->list, t, entry);
	ts->n--;
	walk_clear(t);
	free(t);
}

static void
topics_load_cb(void *arg, const struct topic_row *row)
{
	struct topics	*ts = arg;

	if (topic_id_ok(row->topic)) {
		topic_add(ts, row);
		topic_find(ts, row->topic)->rejoin = 1;
	}
}

/* Once: from then on we know it ourselves.  When to try again. */
static int64_t
topics_load(struct topics *ts, int64_t now)
{
	if (!ts->woken || ts->loaded)
		return INT64_MAX;
	if (rows_topics(ts->rows, ts->self->owner, topics_load_cb, ts) == -1)
		return now + LOAD_MS;
	ts->loaded = 1;
	return INT64_MAX;
}

void
topics_wake(struct topics *ts)
{
	if (ts->woken)
		return;
	ts->woken = 1;
	topics_schedule(ts);
}

/* ---- the store ---- */

void
topics_store_room(struct topics *ts)
{
	struct saying		*s, *next;
	struct msg_topic_leave	 leave;
	const void		*body;

	for (s = TAILQ_FIRST(&ts->sayings); s != NULL && ts->store != NULL;
	    s = next) {
		next = TAILQ_NEXT(s, entry);
		if (!s->unsent)
			continue;
		memcpy(leave.topic, s->topic.topic, sizeof leave.topic);
		body = s->type == MSG_WRK_TOPIC ? (const void *)&s->topic :
		    &leave;
		if (peer_send(ts->store, s->type, s->seq, body) == -1)
			return;		/* its queue is full, or it dies */
		s->unsent = 0;
	}
}

void
topics_say(struct topics *ts, enum msg_type type, const struct msg_topic *m,
    struct task *task)
{
	struct saying	*s = xcalloc(1, sizeof *s);

	s->type = type;
	s->topic = *m;
	s->task = task;
	if (++ts->seq == 0)
		ts->seq = 1;
	s->seq = ts->seq;
	s->unsent = 1;
	TAILQ_INSERT_TAIL(&ts->sayings, s, entry);
	topics_store_room(ts);
}

void
topics_store(struct topics *ts, struct peer *store)
{
	struct saying	*s;

	ts->store = store;
	TAILQ_FOREACH(s, &ts->sayings, entry)
		s->unsent = 1;
	topics_store_room(ts);
	topics_schedule(ts);
}

/* The membership goes with the last of the member's who leaves. */
static void
topics_left(struct topics *ts, const char *id)
{
	struct topic	*t = topic_find(ts, id);

	if (t != NULL)
		topic_remove(ts, t);
	if (rows_topic_shared(ts->rows, ts->self->member_owner,
	    ts->self->owner, id) == 0)
		question_new(ts, Q_LEAVE, id, TOPICS_READ_MS, NULL, NULL);
}

static void
topics_joined(struct topics *ts, const struct msg_topic *m)
{
	struct topic_row	row = { .gone = 0 };

	memcpy(row.topic, m->topic, sizeof row.topic);
	memcpy(row.name, m->name, sizeof row.name);
	memcpy(row.last_id, m->last_id, sizeof row.last_id);
	row.last_created_at = m->last_created_at;
	topic_add(ts, &row);
}

void
topics_kept(struct topics *ts, uint32_t seq, const struct msg_count *c)
{
	struct saying	*s;
	struct task	*task;

	TAILQ_FOREACH(s, &ts->sayings, entry)
		if (s->seq == seq)
			break;
	if (s == NULL)
		return;			/* answered before, on another channel */
	task = s->task;
	if (s->type == MSG_WRK_TOPIC && !s->topic.join)
		read_kept(ts, seq, c->result == ACCEPT_NEW);
	else if (c->result == ACCEPT_NEW) {
		if (s->type == MSG_WRK_TOPIC)
			topics_joined(ts, &s->topic);
		else
			topics_left(ts, s->topic.topic);
	}
	saying_free(ts, s);
	if (task != NULL)
		task_kept(ts, task, c);
}

/* ---- the connection, and time ---- */

/* All are read anew: a broker that was restarted may have anything. */
void
topics_open(struct topics *ts)
{
	struct topic	*t;

	TAILQ_FOREACH(t, &ts->list, entry) {
		t->next_ms = clock_mono_ms();
		t->rejoin = 1;
		t->reopen = t == ts->topic;
	}
	topics_schedule(ts);
}

void
topics_closed(struct topics *ts)
{
	tasks_fail(ts, 503, "broker_unavailable");
	read_closed(ts);
	questions_fail(ts, "closed");
	topics_forget_known(ts);
}

void
topics_stop(struct topics *ts)
{
	ts->stopped = 1;
	tasks_fail(ts, 503, "broker_unavailable");
}

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void
topics_timer_cb(lws_sorted_usec_list_t *sul)
{
	struct topics	*ts = lws_container_of(sul, struct topics, sul);
	int64_t		 now = clock_mono_ms(), next;

	ts->due = 0;
	next = topics_load(ts, now);
	next = least(next, questions_expire(ts, now));
	next = least(next, tasks_expire(ts, now));
	if (!ts->stopped)
		next = least(next, read_next(ts, now));
	if (ts->known != NULL && ts->known_ms < now)
		topics_forget_known(ts);
	if (ts->known != NULL)
		next = least(next, ts->known_ms + 1);
	if (ts->due)
		next = now;		/* what was done has made more due */
	if (next != INT64_MAX)
		lws_sul_schedule(ts->ctx, 0, &ts->sul, topics_timer_cb,
		    next > now ? (next - now) * 1000 : 1);
}

void
topics_schedule(struct topics *ts)
{
	ts->due = 1;
	lws_sul_schedule(ts->ctx, 0, &ts->sul, topics_timer_cb, 1);
}

void
topics_room(struct topics *ts)
{
	if (ts->reading == READ_ROOM || ts->reading == READ_SYNC)
		topics_schedule(ts);
}
