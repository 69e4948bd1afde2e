/*
 * contrib/broker/schema.c: a file of every earlier version is brought forward
 * with what is in it, or not touched at all.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker_help.h"
#include "contrib/broker/schema.h"
#include "scratch.h"

/* Run statements in the file, with nobody else's settings. */
static void
sql_run(const char *sql)
{
	sqlite3	*db = NULL;

	assert_int_equal(sqlite3_open(scratch("broker.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static char *
sql_text(const char *sql)
{
	sqlite3		*db = NULL;
	sqlite3_stmt	*st = NULL;
	char		*text;

	assert_int_equal(sqlite3_open(scratch("broker.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	text = strdup((const char *)sqlite3_column_text(st, 0));
	assert_non_null(text);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return text;
}

static int
sql_int(const char *sql)
{
	char	*text = sql_text(sql);
	int	 n = atoi(text);

	free(text);
	return n;
}

static char *
schema_text(void)
{
	return sql_text("SELECT group_concat(sql, ';') FROM (SELECT sql"
	    " FROM sqlite_schema WHERE sql NOT NULL ORDER BY name)");
}

/* 0 or -1. */
static int
open_and_close(void)
{
	struct db	*db = db_open(scratch("broker.db"));
	int		 rc = db != NULL ? 0 : -1;

	db_close(&db);
	return rc;
}

/* A file as a program of that version left it. */
static void
old_file(int version)
{
	char	 pragmas[96];
	int	 v;

	for (v = 1; v <= version; v++)
		sql_run(schema_step(v));
	snprintf(pragmas, sizeof pragmas, "PRAGMA application_id = %d;"
	    "PRAGMA user_version = %d", SCHEMA_APPLICATION_ID, version);
	sql_run(pragmas);
}

static void
test_steps_lead_to_the_schema(void **state)
{
	char	*want, *have;
	int	 from;

	assert_int_equal(open_and_close(), 0);
	want = schema_text();
	for (from = 1; schema_step(from) != NULL; from++) {
		scratch_clean(state);
		old_file(from);
		assert_int_equal(open_and_close(), 0);
		assert_int_equal(sql_int("PRAGMA user_version"),
		    SCHEMA_VERSION);
		assert_int_equal(sql_int("PRAGMA application_id"),
		    SCHEMA_APPLICATION_ID);
		have = schema_text();
		assert_string_equal(have, want);
		free(have);
	}
	free(want);
	assert_int_equal(from, SCHEMA_VERSION + 1);
}

/* Members and waiting messages of version 1 are still there, and served. */
static void
test_what_was_stored_stays(void **state)
{
	static const char	 rows[] =
	    "INSERT INTO mesh VALUES (1, 'm', 'local', x'01', x'02', 5);"
	    "INSERT INTO member VALUES"
	    " (1, 1, 'a', zeroblob(32), 'alice', 5, 6, NULL);"
	    "INSERT INTO peer_key VALUES (1, 1, zeroblob(32), 1, 1, 5);"
	    "INSERT INTO message VALUES"
	    " (7, '01234567890123456789012345678901', 1, 1, 'alice', 'c',"
	    "  NULL, NULL, 1, 1, NULL, 'n', 'text', 5, NULL),"
	    " (8, '11234567890123456789012345678901', 1, 1, 'alice', 'd',"
	    "  NULL, NULL, 1, 1, NULL, '', '', 5, 6);";
	struct member		 m;
	static const uint8_t	 key[KEY_PUBLIC_LEN];
	int64_t			 seq, recipient;

	old_file(1);
	sql_run(rows);
	help_open_file(state);
	assert_int_equal(members_find(help_members, "m", key, &m), 1);
	assert_string_equal(m.name, "alice");
	assert_int_equal(m.last_seen_at, 6);
	assert_int_equal(queue_find(help_queue,
	    "01234567890123456789012345678901", &seq, &recipient), 1);
	assert_int_equal(seq, 7);
	/* Only what waits has a text; both are known. */
	assert_int_equal(help_number("SELECT count(*) FROM message"), 2);
	assert_int_equal(help_number("SELECT count(*) FROM message_text"
	    " WHERE seq = 7 AND nonce = 'n' AND ciphertext = 'text'"), 1);
	assert_int_equal(help_number("SELECT count(*) FROM message_text"), 1);
	assert_int_equal(help_number("SELECT entries FROM usage"
	    " WHERE member = 1 AND service = 5"), 1);
	assert_int_equal(help_number("SELECT bytes FROM usage"
	    " WHERE member = 1 AND service = 5"), 5);
	/* A session's key of before is as if it had been here just now. */
	assert_int_equal(help_number("SELECT count(*) FROM peer_key"
	    " WHERE last_seen_at > 1600000000000"), 1);
	help_close(state);
}

/* A step that cannot be taken leaves the file as it was. */
static void
test_a_step_is_taken_whole_or_not(void **state)
{
	char	*before, *after;

	(void)state;
	old_file(1);
	sql_run("CREATE TABLE topic_message (in_the_way)");
	before = schema_text();
	assert_int_equal(open_and_close(), -1);
	after = schema_text();
	assert_string_equal(after, before);
	assert_int_equal(sql_int("PRAGMA user_version"), 1);
	free(before);
	free(after);
}

static void
test_a_newer_file_is_not_touched(void **state)
{
	char	 sql[64];

	(void)state;
	assert_int_equal(open_and_close(), 0);
	snprintf(sql, sizeof sql, "PRAGMA user_version = %d",
	    SCHEMA_VERSION + 1);
	sql_run(sql);
	assert_int_equal(open_and_close(), -1);
	assert_int_equal(sql_int("PRAGMA user_version"), SCHEMA_VERSION + 1);
}

static void
test_a_file_of_another_program_is_not_touched(void **state)
{
	(void)state;
	sql_run("CREATE TABLE mesh (theirs)");
	assert_int_equal(open_and_close(), -1);
	assert_int_equal(sql_int("SELECT count(*) FROM sqlite_schema"), 1);
	sql_run("PRAGMA application_id = 7; PRAGMA user_version = 1");
	assert_int_equal(open_and_close(), -1);
	assert_int_equal(sql_int("PRAGMA application_id"), 7);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup(test_steps_lead_to_the_schema,
		    scratch_clean),
		cmocka_unit_test_setup(test_what_was_stored_stays,
		    scratch_clean),
		cmocka_unit_test_setup(test_a_step_is_taken_whole_or_not,
		    scratch_clean),
		cmocka_unit_test_setup(test_a_newer_file_is_not_touched,
		    scratch_clean),
		cmocka_unit_test_setup(
		    test_a_file_of_another_program_is_not_touched,
		    scratch_clean),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
