/*
 * common/rows_in.c against files that the store wrote: scopes, twins, readers,
 * filters (delivery.md 6 and promise 7).
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "rows_help.h"

static struct in_row	copied;

/* A body is bound to what its row says; absent is not empty. */
static void
inbox_context(void **state)
{
	struct in_row		i;
	struct body_context	ctx;

	(void)state;
	memset(&i, 0, sizeof i);
	strcpy(i.mesh, "acme");
	i.has_topic = 1;
	i.kind = OWNER_MEMBER;
	i.encrypted = 1;
	in_row_context(&i, &ctx);
	assert_int_equal(ctx.direction, BODY_IN);
	assert_string_equal(ctx.topic, "");
	assert_null(ctx.subtype);
	assert_null(ctx.reply_to);
	assert_null(ctx.target);
	assert_string_equal(ctx.recipient_kind, "member");
	assert_int_equal(ctx.encrypted, 1);
}

static int
copy_cb(void *arg, const struct in_row *i)
{
	(void)arg;
	copied = *i;
	copied.body = NULL;
	return 0;
}

/* Every column comes back as it was put in. */
static void
inbox_columns(void **state)
{
	struct rows_scope	scope = { owner(SESSION), owner(MEMBER) };
	struct msg_put		p;

	(void)state;
	make_put(&p, 9, 1);
	strcpy(p.sender_member, key(10));
	strcpy(p.sender_name, "bob");
	p.has_topic = p.has_reply_to = 1;
	strcpy(p.topic, "news");
	strcpy(p.reply_to, "r0");
	p.priority = PRIO_NOW;
	p.authenticated = 0;
	put_new(&session, &p);
	assert_int_equal(rows_in_after(rows, &scope, 0, 1, copy_cb, NULL), 1);
	assert_string_equal(copied.id, p.id);
	assert_int_equal(copied.kind, OWNER_SESSION);
	assert_int_equal(copied.state, INBOX_MESSAGE);
	assert_string_equal(copied.mesh, "acme");
	assert_string_equal(copied.recipient, p.recipient);
	assert_string_equal(copied.sender, key(9));
	assert_string_equal(copied.sender_member, key(10));
	assert_string_equal(copied.sender_name, "bob");
	assert_string_equal(copied.client_id, "client-1");
	assert_string_equal(copied.broker_id, "broker-1");
	assert_int_equal(copied.has_nonce, 1);
	assert_memory_equal(copied.nonce, p.nonce, sizeof p.nonce);
	assert_int_equal(copied.priority, PRIO_NOW);
	assert_int_equal(copied.has_topic, 1);
	assert_int_equal(copied.has_subtype, 0);
	assert_string_equal(copied.reply_to, "r0");
	assert_int_equal(copied.received_at, now);
	assert_int_equal(copied.seen_at, 0);
	assert_int_equal(copied.encrypted, 1);
	assert_int_equal(copied.authenticated, 0);
	assert_int_equal(copied.bodylen, p.body.len);
}

/* Promise 4: a notice is read like a message, without a body. */
static void
notices_are_listed(void **state)
{
	struct rows_scope	scope = { owner(SESSION), owner(MEMBER) };
	struct msg_recorded	r;

	(void)state;
	progress(SESSION, accept_new(SESSION, "c1", key(9)), ROW_DEAD,
	    "blocked", &r);
	assert_int_equal(rows_in_after(rows, &scope, 0, 9, copy_cb, NULL), 1);
	assert_int_equal(copied.state, INBOX_NOTICE);
	assert_string_equal(copied.sender, "system");
	assert_string_equal(copied.subtype, "system");
	assert_string_equal(copied.client_id, "c1");
	assert_string_equal(copied.notice_target, key(9));
	assert_string_equal(copied.notice_reason, "blocked");
	assert_int_equal(copied.authenticated, 1);
	assert_int_equal(copied.bodylen, 0);
}

