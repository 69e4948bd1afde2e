/*
 * supervisor/store/outbox.c: the accept table (delivery.md 3), progress and
 * ends (delivery.md 4 and 1.4), ownership, expiry and retention.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "store_help.h"

#define NOTICES	"SELECT count(*) FROM inbox WHERE state = 3"

/* Section 3: none -> inserted, pending. */
static void
unknown_id_is_inserted(void **state)
{
	struct msg_accept	a;
	struct msg_accepted	r;

	(void)state;
	make_accept(&a, 1, "c1", key(9));
	accept_row(&a, &r);
	assert_int_equal(r.result, ACCEPT_NEW);
	assert_int_equal(r.row, 1);
	assert_int_equal(r.state, ROW_PENDING);
	assert_string_equal(r.id, a.id);
	assert_memory_equal(r.fingerprint, a.fingerprint, 32);
	assert_int_equal(notes.n, 1);
	assert_int_equal(notes.v[0].kind, NOTE_WAKE);
	assert_int_equal(sql_int("SELECT enqueued_at FROM outbox"), now);
}

/* Section 3: a known id changes nothing, whatever else is in the request. */
static void
known_id_is_the_row_as_it_is(void **state)
{
	struct msg_accept	a, other;
	struct msg_accepted	r, first;

	(void)state;
	make_accept(&a, 1, "c1", key(9));
	accept_row(&a, &first);
	make_accept(&other, 1, "c1", key(8));
	memset(other.fingerprint, 0xee, sizeof other.fingerprint);
	now += 5000;
	accept_row(&other, &r);
	assert_int_equal(r.result, ACCEPT_KNOWN);
	assert_int_equal(r.row, first.row);
	assert_string_equal(r.id, a.id);
	assert_string_equal(r.target, key(9));
	assert_memory_equal(r.fingerprint, a.fingerprint, 32);
	assert_int_equal(sql_int("SELECT count(*) FROM outbox"), 1);
	assert_int_equal(sql_int("SELECT enqueued_at FROM outbox"), T0);
}

/* Section 3: each state of the known row is told, with what goes with it. */
static void
known_id_tells_its_state(void **state)
{
	struct msg_accept	a;
	struct msg_accepted	r;
	struct msg_recorded	rec;
	int64_t			row;

	(void)state;
	row = accept_new(1, "c1", key(9));
	make_accept(&a, 1, "c1", key(9));
	progress(1, row, ROW_INFLIGHT, "", &rec);
	accept_row(&a, &r);
	assert_int_equal(r.state, ROW_INFLIGHT);
	progress(1, row, ROW_DONE, "", &rec);
	accept_row(&a, &r);
	assert_int_equal(r.state, ROW_DONE);
	assert_string_equal(r.broker_id, "broker-id");

	row = accept_new(1, "c2", key(9));
	make_accept(&a, 1, "c2", key(9));
	progress(1, row, ROW_DEAD, "blocked", &rec);
	accept_row(&a, &r);
	assert_int_equal(r.state, ROW_DEAD);
	assert_string_equal(r.reason, "blocked");
}

/* Section 2: one sender's ids do not block another's. */
static void
ids_are_per_sender(void **state)
{
	(void)state;
	assert_int_equal(accept_new(1, "c1", key(9)), 1);
	assert_int_equal(accept_new(2, "c1", key(9)), 2);
}

/* Section 2: ids race inside one transaction as well. */
static void
same_id_twice_in_one_transaction(void **state)
{
	struct msg_accept	a;
	struct msg_accepted	r;

	(void)state;
	assert_int_equal(db_begin(tables.db), 0);
	make_accept(&a, 1, "c1", key(9));
	outbox_accept(tables.outbox, &a, now, &notes, &r);
	assert_int_equal(r.result, ACCEPT_NEW);
	make_accept(&a, 1, "c1", key(9));
	outbox_accept(tables.outbox, &a, now, &notes, &r);
	assert_int_equal(r.result, ACCEPT_KNOWN);
	assert_int_equal(db_commit(tables.db), 0);
	assert_int_equal(sql_int("SELECT count(*) FROM outbox"), 1);
}

