/*
 * Joined topics, through the store's own channels and the read side: they are
 * kept as their worker says, for its owner only, and how far a history is read
 * never goes back by a join.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "loop_help.h"
#include "store_help.h"

static struct rows	*rows;
static struct topic_row	 got[TOPICS_MAX + 1];
static int		 ngot;

static int
setup(void **state)
{
	if (loop_new(state) == -1)
		return -1;
	rows = rows_open(path);
	return rows != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	rows_close(&rows);
	return loop_remove(state);
}

static void
topic_cb(void *arg, const struct topic_row *t)
{
	assert_ptr_equal(arg, &ngot);
	got[ngot++] = *t;
}

static int
topics(int n)
{
	ngot = 0;
	return rows_topics(rows, owner(n), topic_cb, &ngot);
}

/* A message about a topic, and the count of its answer. */
static int64_t
say(struct channel *ch, const struct msg_topic *t, int64_t result)
{
	static uint32_t		seq;
	struct msg_count	c;

	assert_int_equal(msg_send(ch, MSG_WRK_TOPIC, ++seq, t, -1), 0);
	turn();
	get(ch, MSG_STORE_TOPIC, seq, &c);
	assert_int_equal(c.result, result);
	return c.count;
}

static int64_t
joins(struct channel *ch, const char *id, const char *name,
    const char *last)
{
	struct msg_topic	t = { .join = 1, .last_created_at = 70 };

	snprintf(t.topic, sizeof t.topic, "%s", id);
	snprintf(t.name, sizeof t.name, "%s", name);
	snprintf(t.last_id, sizeof t.last_id, "%s", last);
	return say(ch, &t, ACCEPT_NEW);
}

static int64_t
reads(struct channel *ch, const char *id, const char *last, int gone)
{
	struct msg_topic	t = { .last_created_at = 90, .gone = gone };

	snprintf(t.topic, sizeof t.topic, "%s", id);
	snprintf(t.name, sizeof t.name, "x");
	snprintf(t.last_id, sizeof t.last_id, "%s", last);
	return say(ch, &t, ACCEPT_NEW);
}

static int64_t
leaves(struct channel *ch, const char *id)
{
	struct msg_topic_leave	t = { .topic = "" };
	struct msg_count	c;

	snprintf(t.topic, sizeof t.topic, "%s", id);
	assert_int_equal(msg_send(ch, MSG_WRK_TOPIC_LEAVE, 9, &t, -1), 0);
	turn();
	get(ch, MSG_STORE_TOPIC, 9, &c);
	return c.count;
}

/* A worker's channel, greeted. */
static struct channel *
worker(enum row_kind kind, int n, int m)
{
	struct channel	*ch = join(PEER_WORKER, kind, n, m);
	struct msg	 msg;

	turn();
	while (msg_recv(ch, &msg) == 1)
		;
	return ch;
}

static void
a_join_is_kept(void **state)
{
	struct channel	*ch = worker(OWNER_SESSION, 1, 50);

	(void)state;
	assert_int_equal(topics(1), 0);
	assert_int_equal(joins(ch, "t1", "news", ""), 1);
	assert_int_equal(joins(ch, "t2", "deploys", "h5"), 1);
	assert_int_equal(topics(1), 2);
	assert_string_equal(got[0].topic, "t1");
	assert_string_equal(got[0].name, "news");
	assert_string_equal(got[0].last_id, "");
	assert_int_equal(got[0].last_created_at, 0);
	assert_string_equal(got[1].last_id, "h5");
	assert_int_equal(got[1].last_created_at, 70);
	assert_int_equal(topics(2), 0);		/* nobody else's */
	channel_free(&ch);
}

static void
reading_moves_on_and_a_join_does_not(void **state)
{
	struct channel	*ch = worker(OWNER_SESSION, 1, 50);

	(void)state;
	joins(ch, "t1", "news", "h5");
	assert_int_equal(reads(ch, "t1", "h9", 0), 1);
	assert_int_equal(joins(ch, "t1", "news", ""), 1);
	assert_int_equal(topics(1), 1);
	assert_string_equal(got[0].last_id, "h9");
	assert_int_equal(got[0].last_created_at, 90);
	assert_int_equal(reads(ch, "t2", "h9", 0), 0);	/* never joined */
	assert_int_equal(topics(1), 1);
	channel_free(&ch);
}

static void
gone_until_it_is_back(void **state)
{
	struct channel	*ch = worker(OWNER_SESSION, 1, 50);

	(void)state;
	joins(ch, "t1", "news", "h5");
	reads(ch, "t1", "h5", 1);
	topics(1);
	assert_int_equal(got[0].gone, 1);
	assert_string_equal(got[0].last_id, "h5");
	reads(ch, "t1", "h5", 0);
	topics(1);
	assert_int_equal(got[0].gone, 0);
	reads(ch, "t1", "h5", 1);
	joins(ch, "t1", "news", "");
	topics(1);
	assert_int_equal(got[0].gone, 0);
	channel_free(&ch);
}