/* Promise 7: a scope is a session's rows and its member's. */
static void
scopes(void **state)
{
	(void)state;
	message(&session, 1);
	message(&other, 2);
	message(&member, 3);
	list(owner(SESSION), owner(MEMBER), ALL);
	expect(3, 1, 0);
	list(owner(OTHER), owner(MEMBER), ALL);
	expect(3, 2, 0);
	list(NULL, owner(MEMBER), ALL);
	expect(3, 0);
	list(owner(SESSION), NULL, ALL);
	expect(1, 0);
	list(owner(77), NULL, ALL);
	expect(0);
	after(owner(SESSION), owner(MEMBER), 0);
	expect(1, 3, 0);
	after(owner(SESSION), owner(MEMBER), 1);
	expect(3, 0);
	after(NULL, owner(MEMBER), 0);
	expect(3, 0);
}

/* Section 6: of two rows of one message the lower is shown, by each key. */
static void
twins_are_shown_once(void **state)
{
	struct msg_put	p;
	int		i, n = 0;

	(void)state;
	for (i = 0; i < 3; i++) {	/* rows 1 to 12 */
		make_put(&p, 9, ++n);	/* session's first */
		put_new(&session, &p);
		make_put(&p, 9, n);
		if (i != 0)
			*p.client_id = '\0';
		if (i != 1)
			*p.broker_id = '\0';
		p.has_nonce = i == 2;
		put_new(&member, &p);
		make_put(&p, 9, ++n);	/* member's first */
		if (i != 0)
			*p.client_id = '\0';
		if (i != 1)
			*p.broker_id = '\0';
		p.has_nonce = i == 2;
		put_new(&member, &p);
		make_put(&p, 9, n);
		put_new(&session, &p);
	}
	list(owner(SESSION), owner(MEMBER), ALL);
	expect(11, 9, 7, 5, 3, 1, 0);
	after(owner(SESSION), owner(MEMBER), 0);
	expect(1, 3, 5, 7, 9, 11, 0);
	list(owner(OTHER), owner(MEMBER), ALL);
	expect(11, 10, 7, 6, 3, 2, 0);
	list(NULL, owner(MEMBER), ALL);
	expect(11, 10, 7, 6, 3, 2, 0);
}

/* ... before filters and deletions. */
static void
twin_stays_hidden(void **state)
{
	(void)state;
	message(&session, 1);		/* 1, 2: session's first */
	message(&member, 1);
	message(&member, 2);		/* 3, 4: member's first */
	message(&session, 2);
	seen(SESSION, 1);
	seen(SESSION, 3);
	list(owner(SESSION), owner(MEMBER), UNREAD);
	expect(0);
	list(owner(SESSION), owner(MEMBER), ALL);
	expect(3, 1, 0);
	assert_int_equal(got_seen[0], now);
	assert_int_equal(delete(SESSION, 1), 1);
	assert_int_equal(delete(SESSION, 3), 1);
	list(owner(SESSION), owner(MEMBER), ALL);
	expect(0);
	after(owner(SESSION), owner(MEMBER), 0);
	expect(0);
	/* Nobody else's view changes. */
	list(owner(OTHER), owner(MEMBER), UNREAD);
	expect(3, 2, 0);
	list(NULL, owner(MEMBER), UNREAD);
	expect(3, 2, 0);
	/* The member's copy comes after the session has deleted its own. */
	delete(SESSION, message(&session, 3));
	message(&member, 3);
	list(owner(SESSION), owner(MEMBER), ALL);
	expect(0);
	list(owner(OTHER), owner(MEMBER), ALL);
	expect(6, 3, 2, 0);
}

static void
seen_is_per_reader(void **state)
{
	(void)state;
	message(&member, 1);
	seen(SESSION, 1);
	list(owner(SESSION), owner(MEMBER), UNREAD);
	expect(0);
	list(owner(OTHER), owner(MEMBER), UNREAD);
	expect(1, 0);
	list(NULL, owner(MEMBER), UNREAD);
	expect(1, 0);
	seen(MEMBER, 1);
	list(NULL, owner(MEMBER), UNREAD);
	expect(0);
	list(owner(OTHER), owner(MEMBER), UNREAD);
	expect(1, 0);
	assert_int_equal(delete(MEMBER, 1), 1);
	list(NULL, owner(MEMBER), ALL);
	expect(0);
	list(owner(OTHER), owner(MEMBER), ALL);
	expect(1, 0);
}

