/*
 * contrib/broker/members.c: meshes and members are made once, and which keys
 * messages may be sent to.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "broker_help.h"
#include "common/clock.h"
#include "scratch.h"

static char	mesh_id[MEMBERS_ID_SIZE], member_id[MEMBERS_ID_SIZE];
static char	err[128];

static int
add(const char *slug, int key, const char *name)
{
	uint8_t	 pubkey[KEY_PUBLIC_LEN];

	memset(pubkey, key, sizeof pubkey);
	*err = '\0';
	return members_add(help_members, slug, pubkey, name, mesh_id,
	    member_id, err, sizeof err);
}

static int
find(int key, struct member *m)
{
	uint8_t	 pubkey[KEY_PUBLIC_LEN];

	memset(pubkey, key, sizeof pubkey);
	return members_find(help_members, mesh_id, pubkey, m);
}

static void
test_again(void **state)
{
	char		 mesh[MEMBERS_ID_SIZE], id[MEMBERS_ID_SIZE];
	struct member	 m;

	(void)state;
	assert_int_equal(add("one", 1, "a"), 0);
	strcpy(mesh, mesh_id);
	strcpy(id, member_id);
	assert_int_equal(strlen(mesh), 22);
	assert_int_equal(strlen(id), 22);
	assert_int_equal(db_commit(help_db), 0);
	help_reopen();
	assert_int_equal(add("one", 1, "another name"), 0);
	assert_string_equal(mesh_id, mesh);
	assert_string_equal(member_id, id);
	assert_int_equal(find(1, &m), 1);
	assert_string_equal(m.name, "another name");
	assert_false(m.revoked);
	assert_int_equal(m.last_seen_at, 0);
}

static void
test_apart(void **state)
{
	char		 mesh[MEMBERS_ID_SIZE], id[MEMBERS_ID_SIZE];
	struct member	 m;

	(void)state;
	assert_int_equal(add("one", 1, "a"), 0);
	strcpy(mesh, mesh_id);
	strcpy(id, member_id);
	assert_int_equal(add("two", 1, "a"), 0);
	assert_string_not_equal(mesh_id, mesh);
	assert_string_not_equal(member_id, id);
	/* Whoever it was made for administers it. */
	assert_int_equal(find(1, &m), 1);
	assert_true(m.is_admin);
	assert_int_equal(find(2, &m), 0);
	assert_int_equal(add("two", 2, "b"), 0);
	assert_int_equal(find(2, &m), 1);
	assert_false(m.is_admin);
	assert_int_equal(members_set_admin(help_members, m.row, 1), 0);
	assert_int_equal(members_is_admin(help_members, m.row), 1);
	strcpy(mesh_id, "none");
	assert_int_equal(find(2, &m), 0);
}

static void
test_refused(void **state)
{
	static const char	*const slugs[] = { "", "A", "a b", "a:b", "a/b",
				    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
				    "aaaaaaaaaaaaaaaaaaaaaaa" };
	static const char	*const names[] = { "", "a\nb", "\x1b[0m",
				    "\xff" };
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof slugs / sizeof *slugs; i++) {
		assert_int_equal(add(slugs[i], 1, "a"), -1);
		assert_string_not_equal(err, "");
	}
	for (i = 0; i < sizeof names / sizeof *names; i++)
		assert_int_equal(add("mesh", 1, names[i]), -1);
	assert_int_equal(help_number("SELECT count(*) FROM mesh"), 1);
}

static void
test_keys(void **state)
{
	struct member	 m;
	uint8_t		 session[KEY_PUBLIC_LEN];
	int64_t		 key;

	(void)state;
	memset(session, 9, sizeof session);
	assert_int_equal(add("one", 1, "a"), 0);
	assert_int_equal(find(1, &m), 1);
	assert_true(members_key(help_members, m.mesh, m.pubkey) == m.key);
	assert_true(members_key(help_members, m.mesh, session) == 0);
	key = members_session_key(help_members, &m, session);
	assert_true(key > 0 && key != m.key);
	assert_true(members_session_key(help_members, &m, session) == key);
	assert_true(members_key(help_members, m.mesh, session) == key);
	assert_true(members_key(help_members, m.mesh + 1, session) == 0);
	/* Another member attests it now. */
	assert_int_equal(add("one", 2, "b"), 0);
	assert_int_equal(find(2, &m), 1);
	assert_true(members_session_key(help_members, &m, session) == key);
	assert_true(help_number("SELECT member FROM peer_key ORDER BY id "
	    "DESC LIMIT 1 OFFSET 1") == m.row);
}

