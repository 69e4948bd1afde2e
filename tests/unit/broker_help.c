/* A broker's file with a mesh and some keys. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "broker_help.h"
#include "common/clock.h"
#include "scratch.h"

struct db	*help_db;
struct members	*help_members;
struct queue	*help_queue;
int64_t		 help_keys[KEYS], help_alice, help_bob;

const uint8_t *
help_pubkey(int n)
{
	static uint8_t	 keys[KEYS][KEY_PUBLIC_LEN];

	memset(keys[n], 'a' + n, KEY_PUBLIC_LEN);
	return keys[n];
}

static void
open_file(void)
{
	help_db = db_open(scratch("broker.db"));
	assert_non_null(help_db);
	help_members = members_new(help_db);
	help_queue = queue_new(help_db);
}

static void
close_file(void)
{
	queue_free(&help_queue);
	members_free(&help_members);
	db_close(&help_db);
}

void
help_reopen(void)
{
	close_file();
	open_file();
}

/* A member with two sessions.  The row of the member. */
static int64_t
member_add(const char *name, int key, int session)
{
	char		 mesh_id[MEMBERS_ID_SIZE], id[MEMBERS_ID_SIZE], err[99];
	struct member	 m;

	assert_int_equal(members_add(help_members, "local", help_pubkey(key),
	    name, mesh_id, id, err, sizeof err), 0);
	assert_int_equal(members_find(help_members, mesh_id, help_pubkey(key),
	    &m), 1);
	help_keys[key] = m.key;
	for (; session == 2 || session == 4; session++)
		help_keys[session] = members_session_key(help_members, &m,
		    help_pubkey(session));
	help_keys[session] = members_session_key(help_members, &m,
	    help_pubkey(session));
	return m.row;
}

int
help_open_file(void **state)
{
	(void)state;
	open_file();
	return 0;
}

int
help_open(void **state)
{
	scratch_clean(state);
	open_file();
	help_alice = member_add("alice", 0, 2);
	help_bob = member_add("bob", 1, 4);
	return db_commit(help_db);
}

int
help_close(void **state)
{
	(void)state;
	close_file();
	return 0;
}

int64_t
help_number(const char *sql)
{
	sqlite3_stmt	*st = db_prepare(help_db, sql);
	int64_t		 n;

	assert_int_equal(db_step(help_db, st), 1);
	n = sqlite3_column_int64(st, 0);
	db_reset(st);
	return n;
}

struct message
help_message(int from, int to, const char *client_id, const char *text)
{
	struct message	 m;
	int		 alices = from == 0 || from == 2 || from == 3;

	memset(&m, 0, sizeof m);
	m.sender = help_keys[from];
	m.sender_member = alices ? help_alice : help_bob;
	m.sender_name = "somebody";
	m.client_id = client_id;
	m.recipient = to == -1 ? 0 : help_keys[to];
	m.priority = PRIORITY_NEXT;
	m.nonce = "nonce";
	m.ciphertext = text;
	m.created_at = clock_wall_ms();
	return m;
}
