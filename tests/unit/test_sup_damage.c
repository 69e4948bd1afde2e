/*
 * supervisor/registry.c: a row or a file that is not well-formed is never
 * taken for one that is.  The damage is done with a connection of the test's
 * own.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fds.h"
#include "reg_help.h"
#include "scratch.h"

static char	 err[512];

/* Run SQL of the test's own on scratch(name); how many rows changed. */
static int
sql(const char *name, const char *text)
{
	sqlite3	*db;
	char	*why = NULL;
	int	 n;

	assert_int_equal(sqlite3_open(scratch(name), &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 1000);
	if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", text, why);
	n = sqlite3_changes(db);
	sqlite3_close(db);
	return n;
}

/* With this in its row, session 1 is refused, and the others are not. */
static void
expect_damaged(const char *set)
{
	struct reg_session	s = reg_session(1), got;
	char			text[512];
	unsigned		n;

	assert_int_equal(registry_put(r, &s), 0);
	snprintf(text, sizeof text, "UPDATE session SET %s"
	    " WHERE registered_at = 5001", set);
	assert_int_equal(sql("s.db", text), 1);
	if (reg_find(&s, &got) == 1)
		fail_msg("found with %s", set);
	if (reg_each(0, &n) != -1)
		fail_msg("passed with %s", set);
	assert_int_equal(n, 2);
	assert_int_equal(sql("s.db", "DELETE FROM session WHERE "
	    "registered_at = 5001 OR display_name = 'name1'"), 1);
}

static void
test_damaged_rows(void **state)
{
	static const char	*const sets[] = {
		"owner = x'00'", "owner = 'sixteen bytes...'",
		"uid = 'root'", "uid = -1", "uid = 4294967295", "uid = 1.5",
		"mesh = x'6d65736831'", "mesh = printf('%.*c', 65, 'x')",
		"session_id = printf('%.*c', 129, 'x')",
		"session_id = x'73657373696f6e31'",
		"process_pid = 0", "process_pid = -5",
		"process_pid = 4294967297", "process_pid = 'x'",
		"process_start = -1", "process_start = 'x'",
		"process_boot = printf('%.*c', 37, 'x')",
		"cwd = printf('%.*c', 1024, 'x')", "cwd = x'00'",
		"display_name = CAST(x'ff' AS TEXT)",
		"role = printf('%.*c', 65, 'x')",
		"groups_json = printf('%.*c', 8193, 'x')",
		"groups_json = 'a' || char(0) || 'b'",
		"caps = -1", "caps = 512", "caps = 4294967297", "caps = 'x'",
		"token_hash = x'01'", "token_hash = 'x'",
		"token_prefix = x'01'", "token_prefix = ''",
		"key_mode = 2", "key_mode = -1", "key_mode = 'x'",
		"pub = NULL", "wrapped = NULL", "pub = x'01'",
		"wrapped = x'01'", "pub = 'x'",
		"attest_expires_at = -1", "attest_expires_at = 'x'",
		"attest_sig = x'01'",
		"registered_at = 'x'", "registered_at = -1",
		"ended_at = 'x'", "ended_at = -1",
		"current = 2", "current = 'x'",
		"park = x'00'", "park = printf('%.*c', 257, 'x')",
	};
	struct reg_session	s;
	size_t			i;
	unsigned		n;

	(void)state;
	s = reg_session(2);
	assert_int_equal(registry_put(r, &s), 0);
	s = reg_session(3);
	assert_int_equal(registry_put(r, &s), 0);
	for (i = 0; i < sizeof sets / sizeof *sets; i++)
		expect_damaged(sets[i]);
	assert_int_equal(reg_each(0, &n), 0);
	assert_int_equal(n, 2);
}

static void
test_damaged_member(void **state)
{
	static const uint8_t	pub[KEY_PUBLIC_LEN] = { 1 };
	uint8_t			owner[OWNER_ID_LEN];
	char			id[UUID_SIZE], park[REASON_SIZE];
	int			whole;

	(void)state;
	assert_int_equal(registry_member(r, "m", pub, owner, id), 0);
	sql("s.db", "UPDATE member SET owner = x'01'");
	assert_int_equal(registry_member(r, "m", pub, owner, id), -1);
	sql("s.db", "UPDATE member SET owner = zeroblob(16),"
	    " session_id = 'not a uuid'");
	assert_int_equal(registry_member(r, "m", pub, owner, id), -1);
	sql("s.db", "UPDATE member SET session_id = printf('%.*c', 37, 'x')");
	assert_int_equal(registry_member(r, "m", pub, owner, id), -1);
	memset(owner, 0, sizeof owner);
	assert_int_equal(registry_member_parked(r, owner, park, &whole), 0);
	sql("s.db", "UPDATE member SET park_whole = 2");
	assert_int_equal(registry_member_parked(r, owner, park, &whole), -1);
	sql("s.db", "UPDATE member SET park_whole = 0, park = x'00'");
	assert_int_equal(registry_member_parked(r, owner, park, &whole), -1);
}

static void
expect_not_opened(const char *name, const char *why)
{
	struct registry	*other;
	int		 n = fds_count();

	err[0] = '\0';
	other = registry_open(scratch(name), err, sizeof err);
	assert_null(other);
	if (strstr(err, scratch(name)) != err || strstr(err, why) == NULL)
		fail_msg("%s", err);
	assert_int_equal(fds_count(), n);
}

static void
test_other_versions(void **state)
{
	(void)state;
	registry_close(&r);
	sql("s.db", "PRAGMA user_version = 4");
	expect_not_opened("s.db", "was written by a newer meshsup "
	    "(version 4): run that one");
	sql("s.db", "PRAGMA user_version = 0");
	expect_not_opened("s.db", "is not a registry of sessions");
	sql("s.db", "PRAGMA user_version = -1");
	expect_not_opened("s.db", "is not a registry of sessions");
	sql("s.db", "PRAGMA user_version = 1; PRAGMA application_id = 7");
	expect_not_opened("s.db", "is not a registry of sessions");
	sql("s.db", "PRAGMA user_version = 0; PRAGMA application_id = 0");
	expect_not_opened("s.db", "is not a registry of sessions");
}

/* Ours by its number, but a table or a column is missing. */
static void
test_other_tables(void **state)
{
	(void)state;
	registry_close(&r);
	sql("s.db", "DROP TABLE member");
	expect_not_opened("s.db", "no such table: member");
	sql("s.db", "CREATE TABLE member (mesh)");
	expect_not_opened("s.db", "no column");
}

static void
test_foreign(void **state)
{
	static char	text[8192];

	(void)state;
	memset(text, 'x', sizeof text);
	scratch_write("text", 0600, text, sizeof text);
	expect_not_opened("text", "it is no database, or it is damaged");
	sql("foreign", "CREATE TABLE t (a); INSERT INTO t VALUES (1)");
	expect_not_opened("foreign", "is not a registry of sessions: move it "
	    "away");
	assert_int_equal(sql("foreign", "UPDATE t SET a = 2"), 1);

	scratch_write("other", 0600, "", 0);
	assert_int_equal(symlink("other", scratch("link")), 0);
	expect_not_opened("link", ": ");
	expect_not_opened("", "Is a directory");
	expect_not_opened("no/s.db", "No such file");
}

/* The file cut and its pages overwritten: an error, sooner or later. */
static void
test_torn(void **state)
{
	struct reg_session	s, got;
	struct stat		st;
	char			junk[512];
	unsigned		n;
	FILE			*f;

	(void)state;
	for (n = 0; n < 200; n++) {
		s = reg_session(n);
		assert_int_equal(registry_put(r, &s), 0);
	}
	registry_close(&r);
	assert_int_equal(stat(scratch("s.db"), &st), 0);
	memset(junk, 0xa5, sizeof junk);
	assert_non_null(f = fopen(scratch("s.db"), "r+"));
	for (n = 4096; n < st.st_size; n += 4096) {
		fseek(f, n, SEEK_SET);
		fwrite(junk, 1, sizeof junk, f);
	}
	fclose(f);
	r = registry_open(scratch("s.db"), err, sizeof err);
	if (r != NULL) {
		assert_int_equal(reg_each(0, &n), -1);
		s = reg_session(7);
		assert_int_equal(reg_find(&s, &got), -1);
		assert_true(warnings > 0);
	}
	registry_close(&r);
	assert_int_equal(truncate(scratch("s.db"), 100), 0);
	expect_not_opened("s.db", ": ");
}

/* With the key of another host it is of no use, and says so. */
static void
test_other_host(void **state)
{
	static const uint8_t	ours[HOST_KEY_LEN] = { 1 },
				other[HOST_KEY_LEN] = { 2 };
	struct reg_session	s = reg_session(1), got;
	int			i;

	(void)state;
	assert_int_equal(registry_bind(r, "P", ours, err, sizeof err), 0);
	assert_int_equal(registry_put(r, &s), 0);
	for (i = 0; i < 2; i++) {
		assert_int_equal(registry_bind(r, "P", ours, err, sizeof err),
		    0);
		assert_int_equal(registry_bind(r, "P", other, err,
		    sizeof err), -1);
		if (strstr(err, "P belongs to another host.key: restore") !=
		    err)
			fail_msg("%s", err);
		reg_reopen();
	}
	assert_int_equal(reg_find(&s, &got), 1);

	sql("s.db", "UPDATE host SET mark = 'x'");
	assert_int_equal(registry_bind(r, "P", ours, err, sizeof err), -1);
	assert_non_null(strstr(err, "P is damaged"));
}

/* A file that somebody else put there is not ours. */
static void
test_other_owner(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	scratch_write("other", 0600, "", 0);
	assert_int_equal(chown(scratch("other"), 65534, 65534), 0);
	expect_not_opened("other", "not a regular file of ours");
}

#define TEST(t)	cmocka_unit_test_setup_teardown(t, reg_setup, reg_teardown)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		TEST(test_damaged_rows),
		TEST(test_damaged_member),
		TEST(test_other_versions),
		TEST(test_other_tables),
		TEST(test_foreign),
		TEST(test_torn),
		TEST(test_other_host),
		TEST(test_other_owner),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
