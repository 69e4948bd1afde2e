/*
 * supervisor/registry.c: what is put comes back, after a restart too; one
 * token, one session; one current session of a name.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>

#include <limits.h>
#include <sqlite3.h>
#include <string.h>

#include "reg_help.h"
#include "scratch.h"

static void
expect_same(const struct reg_session *a, const struct reg_session *b)
{
	assert_memory_equal(a->owner, b->owner, sizeof a->owner);
	assert_true(a->uid == b->uid && a->caps == b->caps &&
	    a->has_token == b->has_token && a->has_key == b->has_key &&
	    a->key_mode == b->key_mode && a->current == b->current &&
	    a->attest_expires_at == b->attest_expires_at &&
	    a->registered_at == b->registered_at &&
	    a->ended_at == b->ended_at);
	assert_string_equal(a->mesh, b->mesh);
	assert_string_equal(a->session_id, b->session_id);
	assert_string_equal(a->display_name, b->display_name);
	assert_int_equal(a->process.pid, b->process.pid);
	assert_true(a->process.start_time == b->process.start_time);
	assert_string_equal(a->process.boot_id, b->process.boot_id);
	assert_string_equal(a->cwd, b->cwd);
	assert_string_equal(a->role, b->role);
	assert_string_equal(a->groups, b->groups);
	assert_string_equal(a->park, b->park);
	assert_memory_equal(a->token_prefix, b->token_prefix, 4);
	assert_memory_equal(a->attest_sig, b->attest_sig, KEY_SIG_LEN);
	if (a->has_token)
		assert_memory_equal(a->token_hash, b->token_hash, 32);
	if (a->has_key) {
		assert_memory_equal(a->pub, b->pub, KEY_PUBLIC_LEN);
		assert_memory_equal(a->wrapped, b->wrapped, WRAPPED_LEN);
	}
}

/* As long as it may be, as empty as it may be. */
static struct reg_session
extreme(int full)
{
	struct reg_session	s = { .current = 1, .process.pid = 1 };

	memset(s.owner, full ? 0xff : 0xf0, sizeof s.owner);
	if (!full)
		return s;
	s.uid = UINT32_MAX - 1;
	s.caps = CAP_ALL;
	s.has_token = s.has_key = 1;
	s.key_mode = KEY_BROUGHT;
	s.process.pid = INT_MAX;
	s.process.start_time = INT64_MAX;
	s.attest_expires_at = s.registered_at = s.ended_at = INT64_MAX;
	memset(s.mesh, 'm', sizeof s.mesh - 1);
	memset(s.session_id, 's', sizeof s.session_id - 1);
	memset(s.display_name, 'n', sizeof s.display_name - 1);
	memset(s.process.boot_id, 'b', sizeof s.process.boot_id - 1);
	memset(s.cwd, 'c', sizeof s.cwd - 1);
	memset(s.role, 'r', sizeof s.role - 1);
	memset(s.groups, 'g', sizeof s.groups - 1);
	memset(s.park, 'p', sizeof s.park - 1);
	return s;
}

static void
expect_round(const struct reg_session *s)
{
	struct reg_session	got;

	assert_int_equal(registry_put(r, s), 0);
	assert_int_equal(reg_find(s, &got), 1);
	expect_same(s, &got);
	reg_reopen();
	assert_int_equal(reg_find(s, &got), 1);
	expect_same(s, &got);
}

static void
test_round(void **state)
{
	struct reg_session	s = reg_session(1), got;

	(void)state;
	assert_int_equal(reg_find(&s, &got), 0);
	expect_round(&s);
	s = extreme(0);
	expect_round(&s);
	s = extreme(1);
	expect_round(&s);

	/* The same id again: changed, not added. */
	s = reg_session(1);
	strcpy(s.display_name, "other");
	s.has_token = s.has_key = 0;
	s.ended_at = 99;
	s.key_mode = KEY_BROUGHT;
	expect_round(&s);

	assert_int_equal(registry_delete(r, s.owner), 0);
	assert_int_equal(reg_find(&s, &got), 0);
	assert_int_equal(registry_delete(r, s.owner), 0);
	assert_int_equal(warnings, 0);
}

