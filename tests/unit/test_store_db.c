/*
 * supervisor/store/db.c, db_open.c and schema.c: what a new file is like,
 * which files are refused, the lock, wiping, and plans that do not grow with
 * history (design.md "Store").
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/file.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "store_help.h"
#include "supervisor/store/schema.h"

static void
new_file(void **state)
{
	struct stat	st;
	char		wal[128];

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	snprintf(wal, sizeof wal, "%s-wal", path);
	assert_int_equal(stat(wal, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(sql_int("PRAGMA application_id"),
	    ROWS_APPLICATION_ID);
	assert_int_equal(sql_int("PRAGMA user_version"),
	    ROWS_SCHEMA_VERSION);
	assert_int_equal(sql_int("PRAGMA auto_vacuum"), 2);
	assert_int_equal(sql_int("SELECT count(*) FROM meta"), 1);
	assert_int_equal(sql_int("SELECT length(epoch) FROM meta"), 36);
}

/* What this connection does, not what the file says.  Fault 11: NORMAL. */
static void
settings_of_the_connection(void **state)
{
	int64_t	v;

	(void)state;
	assert_int_equal(db_number(tables.db, "PRAGMA synchronous", &v), 0);
	assert_int_equal(v, 2);
	db_number(tables.db, "PRAGMA secure_delete", &v);
	assert_int_equal(v, 1);
	db_number(tables.db, "PRAGMA foreign_keys", &v);
	assert_int_equal(v, 0);
	db_number(tables.db, "PRAGMA wal_autocheckpoint", &v);
	assert_int_equal(v, 0);
	db_number(tables.db, "PRAGMA temp_store", &v);
	assert_int_equal(v, 2);
}

static void
epoch_is_kept(void **state)
{
	int64_t	before, after;

	(void)state;
	before = sql_int("SELECT created_at FROM meta");
	tables_reopen();
	after = sql_int("SELECT created_at FROM meta");
	assert_int_equal(before, after);
}

static void
foreign_file_is_refused(void **state)
{
	(void)state;
	sql_run("PRAGMA application_id = 7; CREATE TABLE mine (x)");
	assert_int_equal(tables_open(&tables, dir), -1);
	assert_int_equal(sql_int("SELECT count(*) FROM sqlite_schema"), 1);
	assert_int_equal(sql_int("PRAGMA journal_mode = delete"), 0);
}

/* Tables of somebody who never set an id. */
static void
nameless_file_is_refused(void **state)
{
	(void)state;
	sql_run("CREATE TABLE mine (x)");
	assert_int_equal(tables_open(&tables, dir), -1);
}

static void
newer_version_is_refused(void **state)
{
	(void)state;
	assert_int_equal(tables_open(&tables, dir), 0);
	tables_close(&tables);
	sql_run("PRAGMA user_version = 99");
	assert_int_equal(tables_open(&tables, dir), -1);
	sql_run("PRAGMA user_version = 2");
	assert_int_equal(tables_open(&tables, dir), 0);
	tables_close(&tables);
}

static void
not_a_database_is_refused(void **state)
{
	FILE	*fp = fopen(path, "w");

	(void)state;
	assert_non_null(fp);
	fputs("this is a letter to somebody else, and not a database, for "
	    "which it would have to begin in another way altogether", fp);
	fclose(fp);
	assert_int_equal(tables_open(&tables, dir), -1);
}

/* A store that died before its first commit leaves an empty file. */
static void
empty_file_is_made_ours(void **state)
{
	FILE	*fp = fopen(path, "w");

	(void)state;
	fclose(fp);
	assert_int_equal(tables_open(&tables, dir), 0);
	assert_int_equal(accept_new(1, "c1", key(9)), 1);
	tables_close(&tables);
}

static char *
schema_text(void)
{
	return sql_text("SELECT group_concat(sql, ';') FROM (SELECT sql"
	    " FROM sqlite_schema WHERE sql NOT NULL ORDER BY name)");
}

