/*
 * contrib/broker/topic_rows.c: topics, who subscribes, and their history
 * (broker-protocol.md, table of targetSpec, "Requests and answers").
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker_help.h"
#include "common/clock.h"
#include "contrib/broker/topic_rows.h"
#include "scratch.h"

static struct topic_rows	*t;
static struct topic		 topic;
static int64_t			 mesh;
static char			 seen[4096];

static int
see(void *arg, const struct message *m)
{
	(void)arg;
	snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s ",
	    m->ciphertext);
	return 0;
}

static void
topic_make(const char *name)
{
	memset(&topic, 0, sizeof topic);
	snprintf(topic.name, sizeof topic.name, "%s", name);
	snprintf(topic.visibility, sizeof topic.visibility, "public");
	assert_int_equal(topic_add(t, mesh, help_alice, NULL, &topic), 0);
	assert_int_equal(strlen(topic.id), QUEUE_ID_LEN);
}

static int
set_up(void **state)
{
	if (help_open(state) != 0)
		return -1;
	t = topic_rows_new(help_db);
	mesh = help_number("SELECT id FROM mesh");
	topic_make("news");
	return 0;
}

static int
tear_down(void **state)
{
	topic_rows_free(&t);
	return help_close(state);
}

static struct message
store_at(const char *text, int64_t when)
{
	struct message	 m = help_message(2, -1, NULL, text);

	queue_make_id(m.id);
	m.body_version = 1;
	m.created_at = when;
	assert_int_equal(topic_store(t, topic.row, &m), 0);
	return m;
}

static struct message
store(const char *text)
{
	return store_at(text, clock_wall_ms());
}

static const char *
history(const char *before, int limit)
{
	*seen = '\0';
	assert_int_equal(topic_history(t, topic.row, before, limit, see, NULL),
	    0);
	return seen;
}

static const char *
waiting(int64_t member, int64_t not_from, int64_t above, int64_t to)
{
	int	 n;

	*seen = '\0';
	assert_int_equal(topic_waiting(t, member, not_from, above, to, 100, &n,
	    see, NULL), 0);
	return seen;
}

static void
test_names_and_ids(void **state)
{
	struct topic	 found;

	(void)state;
	assert_int_equal(topic_by_id(t, mesh, topic.id, &found), 1);
	assert_string_equal(found.name, "news");
	assert_int_equal(topic_by_id(t, mesh, "news", &found), 0);
	assert_int_equal(topic_by_name(t, mesh, "news", &found), 1);
	assert_int_equal(topic_by_name(t, mesh, topic.id, &found), 1);
	assert_int_equal(topic_by_name(t, mesh, "' OR 1 --", &found), 0);
	assert_int_equal(topic_by_name(t, mesh + 1, "news", &found), 0);
	assert_int_equal(topic_by_id(t, mesh + 1, topic.id, &found), 0);
	assert_int_equal(topic_count(t, mesh), 1);
}

/* An id is found before a name that looks like it. */
static void
test_a_name_does_not_hide_an_id(void **state)
{
	struct topic	 first = topic, found;

	(void)state;
	topic_make(first.id);
	assert_int_equal(topic_by_name(t, mesh, first.id, &found), 1);
	assert_int_equal(found.row, first.row);
}

static void
test_subscribers(void **state)
{
	int64_t	*members = NULL;

	(void)state;
	assert_int_equal(topic_subscribers(t, topic.row, &members), 1);
	assert_int_equal(members[0], help_alice);
	free(members);
	assert_int_equal(topic_subscribe(t, topic.row, help_bob, "member"), 0);
	assert_int_equal(topic_subscribe(t, topic.row, help_bob, "lead"), 0);
	assert_int_equal(topic_subscribers(t, topic.row, &members), 2);
	free(members);
	assert_int_equal(help_number("SELECT count(*) FROM topic_member"
	    " WHERE role = 'lead'"), 1);
	assert_int_equal(topic_unsubscribe(t, topic.row, help_bob), 0);
	assert_int_equal(topic_unsubscribe(t, topic.row, help_bob), 0);
	assert_int_equal(topic_subscribers(t, topic.row, &members), 1);
	free(members);
}