static void
malformed_requests_are_nonsense(void **state)
{
	struct msg_accept	a[7];
	struct msg_accepted	r;
	size_t			i;

	(void)state;
	for (i = 0; i < 7; i++)
		make_accept(&a[i], 1, "c1", key(9));
	a[0].id[3] = 'x';
	a[1].body.len = 0;
	*a[2].client_id = '\0';
	*a[3].target = '\0';
	*a[4].mesh = '\0';
	strcpy(a[5].client_id, "\xff");
	strcpy(a[6].reply_to, "\xc3");
	a[6].has_reply_to = 1;
	assert_int_equal(db_begin(tables.db), 0);
	for (i = 0; i < 7; i++)
		assert_int_equal(outbox_accept(tables.outbox, &a[i], now,
		    &notes, &r), OP_NONSENSE);
	db_rollback(tables.db);
}

/* A row id is the gate's, and used once; the transaction survives it. */
static void
row_id_is_unique(void **state)
{
	struct msg_accept	a;
	struct msg_accepted	r;

	(void)state;
	make_accept(&a, 1, "c1", key(9));
	accept_row(&a, &r);
	strcpy(a.client_id, "c2");
	assert_int_equal(db_begin(tables.db), 0);
	assert_int_equal(outbox_accept(tables.outbox, &a, now, &notes, &r),
	    OP_NONSENSE);
	make_accept(&a, 1, "c3", key(9));
	assert_int_equal(outbox_accept(tables.outbox, &a, now, &notes, &r),
	    OP_DONE);
	assert_int_equal(db_commit(tables.db), 0);
	assert_int_equal(sql_int("SELECT count(*) FROM outbox"), 2);
}

/* Section 4: what waits says since when and why. */
static void
progress_of_open_rows(void **state)
{
	struct msg_recorded	r;
	int64_t			row = accept_new(1, "c1", key(9));

	(void)state;
	assert_int_equal(progress(1, row, ROW_PENDING, "offline", &r),
	    OP_DONE);
	assert_int_equal(r.row, row);
	assert_int_equal(r.result, ACCEPT_NEW);
	assert_int_equal(r.state, ROW_PENDING);
	assert_int_equal(sql_int("SELECT attempts = 3 AND state = 0 AND"
	    " next_attempt_at = 1800000001000 AND last_error = 'offline'"
	    " AND ended_at IS NULL AND body IS NOT NULL FROM outbox"), 1);
	assert_int_equal(notes.nended, 0);
	progress(1, row, ROW_INFLIGHT, "", &r);
	assert_int_equal(sql_int("SELECT state = 1 AND last_error IS NULL"
	    " FROM outbox"), 1);
}

/* Section 5: the body of a done row is wiped, its metadata stays. */
static void
done_wipes_the_body(void **state)
{
	struct msg_recorded	r;
	int64_t			row = accept_new(1, "c1", key(9));

	(void)state;
	now += 700;
	assert_int_equal(progress(1, row, ROW_DONE, "", &r), OP_DONE);
	assert_int_equal(r.state, ROW_DONE);
	assert_int_equal(sql_int("SELECT state = 2 AND body IS NULL AND"
	    " broker_message_id = 'broker-id' AND delivered_at = ended_at AND"
	    " ended_at = 1800000000700 FROM outbox"), 1);
	assert_int_equal(notes.nended, 1);
	assert_string_equal(notes.ended[0].client_id, "c1");
	assert_int_equal(notes.ended[0].state, ROW_DONE);
	assert_int_equal(sql_int(NOTICES), 0);
}

