/*
 * contrib/broker/queue.c and db.c: a send is stored once, waits in order, and
 * goes when it is old (broker-protocol.md, "Send").
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "broker_help.h"
#include "common/clock.h"
#include "contrib/broker/schema.h"
#include "scratch.h"

static const uint8_t	 print1[FINGERPRINT_LEN] = { 1 };
static const uint8_t	 print2[FINGERPRINT_LEN] = { 2 };

static char		 seen[1024];
static int		 stop_after;

static int
see(void *arg, const struct message *m)
{
	(void)arg;
	if (stop_after == 0)
		return 1;
	stop_after--;
	snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s ",
	    m->ciphertext);
	return 0;
}

/* What waits for a key, as "a b c ". */
static const char *
waiting_above(int to, int64_t *above, int64_t not_from, int limit, int stop)
{
	*seen = '\0';
	stop_after = stop;
	assert_true(queue_waiting(help_queue, help_keys[to], PRIORITY_NEXT,
	    above, not_from, limit, see, NULL) >= 0);
	return seen;
}

static const char *
waiting(int to)
{
	int64_t	 above = 0;

	return waiting_above(to, &above, 0, 100, 100);
}

static void
store(int from, int to, const char *client_id, const char *text)
{
	struct message	 m = help_message(from, to, client_id, text);

	assert_int_equal(queue_accept(help_queue, &m), QUEUE_STORED);
	assert_int_equal(strlen(m.id), QUEUE_ID_LEN);
}

static void
test_new_file(void **state)
{
	(void)state;
	assert_int_equal(scratch_mode("broker.db"), 0600);
	assert_int_equal(scratch_mode("broker.db-wal"), 0600);
	assert_int_equal(help_number("PRAGMA application_id"),
	    SCHEMA_APPLICATION_ID);
	assert_int_equal(help_number("PRAGMA user_version"), SCHEMA_VERSION);
	assert_int_equal(help_number("PRAGMA synchronous"), 2);
}

static void
test_other_files_are_refused(void **state)
{
	char	 text[200];

	(void)state;
	memset(text, 'x', sizeof text);
	assert_null(db_open(scratch_write("text", 0600, text, sizeof text)));
	assert_null(db_open(scratch("no/such/directory")));
}

static void
test_one_broker_at_a_time(void **state)
{
	struct db	*second = db_open(scratch("broker.db"));

	(void)state;
	assert_non_null(second);
	assert_int_equal(db_lock(help_db), 0);
	assert_int_equal(db_lock(second), -1);
	db_close(&second);
}

static void
test_order_and_restart(void **state)
{
	(void)state;
	store(2, 4, NULL, "a");
	store(3, 4, NULL, "b");
	store(2, 5, NULL, "other");
	store(2, 4, NULL, "c");
	assert_int_equal(db_commit(help_db), 0);
	help_reopen();
	assert_string_equal(waiting(4), "a b c ");
	store(2, 4, NULL, "d");
	assert_string_equal(waiting(4), "a b c d ");
}

static void
test_paging(void **state)
{
	int64_t	 above = 0;

	(void)state;
	store(2, 4, NULL, "a");
	store(3, 4, NULL, "b");
	store(2, 4, NULL, "c");
	store(2, 4, NULL, "d");
	assert_string_equal(waiting_above(4, &above, 0, 2, 100), "a b ");
	/* What the callback stops at comes again. */
	assert_string_equal(waiting_above(4, &above, 0, 2, 1), "c ");
	assert_string_equal(waiting_above(4, &above, 0, 2, 100), "d ");
	assert_string_equal(waiting_above(4, &above, 0, 2, 100), "");
	above = 0;
	assert_string_equal(waiting_above(4, &above, help_keys[2], 9, 9),
	    "b ");
}

