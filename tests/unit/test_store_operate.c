/*
 * supervisor/store/operate.c: what becomes of a row that an operator holds,
 * releases, aborts or requeues, in every state (delivery.md 4 and 5; 9.3: a
 * requeued row loses nothing).
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/uuid.h"
#include "store_help.h"

/* ---- requests ---- */

static enum operate_result
operate(enum operation what, int64_t row, int is_free)
{
	enum operate_result	r = OPERATE_BUSY;

	notes_clear(&notes);
	assert_int_equal(db_begin(tables.db), 0);
	assert_int_equal(operate_row(tables.operates, what, "an operator",
	    row, is_free, now, &notes, &r), OP_DONE);
	assert_int_equal(db_commit(tables.db), 0);
	return r;
}

static void
make_requeue(struct msg_requeue *q, int64_t row, const char *client_id)
{
	memset(q, 0, sizeof *q);
	q->row = row;
	strcpy(q->by, "an operator");
	uuid_v7(q->id);
	snprintf(q->client_id, sizeof q->client_id, "%s", client_id);
}

static enum op
requeue_op(const struct msg_requeue *q, int is_free, struct msg_requeued *r)
{
	enum op	op;

	notes_clear(&notes);
	assert_true(operate_requeue_sound(q));
	assert_int_equal(db_begin(tables.db), 0);
	op = operate_requeue(tables.operates, q, is_free, now, &notes, r);
	assert_int_equal(db_commit(tables.db), 0);
	return op;
}

static enum operate_result
requeue(const struct msg_requeue *q, int is_free, struct msg_requeued *r)
{
	assert_int_equal(requeue_op(q, is_free, r), OP_DONE);
	return (enum operate_result)r->result;
}

/* A row of owner 1 in that state. */
static int64_t
row_in(enum row_state s, const char *client_id)
{
	struct msg_recorded	r;
	int64_t			row = accept_new(1, client_id, key(9));

	if (s == ROW_ABORTED)
		assert_int_equal(operate(OPERATE_ABORT, row, 1), OPERATE_OK);
	else if (s != ROW_PENDING)
		progress(1, row, s, "", &r);
	return row;
}

static int64_t
field(const char *what, int64_t row)
{
	char	sql[256];

	snprintf(sql, sizeof sql, "SELECT %s FROM outbox WHERE seq = %lld",
	    what, (long long)row);
	return sql_int(sql);
}

/* ---- hold, release, abort ---- */

/* What is answered, by operation and state, to a row that is free. */
static void
results_by_state(void **state)
{
	static const enum operate_result want[][ROW_STATE_MAX + 1] = {
		[OPERATE_HOLD] = { OPERATE_OK, OPERATE_OK, OPERATE_ENDED,
		    OPERATE_ENDED, OPERATE_ENDED },
		[OPERATE_RELEASE] = { OPERATE_OK, OPERATE_OK, OPERATE_ENDED,
		    OPERATE_ENDED, OPERATE_ENDED },
		[OPERATE_ABORT] = { OPERATE_OK, OPERATE_OK, OPERATE_ENDED,
		    OPERATE_OK, OPERATE_OK },
	};
	char	id[32];
	int	what, s;

	(void)state;
	for (what = 0; what <= OPERATION_MAX; what++) {
		for (s = 0; s <= ROW_STATE_MAX; s++) {
			snprintf(id, sizeof id, "c-%d-%d", what, s);
			assert_int_equal(operate((enum operation)what,
			    row_in((enum row_state)s, id), 1), want[what][s]);
		}
		assert_int_equal(operate((enum operation)what, 9999, 1),
		    OPERATE_NOT_FOUND);
	}
}

/* What is not free is not changed; of an ended row, nobody needs to agree. */
static void
not_free_is_refused(void **state)
{
	struct msg_requeue	q;
	struct msg_requeued	r;
	int64_t			row = row_in(ROW_INFLIGHT, "c1");
	int64_t			dead = row_in(ROW_DEAD, "c2");

	(void)state;
	assert_int_equal(operate(OPERATE_HOLD, row, 0), OPERATE_INFLIGHT);
	assert_int_equal(operate(OPERATE_ABORT, row, 0), OPERATE_INFLIGHT);
	make_requeue(&q, row, "new");
	assert_int_equal(requeue(&q, 0, &r), OPERATE_INFLIGHT);
	assert_int_equal(field("state = 1 AND held = 0", row), 1);
	assert_int_equal(sql_int("SELECT count(*) FROM outbox"), 2);
	assert_int_equal(operate(OPERATE_ABORT, dead, 0), OPERATE_OK);
	dead = row_in(ROW_DEAD, "c3");
	make_requeue(&q, dead, "new");
	assert_int_equal(requeue(&q, 0, &r), OPERATE_OK);
}

