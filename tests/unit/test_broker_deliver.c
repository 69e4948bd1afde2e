/*
 * contrib/broker/deliver.c and box.c: who gets a stored message, claims, and
 * the order within a stream (broker-protocol.md, "Push").
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "broker_help.h"
#include "common/clock.h"
#include "contrib/broker/deliver.h"
#include "scratch.h"

#define HOLD_MS		30000
#define PUSHES_MAX	4096

/* A reader that writes down what it is given. */
struct fake {
	struct reader	 reader;
	int		 full, open;
	unsigned	 n;
	struct push {
		char	 id[QUEUE_ID_SIZE], text[16];
	}		 pushes[PUSHES_MAX];
};

static struct deliver	*d;
static struct fake	 fakes[KEYS];	/* by key */
#define ALICE		2		/* who sends */
#define ALICE2		3
#define BOB		(&fakes[1])	/* his own connection */
#define BOB1		(&fakes[4])	/* his sessions */
#define BOB2		(&fakes[5])

static int
fake_room(struct reader *r)
{
	return !((struct fake *)(void *)r)->full;
}

static void
fake_push(struct reader *r, const struct message *m)
{
	struct fake	*f = (struct fake *)(void *)r;
	struct push	*p = &f->pushes[f->n++];

	assert_true(f->n < PUSHES_MAX);
	assert_true(f->open);
	memcpy(p->id, m->id, sizeof p->id);
	snprintf(p->text, sizeof p->text, "%s", m->ciphertext);
}

static void
come(struct fake *f)
{
	int	 key = (int)(f - fakes);

	f->reader.key = help_keys[key];
	f->reader.member_key = help_keys[key == 1 || key > 3 ? 1 : 0];
	f->reader.room = fake_room;
	f->reader.push = fake_push;
	f->open = 1;
	f->n = 0;
	f->full = 0;
	deliver_open(d, &f->reader);
}

static void
go(struct fake *f)
{
	deliver_close(d, &f->reader);
	f->open = 0;
}

static void
run(void)
{
	while (deliver_run(d, 100))
		continue;
}

static void
send_in(int from, int to, const char *text, enum priority priority)
{
	struct message	 m = help_message(from, to, text, text);

	m.priority = priority;
	assert_int_equal(queue_accept(help_queue, &m), QUEUE_STORED);
	deliver_message(d, &m);
}

static void
send_to(int from, int to, const char *text)
{
	send_in(from, to, text, PRIORITY_NEXT);
}

/* What it was given since it was last asked, as "a b c ". */
static const char *
given(struct fake *f)
{
	static char	 text[8192];
	unsigned	 i;

	*text = '\0';
	for (i = 0; i < f->n; i++) {
		strcat(text, f->pushes[i].text);
		strcat(text, " ");
	}
	f->n = 0;
	return text;
}

static void
ack(struct fake *f, unsigned i)
{
	char	 id[QUEUE_ID_SIZE];

	memcpy(id, f->pushes[i].id, sizeof id);
	deliver_ack(d, &f->reader, id);
}

static int
set_up(void **state)
{
	if (help_open(state) != 0)
		return -1;
	d = deliver_new(help_queue, HOLD_MS);
	memset(fakes, 0, sizeof fakes);
	return 0;
}

static int
tear_down(void **state)
{
	int	 i;

	for (i = 0; i < KEYS; i++)
		if (fakes[i].open)
			go(&fakes[i]);
	deliver_free(&d);
	return help_close(state);
}

static void
lapse(void)
{
	deliver_lapse(d, clock_mono_ms() + HOLD_MS + 1);
	run();
}

static void
test_live(void **state)
{
	(void)state;
	come(BOB1);
	run();
	send_to(ALICE, 4, "a");
	send_to(ALICE, 4, "b");
	assert_string_equal(given(BOB1), "a b ");
	run();
	assert_string_equal(given(BOB1), "");
}

static void
test_waiting(void **state)
{
	(void)state;
	send_to(ALICE, 4, "a");
	send_to(ALICE2, 4, "b");
	send_to(ALICE, 5, "other");
	come(BOB1);
	/* Before it has been given what waits: not past that. */
	send_to(ALICE, 4, "c");
	assert_string_equal(given(BOB1), "");
	run();
	assert_string_equal(given(BOB1), "a b c ");
}

static void
test_more_than_a_turn(void **state)
{
	unsigned	 i;
	char		 text[16];

	(void)state;
	for (i = 0; i < 500; i++) {
		snprintf(text, sizeof text, "%u", i);
		send_to(ALICE, 4, text);
	}
	come(BOB1);
	assert_true(deliver_run(d, 100));
	assert_true(BOB1->n >= 64 && BOB1->n <= 164);
	run();
	assert_int_equal(BOB1->n, 500);
	for (i = 0; i < 500; i++) {
		snprintf(text, sizeof text, "%u", i);
		assert_string_equal(BOB1->pushes[i].text, text);
	}
}