static void
test_delivered(void **state)
{
	struct message	 m = help_message(2, 4, "c", "secret text");
	int64_t		 seq, recipient;

	(void)state;
	assert_int_equal(queue_accept(help_queue, &m), QUEUE_STORED);
	assert_int_equal(queue_find(help_queue, m.id, &seq, &recipient), 1);
	assert_true(recipient == help_keys[4]);
	assert_int_equal(queue_delivered(help_queue, seq, 5), 0);
	assert_string_equal(waiting(4), "");
	assert_int_equal(queue_find(help_queue, m.id, &seq, &recipient), 0);
	assert_int_equal(help_number("SELECT count(*) FROM message_text"), 0);
	/* Its id is known all the same. */
	assert_int_equal(queue_accept(help_queue, &m), QUEUE_DUPLICATE);
}

static void
test_dedupe(void **state)
{
	struct message	 m = help_message(2, 4, "c", "x"), again = m;
	char		 id[QUEUE_ID_SIZE];

	(void)state;
	m.fingerprint = print1;
	assert_int_equal(queue_accept(help_queue, &m), QUEUE_STORED);
	strcpy(id, m.id);
	assert_int_equal(queue_accept(help_queue, &m), QUEUE_DUPLICATE);
	assert_string_equal(m.id, id);
	again.fingerprint = print2;
	assert_int_equal(queue_accept(help_queue, &again), QUEUE_REUSED);
	again.fingerprint = NULL;
	assert_int_equal(queue_accept(help_queue, &again), QUEUE_REUSED);
	/* Another sender, or no id: another message. */
	store(3, 4, "c", "y");
	store(2, 4, NULL, "z");
	store(2, 4, NULL, "z");
	assert_string_equal(waiting(4), "x y z z ");
}

static void
test_multicast(void **state)
{
	struct message	 m = help_message(2, -1, "c", "to all");
	struct message	 anonymous = help_message(2, -1, NULL, "to all");

	(void)state;
	m.target = anonymous.target = "*";
	assert_int_equal(queue_accept(help_queue, &m), QUEUE_STORED);
	assert_int_equal(queue_accept(help_queue, &m), QUEUE_DUPLICATE);
	assert_int_equal(queue_accept(help_queue, &anonymous), QUEUE_STORED);
	assert_int_equal(help_number("SELECT count(*) FROM message_text"), 0);
	assert_int_equal(help_number("SELECT count(*) FROM message WHERE "
	    "delivered_at IS NOT NULL"), 1);
	assert_int_equal(help_number("SELECT count(*) FROM message"), 1);
}

static void
test_status(void **state)
{
	struct message		 m = help_message(2, 4, "c", "x");
	struct queue_status	 s;
	char			 prefix[QUEUE_ID_SIZE];

	(void)state;
	assert_int_equal(queue_accept(help_queue, &m), QUEUE_STORED);
	store(2, 4, "d", "y");
	memcpy(prefix, m.id, sizeof prefix);
	prefix[8] = '\0';
	assert_int_equal(queue_status(help_queue, m.sender, prefix, &s), 1);
	assert_string_equal(s.id, m.id);
	assert_string_equal(s.target, "");
	assert_int_equal(s.recipient, help_keys[4]);
	assert_memory_equal(s.recipient_key, help_pubkey(4), KEY_PUBLIC_LEN);
	assert_string_equal(s.recipient_name, "bob");
	assert_int_equal(s.delivered_at, 0);
	/* Another's message is none. */
	assert_int_equal(queue_status(help_queue, help_keys[3], m.id, &s), 0);
	assert_int_equal(queue_status(help_queue, help_keys[4], m.id, &s), 0);
	queue_delivered(help_queue, m.seq, 12345);
	assert_int_equal(queue_status(help_queue, m.sender, m.id, &s), 1);
	assert_int_equal(s.delivered_at, 12345);
	help_reopen();
	assert_int_equal(queue_status(help_queue, m.sender, m.id, &s), 0);
}