/* A held row is in no drain, those behind it are, and it comes back. */
static void
hold_and_release(void **state)
{
	struct rows	*rows;
	struct out_row	 o;
	int64_t		 row = row_in(ROW_INFLIGHT, "c1");
	int64_t		 next = row_in(ROW_PENDING, "c2");
	int		 i;

	(void)state;
	rows = rows_open(path);
	for (i = 0; i < 2; i++) {
		assert_int_equal(operate(OPERATE_HOLD, row, 1), OPERATE_OK);
		assert_int_equal(notes.n + notes.nended, 0);
		assert_int_equal(rows_target_row(rows, owner(1), key(9), 0,
		    &o), 1);
		assert_int_equal(o.seq, next);
		out_row_clear(&o);
	}
	assert_int_equal(field("state = 0 AND held = 1", row), 1);
	assert_int_equal(operate(OPERATE_RELEASE, row, 1), OPERATE_OK);
	assert_int_equal(operate(OPERATE_RELEASE, row, 1), OPERATE_OK);
	assert_int_equal(rows_target_row(rows, owner(1), key(9), 0, &o), 1);
	assert_int_equal(o.seq, row);
	out_row_clear(&o);
	rows_close(&rows);
}

/* Who and when is written down, the gate hears of it, the body stays. */
static void
abort_says_who_and_when(void **state)
{
	int64_t	row;
	int	i;

	(void)state;
	for (i = 0; i < 2; i++) {
		now += 1000;
		row = row_in(i == 0 ? ROW_PENDING : ROW_DEAD,
		    i == 0 ? "c1" : "c2");
		now += 1000;
		assert_int_equal(operate(OPERATE_ABORT, row, 1), OPERATE_OK);
		assert_int_equal(notes.nended, 1);
		assert_int_equal(notes.ended[0].state, ROW_ABORTED);
		assert_string_equal(notes.ended[0].client_id,
		    i == 0 ? "c1" : "c2");
		assert_int_equal(field("aborted_at", row), now);
		assert_int_equal(field("ended_at", row), now);
		assert_int_equal(field("aborted_by = 'an operator' AND"
		    " superseded_by IS NULL AND body IS NOT NULL"
		    " AND state = 4", row), 1);
		now += 1000;
		/* Repeated: the same answer, and nothing new. */
		assert_int_equal(operate(OPERATE_ABORT, row, 1), OPERATE_OK);
		assert_int_equal(notes.nended, 0);
		assert_int_equal(field("aborted_at", row), now - 1000);
	}
	sql_run("UPDATE outbox SET aborted_by = 'another'");
	assert_int_equal(operate(OPERATE_ABORT, row, 1), OPERATE_ENDED);
}

/* ---- requeue ---- */

#define SAME								\
	"(SELECT count(*) FROM outbox o, outbox n WHERE o.seq = %lld"	\
	" AND n.seq = %lld AND o.owner = n.owner"			\
	" AND o.sender = n.sender AND o.mesh = n.mesh"			\
	" AND o.priority = n.priority AND o.reply_to IS n.reply_to"	\
	" AND o.payload_bytes = n.payload_bytes"			\
	" AND o.created_at = n.created_at AND o.aborted_at = %lld"	\
	" AND o.ended_at = o.aborted_at AND o.state = 4"		\
	" AND o.aborted_by = 'an operator' AND o.superseded_by = n.id"	\
	" AND o.body IS NULL AND n.enqueued_at = o.aborted_at"		\
	" AND n.state = 0 AND n.held = 0 AND n.attempts = 0"		\
	" AND n.next_attempt_at = 0 AND n.last_error IS NULL"		\
	" AND n.ended_at IS NULL AND n.aborted_at IS NULL %s)"

/* The old and the new row, as delivery.md 5 says. */
static void
assert_requeued(int64_t old, int64_t new, const char *more)
{
	char	sql[2048];

	snprintf(sql, sizeof sql, "SELECT " SAME, (long long)old,
	    (long long)new, (long long)now, more);
	assert_int_equal(sql_int(sql), 1);
}

