/*
 * common/rows_out.c against files that the store wrote: heads of targets and
 * listings (delivery.md 4 and 5).
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "rows_help.h"

/* Section 4: targets are found one by one, and their heads in order. */
static void
heads_of_targets(void **state)
{
	struct out_row	o;
	char		target[TARGET_SIZE] = "";
	int		n = 0;

	(void)state;
	accept_new(1, "a1", key(11));
	accept_new(1, "b1", key(12));
	accept_new(1, "a2", key(11));
	accept_new(1, "all", "*");
	accept_new(2, "not mine", key(13));
	while (rows_target_next(rows, owner(1), target, target) == 1)
		strcpy(got_target[n++], target);
	assert_int_equal(n, 3);
	assert_string_equal(got_target[0], "*");
	assert_string_equal(got_target[1], key(11));
	assert_string_equal(got_target[2], key(12));

	assert_int_equal(rows_target_row(rows, owner(1), key(11), 0, &o), 1);
	assert_int_equal(o.seq, 1);
	assert_string_equal(o.client_id, "a1");
	assert_non_null(o.body);
	out_row_clear(&o);
	assert_null(o.body);
	assert_int_equal(rows_target_row(rows, owner(1), key(11), 1, &o), 1);
	assert_int_equal(o.seq, 3);
	out_row_clear(&o);
	assert_int_equal(rows_target_row(rows, owner(1), key(11), 3, &o), 0);
	assert_int_equal(rows_target_row(rows, owner(2), key(11), 0, &o), 0);
}

/* Section 5: hold keeps a row out without blocking later ones. */
static void
held_and_ended_rows_are_no_heads(void **state)
{
	struct msg_recorded	r;
	struct out_row		o;
	char			target[TARGET_SIZE];

	(void)state;
	accept_new(1, "c1", key(11));
	accept_new(1, "c2", key(11));
	accept_new(1, "c3", key(11));
	progress(1, 1, ROW_DONE, "", &r);
	sql_run("UPDATE outbox SET held = 1 WHERE seq = 2");
	assert_int_equal(rows_target_row(rows, owner(1), key(11), 0, &o), 1);
	assert_int_equal(o.seq, 3);
	out_row_clear(&o);
	progress(1, 3, ROW_DEAD, "x", &r);
	assert_int_equal(rows_target_next(rows, owner(1), "", target), 0);
	assert_int_equal(rows_has_open(rows, owner(1)), 1);
	progress(1, 2, ROW_DEAD, "x", &r);
	assert_int_equal(rows_has_open(rows, owner(1)), 0);
}

static void
new_rows_since(void **state)
{
	struct msg_recorded	r;
	int64_t			from = 1;

	(void)state;
	accept_new(1, "c1", key(11));
	accept_new(2, "c2", key(11));
	accept_new(1, "c3", key(12));
	accept_new(1, "c4", key(13));
	accept_new(1, "c5", key(11));
	progress(1, 4, ROW_DONE, "", &r);
	got_none();
	assert_int_equal(rows_new_since(rows, owner(1), &from, 1, new_cb,
	    NULL), 1);
	assert_int_equal(from, 3);
	assert_int_equal(rows_new_since(rows, owner(1), &from, 9, new_cb,
	    NULL), 1);
	assert_int_equal(rows_new_since(rows, owner(1), &from, 9, new_cb,
	    NULL), 0);
	expect(3, 5, 0);
	assert_string_equal(got_target[0], key(12));
	assert_int_equal(from, 5);
}

/* Every column comes back as it was put in. */
static void
outbox_columns(void **state)
{
	struct msg_accept	a;
	struct msg_accepted	r;
	struct msg_recorded	rec;
	struct out_row		o;
	struct body_context	ctx;
	char			hex[HEX_KEY_SIZE];

	(void)state;
	make_accept(&a, 1, "c\xc3\xa9", key(9));
	a.has_reply_to = 1;
	a.priority = PRIO_LOW;
	a.created_at = now - 5;
	accept_row(&a, &r);
	progress(1, r.row, ROW_PENDING, "offline", &rec);
	assert_int_equal(rows_out_by_id(rows, a.id, 1, &o), 1);
	assert_string_equal(o.id, a.id);
	assert_memory_equal(o.owner, a.owner, sizeof o.owner);
	assert_memory_equal(o.sender, a.sender, sizeof o.sender);
	assert_string_equal(o.mesh, "acme");
	assert_string_equal(o.client_id, "c\xc3\xa9");
	assert_memory_equal(o.fingerprint, a.fingerprint, 32);
	assert_string_equal(o.target, key(9));
	assert_int_equal(o.priority, PRIO_LOW);
	assert_int_equal(o.has_reply_to, 1);
	assert_string_equal(o.reply_to, "");
	assert_memory_equal(o.nonce, a.nonce, sizeof o.nonce);
	assert_memory_equal(o.body_id, a.body_id, sizeof o.body_id);
	assert_int_equal(o.payload_bytes, 5);
	assert_int_equal(o.created_at, now - 5);
	assert_int_equal(o.enqueued_at, now);
	assert_int_equal(o.attempts, 3);
	assert_int_equal(o.next_attempt_at, now + 1000);
	assert_string_equal(o.last_error, "offline");
	assert_int_equal(o.ended_at, 0);
	assert_int_equal(o.bodylen, a.body.len);
	assert_memory_equal(o.body, a.body.p, a.body.len);

	out_row_context(&o, &ctx, hex);
	assert_int_equal(ctx.direction, BODY_OUT);
	assert_string_equal(ctx.sender, key(1));
	assert_string_equal(ctx.target, key(9));
	assert_string_equal(ctx.reply_to, "");
	assert_null(ctx.recipient);
	assert_null(ctx.topic);
	assert_int_equal(ctx.created_at, now - 5);
	out_row_clear(&o);

	progress(1, r.row, ROW_DONE, "", &rec);
	assert_int_equal(rows_out_by_client_id(rows, owner(1), a.client_id,
	    &o), 1);
	assert_int_equal(o.state, ROW_DONE);
	assert_null(o.body);
	assert_int_equal(o.ended_at, now);
	assert_int_equal(o.delivered_at, now);
	assert_string_equal(o.broker_id, "broker-id");
	out_row_clear(&o);
	assert_int_equal(rows_out_by_client_id(rows, owner(2), a.client_id,
	    &o), 0);
	assert_int_equal(rows_out_by_id(rows, "nobody", 0, &o), 0);
}