static void
test_status_of_several(void **state)
{
	struct message		 m = help_message(2, -1, "c", "to all");
	struct queue_status	 s;

	(void)state;
	m.target = "@dev";
	assert_int_equal(queue_accept(help_queue, &m), QUEUE_STORED);
	assert_int_equal(queue_status(help_queue, m.sender, m.id, &s), 1);
	assert_string_equal(s.target, "@dev");
	assert_int_equal(s.recipient, 0);
	assert_int_equal(s.delivered_at, m.created_at);
	store(2, 4, "z1", "x");
	store(2, 4, "z2", "y");
	store(3, 4, "z3", "y");
	db_write(help_db, db_prepare(help_db, "UPDATE message SET message_id ="
	    " 'zzzzzzzz' || substr('000000000000000000000000' || seq, -24)"
	    " WHERE client_id <> 'c'"));
	assert_int_equal(queue_status(help_queue, m.sender, "zzzzzzzz", &s),
	    2);
	assert_int_equal(queue_status(help_queue, help_keys[3], "zzzzzzzz",
	    &s), 1);
}

static void
test_rollback(void **state)
{
	(void)state;
	store(2, 4, NULL, "a");
	assert_int_equal(db_commit(help_db), 0);
	store(2, 4, NULL, "b");
	db_rollback(help_db);
	assert_false(db_in_transaction(help_db));
	store(2, 4, NULL, "c");
	assert_string_equal(waiting(4), "a c ");
}

/* What waits is counted for its sender's member, whatever ends it. */
static void
test_what_waits_is_counted(void **state)
{
	static const char	 entries[] =
	    "SELECT total(entries) FROM usage WHERE service = 5 AND member = 1";
	static const char	 bytes[] =
	    "SELECT total(bytes) FROM usage WHERE service = 5 AND member = 1";
	struct message		 m;

	(void)state;
	assert_true(help_alice == 1);
	m = help_message(2, 4, "a", "12345");
	assert_true(queue_size(&m) == 10);	/* with "nonce" */
	assert_int_equal(queue_knows(help_queue, m.sender, "a"), 0);
	assert_int_equal(queue_accept(help_queue, &m), QUEUE_STORED);
	assert_int_equal(queue_knows(help_queue, m.sender, "a"), 1);
	assert_int_equal(queue_knows(help_queue, m.sender, NULL), 0);
	assert_int_equal(queue_accept(help_queue, &m), QUEUE_DUPLICATE);
	store(0, 4, NULL, "1");
	store(4, 2, NULL, "of another member");
	assert_int_equal(help_number(entries), 2);
	assert_int_equal(help_number(bytes), 16);
	assert_int_equal(queue_delivered(help_queue, 1, 7), 0);
	assert_int_equal(queue_delivered(help_queue, 1, 8), 0);
	assert_int_equal(help_number(entries), 1);
	assert_int_equal(help_number(bytes), 6);
	queue_prune(help_queue, m.created_at + 2 * QUEUE_KEEP_MS, 10);
	assert_int_equal(help_number(entries), 0);
	assert_int_equal(help_number(bytes), 0);
}

static void
test_prune(void **state)
{
	struct message	 m;
	int64_t		 now = clock_wall_ms();
	int		 i;

	(void)state;
	for (i = 0; i < 5; i++) {
		m = help_message(2, 4, NULL, "old");
		m.created_at = now - QUEUE_KEEP_MS - 1000;
		queue_accept(help_queue, &m);
	}
	/* The clock was ahead once: that holds nothing up. */
	m = help_message(2, 4, NULL, "future");
	m.created_at = now + QUEUE_KEEP_MS;
	queue_accept(help_queue, &m);
	store(2, 4, NULL, "new");
	assert_int_equal(queue_prune(help_queue, now, 3), 3);
	assert_int_equal(queue_prune(help_queue, now, 3), 2);
	assert_int_equal(queue_prune(help_queue, now, 3), 0);
	assert_string_equal(waiting(4), "future new ");
	/* Their texts went too. */
	assert_int_equal(help_number("SELECT count(*) FROM message_text"), 2);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, help_open, help_close)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		T(test_new_file),
		T(test_other_files_are_refused),
		T(test_one_broker_at_a_time),
		T(test_order_and_restart),
		T(test_paging),
		T(test_delivered),
		T(test_dedupe),
		T(test_multicast),
		T(test_status),
		T(test_status_of_several),
		T(test_rollback),
		T(test_what_waits_is_counted),
		T(test_prune),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