/* Promise 4: a dead row leaves its notice, in the same transaction. */
static void
dead_leaves_a_notice(void **state)
{
	struct msg_channel	ch;
	struct msg_recorded	r;
	int64_t			row = accept_new(1, "c1", key(9));

	(void)state;
	make_channel(&ch, OWNER_MEMBER, 1, 1);
	assert_int_equal(db_begin(tables.db), 0);
	owner_note(tables.owners, &ch, now);
	assert_int_equal(db_commit(tables.db), 0);
	assert_int_equal(progress(1, row, ROW_DEAD, "blocked by recipient",
	    &r), OP_DONE);
	assert_int_equal(r.state, ROW_DEAD);
	assert_int_equal(sql_int("SELECT state = 3 AND body IS NOT NULL AND"
	    " last_error = 'blocked by recipient' AND ended_at NOT NULL"
	    " AND delivered_at IS NULL FROM outbox"), 1);
	assert_int_equal(sql_int("SELECT owner = (SELECT owner FROM outbox)"
	    " AND kind = 1 AND sender = 'system' AND subtype = 'system'"
	    " AND authenticated = 1 AND body IS NULL AND mesh = 'acme'"
	    " AND client_message_id IS NULL AND notice_client_id = 'c1'"
	    " AND notice_target = (SELECT target FROM outbox)"
	    " AND recipient = (SELECT lower(hex(sender)) FROM outbox)"
	    " AND notice_reason = 'blocked by recipient' FROM inbox"), 1);
	assert_int_equal(notes.nended, 1);
	assert_string_equal(notes.ended[0].reason, "blocked by recipient");
	assert_int_equal(notes.v[notes.n - 1].kind, NOTE_ROWS);
	assert_int_equal(notes.v[notes.n - 1].seq, 1);
}

/* Two rows that die with the same id under two senders, or twice: no copy. */
static void
notices_are_never_copies(void **state)
{
	struct msg_recorded	r;

	(void)state;
	progress(1, accept_new(1, "c1", key(9)), ROW_DEAD, "x", &r);
	progress(1, accept_new(1, "c2", key(9)), ROW_DEAD, "x", &r);
	progress(2, accept_new(2, "c1", key(9)), ROW_DEAD, "x", &r);
	assert_int_equal(sql_int(NOTICES), 3);
}

/* Section 4: an ended state is left only by an operator. */
static void
ended_rows_do_not_change(void **state)
{
	static const enum row_state	ends[] = { ROW_DONE, ROW_DEAD };
	static const enum row_state	says[] = { ROW_PENDING, ROW_INFLIGHT,
	    ROW_DONE, ROW_DEAD };
	struct msg_recorded		r;
	char				id[16];
	int64_t				row;
	size_t				i, k;

	(void)state;
	for (i = 0; i < 2; i++) {
		snprintf(id, sizeof id, "c%zu", i);
		row = accept_new(1, id, key(9));
		progress(1, row, ends[i], "first", &r);
		notes_clear(&notes);
		now += 1000;
		for (k = 0; k < 4; k++) {
			assert_int_equal(progress(1, row, says[k], "second",
			    &r), OP_DONE);
			assert_int_equal(r.result, ACCEPT_NEW);
			assert_int_equal(r.state, ends[i]);
		}
		assert_int_equal(notes.n + notes.nended, 0);
	}
	assert_int_equal(sql_int("SELECT count(*) FROM outbox"
	    " WHERE last_error = 'second'"), 0);
	assert_int_equal(sql_int(NOTICES), 1);
}

/* Promise 7: nobody reports on another's row. */
static void
other_owners_rows_are_refused(void **state)
{
	struct msg_recorded	r;
	int64_t			row = accept_new(1, "c1", key(9));

	(void)state;
	assert_int_equal(progress(2, row, ROW_DONE, "", &r), OP_NONSENSE);
	assert_int_equal(sql_int("SELECT state FROM outbox"), 0);
}

/* A worker of an older file, or of a row long gone, can forget it. */
static void
row_that_is_gone_counts_as_aborted(void **state)
{
	struct msg_recorded	r;

	(void)state;
	assert_int_equal(progress(1, 77, ROW_DONE, "", &r), OP_DONE);
	assert_int_equal(r.row, 77);
	assert_int_equal(r.state, ROW_ABORTED);
}