/* A row with a reply_to and a priority of its own, that died or was held. */
static int64_t
special_row(const char *client_id, int dead, struct msg_accept *a)
{
	struct msg_recorded	rec;
	struct msg_accepted	r;

	make_accept(a, 1, client_id, key(9));
	a->has_reply_to = 1;
	strcpy(a->reply_to, "an earlier one");
	a->priority = PRIO_LOW;
	a->created_at = now - 5000;
	accept_row(a, &r);
	if (dead)
		progress(1, r.row, ROW_DEAD, "blocked", &rec);
	else
		assert_int_equal(operate(OPERATE_HOLD, r.row, 1), OPERATE_OK);
	return r.row;
}

static void
requeue_keeps_everything(void **state)
{
	struct msg_accept	a;
	struct msg_requeue	q;
	struct msg_requeued	r;
	struct rows		*rows;
	struct out_row		 o;
	char			 id[32];
	int64_t			 row;
	int			 i;

	(void)state;
	rows = rows_open(path);
	for (i = 0; i < 2; i++) {
		snprintf(id, sizeof id, "c%d", i);
		row = special_row(id, i, &a);
		now += 60000;
		snprintf(id, sizeof id, "again-%d", i);
		make_requeue(&q, row, id);
		assert_int_equal(requeue(&q, 1, &r), OPERATE_OK);
		assert_requeued(row, r.row, "");
		assert_int_equal(notes.nended, 1);
		assert_int_equal(notes.ended[0].state, ROW_ABORTED);
		assert_int_equal(notes.n, 1);
		assert_int_equal(notes.v[0].kind, NOTE_WAKE);

		assert_int_equal(rows_out_by_id(rows, q.id, 1, &o), 1);
		assert_string_equal(o.client_id, id);
		assert_string_equal(o.target, a.target);
		assert_string_equal(o.reply_to, a.reply_to);
		assert_memory_equal(o.nonce, a.nonce, sizeof o.nonce);
		assert_memory_equal(o.body_id, a.body_id, sizeof o.body_id);
		assert_memory_equal(o.fingerprint, a.fingerprint,
		    sizeof o.fingerprint);
		assert_int_equal(o.bodylen, a.body.len);
		assert_memory_equal(o.body, a.body.p, o.bodylen);
		out_row_clear(&o);
	}
	rows_close(&rows);
}

/* With another target, the gate has sealed the body anew. */
static void
requeue_to_another(void **state)
{
	static const uint8_t	 sealed[] = "sealed for somebody else";
	struct msg_accept	 a;
	struct msg_requeue	 q;
	struct msg_requeued	 r;
	struct rows		*rows;
	struct out_row		 o;
	int64_t			 row = special_row("c1", 1, &a);

	(void)state;
	now += 1000;
	make_requeue(&q, row, "again");
	q.has_to = 1;
	strcpy(q.target, key(77));
	randombytes_buf(q.fingerprint, sizeof q.fingerprint);
	randombytes_buf(q.nonce, sizeof q.nonce);
	randombytes_buf(q.body_id, sizeof q.body_id);
	q.body.p = sealed;
	q.body.len = sizeof sealed;
	assert_int_equal(requeue(&q, 1, &r), OPERATE_OK);
	assert_requeued(row, r.row, "");
	rows = rows_open(path);
	assert_int_equal(rows_out_by_id(rows, q.id, 1, &o), 1);
	assert_string_equal(o.target, key(77));
	assert_memory_equal(o.nonce, q.nonce, sizeof o.nonce);
	assert_memory_equal(o.body_id, q.body_id, sizeof o.body_id);
	assert_memory_equal(o.fingerprint, q.fingerprint,
	    sizeof o.fingerprint);
	assert_int_equal(o.bodylen, sizeof sealed);
	assert_memory_equal(o.body, sealed, sizeof sealed);
	out_row_clear(&o);
	rows_close(&rows);
}

