/* The read side beside a store, and what its callbacks were given. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "rows_help.h"

struct rows	*rows;
struct msg_channel session, other, member;

int
rows_new(void **state)
{
	if (tables_new(state) == -1 || (rows = rows_open(path)) == NULL)
		return -1;
	make_channel(&session, OWNER_SESSION, SESSION, MEMBER);
	make_channel(&other, OWNER_SESSION, OTHER, MEMBER);
	make_channel(&member, OWNER_MEMBER, MEMBER, MEMBER);
	return 0;
}

int
rows_remove(void **state)
{
	rows_close(&rows);
	return tables_remove(state);
}

int64_t	got[64], got_seen[64];
char	got_target[64][TARGET_SIZE];
int	ngot, stop_at;

void
got_none(void)
{
	ngot = 0;
	stop_at = 64;
}

int
out_cb(void *arg, const struct out_row *o)
{
	(void)arg;
	assert_null(o->body);
	got[ngot++] = o->seq;
	return ngot == stop_at;
}

int
in_cb(void *arg, const struct in_row *i)
{
	(void)arg;
	got_seen[ngot] = i->seen_at;
	got[ngot++] = i->seq;
	return ngot == stop_at;
}

void
new_cb(void *arg, int64_t seq, const char *target)
{
	(void)arg;
	strcpy(got_target[ngot], target);
	got[ngot++] = seq;
}

void
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

void
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

void
after(const uint8_t *s, const uint8_t *m, int64_t from)
{
	struct rows_scope	scope = { s, m };
	int			n;

	got_none();
	n = rows_in_after(rows, &scope, from, 50, in_cb, NULL);
	assert_int_equal(n, ngot);
}

int64_t
message(const struct msg_channel *ch, int n)
{
	struct msg_put	p;

	make_put(&p, 9, n);
	return put_new(ch, &p);
}
