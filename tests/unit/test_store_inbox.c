/*
 * supervisor/store/inbox.c and reader.c: copies by each key, hand-over, per
 * reader state and tombstones (delivery.md 6), ownership by channel.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_help.h"

static struct msg_channel	session, other, member;

/* Sessions 1 and 2 of the member 50. */
static int
setup(void **state)
{
	make_channel(&session, OWNER_SESSION, 1, 50);
	make_channel(&other, OWNER_SESSION, 2, 50);
	make_channel(&member, OWNER_MEMBER, 50, 50);
	return tables_new(state);
}

/* The fields that make a copy of n, and no other. */
static void
only_key(struct msg_put *p, int which)
{
	if (which != 0)
		*p->client_id = '\0';
	if (which != 1)
		*p->broker_id = '\0';
	if (which != 2)
		p->has_nonce = 0;
}

static void
stored_for_the_channels_owner(void **state)
{
	struct msg_put	p;

	(void)state;
	make_put(&p, 9, 1);
	assert_int_equal(put_new(&session, &p), 1);
	assert_int_equal(notes.n, 1);
	assert_int_equal(notes.v[0].kind, NOTE_ROWS);
	assert_int_equal(notes.v[0].seq, 1);
	assert_memory_equal(notes.v[0].owner, owner(1), OWNER_ID_LEN);
	assert_int_equal(sql_int("SELECT kind = 0 AND state = 0 AND"
	    " received_at = 1800000000000 AND seen_at IS NULL AND"
	    " length(nonce) = 24 AND mesh = 'acme' FROM inbox"), 1);
}

/* Each key alone makes a copy; a copy tells which row it is one of. */
static void
copies_by_each_key(void **state)
{
	struct msg_put		p;
	struct msg_stored	r;
	int64_t			seq;
	int			i;

	(void)state;
	make_put(&p, 9, 1);
	seq = put_new(&session, &p);
	notes_clear(&notes);
	for (i = 0; i < 3; i++) {
		make_put(&p, 9, 1);
		only_key(&p, i);
		assert_int_equal(put(&session, &p, &r), OP_DONE);
		assert_int_equal(r.result, PUT_COPY);
		assert_int_equal(r.row, seq);
	}
	assert_int_equal(notes.n, 0);
	assert_int_equal(sql_int("SELECT count(*) FROM inbox"), 1);
}

/* An absent id or nonce is no key. */
static void
absent_keys_are_no_keys(void **state)
{
	struct msg_put	p;
	int		i;

	(void)state;
	for (i = 0; i < 2; i++) {
		make_put(&p, 9, 1);
		only_key(&p, 3);
		put_new(&session, &p);
	}
	assert_int_equal(sql_int("SELECT count(*) FROM inbox"), 2);
}

/* Section 6: one sender's id does not suppress another's, nor a recipient's. */
static void
keys_are_per_recipient_and_sender(void **state)
{
	struct msg_put	p;

	(void)state;
	make_put(&p, 9, 1);
	put_new(&session, &p);
	make_put(&p, 8, 1);
	put_new(&session, &p);
	make_put(&p, 9, 1);
	put_new(&other, &p);
	make_put(&p, 9, 1);
	put_new(&member, &p);
	assert_int_equal(sql_int("SELECT count(*) FROM inbox"), 4);
}

static void
copies_of_deleted_rows(void **state)
{
	struct msg_put		p;
	struct msg_stored	r;
	int			i;

	(void)state;
	make_put(&p, 9, 1);
	assert_int_equal(delete(1, put_new(&session, &p)), 1);
	assert_int_equal(sql_int("SELECT count(*) FROM inbox"), 0);
	for (i = 0; i < 3; i++) {
		make_put(&p, 9, 1);
		only_key(&p, i);
		assert_int_equal(put(&session, &p, &r), OP_DONE);
		assert_int_equal(r.result, PUT_COPY);
		assert_int_equal(r.row, 0);
	}
	make_put(&p, 8, 1);
	put_new(&session, &p);
	make_put(&p, 9, 1);
	put_new(&other, &p);
	/* When the tombstone has expired, it is news. */
	now += 1000001;
	make_put(&p, 9, 1);
	put_new(&session, &p);
}

