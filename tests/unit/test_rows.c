/*
 * common/rows*.c against files that the store wrote: heads and listings of
 * the outbox, scopes of the inbox (delivery.md 4 and 6), rows that are not
 * sound, and statements that do not grow with history.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/rows_impl.h"
#include "store_help.h"

#define SESSION	1
#define OTHER	2
#define MEMBER	50

static struct rows	*rows;
static struct msg_channel session, other, member;

static int
setup(void **state)
{
	if (tables_new(state) == -1 || (rows = rows_open(path)) == NULL)
		return -1;
	make_channel(&session, OWNER_SESSION, SESSION, MEMBER);
	make_channel(&other, OWNER_SESSION, OTHER, MEMBER);
	make_channel(&member, OWNER_MEMBER, MEMBER, MEMBER);
	return 0;
}

static int
teardown(void **state)
{
	rows_close(&rows);
	return tables_remove(state);
}

/* What a callback has been given. */
static int64_t	got[64];
static char	got_target[64][TARGET_SIZE];
static int64_t	got_seen[64];
static int	ngot, stop_at;

static void
got_none(void)
{
	ngot = 0;
	stop_at = 64;
}

static int
out_cb(void *arg, const struct out_row *o)
{
	(void)arg;
	assert_null(o->body);
	got[ngot++] = o->seq;
	return ngot == stop_at;
}

static int
in_cb(void *arg, const struct in_row *i)
{
	(void)arg;
	got_seen[ngot] = i->seen_at;
	got[ngot++] = i->seq;
	return ngot == stop_at;
}

static void
new_cb(void *arg, int64_t seq, const char *target)
{
	(void)arg;
	strcpy(got_target[ngot], target);
	got[ngot++] = seq;
}

/* Compare with a list that ends with 0. */
static void
expect(int64_t first, ...)
{
	va_list	ap;
	int	i = 0;
	int64_t	want;

	va_start(ap, first);
	for (want = first; want != 0; want = va_arg(ap, int)) {
		assert_true(i < ngot);
		assert_int_equal(got[i], want);
		i++;
	}
	va_end(ap);
	assert_int_equal(ngot, i);
}

static void
list(const uint8_t *s, const uint8_t *m, struct rows_filter f)
{
	struct rows_scope	scope = { s, m };
	int			n;

	got_none();
	if (f.limit == 0)
		f.limit = 50;
	n = rows_in_list(rows, &scope, &f, in_cb, NULL);
	assert_int_equal(n, ngot);
}

static void
after(const uint8_t *s, const uint8_t *m, int64_t from)
{
	struct rows_scope	scope = { s, m };
	int			n;

	got_none();
	n = rows_in_after(rows, &scope, from, 50, in_cb, NULL);
	assert_int_equal(n, ngot);
}

#define ALL		(struct rows_filter){ 0 }
#define UNREAD		(struct rows_filter){ .unread_only = 1 }
#define BY(...)		(struct rows_filter){ __VA_ARGS__ }

/* A message of sender 9; n makes its keys. */
static int64_t
message(const struct msg_channel *ch, int n)
{
	struct msg_put	p;

	make_put(&p, 9, n);
	return put_new(ch, &p);
}

/* ---- names ---- */

static void
names_go_both_ways(void **state)
{
	enum row_state		s;
	enum row_priority	p;
	int			i;

	(void)state;
	for (i = 0; i <= ROW_STATE_MAX; i++) {
		assert_int_equal(row_state_parse(row_state_name(
		    (enum row_state)i), &s), 0);
		assert_int_equal(s, i);
	}
	for (i = 0; i <= ROW_PRIORITY_MAX; i++) {
		assert_int_equal(row_priority_parse(row_priority_name(
		    (enum row_priority)i), &p), 0);
		assert_int_equal(p, i);
	}
	assert_int_equal(row_state_parse("gone", &s), -1);
	assert_int_equal(row_priority_parse("", &p), -1);
	assert_string_equal(row_state_name((enum row_state)9), "unknown");
	assert_string_equal(row_kind_name(OWNER_MEMBER), "member");
}

/* ---- outbox ---- */

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

/* ---- inbox ---- */

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

static struct in_row	copied;

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
	assert_int_equal(rows_in_seq(rows, &scope, p.id, &seq), 1);
	assert_int_equal(seq, 2);
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

/* ---- what is not sound ---- */