static void
test_banned(void **state)
{
	struct member	 m;

	(void)state;
	assert_int_equal(add("one", 1, "a"), 0);
	assert_int_equal(find(1, &m), 1);
	db_write(help_db, db_prepare(help_db,
	    "UPDATE member SET revoked_at = 5"));
	assert_int_equal(find(1, &m), 1);
	assert_true(m.revoked);
	assert_true(members_key(help_members, m.mesh, m.pubkey) == 0);
}

static void
test_left(void **state)
{
	struct member	 m;

	(void)state;
	assert_int_equal(add("one", 1, "a"), 0);
	assert_int_equal(find(1, &m), 1);
	assert_int_equal(members_left(help_members, m.row, 12345), 0);
	assert_int_equal(find(1, &m), 1);
	assert_int_equal(m.last_seen_at, 12345);
}

static void
sql_run(const char *sql)
{
	assert_true(db_write(help_db, db_prepare(help_db, sql)) >= 0);
}

/* Keys of sessions go at last, but none that anything is from or for. */
static void
test_prune(void **state)
{
	static const char	*const in_use[][2] = {
		{ "INSERT INTO message (seq, message_id, sender, recipient,"
		  " priority, created_at) VALUES (1, 'i', 3, 1, 1, 5)",
		  "DELETE FROM message" },
		{ "INSERT INTO message (seq, message_id, sender, recipient,"
		  " priority, created_at, delivered_at)"
		  " VALUES (1, 'i', 1, 3, 1, 5, 6)",
		  "DELETE FROM message" },
		{ "INSERT INTO scheduled (scheduled_id, mesh, member, sender,"
		  " sender_name, target, message, deliver_at, created_at,"
		  " size) SELECT 's', 1, 1, 1, 'a', lower(hex(pubkey)), 'm',"
		  " 9, 5, 1 FROM peer_key WHERE id = 3",
		  "UPDATE scheduled SET target = '*', sender = 3" },
		{ "SELECT 1", "DELETE FROM scheduled" },
		{ "INSERT INTO presence (presence_id, mesh, member, kind,"
		  " pubkey, session_id, name, groups, hello_groups, status,"
		  " visible, connected_at, topic_seq) SELECT 'p', 1, 1, 1,"
		  " pubkey, 's', 'n', '[]', '[]', 0, 1, 5, 0 FROM peer_key"
		  " WHERE id = 3", "DELETE FROM presence" },
	};
	int64_t			 now = clock_wall_ms();
	size_t			 i;

	(void)state;
	/* 1 and 4 are the members of help_open(), 3 a session. */
	sql_run("UPDATE peer_key SET last_seen_at = 5 WHERE id IN (1, 3, 4)");
	for (i = 0; i < sizeof in_use / sizeof in_use[0]; i++) {
		sql_run(in_use[i][0]);
		assert_int_equal(members_prune(help_members, now, 10), 0);
		sql_run(in_use[i][1]);
	}
	assert_int_equal(members_prune(help_members, now, 10), 1);
	assert_int_equal(help_number("SELECT count(*) FROM peer_key"), 5);
	assert_int_equal(members_prune(help_members, now +
	    MEMBERS_KEY_KEEP_MS + 1000, 2), 2);
	assert_int_equal(members_session_left(help_members, 1, help_pubkey(5),
	    now + 5000), 0);
	assert_int_equal(members_prune(help_members, now +
	    MEMBERS_KEY_KEEP_MS + 2000, 2), 0);
	assert_int_equal(members_prune(help_members, now +
	    MEMBERS_KEY_KEEP_MS + 6000, 2), 1);
	/* Members' stay. */
	assert_int_equal(help_number("SELECT count(*) FROM peer_key"), 2);
}

/* The mesh's key can sign: invites will need that. */
static void
test_owner(void **state)
{
	(void)state;
	assert_int_equal(help_number("SELECT count(*) FROM mesh WHERE "
	    "length(owner_pubkey) = 32 AND length(owner_seckey) = 64 AND "
	    "substr(owner_seckey, 33) = owner_pubkey"), 1);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, help_open, help_close)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		T(test_again),
		T(test_apart),
		T(test_refused),
		T(test_keys),
		T(test_banned),
		T(test_left),
		T(test_prune),
		T(test_owner),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