static void
tombstones_are_pruned(void **state)
{
	struct msg_put	p;
	int		i, more;

	(void)state;
	for (i = 0; i < 3; i++) {
		make_put(&p, 9, i);
		delete(1, put_new(&session, &p));
	}
	assert_int_equal(db_begin(tables.db), 0);
	reader_prune_tombstones(tables.readers, now + 999999, 2, &more);
	assert_int_equal(more, 0);
	reader_prune_tombstones(tables.readers, now + 1000000, 2, &more);
	assert_int_equal(more, 1);
	reader_prune_tombstones(tables.readers, now + 1000000, 2, &more);
	assert_int_equal(more, 0);
	assert_int_equal(db_commit(tables.db), 0);
	assert_int_equal(sql_int("SELECT count(*) FROM tombstone"), 0);
}

/* Neither: the member's, whatever the message says, and no event. */
static void
handover_goes_to_the_member(void **state)
{
	struct msg_put		p;
	struct msg_stored	r;
	int			has;

	(void)state;
	make_put(&p, 9, 1);
	p.state = INBOX_HANDOVER;
	put_new(&session, &p);
	assert_int_equal(notes.n, 1);
	assert_int_equal(notes.v[0].kind, NOTE_HANDOVER);
	assert_memory_equal(notes.v[0].owner, owner(50), OWNER_ID_LEN);
	assert_int_equal(sql_int("SELECT kind = 1 AND state = 1 FROM inbox"),
	    1);
	inbox_has_handover(tables.inbox, owner(50), &has);
	assert_int_equal(has, 1);
	inbox_has_handover(tables.inbox, owner(1), &has);
	assert_int_equal(has, 0);
	/* A sibling hands the same message over, the member gets it itself. */
	make_put(&p, 9, 1);
	p.state = INBOX_HANDOVER;
	assert_int_equal(put(&other, &p, &r), OP_DONE);
	assert_int_equal(r.result, PUT_COPY);
	make_put(&p, 9, 1);
	assert_int_equal(put(&member, &p, &r), OP_DONE);
	assert_int_equal(r.result, PUT_COPY);
}

static void
handover_without_a_member_is_nonsense(void **state)
{
	struct msg_put		p;
	struct msg_stored	r;

	(void)state;
	memset(session.member_owner, 0, sizeof session.member_owner);
	make_put(&p, 9, 1);
	p.state = INBOX_HANDOVER;
	assert_int_equal(put(&session, &p, &r), OP_NONSENSE);
}

/* What the member's worker makes of a row that was handed over. */
static void
make_opened(struct msg_put *p, const struct msg_put *raw, int64_t seq)
{
	make_put(p, 9, 1);
	memcpy(p->id, raw->id, sizeof p->id);
	p->replaces = seq;
}

/*
 * Opened: one transaction, a new sequence, the id that it was listed under;
 * said twice, the same answer.
 */
static void
opened_row_replaces_its_handover(void **state)
{
	struct msg_put		p, old;
	struct msg_stored	r;
	int64_t			raw, seq;
	char			*id;

	(void)state;
	make_put(&old, 9, 1);
	old.state = INBOX_HANDOVER;
	raw = put_new(&session, &old);
	notes_clear(&notes);
	make_opened(&p, &old, raw);
	seq = put_new(&member, &p);
	id = sql_text("SELECT id FROM inbox");
	assert_string_equal(id, old.id);
	free(id);
	assert_true(seq > raw);
	assert_int_equal(notes.v[0].kind, NOTE_ROWS);
	assert_int_equal(notes.v[0].seq, seq);
	assert_int_equal(sql_int("SELECT count(*) FROM inbox"), 1);
	assert_int_equal(sql_int("SELECT state = 0 AND kind = 1 FROM inbox"),
	    1);
	make_opened(&p, &old, raw);
	assert_int_equal(put(&member, &p, &r), OP_DONE);
	assert_int_equal(r.result, PUT_COPY);
	assert_int_equal(r.row, seq);
}

/*
 * Section 6: quarantined it is kept: the row that was listed is the row that is
 * listed, envelope, id and time included.  No event, and tried again later.
 */
static void
quarantine_and_a_later_key(void **state)
{
	struct msg_put		p, old;
	struct msg_stored	r;
	int64_t			seq;
	char			*id;
	int			i;

	(void)state;
	make_put(&old, 9, 1);
	old.state = INBOX_HANDOVER;
	seq = put_new(&session, &old);
	notes_clear(&notes);
	for (i = 0; i < 2; i++) {		/* it may say so twice */
		now++;
		make_opened(&p, &old, seq);
		p.state = INBOX_QUARANTINE;
		strcpy(p.client_id, "another");	/* not its to change */
		assert_int_equal(put(&member, &p, &r), OP_DONE);
		assert_int_equal(r.row, seq);
		assert_int_equal(sql_int("SELECT state = 2 AND client_message_id"
		    " = 'client-1' AND received_at = 1800000000000"
		    " FROM inbox"), 1);
	}
	assert_int_equal(notes.n, 0);
	id = sql_text("SELECT id FROM inbox");
	assert_string_equal(id, old.id);
	free(id);
	make_opened(&p, &old, seq);
	assert_true(put_new(&member, &p) > seq);
	assert_int_equal(sql_int("SELECT state FROM inbox"), 0);
	assert_int_equal(sql_int("SELECT count(*) FROM inbox"), 1);
}