static void
test_acknowledged(void **state)
{
	(void)state;
	come(BOB1);
	run();
	send_to(ALICE, 4, "a");
	send_to(ALICE, 4, "b");
	ack(BOB1, 0);
	go(BOB1);
	come(BOB1);
	run();
	assert_string_equal(given(BOB1), "b ");
	lapse();
	assert_string_equal(given(BOB1), "b ");
}

static void
test_not_by_others(void **state)
{
	(void)state;
	come(BOB1);
	come(BOB2);
	come(&fakes[ALICE]);
	run();
	send_to(ALICE, 4, "a");
	deliver_ack(d, &BOB2->reader, BOB1->pushes[0].id);
	deliver_ack(d, &fakes[ALICE].reader, BOB1->pushes[0].id);
	deliver_ack_client(d, &BOB2->reader, "a");
	deliver_ack(d, &BOB1->reader, "no such id");
	lapse();
	assert_string_equal(given(BOB1), "a a ");
}

static void
test_by_client_id(void **state)
{
	(void)state;
	come(BOB1);
	run();
	send_to(ALICE, 4, "a");
	send_to(ALICE2, 4, "a");
	send_to(ALICE, 4, "b");
	assert_string_equal(given(BOB1), "a a b ");
	deliver_ack_client(d, &BOB1->reader, "a");
	lapse();
	assert_string_equal(given(BOB1), "b ");
}

static void
test_lapse_keeps_order(void **state)
{
	(void)state;
	come(BOB1);
	run();
	send_to(ALICE, 4, "a");
	send_to(ALICE, 4, "b");
	send_to(ALICE2, 4, "x");
	ack(BOB1, 2);
	given(BOB1);
	BOB1->full = 1;
	lapse();
	/* Nothing of alice passes what lost its claim. */
	send_to(ALICE, 4, "c");
	assert_string_equal(given(BOB1), "");
	BOB1->full = 0;
	deliver_room(d, &BOB1->reader);
	run();
	assert_string_equal(given(BOB1), "a b c ");
	assert_true(deliver_lapse(d, clock_mono_ms()) > clock_mono_ms());
}

static void
test_late_acknowledgement(void **state)
{
	char	 id[QUEUE_ID_SIZE];

	(void)state;
	come(BOB1);
	run();
	send_to(ALICE, 4, "a");
	memcpy(id, BOB1->pushes[0].id, sizeof id);
	given(BOB1);
	BOB1->full = 1;
	lapse();
	deliver_ack(d, &BOB1->reader, id);	/* nobody has it now */
	BOB1->full = 0;
	deliver_room(d, &BOB1->reader);
	run();
	assert_string_equal(given(BOB1), "");
	assert_int_equal(deliver_lapse(d, 0), -1);
}

static void
test_window(void **state)
{
	unsigned	 i;
	char		 text[16];

	(void)state;
	come(BOB1);
	run();
	for (i = 0; i < DELIVER_WINDOW + 10; i++) {
		snprintf(text, sizeof text, "%u", i);
		send_to(ALICE, 4, text);
	}
	run();
	assert_int_equal(BOB1->n, DELIVER_WINDOW);
	for (i = 0; i < 4; i++)
		ack(BOB1, i);
	run();
	assert_int_equal(BOB1->n, DELIVER_WINDOW + 4);
	snprintf(text, sizeof text, "%d", DELIVER_WINDOW + 3);
	assert_string_equal(BOB1->pushes[BOB1->n - 1].text, text);
}

static void
test_priorities(void **state)
{
	(void)state;
	send_in(ALICE, 4, "l1", PRIORITY_LOW);
	send_in(ALICE, 4, "x1", PRIORITY_NEXT);
	send_in(ALICE, 4, "n1", PRIORITY_NOW);
	send_in(ALICE, 4, "l2", PRIORITY_LOW);
	come(BOB1);
	run();
	assert_string_equal(given(BOB1), "n1 x1 l1 l2 ");
}

/* A member's key: its own connection, else one of its sessions. */
static void
test_member(void **state)
{
	(void)state;
	come(BOB1);
	come(BOB2);
	run();
	send_to(ALICE, 1, "a");
	assert_string_equal(given(BOB1), "a ");
	come(BOB);
	run();
	send_to(ALICE, 1, "b");		/* behind "a" of the same stream */
	assert_string_equal(given(BOB1), "b ");
	send_to(ALICE2, 1, "c");
	assert_string_equal(given(BOB), "c ");
	assert_string_equal(given(BOB2), "");
	go(BOB1);
	run();
	assert_string_equal(given(BOB), "a b ");
}

static void
test_member_late(void **state)
{
	(void)state;
	come(BOB);
	come(BOB1);
	run();
	send_to(ALICE, 1, "a");
	send_to(ALICE, 1, "b");
	assert_string_equal(given(BOB), "a b ");
	/* It let them lapse: the other one is asked. */
	lapse();
	assert_string_equal(given(BOB1), "a b ");
	ack(BOB1, 0);
	ack(BOB1, 1);
	/* And is first choice again once it has acknowledged something. */
	deliver_ack(d, &BOB->reader, "x");
	send_to(ALICE, 1, "c");
	assert_string_equal(given(BOB), "c ");
}

