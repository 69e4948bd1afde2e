/*
 * common/rows.c and rows_col.c: opening beside a store that starts, reading
 * only, rows that are not sound.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/stat.h>

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/rows_impl.h"
#include "rows_help.h"

static void
names_go_both_ways(void **state)
{
	enum row_state		s;
	enum row_priority	p;
	int			i;

	(void)state;
	for (i = 0; i <= ROW_STATE_MAX; i++) {
		assert_int_equal(row_state_parse(row_state_name(
		    (enum row_state)i), &s), 0);
		assert_int_equal(s, i);
	}
	for (i = 0; i <= ROW_PRIORITY_MAX; i++) {
		assert_int_equal(row_priority_parse(row_priority_name(
		    (enum row_priority)i), &p), 0);
		assert_int_equal(p, i);
	}
	assert_int_equal(row_state_parse("gone", &s), -1);
	assert_int_equal(row_priority_parse("", &p), -1);
	assert_string_equal(row_state_name((enum row_state)9), "unknown");
	assert_string_equal(row_kind_name(OWNER_MEMBER), "member");
}

/* The store may be under somebody else's control: such rows are left out. */
static void
unsound_rows_are_left_out(void **state)
{
	static const char *const	out[] = {
		"id = 'x'", "mesh = ''  || hex(randomblob(40))",
		"client_message_id = CAST(x'ff' AS TEXT)",
		"client_message_id = 'a' || char(0) || 'b'",
		"priority = 3", "next_attempt_at = -1", "held = 2",
		"body = zeroblob(4194305)", "created_at = -5",
		"last_error = hex(randomblob(129))",
	};
	static const char *const	in[] = {
		"id = 'x'", "recipient = 'me'", "kind = 2",
		"sender = hex(randomblob(69))", "priority = -1",
		"encrypted = 7", "topic = CAST(x'c0' AS TEXT)",
		"body = zeroblob(4194305)", "received_at = -1",
	};
	struct out_row	o;
	char		sql[128];
	size_t		i;

	(void)state;
	accept_new(1, "c1", key(9));
	accept_new(1, "c2", key(9));
	message(&session, 1);
	message(&session, 2);
	for (i = 0; i < sizeof out / sizeof out[0]; i++) {
		sql_run("CREATE TABLE keep AS SELECT * FROM outbox"
		    " WHERE seq = 1");
		snprintf(sql, sizeof sql, "UPDATE outbox SET %s WHERE seq = 1",
		    out[i]);
		sql_run(sql);
		got_none();
		assert_int_equal(rows_out_list(rows, owner(1), -1, 9, out_cb,
		    NULL), strncmp(out[i], "body", 4) == 0 ? 2 : 1);
		if (rows_target_row(rows, owner(1), key(9), 0, &o) != 1 ||
		    o.seq != 2)
			fail_msg("%s", out[i]);
		out_row_clear(&o);
		sql_run("DELETE FROM outbox WHERE seq = 1; INSERT INTO outbox"
		    " SELECT * FROM keep; DROP TABLE keep");
	}
	for (i = 0; i < sizeof in / sizeof in[0]; i++) {
		sql_run("CREATE TABLE keep AS SELECT * FROM inbox"
		    " WHERE seq = 1");
		snprintf(sql, sizeof sql, "UPDATE inbox SET %s WHERE seq = 1",
		    in[i]);
		sql_run(sql);
		list(owner(SESSION), owner(MEMBER), ALL);
		if (ngot != 1 || got[0] != 2)
			fail_msg("%s", in[i]);
		sql_run("DELETE FROM inbox WHERE seq = 1; INSERT INTO inbox"
		    " SELECT * FROM keep; DROP TABLE keep");
	}
	list(owner(SESSION), owner(MEMBER), ALL);
	expect(2, 1, 0);
}