/* A handover or quarantined row is in no listing but quarantine's. */
static void
unopened_rows(void **state)
{
	struct rows_scope	scope = { owner(SESSION), owner(MEMBER) };
	struct msg_put		p;
	int64_t			seq;

	(void)state;
	make_put(&p, 9, 1);
	p.state = INBOX_HANDOVER;
	put_new(&session, &p);
	make_put(&p, 9, 2);
	p.state = INBOX_QUARANTINE;
	p.body.len = 0;			/* an envelope of nothing */
	put_new(&member, &p);
	message(&member, 3);
	list(owner(SESSION), owner(MEMBER), ALL);
	expect(3, 0);
	after(owner(SESSION), owner(MEMBER), 0);
	expect(3, 0);
	list(owner(SESSION), owner(MEMBER), BY(.quarantine = 1));
	expect(2, 1, 0);
	got_none();
	assert_int_equal(rows_handover_after(rows, owner(MEMBER), 0, 9, in_cb,
	    NULL), 1);
	expect(1, 0);
	assert_int_equal(rows_handover_after(rows, owner(MEMBER), 1, 9, in_cb,
	    NULL), 0);
	got_none();
	assert_int_equal(rows_unopened_after(rows, owner(MEMBER), 0, 9,
	    in_cb, NULL), 2);
	expect(1, 2, 0);
	assert_int_equal(rows_unopened_after(rows, owner(MEMBER), 2, 9,
	    in_cb, NULL), 0);
	assert_int_equal(rows_in_seq(rows, &scope, p.id, &seq), 1);
	assert_int_equal(seq, 2);
	/* Deleted for one reader, and for no other. */
	assert_int_equal(delete(SESSION, 2), 1);
	list(owner(SESSION), owner(MEMBER), BY(.quarantine = 1));
	expect(1, 0);
	list(NULL, owner(MEMBER), BY(.quarantine = 1));
	expect(2, 1, 0);
	/* Its twin in handover hides nothing. */
	message(&session, 1);
	list(owner(SESSION), owner(MEMBER), ALL);
	expect(4, 3, 0);
}

static void
filters(void **state)
{
	struct msg_put	p;
	int		i;

	(void)state;
	for (i = 1; i <= 6; i++) {
		make_put(&p, i % 2 ? 8 : 9, i);
		p.has_topic = i == 2 || i == 4;
		strcpy(p.topic, p.has_topic ? "news" : "");
		strcpy(p.sender_name, i == 5 ? "bob" : "");
		strcpy(p.sender_member, i == 6 ? key(10) : "");
		put_new(i % 3 ? &session : &member, &p);
		now += 1000;
	}
	list(owner(SESSION), owner(MEMBER), BY(.topic = "news"));
	expect(4, 2, 0);
	list(owner(SESSION), owner(MEMBER), BY(.from = key(8)));
	expect(5, 3, 1, 0);
	list(owner(SESSION), owner(MEMBER), BY(.from = "bob"));
	expect(5, 0);
	list(owner(SESSION), owner(MEMBER), BY(.from = key(10)));
	expect(6, 0);
	list(owner(SESSION), owner(MEMBER), BY(.mesh = "acme", .limit = 2));
	expect(6, 5, 0);
	list(owner(SESSION), owner(MEMBER), BY(.mesh = "other"));
	expect(0);
	list(owner(SESSION), owner(MEMBER), BY(.since = T0 + 2000));
	expect(6, 5, 4, 3, 0);
	list(NULL, owner(MEMBER), BY(.since = T0 + 2001));
	expect(6, 0);
	list(owner(SESSION), owner(MEMBER), BY(.since = T0 + 9999));
	expect(0);
	/* The clock went back: the listing is by sequence all the same. */
	now = T0;
	message(&session, 77);
	list(owner(SESSION), owner(MEMBER), BY(.since = T0 + 1000));
	expect(6, 5, 4, 3, 2, 0);
	list(owner(SESSION), owner(MEMBER), BY(.limit = 1));
	expect(7, 0);
}