/* Would somebody here be given what from sends to to? */
static int
served(int to, int from)
{
	return deliver_is_served(d, help_keys[to], help_keys[from]);
}

static void
test_own_messages(void **state)
{
	(void)state;
	come(BOB1);
	run();
	assert_false(served(4, 4));
	assert_false(served(1, 4));
	assert_true(served(1, ALICE));
	assert_false(served(5, ALICE));
	send_to(4, 1, "to my member");
	run();
	assert_string_equal(given(BOB1), "");
	go(BOB1);
	come(BOB1);
	run();
	assert_string_equal(given(BOB1), "");
	come(BOB2);
	run();
	assert_string_equal(given(BOB2), "to my member ");
	come(BOB);
	assert_true(served(1, 1));
	assert_true(served(1, 4));
	assert_false(served(4, 4));
}

static void
test_one_full_reader_delays_only_itself(void **state)
{
	(void)state;
	come(BOB1);
	come(BOB2);
	run();
	BOB1->full = 1;
	send_to(ALICE, 4, "a");
	send_to(ALICE, 5, "b");
	run();
	assert_string_equal(given(BOB1), "");
	assert_string_equal(given(BOB2), "b ");
	BOB1->full = 0;
	deliver_room(d, &BOB1->reader);
	run();
	assert_string_equal(given(BOB1), "a ");
}

static void
test_rolled_back(void **state)
{
	(void)state;
	come(BOB1);
	run();
	send_to(ALICE, 4, "a");
	assert_int_equal(db_commit(help_db), 0);
	ack(BOB1, 0);
	assert_string_equal(given(BOB1), "a ");
	send_to(ALICE, 4, "never");
	db_rollback(help_db);
	/* As the loop does: who took part is closed. */
	deliver_rewind(d);
	go(BOB1);
	come(BOB1);
	run();
	assert_string_equal(given(BOB1), "a ");
}

/* broker-protocol.md, "Push": stored messages but "now" wait for dnd. */
static void
test_quiet(void **state)
{
	(void)state;
	come(BOB1);
	run();
	deliver_quiet(d, &BOB1->reader, 1);
	send_in(ALICE, 4, "low", PRIORITY_LOW);
	send_to(ALICE, 4, "a");
	send_in(ALICE, 4, "now", PRIORITY_NOW);
	run();
	assert_string_equal(given(BOB1), "now ");
	assert_true(deliver_is_served(d, help_keys[4], help_keys[ALICE]));
	send_to(ALICE, 4, "b");
	deliver_quiet(d, &BOB1->reader, 0);
	run();
	assert_string_equal(given(BOB1), "a b low ");
	send_to(ALICE, 4, "c");
	assert_string_equal(given(BOB1), "c ");
}

/* What is behind a claim of a quiet reader waits with it, in order. */
static void
test_quiet_with_claims(void **state)
{
	(void)state;
	come(BOB1);
	come(BOB2);
	run();
	send_to(ALICE, 1, "a");
	assert_string_equal(given(BOB1), "a ");
	deliver_quiet(d, &BOB1->reader, 1);
	send_to(ALICE, 1, "b");
	send_to(ALICE2, 1, "of another");
	run();
	assert_string_equal(given(BOB1), "");
	assert_string_equal(given(BOB2), "of another ");
	/* Its claim ends: what was behind goes to who may be disturbed. */
	ack(BOB1, 0);
	send_to(ALICE, 1, "c");
	run();
	assert_string_equal(given(BOB1), "");
	assert_string_equal(given(BOB2), "b c ");
}

static void
test_quiet_and_waiting(void **state)
{
	char	 text[16];
	int	 i;

	(void)state;
	for (i = 0; i < 300; i++) {
		snprintf(text, sizeof text, "%d", i);
		send_to(ALICE, 4, text);
	}
	come(BOB1);
	deliver_quiet(d, &BOB1->reader, 1);
	run();
	assert_int_equal(BOB1->n, 0);
	send_to(ALICE, 4, "last");
	run();
	assert_int_equal(BOB1->n, 0);
	deliver_quiet(d, &BOB1->reader, 0);
	run();
	assert_int_equal(BOB1->n, 301);
	assert_string_equal(BOB1->pushes[0].text, "0");
	assert_string_equal(BOB1->pushes[299].text, "299");
	assert_string_equal(BOB1->pushes[300].text, "last");
}

#define T(f)	cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		T(test_live),
		T(test_waiting),
		T(test_more_than_a_turn),
		T(test_acknowledged),
		T(test_not_by_others),
		T(test_by_client_id),
		T(test_lapse_keeps_order),
		T(test_late_acknowledgement),
		T(test_window),
		T(test_priorities),
		T(test_member),
		T(test_member_late),
		T(test_own_messages),
		T(test_one_full_reader_delays_only_itself),
		T(test_rolled_back),
		T(test_quiet),
		T(test_quiet_with_claims),
		T(test_quiet_and_waiting),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