/* Section 5: what is left of an ended session dies, notices and all. */
static void
ends_all_open_rows_of_an_owner(void **state)
{
	struct msg_recorded	r;
	int			more = 1, n = 0;

	(void)state;
	progress(1, accept_new(1, "c1", key(9)), ROW_DONE, "", &r);
	progress(1, accept_new(1, "c2", key(9)), ROW_INFLIGHT, "", &r);
	accept_new(1, "c3", "*");
	accept_new(2, "c1", key(9));
	sql_run("UPDATE outbox SET held = 1 WHERE client_message_id = 'c3'");
	assert_int_equal(db_begin(tables.db), 0);
	for (;; n++) {
		assert_int_equal(outbox_end_one(tables.outbox, owner(1),
		    "sender_ended", now, &notes, &more), OP_DONE);
		if (!more)
			break;
	}
	assert_int_equal(db_commit(tables.db), 0);
	assert_int_equal(n, 2);
	assert_int_equal(sql_int("SELECT count(*) FROM outbox WHERE state = 3"
	    " AND last_error = 'sender_ended' AND attempts IN (0, 3)"), 2);
	assert_int_equal(sql_int("SELECT count(*) FROM outbox"
	    " WHERE ended_at IS NULL"), 1);
	assert_int_equal(sql_int(NOTICES), 2);
}

static int
spare_two(void *arg, const uint8_t *who, int64_t row)
{
	(void)arg;
	(void)row;
	return memcmp(who, owner(2), OWNER_ID_LEN) == 0;
}

/* Section 4: dead: expired, of the store, and not of a connected worker. */
static void
expires_old_rows(void **state)
{
	struct outbox_cursor	c = { 0, 0 };
	int			more = 1;

	(void)state;
	accept_new(2, "spared", key(9));
	accept_new(1, "old", key(9));
	now += 1;
	accept_new(1, "as old as may be", key(9));
	now += 100000;
	assert_int_equal(db_begin(tables.db), 0);
	while (more)
		assert_int_equal(outbox_expire_one(tables.outbox, &c,
		    now - 100000, spare_two, NULL, now, &notes, &more),
		    OP_DONE);
	assert_int_equal(db_commit(tables.db), 0);
	assert_int_equal(sql_int("SELECT count(*) FROM outbox WHERE state = 3"
	    " AND last_error = 'expired' AND client_message_id = 'old'"), 1);
	assert_int_equal(sql_int("SELECT count(*) FROM outbox"
	    " WHERE ended_at IS NULL"), 2);
	assert_int_equal(sql_int(NOTICES), 1);
}

/* Section 5: never deleted before the retention, counted from the end. */
static void
prunes_what_ended_long_ago(void **state)
{
	struct msg_recorded	r;
	int64_t			row;
	int			more;

	(void)state;
	accept_new(1, "open", key(9));
	row = accept_new(1, "late", key(9));
	progress(1, accept_new(1, "gone", key(9)), ROW_DONE, "", &r);
	now += 5000;
	progress(1, row, ROW_DEAD, "x", &r);
	assert_int_equal(db_begin(tables.db), 0);
	assert_int_equal(outbox_prune(tables.outbox, T0 + 1, 8, &more),
	    OP_DONE);
	assert_int_equal(db_commit(tables.db), 0);
	assert_int_equal(more, 0);
	assert_int_equal(sql_int("SELECT count(*) FROM outbox"
	    " WHERE client_message_id = 'gone'"), 0);
	assert_int_equal(sql_int("SELECT count(*) FROM outbox"), 2);
}

/* Sequences are not used again, so that no cursor skips a row. */
static void
sequences_only_grow(void **state)
{
	(void)state;
	accept_new(1, "c1", key(9));
	accept_new(1, "c2", key(9));
	sql_run("DELETE FROM outbox");
	assert_int_equal(accept_new(1, "c3", key(9)), 3);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, tables_new, tables_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(unknown_id_is_inserted),
		T(known_id_is_the_row_as_it_is),
		T(known_id_tells_its_state),
		T(ids_are_per_sender),
		T(same_id_twice_in_one_transaction),
		T(malformed_requests_are_nonsense),
		T(row_id_is_unique),
		T(progress_of_open_rows),
		T(done_wipes_the_body),
		T(dead_leaves_a_notice),
		T(notices_are_never_copies),
		T(ended_rows_do_not_change),
		T(other_owners_rows_are_refused),
		T(row_that_is_gone_counts_as_aborted),
		T(ends_all_open_rows_of_an_owner),
		T(expires_old_rows),
		T(prunes_what_ended_long_ago),
		T(sequences_only_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