static void
ids_of_a_scope(void **state)
{
	struct rows_scope	mine = { owner(SESSION), owner(MEMBER) };
	struct rows_scope	theirs = { owner(OTHER), owner(MEMBER) };
	struct msg_put		p;
	int64_t			seq = 0;

	(void)state;
	make_put(&p, 9, 1);
	put_new(&session, &p);
	assert_int_equal(rows_in_seq(rows, &mine, p.id, &seq), 1);
	assert_int_equal(seq, 1);
	assert_int_equal(rows_in_seq(rows, &theirs, p.id, &seq), 0);
	make_put(&p, 9, 2);
	p.state = INBOX_HANDOVER;
	put_new(&session, &p);
	assert_int_equal(rows_in_seq(rows, &mine, p.id, &seq), 0);
	/* What a reader has deleted it cannot delete again. */
	make_put(&p, 9, 3);
	seq = put_new(&member, &p);
	assert_int_equal(delete(SESSION, seq), 1);
	assert_int_equal(rows_in_seq(rows, &mine, p.id, &seq), 0);
	assert_int_equal(rows_in_seq(rows, &theirs, p.id, &seq), 1);
	assert_int_equal(delete(MEMBER, seq), 1);
	assert_int_equal(rows_in_seq(rows, &theirs, p.id, &seq), 0);
}

/* As rows_in_seqs() finds them. */
static void
seqs(const struct rows_scope *scope, int64_t from, int64_t last,
    int64_t before, int limit)
{
	uint64_t	v[64];
	int		i, n;

	n = rows_in_seqs(rows, scope, from, last, before, limit, v);
	assert_int_not_equal(n, -1);
	got_none();
	for (i = 0; i < n; i++)
		got[ngot++] = (int64_t)v[i];
}

static void
sequences_before_a_time(void **state)
{
	struct rows_scope	mine = { owner(SESSION), owner(MEMBER) };
	struct rows_scope	members = { NULL, owner(MEMBER) };
	int64_t			seq;
	int			i;

	(void)state;
	assert_int_equal(rows_in_before(rows, &mine, INT64_MAX, &seq), 0);
	assert_int_equal(seq, 0);
	for (i = 1; i <= 6; i++) {
		message(i % 3 ? &session : &member, i);
		now += 1000;
	}
	message(&other, 7);
	message(&member, 1);		/* a twin */
	seqs(&mine, 0, INT64_MAX, INT64_MAX, 64);
	expect(1, 2, 3, 4, 5, 6, 0);
	seqs(&mine, 1, 5, INT64_MAX, 64);
	expect(2, 3, 4, 5, 0);
	seqs(&mine, 0, INT64_MAX, INT64_MAX, 2);
	expect(1, 2, 0);
	seqs(&mine, 0, INT64_MAX, T0 + 3000, 64);
	expect(1, 2, 3, 0);
	seqs(&members, 0, INT64_MAX, INT64_MAX, 64);
	expect(3, 6, 8, 0);
	delete(SESSION, 3);
	seqs(&mine, 0, INT64_MAX, INT64_MAX, 64);
	expect(1, 2, 4, 5, 6, 0);
	assert_int_equal(rows_in_before(rows, &mine, T0 + 3000, &seq), 0);
	assert_int_equal(seq, 3);
	assert_int_equal(rows_in_before(rows, &mine, INT64_MAX, &seq), 0);
	assert_int_equal(seq, 8);
	assert_int_equal(rows_in_before(rows, &members, T0 + 2000, &seq), 0);
	assert_int_equal(seq, 0);
}

static void
last_sequence_and_epoch(void **state)
{
	char	epoch[UUID_SIZE];
	int64_t	seq = 7;

	(void)state;
	assert_int_equal(rows_inbox_last(rows, &seq), 0);
	assert_int_equal(seq, 0);
	message(&session, 1);
	delete(SESSION, message(&session, 2));
	assert_int_equal(rows_inbox_last(rows, &seq), 0);
	assert_int_equal(seq, 2);
	assert_int_equal(rows_epoch(rows, epoch), 0);
	assert_true(uuid_is(epoch));
}

#define T(f)	cmocka_unit_test_setup_teardown(f, rows_new, rows_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inbox_context),
		T(inbox_columns),
		T(notices_are_listed),
		T(scopes),
		T(twins_are_shown_once),
		T(twin_stays_hidden),
		T(seen_is_per_reader),
		T(unopened_rows),
		T(filters),
		T(ids_of_a_scope),
		T(sequences_before_a_time),
		T(last_sequence_and_epoch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