/* Of another user, in another mesh, of another name: another session. */
static void
test_find(void **state)
{
	struct reg_session	s = reg_session(1), t, got;

	(void)state;
	assert_int_equal(registry_put(r, &s), 0);
	t = s;
	t.uid++;
	assert_int_equal(reg_find(&t, &got), 0);
	t = s;
	strcpy(t.mesh, "MESH1");
	assert_int_equal(reg_find(&t, &got), 0);
	t = s;
	strcat(t.session_id, " ");
	assert_int_equal(reg_find(&t, &got), 0);

	/* Replaced, it drains; the new one is meant now. */
	t = reg_session(2);
	t.uid = s.uid;
	strcpy(t.mesh, s.mesh);
	strcpy(t.session_id, s.session_id);
	assert_int_equal(registry_put(r, &t), -1);	/* not both */
	s.current = 0;
	assert_int_equal(registry_put(r, &s), 0);
	assert_int_equal(reg_find(&s, &got), 0);
	assert_int_equal(registry_put(r, &t), 0);
	assert_int_equal(reg_find(&s, &got), 1);
	expect_same(&t, &got);
}

static void
test_token(void **state)
{
	struct reg_session	s = reg_session(1), t = reg_session(2), got;

	(void)state;
	assert_int_equal(registry_put(r, &s), 0);
	memcpy(t.token_hash, s.token_hash, sizeof t.token_hash);
	assert_int_equal(registry_put(r, &t), -1);
	assert_int_equal(warnings, 1);
	assert_int_equal(reg_find(&t, &got), 0);
	assert_int_equal(reg_find(&s, &got), 1);
	expect_same(&s, &got);

	/* By an update neither; and its old one stays. */
	t = reg_session(2);
	assert_int_equal(registry_put(r, &t), 0);
	memcpy(t.token_hash, s.token_hash, sizeof t.token_hash);
	assert_int_equal(registry_put(r, &t), -1);
	assert_int_equal(reg_find(&t, &got), 1);
	assert_memory_not_equal(got.token_hash, s.token_hash, 32);

	/* Left behind by one that is not in memory. */
	assert_int_equal(registry_free_token(r, s.token_hash, s.owner), 0);
	assert_int_equal(reg_find(&s, &got), 1);
	assert_true(got.has_token);
	assert_int_equal(registry_free_token(r, s.token_hash, t.owner), 0);
	assert_int_equal(reg_find(&s, &got), 1);
	assert_false(got.has_token);
	assert_int_equal(registry_put(r, &t), 0);

	/* Any number may have none. */
	s.has_token = t.has_token = 0;
	assert_int_equal(registry_put(r, &s), 0);
	assert_int_equal(registry_put(r, &t), 0);
}