/* Section 6: "seen and deleted apply to the message", opened or not. */
static void
deleted_before_it_was_opened(void **state)
{
	struct msg_put	p, old;
	int64_t		seq;

	(void)state;
	make_put(&old, 9, 1);
	old.state = INBOX_QUARANTINE;
	seq = put_new(&member, &old);
	assert_int_equal(delete(1, seq), 1);
	assert_int_equal(seen(2, seq), 1);
	make_opened(&p, &old, seq);
	seq = put_new(&member, &p);
	assert_int_equal(delete(1, seq), 0);
	assert_int_equal(sql_int("SELECT count(*) FROM reader"), 1);
	assert_int_equal(seen(2, seq), 1);	/* now there is something to see */
}

/* A message without any key, said again by a worker that got no answer. */
static void
repeat_without_keys_is_a_copy(void **state)
{
	struct msg_put		p, old;
	struct msg_stored	r;
	int64_t			seq, raw;

	(void)state;
	make_put(&p, 9, 1);
	only_key(&p, 3);
	seq = put_new(&session, &p);
	assert_int_equal(put(&session, &p, &r), OP_DONE);
	assert_int_equal(r.result, PUT_COPY);
	assert_int_equal(r.row, seq);
	make_put(&old, 9, 1);
	only_key(&old, 3);
	old.state = INBOX_HANDOVER;
	raw = put_new(&session, &old);
	make_opened(&p, &old, raw);
	only_key(&p, 3);
	seq = put_new(&member, &p);
	assert_int_equal(put(&member, &p, &r), OP_DONE);
	assert_int_equal(r.result, PUT_COPY);
	assert_int_equal(r.row, seq);
	assert_int_equal(sql_int("SELECT count(*) FROM inbox"), 2);
	/* Another owner's id is no copy of it. */
	assert_int_equal(put(&other, &p, &r), OP_NONSENSE);
}

/*
 * Only a member's worker, only its own rows, only unopened ones, only by their
 * ids.
 */
static void
replacing_others_is_nonsense(void **state)
{
	struct msg_channel	stranger;
	struct msg_put		p, old;
	struct msg_stored	r;
	int64_t			raw, opened;

	(void)state;
	make_channel(&stranger, OWNER_MEMBER, 60, 60);
	make_put(&old, 9, 1);
	old.state = INBOX_HANDOVER;
	raw = put_new(&session, &old);
	make_opened(&p, &old, raw);
	assert_int_equal(put(&session, &p, &r), OP_NONSENSE);
	assert_int_equal(put(&stranger, &p, &r), OP_NONSENSE);
	uuid_v7(p.id);
	assert_int_equal(put(&member, &p, &r), OP_NONSENSE);
	make_put(&old, 9, 2);
	opened = put_new(&member, &old);
	make_opened(&p, &old, opened);
	assert_int_equal(put(&member, &p, &r), OP_NONSENSE);
	assert_int_equal(sql_int("SELECT count(*) FROM inbox"), 2);
}

static void
malformed_puts_are_nonsense(void **state)
{
	struct msg_put		p[7];
	struct msg_stored	r;
	size_t			i;

	(void)state;
	for (i = 0; i < 7; i++)
		make_put(&p[i], 9, 1);
	p[0].state = INBOX_NOTICE;
	p[1].id[0] = '\0';
	p[2].recipient[5] = 'G';
	*p[3].sender = '\0';
	strcpy(p[4].subtype, "\xe2\x82");
	strcpy(p[5].sender_name, "\xf0\x80");
	strcpy(p[6].topic, "\xff");
	for (i = 0; i < 7; i++)
		assert_int_equal(put(&session, &p[i], &r), OP_NONSENSE);
	assert_int_equal(sql_int("SELECT count(*) FROM inbox"), 0);
}

/* Texts that may be empty and present, as the body's seal tells apart. */
static void
empty_is_not_absent(void **state)
{
	struct msg_put	p;

	(void)state;
	make_put(&p, 9, 1);
	p.has_topic = 1;
	put_new(&session, &p);
	assert_int_equal(sql_int("SELECT topic = '' AND subtype IS NULL"
	    " AND reply_to IS NULL AND sender_name IS NULL FROM inbox"), 1);
}