static void
outbox_listing(void **state)
{
	struct msg_recorded	r;
	char			id[16];
	int			i;

	(void)state;
	for (i = 1; i <= 9; i++) {
		snprintf(id, sizeof id, "c%d", i);
		accept_new(1, id, key(9));
	}
	accept_new(2, "c1", key(9));
	progress(1, 2, ROW_DONE, "", &r);
	progress(1, 4, ROW_DEAD, "x", &r);
	progress(1, 5, ROW_INFLIGHT, "", &r);
	progress(1, 8, ROW_DONE, "", &r);
	sql_run("UPDATE outbox SET state = 4, ended_at = 1 WHERE seq = 7");
	got_none();
	assert_int_equal(rows_out_list(rows, owner(1), -1, 50, out_cb, NULL),
	    9);
	expect(9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
	got_none();
	rows_out_list(rows, owner(1), -1, 3, out_cb, NULL);
	expect(9, 8, 7, 0);
	got_none();
	stop_at = 2;
	assert_int_equal(rows_out_list(rows, owner(1), -1, 50, out_cb, NULL),
	    2);
	got_none();
	rows_out_list(rows, owner(1), ROW_DONE, 50, out_cb, NULL);
	expect(8, 2, 0);
	got_none();
	rows_out_list(rows, owner(1), ROW_PENDING, 3, out_cb, NULL);
	expect(9, 6, 3, 0);
	got_none();
	rows_out_list(rows, owner(1), ROW_INFLIGHT, 50, out_cb, NULL);
	expect(5, 0);
	got_none();
	rows_out_list(rows, owner(1), ROW_ABORTED, 50, out_cb, NULL);
	expect(7, 0);
}

static void
count(enum rows_counted what, int limit, int64_t counts[ROWS_COUNT_STATES])
{
	struct rows_walk	walk = { .seq = 0 };
	int			n;

	memset(counts, 0, ROWS_COUNT_STATES * sizeof *counts);
	while ((n = rows_count(rows, what, &walk, limit, counts)) > 0)
		assert_true(n <= limit);
	assert_int_equal(n, 0);
}

/* Each row once, in slices of any size, of whoever owns it. */
static void
counted_by_state(void **state)
{
	struct msg_recorded	r;
	int64_t			c[ROWS_COUNT_STATES];
	char			id[16];
	int			i, limit;

	(void)state;
	for (i = 0; i < 12; i++) {
		snprintf(id, sizeof id, "n%d", i);
		progress(1 + i % 3, accept_new(1 + i % 3, id, key(11 + i)),
		    (enum row_state)(i % 4), "why", &r);
	}
	for (limit = 1; limit < 8; limit++) {
		count(ROWS_COUNT_OPEN, limit, c);
		assert_int_equal(c[ROW_PENDING], 3);
		assert_int_equal(c[ROW_INFLIGHT], 3);
		assert_int_equal(c[ROW_DONE] + c[ROW_DEAD], 0);
		count(ROWS_COUNT_ENDED, limit, c);
		assert_int_equal(c[ROW_DONE], 3);
		assert_int_equal(c[ROW_DEAD], 3);
		/* Who lost one was told. */
		count(ROWS_COUNT_INBOX, limit, c);
		assert_int_equal(c[0], 3);
		count(ROWS_COUNT_UNOPENED, limit, c);
		assert_int_equal(c[INBOX_HANDOVER] + c[INBOX_QUARANTINE], 0);
	}
}

#define T(f)	cmocka_unit_test_setup_teardown(f, rows_new, rows_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(heads_of_targets),
		T(held_and_ended_rows_are_no_heads),
		T(new_rows_since),
		T(outbox_columns),
		T(outbox_listing),
		T(counted_by_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