static void
test_each(void **state)
{
	static const unsigned	order[] = { 3, 1, 5, 2, 4 };
	struct reg_session	s;
	size_t			i;
	unsigned		n;

	(void)state;
	assert_int_equal(reg_each(0, &n), 0);
	assert_int_equal(n, 0);
	for (i = 0; i < 5; i++) {
		s = reg_session(order[i]);
		assert_int_equal(registry_put(r, &s), 0);
	}
	assert_int_equal(reg_each(0, &n), 0);
	assert_int_equal(n, 5);
	assert_int_equal(reg_each(2, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(reg_each(0, &n), 0);
	assert_int_equal(n, 5);
}

static void
test_prune(void **state)
{
	struct reg_session	s;
	unsigned		n;

	(void)state;
	for (n = 1; n <= 5; n++) {
		s = reg_session(n);
		s.ended_at = n < 5 ? n * 10 : 0;
		assert_int_equal(registry_put(r, &s), 0);
	}
	assert_int_equal(registry_prune(r, 10), 0);
	assert_int_equal(registry_prune(r, 30), 2);
	assert_int_equal(registry_prune(r, 30), 0);
	assert_int_equal(registry_prune(r, INT64_MAX), 2);
	assert_int_equal(reg_each(0, &n), 0);
	assert_int_equal(n, 1);		/* the one that lives */
}

static void
test_member(void **state)
{
	static const uint8_t	one[KEY_PUBLIC_LEN] = { 1 },
				two[KEY_PUBLIC_LEN] = { 2 };
	uint8_t			a[OWNER_ID_LEN], b[OWNER_ID_LEN];
	char			ida[UUID_SIZE], idb[UUID_SIZE];

	(void)state;
	assert_int_equal(registry_member(r, "m", one, a, ida), 0);
	assert_true(uuid_is(ida));
	reg_reopen();
	assert_int_equal(registry_member(r, "m", one, b, idb), 0);
	assert_memory_equal(a, b, sizeof a);
	assert_string_equal(ida, idb);
	assert_int_equal(registry_member(r, "m", two, b, idb), 0);
	assert_memory_not_equal(a, b, sizeof a);
	assert_string_not_equal(ida, idb);
	assert_int_equal(registry_member(r, "n", one, b, idb), 0);
	assert_memory_not_equal(a, b, sizeof a);
	assert_string_not_equal(ida, idb);
}

/* That a member is parked, too, outlives a restart. */
static void
test_park(void **state)
{
	static const uint8_t	one[KEY_PUBLIC_LEN] = { 1 },
				two[KEY_PUBLIC_LEN] = { 2 };
	uint8_t			a[OWNER_ID_LEN], b[OWNER_ID_LEN];
	char			id[UUID_SIZE], park[REASON_SIZE] = "x";
	int			whole = 7;

	(void)state;
	assert_int_equal(registry_member(r, "m", one, a, id), 0);
	assert_int_equal(registry_member(r, "m", two, b, id), 0);
	assert_int_equal(registry_member_parked(r, a, park, &whole), 0);
	assert_string_equal(park, "");
	assert_int_equal(whole, 0);
	assert_int_equal(registry_park_member(r, a, "banned", 1), 0);
	reg_reopen();
	assert_int_equal(registry_member(r, "m", one, a, id), 0);
	assert_int_equal(registry_member_parked(r, a, park, &whole), 0);
	assert_string_equal(park, "banned");
	assert_int_equal(whole, 1);
	assert_int_equal(registry_member_parked(r, b, park, &whole), 0);
	assert_string_equal(park, "");
	assert_int_equal(registry_park_member(r, a, "", 0), 0);
	assert_int_equal(registry_member_parked(r, a, park, &whole), 0);
	assert_string_equal(park, "");
}

/* The file as version 1 made it, with a session and a member in it. */
static const char version_1[] =
    "PRAGMA application_id = 1834185317; PRAGMA user_version = 1;"
    "CREATE TABLE session ("
    " owner BLOB PRIMARY KEY,"
    " uid INTEGER NOT NULL, mesh TEXT NOT NULL, session_id TEXT NOT NULL,"
    " display_name TEXT NOT NULL,"
    " process_pid INTEGER NOT NULL, process_start INTEGER NOT NULL,"
    " process_boot TEXT NOT NULL,"
    " cwd TEXT NOT NULL, role TEXT NOT NULL, groups_json TEXT NOT NULL,"
    " caps INTEGER NOT NULL,"
    " token_hash BLOB UNIQUE, token_prefix BLOB NOT NULL,"
    " key_mode INTEGER NOT NULL, pub BLOB, wrapped BLOB,"
    " attest_expires_at INTEGER NOT NULL, attest_sig BLOB NOT NULL,"
    " registered_at INTEGER NOT NULL, ended_at INTEGER,"
    " current INTEGER NOT NULL"
    ") WITHOUT ROWID;"
    "CREATE UNIQUE INDEX session_current ON session (uid, mesh, session_id)"
    " WHERE current = 1;"
    "CREATE TABLE member ("
    " mesh TEXT NOT NULL, pub BLOB NOT NULL, owner BLOB NOT NULL UNIQUE,"
    " session_id TEXT NOT NULL, PRIMARY KEY (mesh, pub)"
    ") WITHOUT ROWID;"
    "INSERT INTO session VALUES (zeroblob(16), 5, 'm', 's', 'n', 7, 8, 'b',"
    " '/', 'r', '', 3, zeroblob(32), zeroblob(4), 0, zeroblob(32),"
    " zeroblob(104), 0, zeroblob(64), 9, NULL, 1);"
    "INSERT INTO member VALUES ('m', zeroblob(32), zeroblob(16),"
    " '11111111-2222-4333-8444-555555555555');";

static const char version_2[] =
    "ALTER TABLE session ADD COLUMN park TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE member ADD COLUMN park TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE member ADD COLUMN park_whole INTEGER NOT NULL DEFAULT 0;"
    "PRAGMA user_version = 2;";

/* What an earlier version kept is there after the steps to this one. */
static void
expect_forward(void **state, const char *steps)
{
	static const uint8_t	none[KEY_PUBLIC_LEN];
	struct reg_session	want = { .uid = 5, .mesh = "m",
				    .session_id = "s" }, got;
	uint8_t			owner[OWNER_ID_LEN];
	char			id[UUID_SIZE], park[REASON_SIZE] = "x";
	sqlite3			*db;
	int			whole;

	registry_close(&r);
	scratch_clean(state);
	assert_int_equal(sqlite3_open(scratch("s.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, version_1, NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, steps, NULL, NULL, NULL),
	    SQLITE_OK);
	sqlite3_close(db);
	reg_reopen();
	assert_int_equal(reg_find(&want, &got), 1);
	assert_int_equal(got.process.pid, 7);
	assert_string_equal(got.display_name, "n");
	assert_string_equal(got.park, "");
	assert_true(got.has_key && got.has_token && got.current);
	strcpy(got.park, "kicked");
	assert_int_equal(registry_put(r, &got), 0);
	assert_int_equal(registry_member(r, "m", none, owner, id), 0);
	assert_string_equal(id, "11111111-2222-4333-8444-555555555555");
	assert_int_equal(registry_member_parked(r, owner, park, &whole), 0);
	assert_string_equal(park, "");
	assert_int_equal(registry_bind(r, "P", none, park, sizeof park), 0);
	reg_reopen();				/* and once is enough */
	assert_int_equal(registry_bind(r, "P", none, park, sizeof park), 0);
	assert_int_equal(reg_find(&want, &got), 1);
	assert_string_equal(got.park, "kicked");
}

static void
test_forward(void **state)
{
	expect_forward(state, "");
	expect_forward(state, version_2);
}

static void
test_files(void **state)
{
	struct reg_session	s = reg_session(1);
	mode_t			old = umask(0);

	(void)state;
	registry_close(&r);
	scratch_clean(state);
	assert_false(registry_in_use(scratch("s.db")));
	reg_reopen();
	umask(old);
	assert_true(registry_in_use(scratch("s.db")));
	assert_int_equal(registry_put(r, &s), 0);
	assert_int_equal(scratch_mode("s.db"), 0600);
	assert_int_equal(scratch_mode("s.db-wal"), 0600);
	assert_int_equal(scratch_mode("s.db-shm"), 0600);

	/* Somebody was generous: taken back. */
	registry_close(&r);
	assert_int_equal(scratch_count(), 1);
	assert_int_equal(chmod(scratch("s.db"), 0644), 0);
	reg_reopen();
	assert_int_equal(scratch_mode("s.db"), 0600);
	registry_close(&r);
	registry_close(&r);
	scratch_write("empty", 0600, "", 0);
	assert_false(registry_in_use(scratch("empty")));
}

#define TEST(t)	cmocka_unit_test_setup_teardown(t, reg_setup, reg_teardown)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		TEST(test_round),
		TEST(test_find),
		TEST(test_token),
		TEST(test_each),
		TEST(test_prune),
		TEST(test_member),
		TEST(test_park),
		TEST(test_forward),
		TEST(test_files),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