/* Forward from every version that there was, to what a new file has. */
static void
steps_lead_to_the_schema(void **state)
{
	char	*want, *have;
	int	 from, v;

	assert_int_equal(tables_open(&tables, dir), 0);
	tables_close(&tables);
	want = schema_text();
	for (from = 1; schema_step(from) != NULL; from++) {
		dir_remove(state);
		dir_new(state);
		for (v = 1; v <= from; v++)
			sql_run(schema_step(v));
		sql_run("INSERT INTO meta VALUES (1, 'an epoch', 0)");
		assert_int_equal(sql_int("PRAGMA user_version"), from);
		assert_int_equal(tables_open(&tables, dir), 0);
		tables_close(&tables);
		assert_int_equal(sql_int("PRAGMA user_version"),
		    ROWS_SCHEMA_VERSION);
		have = schema_text();
		assert_string_equal(have, want);
		free(have);
	}
	free(want);
	assert_int_equal(from, ROWS_SCHEMA_VERSION + 1);
}

/* A topic of the first version, which knew no names. */
static void
topics_are_taken_over(void **state)
{
	(void)state;
	sql_run(schema_step(1));
	sql_run("INSERT INTO meta VALUES (1, 'an epoch', 0);"
	    "INSERT INTO topic VALUES (zeroblob(16), 't1', 'h7', 5),"
	    " (zeroblob(16), 't2', NULL, 6)");
	assert_int_equal(tables_open(&tables, dir), 0);
	assert_int_equal(sql_int("SELECT count(*) FROM topic WHERE name = ''"
	    " AND gone_at IS NULL AND (topic = 't1') ="
	    " (last_message_id IS 'h7')"), 2);
	tables_close(&tables);
}

/* Two stores never overlap; the one that is about to die is waited for. */
static void
lock_is_waited_for(void **state)
{
	char	lock[128];
	int64_t	start;
	pid_t	pid;
	int	fd, pipes[2];

	(void)state;
	snprintf(lock, sizeof lock, "%s/store.lock", dir);
	fd = open(lock, O_RDWR | O_CREAT, 0600);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	start = clock_mono_ms();
	assert_int_equal(tables_open(&tables, dir), -1);
	assert_true(clock_mono_ms() - start >= 1900);
	assert_true(clock_mono_ms() - start < 4000);
	assert_int_equal(access(path, F_OK), -1);
	close(fd);

	assert_int_equal(pipe(pipes), 0);
	if ((pid = fork()) == 0) {
		fd = open(lock, O_RDWR);
		if (flock(fd, LOCK_EX) == -1 || write(pipes[1], "", 1) != 1)
			_exit(1);
		usleep(200 * 1000);
		_exit(0);
	}
	assert_int_equal(read(pipes[0], lock, 1), 1);
	assert_int_equal(tables_open(&tables, dir), 0);
	tables_close(&tables);
	close(pipes[0]);
	close(pipes[1]);
}

/* Does any file of the database hold these bytes? */
static int
file_has(const char *suffix, const void *bytes, size_t len)
{
	char	 name[128], *buf;
	FILE	*fp;
	long	 size;
	int	 has;

	snprintf(name, sizeof name, "%s%s", path, suffix);
	if ((fp = fopen(name, "r")) == NULL)
		return 0;
	fseek(fp, 0, SEEK_END);
	size = ftell(fp);
	rewind(fp);
	buf = malloc((size_t)size + 1);
	assert_int_equal(fread(buf, 1, (size_t)size, fp), size);
	has = memmem(buf, (size_t)size, bytes, len) != NULL;
	free(buf);
	fclose(fp);
	return has;
}

/* Wiped is gone from the disk, once the log is emptied. */
static void
wiped_bodies_are_gone(void **state)
{
	static char		body[20000];
	struct msg_accept	a;
	struct msg_accepted	r;
	struct msg_recorded	rec;
	const char		*mark = "the body of a message to be wiped";
	size_t			i;

	(void)state;
	for (i = 0; i + strlen(mark) < sizeof body; i += strlen(mark))
		memcpy(body + i, mark, strlen(mark));
	make_accept(&a, 1, "c1", key(9));
	a.body.p = (uint8_t *)body;
	a.body.len = sizeof body;
	accept_row(&a, &r);
	assert_int_equal(db_truncate(tables.db), 0);
	assert_true(file_has("", mark, strlen(mark)));
	progress(1, r.row, ROW_DONE, "", &rec);
	assert_int_equal(db_truncate(tables.db), 0);
	assert_false(file_has("", mark, strlen(mark)));
	assert_false(file_has("-wal", mark, strlen(mark)));
}

