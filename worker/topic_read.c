/*
 * The history of a topic, read back to what was read last.
 *
 * A broker gives it newest first, a page at a time; rows are to be oldest
 * first.  So a walk goes back, keeping of each page only the id behind which
 * the next one begins, until a page has what was read last; that page is
 * stored, and then the newer ones, asked for once more, one by one.  How far
 * we are advances page by page, each after its rows are committed: whatever
 * ends in between, what is read again are copies.
 *
 * A broker may lie.  A page counts for no more messages than were asked for; a
 * cursor that comes twice, and too many of them, end the walk; and after some
 * pages it is another topic's turn.  A broker that makes up new messages for
 * ever gets no further with it than with pushes.
 */

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "worker/pace.h"
#include "worker/topics_impl.h"

#define PAGE_MS		10000		/* for an answer */
#define PAUSE_MS	5000		/* between rounds of a long history */
#define AGAIN_MS	1000		/* the store is full, or busy */
#define LIMIT_SHRINK	6		/* 50, 8, 1 */
#define AROUND		1024		/* in an answer, around what was sent */

/* Whatever people say there, a page is no frame that ends the connection. */
_Static_assert(TOPICS_PAGE * (FRAME_OUT_MAX + AROUND) <= FRAME_MAX,
    "a page of the largest messages fits");

static void	page_next(struct topics *);

/* ---- the end of a turn ---- */

static void
read_leave(struct topics *ts, int64_t ms)
{
	struct topic	*t = ts->topic;

	if (t->reopen)
		ms = clock_mono_ms();
	else if (ms != INT64_MAX)
		ms = clock_mono_ms() + pace_jitter(ms, randombytes_random());
	t->reopen = 0;
	t->next_ms = ms;
	read_stop(ts);
	topics_schedule(ts);
}

void
read_stop(struct topics *ts)
{
	if (ts->topic != NULL)
		questions_cancel(ts, ts->topic);
	json_decref(ts->page);
	ts->page = NULL;
	ts->topic = NULL;
	ts->reading = READ_NOTHING;
	ts->keep_seq = 0;
}

void
read_closed(struct topics *ts)
{
	struct topic	*t = ts->topic;

	if (ts->reading != READ_ASKED)
		return;
	/*
	 * A page may be larger than a frame may be, should a broker take larger
	 * messages than it ought to, and ends every connection; then a shorter
	 * one must do.
	 */
	if (t->lost)
		t->limit = t->limit > LIMIT_SHRINK ?
		    t->limit / LIMIT_SHRINK : 1;
	t->lost = 1;
	read_stop(ts);
}

/* Tell the store what it has of this topic. */
static void
read_say(struct topics *ts, const struct topic_row *row)
{
	struct msg_topic	m = { .join = 0 };

	memcpy(m.topic, row->topic, sizeof m.topic);
	memcpy(m.name, row->name, sizeof m.name);
	memcpy(m.last_id, row->last_id, sizeof m.last_id);
	m.last_created_at = row->last_created_at;
	m.gone = row->gone;
	topics_say(ts, MSG_WRK_TOPIC, &m, NULL);
}

/* All of it is read. */
static void
read_done(struct topics *ts)
{
	struct topic	*t = ts->topic;

	walk_clear(t);
	t->error[0] = '\0';
	t->deep = 0;
	t->limit = TOPICS_PAGE;
	if (t->row.gone) {
		log_info("topic %s: the broker knows it again", t->row.name);
		t->row.gone = 0;
		read_say(ts, &t->row);
	}
	read_leave(ts, TOPICS_READ_MS);
}

/* Said once; looked at again with the next connection. */
static void
read_gone(struct topics *ts)
{
	struct topic	*t = ts->topic;

	walk_clear(t);
	if (!t->row.gone) {
		log_warnx("topic %s: the broker knows it no more; leave it, "
		    "or join the one that takes its place", t->row.name);
		t->row.gone = 1;
		read_say(ts, &t->row);
	}
	read_leave(ts, INT64_MAX);
}

static void
read_failed(struct topics *ts, const char *error)
{
	struct topic	*t = ts->topic;

	if (strcmp(error, "topic_not_found") == 0) {
		read_gone(ts);
		return;
	}
	if (strcmp(t->error, error) != 0)
		log_warnx("topic %s: its history is not read, and tried "
		    "again: %s", t->row.name, error);
	memcpy(t->error, error, strnlen(error, sizeof t->error - 1) + 1);
	t->error[sizeof t->error - 1] = '\0';
	if (strcmp(error, "timeout") != 0)
		walk_clear(t);		/* it may not know the cursor any more */
	t->rejoin = 1;			/* it may have forgotten us */
	read_leave(ts, TOPICS_READ_MS);
}

/* ---- a page becomes rows ---- */

/* Oldest first. */
static void
page_put(struct topics *ts)
{
	size_t	i;

	for (i = json_array_size(ts->page); i > 0; i--)
		if (topic_put(ts, json_array_get(ts->page, i - 1)) == -1)
			break;
	broker_pause(ts->broker, puts_is_full(ts->puts));
	if (i > 0)
		return;			/* all of it again; copies are known */
	json_decref(ts->page);
	ts->page = NULL;
	ts->mark = puts_last(ts->puts);
	ts->reading = READ_SYNC;
}