/* Seen by the owner; counted once. */
static void
seen_once(void **state)
{
	struct msg_put	p;
	int64_t		seq;

	(void)state;
	make_put(&p, 9, 1);
	seq = put_new(&session, &p);
	assert_int_equal(seen(2, seq), 0);
	assert_int_equal(sql_int("SELECT seen_at FROM inbox"), -1);
	assert_int_equal(seen(1, seq), 1);
	assert_int_equal(sql_int("SELECT seen_at FROM inbox"), now);
	now++;
	assert_int_equal(seen(1, seq), 0);
	assert_int_equal(sql_int("SELECT seen_at FROM inbox"), now - 1);
	assert_int_equal(seen(1, 4711), 0);
	assert_int_equal(sql_int("SELECT count(*) FROM reader"), 0);
}

/* Of a member's row it is kept per reader. */
static void
seen_per_reader(void **state)
{
	struct msg_put	p;
	int64_t		seq;

	(void)state;
	make_put(&p, 9, 1);
	seq = put_new(&member, &p);
	assert_int_equal(seen(1, seq), 1);
	assert_int_equal(seen(1, seq), 0);
	assert_int_equal(sql_int("SELECT seen_at FROM inbox"), -1);
	assert_int_equal(seen(2, seq), 1);
	assert_int_equal(seen(50, seq), 1);
	assert_int_equal(seen(50, seq), 0);
	assert_int_equal(sql_int("SELECT count(*) FROM reader"), 2);
}

static void
deleted_per_reader(void **state)
{
	struct msg_put	p;
	int64_t		seq;

	(void)state;
	make_put(&p, 9, 1);
	seq = put_new(&member, &p);
	assert_int_equal(seen(1, seq), 1);
	assert_int_equal(delete(1, seq), 1);
	assert_int_equal(delete(1, seq), 0);
	assert_int_equal(sql_int("SELECT deleted_at FROM inbox"), -1);
	assert_int_equal(delete(50, seq), 1);
	assert_int_equal(delete(50, seq), 0);
	assert_int_equal(sql_int("SELECT deleted_at FROM inbox"), now);
	/* Nobody deletes a session's row but itself, nor one in handover. */
	make_put(&p, 9, 2);
	seq = put_new(&session, &p);
	assert_int_equal(delete(2, seq), 0);
	assert_int_equal(delete(50, seq), 0);
	make_put(&p, 9, 3);
	p.state = INBOX_HANDOVER;
	seq = put_new(&session, &p);
	assert_int_equal(delete(50, seq), 0);
	assert_int_equal(sql_int("SELECT count(*) FROM inbox"), 3);
}

/* Section 6: retention, owner by owner, with the state of readers. */
static void
prunes_old_rows(void **state)
{
	struct msg_put	p;
	uint8_t		at[OWNER_ID_LEN] = { 0 };
	int		i, more = 1;

	(void)state;
	for (i = 0; i < 5; i++) {
		make_put(&p, 9, i);
		put_new(&session, &p);
		make_put(&p, 9, i);
		seen(1, put_new(&member, &p));
		now += 1000;
	}
	assert_int_equal(sql_int("SELECT count(*) FROM reader"), 5);
	assert_int_equal(db_begin(tables.db), 0);
	for (i = 0; more; i++)
		assert_int_equal(reader_prune_one(tables.readers, at,
		    T0 + 2000, &more), OP_DONE);
	assert_int_equal(db_commit(tables.db), 0);
	assert_true(i < 10);
	assert_int_equal(sql_int("SELECT count(*) FROM inbox"), 6);
	assert_int_equal(sql_int("SELECT count(*) FROM reader"), 3);
	assert_int_equal(sql_int("SELECT min(received_at) FROM inbox"),
	    T0 + 2000);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, tables_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(stored_for_the_channels_owner),
		T(copies_by_each_key),
		T(absent_keys_are_no_keys),
		T(keys_are_per_recipient_and_sender),
		T(copies_of_deleted_rows),
		T(tombstones_are_pruned),
		T(handover_goes_to_the_member),
		T(handover_without_a_member_is_nonsense),
		T(opened_row_replaces_its_handover),
		T(quarantine_and_a_later_key),
		T(deleted_before_it_was_opened),
		T(repeat_without_keys_is_a_copy),
		T(replacing_others_is_nonsense),
		T(malformed_puts_are_nonsense),
		T(empty_is_not_absent),
		T(seen_once),
		T(seen_per_reader),
		T(deleted_per_reader),
		T(prunes_old_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
