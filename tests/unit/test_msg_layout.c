/*
 * msg_layout.c: every layout covers its struct, field by field, and what its
 * limits allow fits a packet.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <string.h>

#include "common/msg_check.h"
#include "common/msg_layout.h"

#define NUMBER_MAX	9	/* bytes of the largest integer */

/* Bytes of a field in memory, by its type. */
static size_t
size_in_memory(const struct msg_field *f)
{
	switch (f->type) {
	case FIELD_INT:
	case FIELD_UINT:
		return 8;
	case FIELD_UINT32:
		return 4;
	case FIELD_SLICE:
		return sizeof(struct msg_slice);
	case FIELD_IDS:		/* may have room for more than is allowed */
		return f->size == sizeof(struct msg_ids) && f->max <=
		    MSG_SEEN_MAX ? f->size : sizeof(struct msg_uids);
	case FIELD_BYTES:
	case FIELD_STR:
		return f->size;
	}
	return 0;
}

/* Bytes that a field can take in a packet. */
static size_t
size_in_packet(const struct msg_field *f)
{
	switch (f->type) {
	case FIELD_INT:
	case FIELD_UINT:
	case FIELD_UINT32:
		return NUMBER_MAX;
	case FIELD_SLICE:
		return 5 + (size_t)f->max;
	case FIELD_IDS:
		return 5 + NUMBER_MAX * (size_t)f->max;
	case FIELD_BYTES:
	case FIELD_STR:
		return 5 + f->size;
	}
	return 0;
}

static void
expect_field(const struct msg_layout *l, const struct msg_field *f)
{
	if (f->size != size_in_memory(f) || f->size == 0)
		fail_msg("%s.%s: size", l->name, f->name);
	if (f->min > f->max || f->max < 0)
		fail_msg("%s.%s: range", l->name, f->name);
	if (f->type == FIELD_IDS && f->size == sizeof(struct msg_uids) &&
	    f->max > MSG_UIDS_MAX)
		fail_msg("%s.%s: more than there is room", l->name, f->name);
	if (f->type == FIELD_UINT32 && f->max > UINT32_MAX)
		fail_msg("%s.%s: more than it holds", l->name, f->name);
	if (f->type == FIELD_SLICE && f->max == 0)
		fail_msg("%s.%s: nothing fits", l->name, f->name);
}

/* In order, no two over each other, and no member of the struct forgotten. */
static void
expect_covered(const struct msg_layout *l)
{
	const struct msg_field	*f;
	size_t			 end = 0, i;

	for (i = 0; i < l->n; i++) {
		f = &l->fields[i];
		expect_field(l, f);
		if (f->offset < end)
			fail_msg("%s.%s: over its neighbour", l->name,
			    f->name);
		if (f->offset - end >= 8)
			fail_msg("%s: something before %s is missing",
			    l->name, f->name);
		end = f->offset + f->size;
	}
	if (end > l->size || l->size - end >= 8)
		fail_msg("%s: something at its end is missing", l->name);
}

static void
expect_fits(const struct msg_layout *l)
{
	size_t		 len = 5 + 2 * NUMBER_MAX, i;
	int64_t		 elements = 2 + (int64_t)l->n;

	for (i = 0; i < l->n; i++) {
		len += size_in_packet(&l->fields[i]);
		if (l->fields[i].type == FIELD_IDS)
			elements += l->fields[i].max;
	}
	if (len > (l->big ? CHANNEL_BIG_MAX : CHANNEL_PACKET_MAX))
		fail_msg("%s: %zu bytes do not fit", l->name, len);
	if (l->big && len <= CHANNEL_PACKET_MAX)
		fail_msg("%s: never large", l->name);
	if (elements > MSG_ELEMENTS_MAX)
		fail_msg("%s: too many elements", l->name);
}

static void
test_all(void **state)
{
	const struct msg_layout	*l;
	int			 type, n = 0;

	(void)state;
	for (type = 0; type <= MSG_TYPE_MAX; type++) {
		if ((l = msg_layout(type)) == NULL)
			continue;
		n++;
		assert_true((l->n > 0) == (l->fields != NULL));
		assert_true((l->n > 0) == (l->size > 0));
		assert_string_equal(msg_name((enum msg_type)type), l->name);
		expect_covered(l);
		expect_fits(l);
	}
	assert_true(n > 50);
}

static void
test_names(void **state)
{
	int	i, k;

	(void)state;
	for (i = 0; i <= MSG_TYPE_MAX; i++)
		for (k = 0; k < i; k++)
			if (msg_layout(i) != NULL && msg_layout(k) != NULL &&
			    strcmp(msg_layout(i)->name,
			    msg_layout(k)->name) == 0)
				fail_msg("%d and %d: the same name", k, i);
}

static void
test_none(void **state)
{
	static const int	none[] = { 0, -1, INT_MIN, MSG_TYPE_MAX,
				    MSG_TYPE_MAX + 1, INT_MAX };
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof none / sizeof *none; i++) {
		assert_null(msg_layout(none[i]));
		assert_string_equal(msg_name((enum msg_type)none[i]),
		    "unknown");
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
