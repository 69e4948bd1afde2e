/*
 * Every statement of the store and of the read side, as SQLite plans it: none
 * walks a table, and none of those that work goes through gets slower with
 * history (design.md "Store", delivery.md 4).  Cost is counted in steps of
 * SQLite's machine, which do not depend on the machine below it.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/rows_impl.h"
#include "store_help.h"
#include "supervisor/store/db_impl.h"

#define HISTORY	(getenv("UNIT_QUICK") != NULL ? 20000 : 200000)

static struct rows	*rows;

static int
setup(void **state)
{
	if (tables_new(state) == -1)
		return -1;
	return (rows = rows_open(path)) == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	rows_close(&rows);
	return tables_remove(state);
}

/* Rows of owner 1 to the targets 11 to 30, done long ago, in both boxes. */
static void
add_history(void)
{
	char	*sql;

	assert_true(asprintf(&sql,
	    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1"
	    "  FROM n WHERE i < %d)"
	    " INSERT INTO outbox (id, owner, sender, mesh, client_message_id,"
	    "  fingerprint, target, priority, nonce, body_id, payload_bytes,"
	    "  created_at, enqueued_at, state, ended_at)"
	    " SELECT 'id' || i, x'01a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0',"
	    "  zeroblob(32), 'acme', 'past-' || i, zeroblob(32),"
	    "  printf('%%02x', 11 + i %% 20) || substr(hex(zeroblob(31)), 1),"
	    "  1, zeroblob(24), zeroblob(16), 5, i, i, 2, i FROM n;"
	    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1"
	    "  FROM n WHERE i < %d)"
	    " INSERT INTO inbox (id, owner, kind, state, mesh, recipient,"
	    "  sender, client_message_id, priority, created_at, received_at,"
	    "  seen_at, encrypted, authenticated, body_id, body)"
	    " SELECT 'id' || i, x'01a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0', 0, 0,"
	    "  'acme', lower(hex(zeroblob(32))), 'somebody', 'past-' || i, 1,"
	    "  i, i, i, 1, 1, zeroblob(16), x'00' FROM n",
	    HISTORY, HISTORY) != -1);
	sql_run(sql);
	free(sql);
}

static void
new_cb(void *arg, int64_t seq, const char *target)
{
	(void)arg;
	(void)seq;
	(void)target;
}

static int
out_cb(void *arg, const struct out_row *o)
{
	(void)arg;
	(void)o;
	return 0;
}

static int
in_cb(void *arg, const struct in_row *i)
{
	(void)arg;
	(void)i;
	return 0;
}

/* Each function of the read side once, over an owner who has a history. */
static void
use_rows(void)
{
	struct rows_scope	scope = { owner(1), owner(50) };
	struct rows_scope	members = { NULL, owner(50) };
	struct rows_filter	f = { .limit = 5, .since = 1 };
	struct out_row		o;
	char			target[TARGET_SIZE], epoch[UUID_SIZE];
	int64_t			seq = 0;
	struct rows_walk	walk;
	int64_t			counts[ROWS_COUNT_STATES];
	uint64_t		seqs[5];
	int			i;

	rows_epoch(rows, epoch);
	rows_inbox_last(rows, &seq);
	seq = 0;
	rows_target_next(rows, owner(1), "", target);
	if (rows_target_row(rows, owner(1), key(9), 0, &o) == 1)
		out_row_clear(&o);
	rows_new_since(rows, owner(1), &seq, 5, new_cb, NULL);
	rows_has_open(rows, owner(1));
	rows_out_by_id(rows, "x", 0, &o);
	rows_out_by_id(rows, "x", 1, &o);
	rows_out_by_client_id(rows, owner(1), "x", &o);
	for (i = -1; i <= ROW_STATE_MAX; i++)
		rows_out_list(rows, owner(1), i, 5, out_cb, NULL);
	for (i = 0; i < 3; i++) {
		f.unread_only = i == 1;
		f.quarantine = i == 2;
		rows_in_list(rows, &scope, &f, in_cb, NULL);
		rows_in_list(rows, &members, &f, in_cb, NULL);
	}
	rows_in_after(rows, &scope, 0, 5, in_cb, NULL);
	rows_in_after(rows, &members, 0, 5, in_cb, NULL);
	rows_in_seq(rows, &scope, "x", &seq);
	rows_in_seqs(rows, &scope, 0, 9, 9, 5, seqs);
	rows_in_seqs(rows, &members, 0, 9, 9, 5, seqs);
	rows_in_before(rows, &scope, 9, &seq);
	rows_handover_after(rows, owner(50), 0, 5, in_cb, NULL);
	rows_unopened_after(rows, owner(50), 0, 5, in_cb, NULL);
	for (i = 0; i < ROWS_COUNTED_N; i++) {
		memset(&walk, 0, sizeof walk);
		memset(counts, 0, sizeof counts);
		rows_count(rows, (enum rows_counted)i, &walk, 5, counts);
	}
}

/*
 * A walk over a table: "SCAN outbox", over an index too.  Who ever was a
 * worker is a short list.
 */
static int
plan_walks(const char *plan)
{
	static const char *const	tables_[] = { "outbox", "inbox",
	    "tombstone", "reader", "r", "t", "x" };
	const char			*p = plan, *name;
	size_t				 i, len;

	while ((p = strstr(p, "SCAN ")) != NULL) {
		name = p + 5;
		len = strcspn(name, " \n");
		for (i = 0; i < sizeof tables_ / sizeof tables_[0]; i++)
			if (strlen(tables_[i]) == len &&
			    strncmp(name, tables_[i], len) == 0)
				return 1;
		p = name;
	}
	return 0;
}