/* Freed pages go back to the file system, in slices. */
static void
file_shrinks(void **state)
{
	static uint8_t		body[60000];
	struct msg_accept	a;
	struct msg_accepted	r;
	struct msg_recorded	rec;
	int64_t			pages;
	char			id[16];
	int			i, more = 1;

	(void)state;
	for (i = 0; i < 200; i++) {
		snprintf(id, sizeof id, "c%d", i);
		make_accept(&a, 1, id, key(9));
		a.body.p = body;
		a.body.len = sizeof body;
		accept_row(&a, &r);
	}
	pages = sql_int("PRAGMA page_count");
	for (i = 0; i < 200; i++)
		progress(1, i + 1, ROW_DONE, "", &rec);
	for (i = 0; more == 1; i++) {
		assert_int_equal(db_begin(tables.db), 0);
		more = db_shrink(tables.db, 8);
		assert_int_equal(db_commit(tables.db), 0);
	}
	assert_int_equal(more, 0);
	assert_true(i > 10);
	assert_true(sql_int("PRAGMA page_count") < pages / 2);
}

/* A commit that failed leaves nothing, and the next one works. */
static void
rollback_leaves_nothing(void **state)
{
	struct msg_accept	a;
	struct msg_accepted	r;

	(void)state;
	assert_int_equal(db_begin(tables.db), 0);
	make_accept(&a, 1, "c1", key(9));
	outbox_accept(tables.outbox, &a, now, &notes, &r);
	db_rollback(tables.db);
	assert_int_equal(sql_int("SELECT count(*) FROM outbox"), 0);
	assert_int_equal(accept_new(1, "c1", key(9)), 1);
}

/* Somebody else's lock is waited for, not for ever, and told apart. */
static void
busy_is_bounded(void **state)
{
	sqlite3	*s;
	int64_t	 start = clock_mono_ms();

	(void)state;
	assert_int_equal(sqlite3_open(path, &s), SQLITE_OK);
	assert_int_equal(sqlite3_exec(s, "BEGIN IMMEDIATE", NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(db_begin(tables.db), -1);
	assert_int_equal(db_fault(tables.db), DB_BUSY);
	assert_true(clock_mono_ms() - start >= 1900);
	start = clock_mono_ms();
	assert_int_equal(db_begin(tables.db), -1);
	assert_true(clock_mono_ms() - start < 1000);
	sqlite3_exec(s, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_close(s);
	assert_int_equal(db_begin(tables.db), 0);
	assert_int_equal(db_fault(tables.db), DB_FINE);
	assert_int_equal(db_commit(tables.db), 0);
}

/* Full: told apart from busy, and over when there is space again. */
static void
full_is_told(void **state)
{
	static uint8_t		body[60000];
	struct msg_accept	a;
	struct msg_accepted	r;
	int64_t			v;
	enum op			op = OP_DONE;
	int			i;

	(void)state;
	assert_int_equal(db_number(tables.db, "PRAGMA max_page_count = 100",
	    &v), 0);
	assert_int_equal(db_begin(tables.db), 0);
	for (i = 0; op == OP_DONE && i < 100; i++) {
		make_accept(&a, 1, "", key(9));
		snprintf(a.client_id, sizeof a.client_id, "c%d", i);
		a.body.p = body;
		a.body.len = sizeof body;
		op = outbox_accept(tables.outbox, &a, now, &notes, &r);
	}
	assert_int_equal(op, OP_FAULT);
	assert_int_equal(db_fault(tables.db), DB_FULL);
	db_rollback(tables.db);
	assert_int_equal(db_fault(tables.db), DB_FULL);
	db_number(tables.db, "PRAGMA max_page_count = 100000", &v);
	assert_int_equal(accept_new(1, "c1", key(9)), 1);
}

#define D(f)	cmocka_unit_test_setup_teardown(f, dir_new, dir_remove)
#define T(f)	cmocka_unit_test_setup_teardown(f, tables_new, tables_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(new_file),
		T(settings_of_the_connection),
		T(epoch_is_kept),
		D(foreign_file_is_refused),
		D(nameless_file_is_refused),
		D(newer_version_is_refused),
		D(not_a_database_is_refused),
		D(empty_file_is_made_ours),
		D(steps_lead_to_the_schema),
		D(topics_are_taken_over),
		D(lock_is_waited_for),
		T(wiped_bodies_are_gone),
		T(file_shrinks),
		T(rollback_leaves_nothing),
		T(busy_is_bounded),
		T(full_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
