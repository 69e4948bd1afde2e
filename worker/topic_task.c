/*
 * What the gate wants of topics: which one a name means, to join, to leave.
 *
 * A name is looked up in the broker's list of topics, which may be 5 s old; one
 * that is not in it is looked up in a list that was asked for after the
 * question came.  Joining reads where the history ends just then, so that what
 * comes behind that is new, and is answered when the store has kept it.
 */

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "worker/topics_impl.h"

#define ANSWER_MS	2500
#define KNOWN_MS	5000
#define TASKS_MAX	64

static void	task_look_up(struct topics *, struct task *);

/* ---- answers ---- */

static void
task_answer(struct topics *ts, uint32_t seq, int64_t status,
    const char *json, const char *error)
{
	struct msg_answer	a = { 0 };

	if (ts->gate == NULL)
		return;
	a.status = status;
	a.json.p = (const uint8_t *)json;
	a.json.len = strlen(json);
	memcpy(a.error, error, strnlen(error, sizeof a.error - 1));
	if (peer_send(ts->gate, MSG_WRK_ANSWER, seq, &a) == -1 &&
	    errno == ENOBUFS)
		log_warnx("gate: its queue is full, an answer is dropped");
}

static void
task_free(struct topics *ts, struct task *k)
{
	struct saying	*s;

	questions_cancel(ts, k);
	TAILQ_FOREACH(s, &ts->sayings, entry)
		if (s->task == k)
			s->task = NULL;
	TAILQ_REMOVE(&ts->tasks, k, entry);
	ts->ntasks--;
	free(k);
}

static void
task_fail(struct topics *ts, struct task *k, int64_t status,
    const char *error)
{
	task_answer(ts, k->seq, status, "", error);
	task_free(ts, k);
}

static void
task_done(struct topics *ts, struct task *k)
{
	json_t	*o;
	char	*text;

	o = json_pack("{s:{s:s, s:s}}", "topic", "id", k->found.topic,
	    "name", k->found.name);
	text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	if (text != NULL)
		task_answer(ts, k->seq, 0, text, "");
	else
		task_answer(ts, k->seq, 502, "", "malformed_answer");
	wipe_free(text);
	task_free(ts, k);
}

/* What the broker says, or that it says nothing. */
static void
task_refused(struct topics *ts, struct task *k, const char *error)
{
	if (strcmp(error, "timeout") == 0)
		task_fail(ts, k, 504, "broker_timeout");
	else if (strcmp(error, "closed") == 0)
		task_fail(ts, k, 503, "broker_unavailable");
	else
		task_fail(ts, k, strcmp(error, "topic_not_found") == 0 ?
		    404 : 502, error);
}

void
tasks_fail(struct topics *ts, int64_t status, const char *error)
{
	struct task	*k, *next;

	for (k = TAILQ_FIRST(&ts->tasks); k != NULL; k = next) {
		next = TAILQ_NEXT(k, entry);
		if (!k->storing)	/* else the store will say */
			task_fail(ts, k, status, error);
	}
}

int64_t
tasks_expire(struct topics *ts, int64_t now)
{
	struct task	*k;

	while ((k = TAILQ_FIRST(&ts->tasks)) != NULL && k->until_ms <= now) {
		if (k->storing)
			task_fail(ts, k, 503, "store_busy");
		else
			task_fail(ts, k, 504, "broker_timeout");
	}
	return k != NULL ? k->until_ms : INT64_MAX;
}

void
tasks_clear(struct topics *ts)
{
	while (!TAILQ_EMPTY(&ts->tasks))
		task_free(ts, TAILQ_FIRST(&ts->tasks));
}

void
topics_gate(struct topics *ts, struct peer *gate)
{
	ts->gate = gate;
	tasks_clear(ts);
}

/* ---- which one is meant ---- */