static int
check_plans(sqlite3 *db)
{
	sqlite3_stmt	*st;
	const char	*sql, *plan;
	int		 n = 0;

	for (st = sqlite3_next_stmt(db, NULL); st != NULL;
	    st = sqlite3_next_stmt(db, st)) {
		sql = sqlite3_sql(st);
		if (strstr(sql, "outbox") == NULL &&
		    strstr(sql, "inbox") == NULL &&
		    strstr(sql, "tombstone") == NULL &&
		    strstr(sql, "reader") == NULL)
			continue;
		plan = sql_plan(sql);
		if (plan_walks(plan) && strstr(sql, "sqlite_sequence") == NULL)
			fail_msg("%s\n%s", sql, plan);
		n++;
	}
	return n;
}

static void
no_statement_walks_a_table(void **state)
{
	(void)state;
	use_rows();		/* all but the two of topics, which are few */
	assert_int_equal(check_plans(rows->db), ROWS_NSLOTS - 4);
	assert_true(check_plans(tables.db->sql) >= 25);
}

/* The indexes that were made for it. */
static void
work_goes_through_open_rows(void **state)
{
	static const struct {
		enum rows_slot	 slot;
		const char	*index;
	} cases[] = {
		{ ROWS_TARGET_NEXT, "INDEX outbox_head (owner=? AND target>?" },
		{ ROWS_TARGET_ROW,
		    "INDEX outbox_head (owner=? AND target=? AND seq>?" },
		{ ROWS_NEW_SINCE, "INDEX outbox_open (owner=? AND seq>?" },
		{ ROWS_HAS_OPEN, "INDEX outbox_open (owner=?" },
		{ ROWS_OUT_LIST_OPEN, "INDEX outbox_open (owner=?" },
		{ ROWS_OUT_LIST_ENDED,
		    "INDEX outbox_past (owner=? AND state=?" },
		{ ROWS_IN_UNREAD_MEMBER, "INDEX inbox_unread (owner=?" },
		{ ROWS_IN_AFTER_MEMBER,
		    "INDEX inbox_owner (owner=? AND seq>?" },
		{ ROWS_IN_AFTER_SESSION, "MERGE (UNION ALL)" },
		{ ROWS_IN_LIST_SESSION, "MERGE (UNION ALL)" },
		{ ROWS_IN_UNREAD_SESSION, "INDEX inbox_unread (owner=?" },
		{ ROWS_IN_HANDOVER,
		    "INDEX inbox_unopened (owner=? AND state=? AND seq>?" },
		{ ROWS_IN_FLOOR,
		    "COVERING INDEX inbox_received (owner=? AND rec" },
	};
	const char	*plan;
	size_t		 i;

	(void)state;
	use_rows();
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		plan = sql_plan(sqlite3_sql(rows->st[cases[i].slot]));
		if (strstr(plan, cases[i].index) == NULL ||
		    strstr(plan, "TEMP B-TREE") != NULL)
			fail_msg("%s\nin\n%s", cases[i].index, plan);
	}
}

/* Steps of all statements of a connection since they were last counted. */
static int
steps(sqlite3 *db)
{
	sqlite3_stmt	*st;
	int		 n = 0;

	for (st = sqlite3_next_stmt(db, NULL); st != NULL;
	    st = sqlite3_next_stmt(db, st))
		n += sqlite3_stmt_status(st, SQLITE_STMTSTATUS_VM_STEP, 1);
	return n;
}

/* Accept, find, take and end one message. */
static void
one_message(int n)
{
	struct msg_recorded	r;
	struct out_row		o;
	char			id[32], target[TARGET_SIZE];
	int64_t			seq = 0;

	snprintf(id, sizeof id, "new-%d", n);
	accept_new(1, id, key(9));
	assert_int_equal(rows_target_next(rows, owner(1), "", target), 1);
	assert_int_equal(rows_target_row(rows, owner(1), target, 0, &o), 1);
	assert_int_equal(rows_new_since(rows, owner(1), &seq, 5, new_cb,
	    NULL), 1);
	assert_string_equal(o.client_id, id);
	assert_int_equal(progress(1, o.seq, ROW_INFLIGHT, "", &r), OP_DONE);
	assert_int_equal(progress(1, o.seq, ROW_DONE, "", &r), OP_DONE);
	out_row_clear(&o);
}

/* A drain costs the same with and without 200,000 rows that have ended. */
static void
cost_does_not_grow(void **state)
{
	int	before, after;

	(void)state;
	one_message(0);
	(void)steps(tables.db->sql);
	(void)steps(rows->db);
	one_message(1);
	before = steps(tables.db->sql) + steps(rows->db);
	add_history();
	assert_int_equal(sql_int("SELECT count(*) FROM outbox"),
	    HISTORY + 2);
	one_message(2);			/* schema and statistics are read */
	(void)steps(tables.db->sql);
	(void)steps(rows->db);
	one_message(3);
	after = steps(tables.db->sql) + steps(rows->db);
	print_message("steps: %d before, %d after\n", before, after);
	assert_true(before > 100);
	assert_true(abs(after - before) <= before / 20);
}

/* Listings and cursors cost what they show, not what there is. */
static void
listings_cost_what_they_show(void **state)
{
	int	n;

	(void)state;
	add_history();
	use_rows();
	(void)steps(rows->db);
	/* The floor of a time long past counts all that is not older. */
	sql_run("UPDATE inbox SET received_at = 0 WHERE seq < 199990");
	use_rows();
	n = steps(rows->db);
	print_message("steps of every look: %d\n", n);
	assert_true(n > 100);
	assert_true(n < 6000);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(no_statement_walks_a_table),
		T(work_goes_through_open_rows),
		T(cost_does_not_grow),
		T(listings_cost_what_they_show),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
