/*
 * The space that rows take: under a steady load the file does not grow, after
 * a peak it shrinks, and what was wiped is nowhere in it (delivery.md 5,
 * design.md "Store").
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "loop_help.h"
#include "store_help.h"

#define MARK		"WIPE-ME-ONCE-IT-IS-DONE"
#define KEPT		"KEEP-ME-UNTIL-I-AM-DONE"
#define ROUNDS		20
#define QUICK		(getenv("UNIT_QUICK") != NULL)	/* under valgrind */
#define PER_ROUND	(QUICK ? 100 : 1000)
#define BACKLOG		(QUICK ? 2000 : 20000)
#define PER_COMMIT	100
#define RETENTION_MS	1000000000LL	/* of loop_help.c */

static uint8_t	body[6000];
static size_t	bodylen;

static void
make_body(const char *mark, size_t len)
{
	size_t	i, n = strlen(mark);

	for (i = 0; i + n <= sizeof body; i += n)
		memcpy(body + i, mark, n);
	bodylen = len;
}

static void
store_one(int n, enum row_state end)
{
	struct msg_accept	a;
	struct msg_accepted	r;
	struct msg_progress	p;
	struct msg_recorded	rec;
	char			id[32];

	snprintf(id, sizeof id, "c%d", n);
	make_accept(&a, 1, id, key(n % 20));
	a.body.p = body;
	a.body.len = bodylen;
	a.payload_bytes = (int64_t)bodylen;
	memset(&r, 0, sizeof r);
	assert_int_equal(outbox_accept(tables.outbox, &a, now, &notes, &r),
	    OP_DONE);
	assert_int_equal(r.result, ACCEPT_NEW);
	if (end == ROW_PENDING)
		return;
	memset(&p, 0, sizeof p);
	p.row = r.row;
	p.state = end;
	assert_int_equal(outbox_progress(tables.outbox, owner(1), &p, now,
	    &notes, &rec), OP_DONE);
}

/* Messages from..to - 1, in commits as a store makes them. */
static void
store_many(int from, int to, enum row_state end)
{
	int	i;

	for (i = from; i < to; i++) {
		if ((i - from) % PER_COMMIT == 0)
			assert_int_equal(db_begin(tables.db), 0);
		store_one(i, end);
		if ((i - from) % PER_COMMIT != PER_COMMIT - 1 && i != to - 1)
			continue;
		assert_int_equal(db_commit(tables.db), 0);
		notes_clear(&notes);
		chores_after_batch(chores);
	}
}