/* All that wait for the list. */
static void
list_cb(struct topics *ts, void *arg, const struct frame *f,
    const char *error)
{
	struct task	*k, *next;
	const json_t	*list;

	(void)arg;
	list = f != NULL ? json_object_get(f->json, "topics") : NULL;
	if (f != NULL && !json_is_array(list))
		error = "malformed_answer";
	if (error == NULL) {
		topics_forget_known(ts);
		ts->known = json_incref((json_t *)(uintptr_t)list);
		ts->known_no = ts->list_no;
		ts->known_ms = ts->list_ms + KNOWN_MS;
	}
	ts->list_no = 0;
	for (k = TAILQ_FIRST(&ts->tasks); k != NULL; k = next) {
		next = TAILQ_NEXT(k, entry);
		if (!k->listing)
			continue;
		k->listing = 0;
		if (error != NULL)
			task_refused(ts, k, error);
		else
			task_look_up(ts, k);
	}
}

static void
list_ask(struct topics *ts)
{
	if (ts->list_no != 0)
		return;			/* under way */
	ts->list_ms = clock_mono_ms();
	ts->list_no = question_new(ts, Q_LIST, "", ANSWER_MS, list_cb,
	    &ts->list_no)->no;
}

/* ---- joining ---- */

static int
page_newest(const struct frame *f, struct topic_row *row)
{
	const json_t	*list = json_object_get(f->json, "messages");
	const json_t	*o = json_array_get(list, 0);
	char		 text[64];

	if (!json_is_array(list))
		return -1;
	if (o == NULL)
		return 0;		/* nothing was said there */
	if (frame_string(o, "id", row->last_id, sizeof row->last_id) != 1)
		return -1;
	if (frame_string(o, "createdAt", text, sizeof text) != 1 ||
	    clock_parse_iso(text, &row->last_created_at) == -1 ||
	    row->last_created_at < 0)
		row->last_created_at = 0;
	return 0;
}

static void
join_cb(struct topics *ts, void *arg, const struct frame *f,
    const char *error)
{
	struct task		*k = arg;
	struct msg_topic	 m = { .join = 1 };

	if (error == NULL && page_newest(f, &k->found) == -1)
		error = "malformed_answer";
	if (error != NULL) {
		task_refused(ts, k, error);
		return;
	}
	memcpy(m.topic, k->found.topic, sizeof m.topic);
	memcpy(m.name, k->found.name, sizeof m.name);
	memcpy(m.last_id, k->found.last_id, sizeof m.last_id);
	m.last_created_at = k->found.last_created_at;
	k->storing = 1;
	topics_say(ts, MSG_WRK_TOPIC, &m, k);
}

/* How many there will be, with those that are under way. */
static unsigned
topics_number(const struct topics *ts)
{
	const struct saying	*s;
	unsigned		 n = ts->n;

	TAILQ_FOREACH(s, &ts->sayings, entry)
		n += s->type == MSG_WRK_TOPIC && s->topic.join;
	return n;
}

static void
task_join(struct topics *ts, struct task *k)
{
	struct topic	*t = topic_find(ts, k->found.topic);

	if (t == NULL && topics_number(ts) >= TOPICS_MAX) {
		task_fail(ts, k, 409, "too_many_topics");
		return;
	}
	question_new(ts, Q_JOIN, k->found.topic, ANSWER_MS, NULL, NULL);
	if (t != NULL && !t->row.gone)
		task_done(ts, k);	/* it stands, and is kept */
	else
		question_new(ts, Q_HISTORY, k->found.topic, ANSWER_MS,
		    join_cb, k)->limit = 1;
}

/* ---- leaving ---- */

static void
task_leave(struct topics *ts, struct task *k)
{
	struct msg_topic	m = { .join = 0 };

	memcpy(m.topic, k->found.topic, sizeof m.topic);
	memcpy(m.name, k->found.name, sizeof m.name);
	k->storing = 1;
	topics_say(ts, MSG_WRK_TOPIC_LEAVE, &m, k);
}

void
task_kept(struct topics *ts, struct task *k, const struct msg_count *c)
{
	if (c->result == ACCEPT_NEW)
		task_done(ts, k);
	else if (c->result == ACCEPT_FULL)
		task_fail(ts, k, 507, "disk_full");
	else
		task_fail(ts, k, 503, "store_busy");
}

