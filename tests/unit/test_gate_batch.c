/*
 * A batch of a scope of several views has no gap, whatever is committed while
 * it reads one view after the other.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include <jansson.h>

#include "common/rows.h"
#include "common/xalloc.h"
#include "supervisor/gate/batch.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/item.h"
#include "supervisor/gate/scope.h"

#define NVIEWS	3

static uint8_t	owners[NVIEWS];		/* each stands for its view */

/* The table: whose row each sequence is; up to `last` it is committed. */
static int	table[256];
static int64_t	last;
static int64_t	commits;		/* more, after each view is read */

void	__wrap_view_rows(const struct view *, struct rows_scope *);
int	__wrap_rows_inbox_last(struct rows *, int64_t *);
int	__wrap_rows_in_after(struct rows *, const struct rows_scope *, int64_t,
	    int, int (*)(void *, const struct in_row *), void *);
json_t	*__wrap_item_event(struct gate *, const struct in_row *);

void
__wrap_view_rows(const struct view *v, struct rows_scope *out)
{
	memset(out, 0, sizeof *out);
	out->session = (const uint8_t *)v->session;
}

int
__wrap_rows_inbox_last(struct rows *r, int64_t *seq_r)
{
	(void)r;
	*seq_r = last;
	return 0;
}

int
__wrap_rows_in_after(struct rows *r, const struct rows_scope *s, int64_t after,
    int limit, int (*cb)(void *, const struct in_row *), void *arg)
{
	struct in_row	row;
	int64_t		seq;
	int		n = 0;

	(void)r;
	for (seq = after + 1; seq <= last && n < limit; seq++) {
		if (table[seq] != s->session - owners)
			continue;
		memset(&row, 0, sizeof row);
		row.seq = seq;
		n++;
		if (cb(arg, &row))
			break;
	}
	last += commits;
	return n;
}

json_t *
__wrap_item_event(struct gate *g, const struct in_row *row)
{
	(void)g;
	(void)row;
	return json_object();
}

/* Read all that is there, as a stream does; rows are to come one by one. */
static void
read_all(int64_t first, int64_t end)
{
	struct gate	g;
	struct view	views[NVIEWS];
	struct scope	sc = { NVIEWS, views };
	struct batch	b;
	int64_t		at = first;
	size_t		i;
	int		more;

	memset(&g, 0, sizeof g);
	memset(views, 0, sizeof views);
	for (i = 0; i < NVIEWS; i++)
		views[i].session = (struct session *)&owners[i];
	do {
		assert_int_equal(batch_read(&b, &g, &sc, at, 0), 0);
		for (i = 0; i < b.n; i++)
			assert_int_equal(b.pieces[i].seq, ++at);
		assert_int_equal(b.cursor, at);
		more = b.more;
		if (last >= end)
			commits = 0;
		batch_clear(&b);
	} while (more || at < last);	/* the store tells of the latter */
	assert_int_equal(at, last);
}

static void
table_fill(void)
{
	int	i;

	for (i = 0; i < 256; i++)
		table[i] = i % NVIEWS;
}

static void
test_at_rest(void **state)
{
	(void)state;
	table_fill();
	last = 200;			/* more than one batch */
	commits = 0;
	read_all(0, 0);
}

/* What comes between two views belongs to all of them. */
static void
test_commits_between_views(void **state)
{
	int	each;

	(void)state;
	table_fill();
	for (each = 1; each <= 7; each++) {
		last = 5;
		commits = each;
		read_all(5, 200);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_at_rest),
		cmocka_unit_test(test_commits_between_views),
	};

	json_set_alloc_funcs(wipe_malloc, wipe_free);	/* as the gate */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