/* The store may be under somebody else's control: such rows are left out. */
static void
unsound_rows_are_left_out(void **state)
{
	static const char *const	out[] = {
		"id = 'x'", "mesh = ''  || hex(randomblob(40))",
		"client_message_id = CAST(x'ff' AS TEXT)",
		"client_message_id = 'a' || char(0) || 'b'",
		"priority = 3", "next_attempt_at = -1", "held = 2",
		"body = zeroblob(4194305)", "created_at = -5",
		"last_error = hex(randomblob(129))",
	};
	static const char *const	in[] = {
		"id = 'x'", "recipient = 'me'", "kind = 2",
		"sender = hex(randomblob(69))", "priority = -1",
		"encrypted = 7", "topic = CAST(x'c0' AS TEXT)",
		"body = zeroblob(4194305)", "received_at = -1",
	};
	struct out_row	o;
	char		sql[128];
	size_t		i;

	(void)state;
	accept_new(1, "c1", key(9));
	accept_new(1, "c2", key(9));
	message(&session, 1);
	message(&session, 2);
	for (i = 0; i < sizeof out / sizeof out[0]; i++) {
		sql_run("CREATE TABLE keep AS SELECT * FROM outbox"
		    " WHERE seq = 1");
		snprintf(sql, sizeof sql, "UPDATE outbox SET %s WHERE seq = 1",
		    out[i]);
		sql_run(sql);
		got_none();
		assert_int_equal(rows_out_list(rows, owner(1), -1, 9, out_cb,
		    NULL), strncmp(out[i], "body", 4) == 0 ? 2 : 1);
		if (rows_target_row(rows, owner(1), key(9), 0, &o) != 1 ||
		    o.seq != 2)
			fail_msg("%s", out[i]);
		out_row_clear(&o);
		sql_run("DELETE FROM outbox WHERE seq = 1; INSERT INTO outbox"
		    " SELECT * FROM keep; DROP TABLE keep");
	}
	for (i = 0; i < sizeof in / sizeof in[0]; i++) {
		sql_run("CREATE TABLE keep AS SELECT * FROM inbox"
		    " WHERE seq = 1");
		snprintf(sql, sizeof sql, "UPDATE inbox SET %s WHERE seq = 1",
		    in[i]);
		sql_run(sql);
		list(owner(SESSION), owner(MEMBER), ALL);
		if (ngot != 1 || got[0] != 2)
			fail_msg("%s", in[i]);
		sql_run("DELETE FROM inbox WHERE seq = 1; INSERT INTO inbox"
		    " SELECT * FROM keep; DROP TABLE keep");
	}
	list(owner(SESSION), owner(MEMBER), ALL);
	expect(2, 1, 0);
}

/* ---- opening ---- */

static void
missing_file_is_an_error(void **state)
{
	int64_t	start = clock_mono_ms();

	(void)state;
	assert_null(rows_open("/nonexistent/mesh.db"));
	assert_true(clock_mono_ms() - start < 4000);
}

static void
foreign_file_is_an_error(void **state)
{
	struct rows	*r;

	(void)state;
	tables_close(&tables);
	sql_run("PRAGMA user_version = 2");
	assert_null(r = rows_open(path));
	sql_run("PRAGMA user_version = 1; PRAGMA application_id = 7");
	assert_null(r = rows_open(path));
	(void)r;
}

/* The store comes up while a reader waits for it. */
static void
waits_for_the_store(void **state)
{
	struct rows	*r;
	pid_t		 pid;

	(void)state;
	if ((pid = fork()) == 0) {
		usleep(300 * 1000);
		_exit(tables_open(&tables, dir) == -1);
	}
	r = rows_open(path);
	assert_non_null(r);
	rows_close(&r);
}

/* It cannot write, whatever it tries, and writes nothing by reading. */
static void
reader_cannot_write(void **state)
{
	struct stat	a, b;
	char		shm[128];

	(void)state;
	assert_int_not_equal(sqlite3_exec(rows->db, "DELETE FROM meta", NULL,
	    NULL, NULL), SQLITE_OK);
	assert_int_not_equal(sqlite3_exec(rows->db, "PRAGMA query_only = OFF;"
	    "DELETE FROM meta", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sql_int("SELECT count(*) FROM meta"), 1);
	snprintf(shm, sizeof shm, "%s-shm", path);
	assert_int_equal(stat(shm, &a), 0);
	list(owner(1), owner(2), ALL);
	assert_int_equal(stat(shm, &b), 0);
	assert_int_equal(a.st_mtim.tv_nsec, b.st_mtim.tv_nsec);
}

/* No statement is left open: an open one would hold back a checkpoint. */
static void
nothing_is_held_back(void **state)
{
	struct rows_scope	scope = { owner(SESSION), owner(MEMBER) };
	struct out_row		o;
	sqlite3_stmt		*st;
	char			target[TARGET_SIZE], epoch[UUID_SIZE];
	int64_t			seq = 0;

	(void)state;
	accept_new(1, "c1", key(9));
	accept_new(1, "c2", key(9));
	message(&session, 1);
	message(&session, 2);
	rows_target_next(rows, owner(1), "", target);
	rows_target_row(rows, owner(1), key(9), 0, &o);
	out_row_clear(&o);
	got_none();
	rows_new_since(rows, owner(1), &seq, 1, new_cb, NULL);
	rows_has_open(rows, owner(1));
	rows_out_by_client_id(rows, owner(1), "c1", &o);
	got_none();
	stop_at = 1;
	rows_out_list(rows, owner(1), -1, 5, out_cb, NULL);
	stop_at = 2;
	rows_in_after(rows, &scope, 0, 9, in_cb, NULL);
	rows_in_seq(rows, &scope, "x", &seq);
	rows_inbox_last(rows, &seq);
	rows_epoch(rows, epoch);
	for (st = sqlite3_next_stmt(rows->db, NULL); st != NULL;
	    st = sqlite3_next_stmt(rows->db, st))
		assert_false(sqlite3_stmt_busy(st));
	assert_int_equal(db_truncate(tables.db), 0);
	assert_int_equal(db_wal_bytes(tables.db), 0);
}

#define D(f)	cmocka_unit_test_setup_teardown(f, dir_new, dir_remove)
#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_go_both_ways),
		T(heads_of_targets),
		T(held_and_ended_rows_are_no_heads),
		T(new_rows_since),
		T(outbox_columns),
		T(outbox_listing),
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
		T(last_sequence_and_epoch),
		T(unsound_rows_are_left_out),
		cmocka_unit_test(missing_file_is_an_error),
		T(foreign_file_is_an_error),
		D(waits_for_the_store),
		T(reader_cannot_write),
		T(nothing_is_held_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