/* A repeat is answered like the first, also after the new row has ended. */
static void
requeue_again_is_the_same(void **state)
{
	struct msg_requeue	q, other;
	struct msg_requeued	r, again;
	struct msg_recorded	rec;
	int64_t			row = row_in(ROW_DEAD, "c1");

	(void)state;
	make_requeue(&q, row, "new");
	assert_int_equal(requeue(&q, 1, &r), OPERATE_OK);
	assert_int_equal(requeue(&q, 0, &again), OPERATE_OK);
	assert_int_equal(again.row, r.row);
	assert_int_equal(notes.n + notes.nended, 0);
	progress(1, r.row, ROW_DONE, "", &rec);
	assert_int_equal(requeue(&q, 1, &again), OPERATE_OK);
	assert_int_equal(again.row, r.row);
	assert_int_equal(sql_int("SELECT count(*) FROM outbox"), 2);
	/* Another request is not. */
	make_requeue(&other, row, "newer");
	assert_int_equal(requeue(&other, 1, &again), OPERATE_ENDED);
	assert_int_equal(again.state, ROW_ABORTED);
	make_requeue(&other, row, "new");
	assert_int_equal(requeue(&other, 1, &again), OPERATE_ENDED);
}

static void
requeue_refused(void **state)
{
	struct msg_requeue	q;
	struct msg_requeued	r;
	int64_t			row = row_in(ROW_PENDING, "c1");

	(void)state;
	row_in(ROW_PENDING, "known");
	make_requeue(&q, 9999, "new");
	assert_int_equal(requeue(&q, 1, &r), OPERATE_NOT_FOUND);
	make_requeue(&q, row_in(ROW_DONE, "c2"), "new");
	assert_int_equal(requeue(&q, 1, &r), OPERATE_ENDED);
	assert_int_equal(r.state, ROW_DONE);
	make_requeue(&q, row, "known");
	assert_int_equal(requeue(&q, 1, &r), OPERATE_ID_IN_USE);
	make_requeue(&q, row, "c1");		/* its own */
	assert_int_equal(requeue(&q, 1, &r), OPERATE_ID_IN_USE);
	assert_int_equal(field("state = 0 AND aborted_at IS NULL", row), 1);
	assert_int_equal(sql_int("SELECT count(*) FROM outbox"), 3);
	/* Another owner's ids are no matter. */
	accept_new(2, "theirs", key(9));
	make_requeue(&q, row, "theirs");
	assert_int_equal(requeue(&q, 1, &r), OPERATE_OK);
	/* The row id is the gate's to make; one that is taken is nonsense. */
	row = row_in(ROW_PENDING, "c3");
	strcpy(q.client_id, "c4");
	q.row = row;
	assert_int_equal(requeue_op(&q, 1, &r), OP_NONSENSE);
	assert_int_equal(field("state = 0", row), 1);
}

static void
unsound_requests(void **state)
{
	static const uint8_t	body[1];
	struct msg_requeue	q;
	struct msg_operate	o;

	(void)state;
	make_requeue(&q, 1, "c");
	assert_true(operate_requeue_sound(&q));
	q.has_to = 1;
	assert_false(operate_requeue_sound(&q));
	strcpy(q.target, "*");
	assert_false(operate_requeue_sound(&q));
	q.body.p = body;
	q.body.len = 1;
	assert_true(operate_requeue_sound(&q));
	strcpy(q.target, "\xff");
	assert_false(operate_requeue_sound(&q));
	make_requeue(&q, 1, "");
	assert_false(operate_requeue_sound(&q));
	make_requeue(&q, 1, "\xff");
	assert_false(operate_requeue_sound(&q));
	make_requeue(&q, 1, "c");
	strcpy(q.by, "\xff");
	assert_false(operate_requeue_sound(&q));
	make_requeue(&q, 1, "c");
	strcpy(q.id, "no uuid");
	assert_false(operate_requeue_sound(&q));

	memset(&o, 0, sizeof o);
	o.rows.n = OPERATE_ROWS_MAX;
	assert_true(operate_sound(&o));
	o.rows.n++;
	assert_false(operate_sound(&o));
	o.rows.n = 1;
	strcpy(o.by, "\xff");
	assert_false(operate_sound(&o));
}

#define T(f)	cmocka_unit_test_setup_teardown(f, tables_new, tables_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(results_by_state),
		T(not_free_is_refused),
		T(hold_and_release),
		T(abort_says_who_and_when),
		T(requeue_keeps_everything),
		T(requeue_to_another),
		T(requeue_again_is_the_same),
		T(requeue_refused),
		T(unsound_requests),
	};

	if (sodium_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