static int64_t
file_bytes(void)
{
	struct stat	st;

	assert_int_equal(db_truncate(tables.db), 0);
	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

/* How often that is in the file, and in its log. */
static int
count_bytes(const char *what)
{
	const char	*names[] = { "", "-wal" };
	char		 name[128], *text;
	const char	*s;
	size_t		 i, len;
	int		 n = 0;
	struct stat	 st;
	FILE		*fp;

	for (i = 0; i < 2; i++) {
		snprintf(name, sizeof name, "%s%s", path, names[i]);
		assert_non_null(fp = fopen(name, "r"));
		assert_int_equal(fstat(fileno(fp), &st), 0);
		assert_non_null(text = malloc((size_t)st.st_size + 1));
		len = fread(text, 1, (size_t)st.st_size, fp);
		for (s = text; (s = memmem(s, len - (size_t)(s - text), what,
		    strlen(what))) != NULL; s++)
			n++;
		free(text);
		fclose(fp);
	}
	return n;
}

/* 20,000 messages, of which a twentieth is kept at any time. */
static void
steady_load_is_bounded(void **state)
{
	int64_t	size, early = 0, late = 0;
	int	i;

	(void)state;
	make_body(MARK, 3000);
	chores_finish(chores, INT64_MAX);
	for (i = 0; i < ROUNDS; i++) {
		now = clock_wall_ms() - RETENTION_MS - 60000;
		store_many(i * PER_ROUND, (i + 1) * PER_ROUND, ROW_DONE);
		size = file_bytes();
		if (i < 3 && size > early)
			early = size;
		if (i >= 3 && size > late)
			late = size;
		chores_hour(chores);
		chores_finish(chores, INT64_MAX);
	}
	print_message("%lld KB after 3 rounds, at most %lld KB after %d\n",
	    (long long)early / 1024, (long long)late / 1024, ROUNDS);
	assert_int_equal(sql_int("SELECT count(*) FROM outbox"), 0);
	assert_true(late <= early + early / 10);
	assert_true(late < 4 * 1024 * 1024);	/* 60 MB of bodies went by */
}

/* A backlog that is gone gives its space back, in slices. */
static void
peak_is_given_back(void **state)
{
	int64_t	peak, after;
	int	i;

	(void)state;
	make_body(MARK, 6000);
	now = clock_wall_ms();
	store_many(0, BACKLOG, ROW_PENDING);
	peak = file_bytes();
	for (i = 0; i < BACKLOG; i++) {
		struct msg_progress	p;
		struct msg_recorded	r;

		if (i % PER_COMMIT == 0)
			assert_int_equal(db_begin(tables.db), 0);
		memset(&p, 0, sizeof p);
		p.row = i + 1;
		p.state = ROW_DONE;
		assert_int_equal(outbox_progress(tables.outbox, owner(1), &p,
		    now, &notes, &r), OP_DONE);
		if (i % PER_COMMIT == PER_COMMIT - 1) {
			assert_int_equal(db_commit(tables.db), 0);
			notes_clear(&notes);
			chores_after_batch(chores);
		}
	}
	chores_minute(chores);
	chores_finish(chores, INT64_MAX);
	after = file_bytes();
	print_message("%lld KB at the peak, %lld KB a minute later\n",
	    (long long)peak / 1024, (long long)after / 1024);
	assert_true(peak > BACKLOG * 6000LL);
	assert_true(after < (QUICK ? peak / 2 : peak / 5));
	assert_int_equal(sql_int("SELECT count(*) FROM outbox"
	    " WHERE body IS NULL"), BACKLOG);
	assert_int_equal(sql_int("SELECT count(*) FROM"
	    " pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
}

/* The bytes of a body are gone with its row's end; others are not. */
static void
wiped_bodies_are_nowhere(void **state)
{
	struct msg_requeue	q;
	struct msg_requeued	r;
	struct msg_recorded	rec;
	int64_t			row;

	(void)state;
	now = clock_wall_ms();
	make_body(KEPT, 3000);
	store_many(0, 10, ROW_PENDING);
	make_body(MARK, 3000);
	store_many(10, 200, ROW_PENDING);
	(void)file_bytes();
	assert_true(count_bytes(MARK) > 190 * 100);
	store_many(200, 400, ROW_DONE);
	assert_int_equal(progress(1, 11, ROW_DEAD, "", &rec), OP_DONE);
	memset(&q, 0, sizeof q);
	q.row = 11;
	strcpy(q.id, "3b241101-e2bb-4255-8caf-4136c566a962");
	strcpy(q.client_id, "requeued");
	assert_int_equal(db_begin(tables.db), 0);
	assert_int_equal(operate_requeue(tables.operates, &q, 1, now, &notes,
	    &r), OP_DONE);
	assert_int_equal(r.result, OPERATE_OK);
	assert_int_equal(db_commit(tables.db), 0);
	for (row = 12; row <= 200; row++)
		assert_int_equal(progress(1, row, ROW_DONE, "", &rec),
		    OP_DONE);
	(void)file_bytes();
	assert_true(count_bytes(MARK) >= 100);	/* of the requeued one */
	assert_int_equal(progress(1, r.row, ROW_DONE, "", &rec), OP_DONE);
	(void)file_bytes();
	assert_int_equal(count_bytes(MARK), 0);
	assert_true(count_bytes(KEPT) >= 10 * 100);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, loop_new, loop_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(steady_load_is_bounded),
		T(peak_is_given_back),
		T(wiped_bodies_are_nowhere),
	};

	return cmocka_run_group_tests(tests, loop_group, NULL);
}