static void
leaving_ends_it(void **state)
{
	struct channel	*a = worker(OWNER_SESSION, 1, 50);
	struct channel	*b = worker(OWNER_SESSION, 2, 50);

	(void)state;
	joins(a, "t1", "news", "h5");
	joins(b, "t1", "news", "h5");
	assert_int_equal(leaves(a, "t1"), 1);
	assert_int_equal(leaves(a, "t1"), 0);
	assert_int_equal(reads(a, "t1", "h9", 0), 0);	/* too late */
	assert_int_equal(topics(1), 0);
	assert_int_equal(topics(2), 1);
	channel_free(&a);
	channel_free(&b);
}

/* Who else of the same member has it, for the membership is the member's. */
static void
shared_by_a_member(void **state)
{
	struct channel	*a = worker(OWNER_SESSION, 1, 50);
	struct channel	*b = worker(OWNER_SESSION, 2, 50);
	struct channel	*m = worker(OWNER_MEMBER, 50, 50);
	struct channel	*s = worker(OWNER_SESSION, 3, 60);

	(void)state;
#define SHARED(n)	rows_topic_shared(rows, owner(50), owner(n), "t1")
	joins(a, "t1", "news", "");
	joins(s, "t1", "news", "");
	assert_int_equal(SHARED(1), 0);
	assert_int_equal(SHARED(2), 1);
	joins(m, "t1", "news", "");
	assert_int_equal(SHARED(1), 1);
	leaves(m, "t1");
	joins(b, "t1", "news", "");
	assert_int_equal(SHARED(1), 1);
	leaves(b, "t1");
	assert_int_equal(SHARED(1), 0);
	channel_free(&a);
	channel_free(&b);
	channel_free(&m);
	channel_free(&s);
}

static void
nonsense_is_dropped(void **state)
{
	static const struct msg_topic	bad[] = {
		{ .name = "n", .join = 1 },
		{ .topic = "t", .join = 1 },
		{ .topic = "\xff", .name = "n", .join = 1 },
		{ .topic = "t", .name = "\xff", .join = 1 },
		{ .topic = "t", .name = "n", .last_id = "\xff" },
	};
	struct channel	*ch;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		ch = worker(OWNER_SESSION, 1, 50);
		assert_int_equal(msg_send(ch, MSG_WRK_TOPIC, 1, &bad[i], -1),
		    0);
		turn();
		get_end(ch);
		channel_free(&ch);
		turn();
	}
	assert_int_equal(sql_int("SELECT count(*) FROM topic"), 0);
}

/* A worker that fell into wrong hands cannot fill the disk with them. */
static void
not_more_than_there_may_be(void **state)
{
	struct channel		*ch = worker(OWNER_SESSION, 1, 50);
	struct msg_topic	 t = { .topic = "more", .name = "n",
				    .join = 1 };
	char			 id[16];
	int			 i;

	(void)state;
	for (i = 0; i < TOPICS_MAX; i++) {
		snprintf(id, sizeof id, "t%03d", i);
		joins(ch, id, id, "");
	}
	assert_int_equal(joins(ch, "t007", "again", ""), 1);
	assert_int_equal(topics(1), TOPICS_MAX);
	assert_int_equal(msg_send(ch, MSG_WRK_TOPIC, 1, &t, -1), 0);
	turn();
	get_end(ch);
	assert_int_equal(topics(1), TOPICS_MAX);
	channel_free(&ch);
}

/* Nothing is answered that is not on disk. */
static void
a_failed_commit_is_said(void **state)
{
	struct channel		*ch = worker(OWNER_SESSION, 1, 50);
	struct msg_topic	 t = { .topic = "t1", .name = "n", .join = 1 };

	(void)state;
	fail_sync = 1;
	assert_int_equal(say(ch, &t, ACCEPT_BUSY), 0);
	fail_sync = 0;
	assert_int_equal(topics(1), 0);
	assert_int_equal(say(ch, &t, ACCEPT_NEW), 1);
	assert_int_equal(topics(1), 1);
	channel_free(&ch);
}

/* With who joined them; who is connected was seen today. */
static void
pruned_with_their_owner(void **state)
{
	struct channel	*a = worker(OWNER_SESSION, 1, 50);
	struct channel	*b = worker(OWNER_SESSION, 2, 50);

	(void)state;
	joins(a, "t1", "news", "");
	joins(b, "t1", "news", "");
	channel_free(&b);
	turn();
	sql_run("UPDATE owner SET seen_at = 1");
	chores_hour(chores);
	chores_finish(chores, INT64_MAX);
	assert_int_equal(topics(1), 1);
	assert_int_equal(topics(2), 0);
	channel_free(&a);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		T(a_join_is_kept),
		T(reading_moves_on_and_a_join_does_not),
		T(gone_until_it_is_back),
		T(leaving_ends_it),
		T(shared_by_a_member),
		T(nonsense_is_dropped),
		T(not_more_than_there_may_be),
		T(a_failed_commit_is_said),
		T(pruned_with_their_owner),
	};

	return cmocka_run_group_tests(tests, loop_group, NULL);
}