static void
test_history(void **state)
{
	struct message	 b;

	(void)state;
	assert_string_equal(history(NULL, 10), "");
	store("a");
	b = store("b");
	store("c");
	assert_string_equal(history(NULL, 10), "c b a ");
	assert_string_equal(history(NULL, 2), "c b ");
	assert_string_equal(history(b.id, 10), "a ");
	assert_int_equal(topic_history(t, topic.row, "unknown", 10, see, NULL),
	    -2);
	/* The message of one topic is no place in another. */
	topic_make("other");
	assert_int_equal(topic_history(t, topic.row, b.id, 10, see, NULL), -2);
}

static void
test_waiting(void **state)
{
	struct message	 a = store("a"), b, c;

	(void)state;
	assert_int_equal(topic_subscribe(t, topic.row, help_bob, "member"), 0);
	b = store("b");
	c = store("c");
	assert_string_equal(waiting(help_bob, 0, 0, c.seq), "b c ");
	assert_string_equal(waiting(help_bob, 0, b.seq, c.seq), "c ");
	assert_string_equal(waiting(help_bob, 0, 0, b.seq), "b ");
	assert_string_equal(waiting(help_bob, help_keys[2], 0, c.seq), "");
	assert_string_equal(waiting(help_alice, 0, a.seq - 1, c.seq),
	    "a b c ");
	assert_int_equal(topic_unsubscribe(t, topic.row, help_bob), 0);
	assert_string_equal(waiting(help_bob, 0, 0, c.seq), "");
}

/* Numbers go on where they were, whatever is still in the history. */
static void
test_numbers_are_not_given_twice(void **state)
{
	struct message	 m;

	(void)state;
	store_at("old", 5);
	m = store_at("older", 4);
	assert_int_equal(topic_prune(t, clock_wall_ms(), 100), 2);
	assert_int_equal(db_commit(help_db), 0);
	topic_rows_free(&t);
	help_reopen();
	t = topic_rows_new(help_db);
	assert_int_equal(topic_rows_last(t), m.seq);
	assert_int_equal(store("new").seq, m.seq + 1);
}

/*
 * Numbers of messages that were rolled back are not given again, once somebody
 * counts from there: it would never get those that had them next.
 */
static void
test_numbers_that_somebody_counts_from(void **state)
{
	(void)state;
	db_rollback(help_db);
	topic_rows_free(&t);
	help_reopen();
	t = topic_rows_new(help_db);
	topic_make("news");
	assert_int_equal(db_commit(help_db), 0);
	store("never committed");
	store("neither");
	db_rollback(help_db);
	assert_int_equal(topic_subscribe(t, topic.row, help_bob, "member"), 0);
	assert_int_equal(db_commit(help_db), 0);
	topic_rows_free(&t);
	help_reopen();
	t = topic_rows_new(help_db);
	store("new");
	assert_string_equal(waiting(help_bob, 0, 0, topic_rows_last(t)),
	    "new ");
}

static void
test_prune(void **state)
{
	int64_t	 now = clock_wall_ms();

	(void)state;
	store_at("gone", now - TOPIC_KEEP_MS - 1000);
	store_at("stays", now - TOPIC_KEEP_MS + 60000);
	assert_int_equal(help_number("SELECT entries FROM usage"
	    " WHERE service = 6 AND bytes = 19"), 2);
	assert_int_equal(topic_prune(t, now, 100), 1);
	/* What is there is counted for who sent it. */
	assert_int_equal(help_number("SELECT entries FROM usage"
	    " WHERE service = 6 AND bytes = 10"), 1);
	assert_string_equal(history(NULL, 10), "stays ");
}

#define T(f)	cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		T(test_names_and_ids),
		T(test_a_name_does_not_hide_an_id),
		T(test_subscribers),
		T(test_history),
		T(test_waiting),
		T(test_numbers_are_not_given_twice),
		T(test_numbers_that_somebody_counts_from),
		T(test_prune),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