static void
missing_file_is_an_error(void **state)
{
	int64_t	start = clock_mono_ms();

	(void)state;
	assert_null(rows_open("/nonexistent/mesh.db"));
	assert_true(clock_mono_ms() - start < 4000);
}

static void
foreign_file_is_an_error(void **state)
{
	struct rows	*r;

	(void)state;
	tables_close(&tables);
	sql_run("PRAGMA user_version = 1");	/* an older one */
	assert_null(r = rows_open(path));
	sql_run("PRAGMA user_version = 3");
	assert_null(r = rows_open(path));
	sql_run("PRAGMA user_version = 2; PRAGMA application_id = 7");
	assert_null(r = rows_open(path));
	(void)r;
}

/* The store comes up while a reader waits for it. */
static void
waits_for_the_store(void **state)
{
	struct rows	*r;
	pid_t		 pid;

	(void)state;
	if ((pid = fork()) == 0) {
		usleep(300 * 1000);
		_exit(tables_open(&tables, dir) == -1);
	}
	r = rows_open(path);
	assert_non_null(r);
	rows_close(&r);
}

/* It cannot write, whatever it tries, and writes nothing by reading. */
static void
reader_cannot_write(void **state)
{
	struct stat	a, b;
	char		shm[128];

	(void)state;
	assert_int_not_equal(sqlite3_exec(rows->db, "DELETE FROM meta", NULL,
	    NULL, NULL), SQLITE_OK);
	assert_int_not_equal(sqlite3_exec(rows->db, "PRAGMA query_only = OFF;"
	    "DELETE FROM meta", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sql_int("SELECT count(*) FROM meta"), 1);
	snprintf(shm, sizeof shm, "%s-shm", path);
	assert_int_equal(stat(shm, &a), 0);
	list(owner(1), owner(2), ALL);
	assert_int_equal(stat(shm, &b), 0);
	assert_int_equal(a.st_mtim.tv_nsec, b.st_mtim.tv_nsec);
}

/* No statement is left open: an open one would hold back a checkpoint. */
static void
nothing_is_held_back(void **state)
{
	struct rows_scope	scope = { owner(SESSION), owner(MEMBER) };
	struct out_row		o;
	sqlite3_stmt		*st;
	char			target[TARGET_SIZE], epoch[UUID_SIZE];
	int64_t			seq = 0;

	(void)state;
	accept_new(1, "c1", key(9));
	accept_new(1, "c2", key(9));
	message(&session, 1);
	message(&session, 2);
	rows_target_next(rows, owner(1), "", target);
	rows_target_row(rows, owner(1), key(9), 0, &o);
	out_row_clear(&o);
	got_none();
	rows_new_since(rows, owner(1), &seq, 1, new_cb, NULL);
	rows_has_open(rows, owner(1));
	rows_out_by_client_id(rows, owner(1), "c1", &o);
	got_none();
	stop_at = 1;
	rows_out_list(rows, owner(1), -1, 5, out_cb, NULL);
	stop_at = 2;
	rows_in_after(rows, &scope, 0, 9, in_cb, NULL);
	rows_in_seq(rows, &scope, "x", &seq);
	rows_inbox_last(rows, &seq);
	rows_epoch(rows, epoch);
	for (st = sqlite3_next_stmt(rows->db, NULL); st != NULL;
	    st = sqlite3_next_stmt(rows->db, st))
		assert_false(sqlite3_stmt_busy(st));
	assert_int_equal(db_truncate(tables.db), 0);
	assert_int_equal(db_wal_bytes(tables.db), 0);
}

#define D(f)	cmocka_unit_test_setup_teardown(f, dir_new, dir_remove)
#define T(f)	cmocka_unit_test_setup_teardown(f, rows_new, rows_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_go_both_ways),
		T(unsound_rows_are_left_out),
		cmocka_unit_test(missing_file_is_an_error),
		T(foreign_file_is_an_error),
		D(waits_for_the_store),
		T(reader_cannot_write),
		T(nothing_is_held_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