static void
page_keep(struct topics *ts)
{
	struct topic_row	row = ts->topic->row;

	memcpy(row.last_id, ts->last_id, sizeof row.last_id);
	row.last_created_at = ts->last_created_at;
	read_say(ts, &row);
	ts->keep_seq = ts->seq;
	ts->reading = READ_KEPT;
}

/* What is older than the top is read: on with the page in front of it. */
static void
page_done(struct topics *ts)
{
	struct topic	*t = ts->topic;

	if (t->ncursors == 0) {
		read_done(ts);
		return;
	}
	memcpy(t->edge, walk_top(t), strlen(walk_top(t)) + 1);
	walk_pop(t);
	page_next(ts);
}

void
read_kept(struct topics *ts, uint32_t seq, int ok)
{
	struct topic	*t = ts->topic;

	if (ts->reading != READ_KEPT || seq != ts->keep_seq)
		return;
	if (!ok) {
		ts->again_ms = clock_mono_ms() + AGAIN_MS;
		ts->reading = READ_AGAIN;
		topics_schedule(ts);
		return;
	}
	memcpy(t->row.last_id, ts->last_id, sizeof t->row.last_id);
	t->row.last_created_at = ts->last_created_at;
	page_done(ts);
}

/* ---- a page comes ---- */

static int64_t
message_time(const json_t *o)
{
	char	text[64];
	int64_t	ms;

	return frame_string(o, "createdAt", text, sizeof text) == 1 &&
	    clock_parse_iso(text, &ms) == 0 && ms >= 0 ? ms : 0;
}

/* These are to be stored; without one that has an id nothing is new. */
static void
page_hold(struct topics *ts, const json_t *list, size_t n)
{
	size_t	i;
	json_t	*o;

	ts->page = json_array();
	ts->last_id[0] = '\0';
	for (i = 0; i < n; i++) {
		o = json_array_get(list, i);
		json_array_append(ts->page, o);
		if (ts->last_id[0] == '\0' && walk_message_id(o, ts->last_id))
			ts->last_created_at = message_time(o);
	}
	if (ts->last_id[0] == '\0') {
		if (n > 0)
			topic_malformed(ts);
		page_done(ts);
		return;
	}
	if (ts->last_created_at == 0)
		ts->last_created_at = ts->topic->row.last_created_at;
	ts->reading = READ_ROOM;
	topics_schedule(ts);
}

static void
page_cb(struct topics *ts, void *arg, const struct frame *f,
    const char *error)
{
	struct topic	*t = arg;
	const json_t	*list;
	char		 oldest[BROKER_ID_SIZE];
	size_t		 n;
	int		 found;

	if (ts->topic != t || ts->reading != READ_ASKED)
		return;
	list = f != NULL ? json_object_get(f->json, "messages") : NULL;
	if (!json_is_array(list)) {
		read_failed(ts, f != NULL ? "malformed_answer" : error);
		return;
	}
	t->lost = 0;
	n = walk_page(t, list, &found, oldest);
	if (!found && oldest[0] != '\0' && walk_push(t, oldest)) {
		page_next(ts);
		return;
	}
	/* Its end, without what was read last: only time tells what is new. */
	if (!found && t->row.last_id[0] != '\0')
		t->floor = t->row.last_created_at;
	page_hold(ts, list, n);
}

static void
page_ask(struct topics *ts)
{
	struct topic	*t = ts->topic;
	struct question	*q;

	ts->pages++;
	ts->reading = READ_ASKED;
	q = question_new(ts, Q_HISTORY, t->row.topic, PAGE_MS, page_cb, t);
	q->limit = t->limit;
	memcpy(q->before, walk_top(t), strlen(walk_top(t)) + 1);
}

/* Another one, unless it is others' turn. */
static void
page_next(struct topics *ts)
{
	json_decref(ts->page);
	ts->page = NULL;
	if (ts->stopped || !broker_is_open(ts->broker) ||
	    ts->pages >= TOPICS_ROUND)
		read_leave(ts, PAUSE_MS);
	else
		page_ask(ts);
}

/* ---- whose turn it is ---- */

static int64_t
read_begin(struct topics *ts)
{
	struct topic	*t, *first = NULL;

	if (!ts->loaded || ts->store == NULL || !broker_is_open(ts->broker))
		return INT64_MAX;	/* all of them bring us here again */
	TAILQ_FOREACH(t, &ts->list, entry)
		if (first == NULL || t->next_ms < first->next_ms)
			first = t;
	if (first == NULL || first->next_ms > clock_mono_ms())
		return first != NULL ? first->next_ms : INT64_MAX;
	ts->topic = first;
	ts->pages = 0;
	if (first->rejoin)
		question_new(ts, Q_JOIN, first->row.topic, PAGE_MS, NULL,
		    NULL);
	first->rejoin = 0;
	page_ask(ts);
	return INT64_MAX;
}

int64_t
read_next(struct topics *ts, int64_t now)
{
	if (ts->reading == READ_ROOM && !puts_is_full(ts->puts))
		page_put(ts);
	if (ts->reading == READ_SYNC && puts_are_stored(ts->puts, ts->mark))
		page_keep(ts);
	if (ts->reading == READ_AGAIN && now < ts->again_ms)
		return ts->again_ms;
	if (ts->reading == READ_AGAIN)
		page_keep(ts);
	return ts->reading == READ_NOTHING ? read_begin(ts) : INT64_MAX;
}