/* ---- questions ---- */

/* It is known which one is meant. */
static void
task_go(struct topics *ts, struct task *k)
{
	switch (k->kind) {
	case TASK_RESOLVE:
		task_done(ts, k);
		break;
	case TASK_JOIN:
		task_join(ts, k);
		break;
	case TASK_LEAVE:
		task_leave(ts, k);
		break;
	}
}

/*
 * What is joined is known by its id, and needs no broker; a leave finds it by
 * its name too, for the broker may know it no more.
 */
static int
task_is_joined(struct topics *ts, struct task *k)
{
	struct topic	*t = topic_find(ts, k->name);

	if (t == NULL && k->kind == TASK_LEAVE)
		t = topic_find_name(ts, k->name);
	if (t == NULL || k->kind == TASK_JOIN)
		return 0;
	memcpy(k->found.topic, t->row.topic, sizeof k->found.topic);
	memcpy(k->found.name, t->row.name, sizeof k->found.name);
	return 1;
}

static void
task_look_up(struct topics *ts, struct task *k)
{
	int	n = ts->known != NULL ? known_find(ts, k->name, &k->found) : 0;

	if (n == 1)
		task_go(ts, k);
	else if (ts->known == NULL || ts->known_no < k->no) {
		k->listing = 1;
		list_ask(ts);
	} else if (n > 1)
		task_fail(ts, k, 409, "ambiguous_target");
	else
		task_fail(ts, k, 404, "topic_not_found");
}

static int
task_kind(const char *what, enum task_kind *kind)
{
	static const char *const names[] = {
		[TASK_RESOLVE] = "topic",
		[TASK_JOIN] = "topic_join",
		[TASK_LEAVE] = "topic_leave",
	};
	size_t	i;

	for (i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(what, names[i]) == 0) {
			*kind = (enum task_kind)i;
			return 1;
		}
	return 0;
}

/* The name of a question.  0 or -1. */
static int
task_name(struct task *k, const struct msg_ask *ask)
{
	json_t	*o;
	int	 ret;

	if (frame_scan((const char *)ask->args.p, ask->args.len) == -1)
		return -1;
	o = json_loadb((const char *)ask->args.p, ask->args.len,
	    JSON_REJECT_DUPLICATES, NULL);
	ret = frame_string(o, "topic", k->name, sizeof k->name);
	json_decref(o);
	return ret == 1 && k->name[0] != '\0' ? 0 : -1;
}

static void
task_begin(struct topics *ts, struct task *k)
{
	if (k->kind != TASK_RESOLVE && (!ts->loaded || ts->store == NULL))
		task_fail(ts, k, 503, "store_busy");
	else if (k->kind == TASK_RESOLVE && task_is_joined(ts, k))
		task_go(ts, k);
	else if (!broker_is_open(ts->broker))
		task_fail(ts, k, 503, "broker_unavailable");
	else if (task_is_joined(ts, k))
		task_go(ts, k);
	else
		task_look_up(ts, k);
}

int
topics_ask(struct topics *ts, uint32_t seq, const struct msg_ask *ask)
{
	struct task	*k;
	enum task_kind	 kind;

	if (!task_kind(ask->what, &kind))
		return 0;
	if (ts->stopped || ts->ntasks >= TASKS_MAX) {
		task_answer(ts, seq, 503, "", ts->stopped ?
		    "broker_unavailable" : "too_many_requests");
		return 1;
	}
	k = xcalloc(1, sizeof *k);
	k->kind = kind;
	k->seq = seq;
	k->no = ++ts->no;
	k->until_ms = clock_mono_ms() + ANSWER_MS;
	TAILQ_INSERT_TAIL(&ts->tasks, k, entry);
	ts->ntasks++;
	topics_schedule(ts);
	if (task_name(k, ask) == -1)
		task_fail(ts, k, 400, "invalid_argument");
	else
		task_begin(ts, k);
	return 1;
}
