/*
 * msg.c: neither encoder nor decoder lets a field pass its limits, be of
 * another type, be missing or be one too many.  All of it from the layouts.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#include "common/channel.h"
#include "common/msg.h"
#include "common/xalloc.h"
#include "sample.h"

/* Every message that there is. */
#define EACH_TYPE(type, l) \
	for (type = 0; type <= MSG_TYPE_MAX; type++) \
		if (((l) = msg_layout(type)) != NULL)

/* ---- the encoder ---- */

static void
expect_not_encoded(int type, const void *body, const char *what)
{
	uint8_t	*p;
	size_t	 len;

	errno = 0;
	if (msg_encode((enum msg_type)type, 1, body, &p, &len) != -1)
		fail_msg("%s: %s encoded", msg_name((enum msg_type)type),
		    what);
	assert_int_equal(errno, EINVAL);
}

static void
put_i64(void *at, int64_t v)
{
	memcpy(at, &v, sizeof v);
}

static void
put_u32(void *at, uint64_t v)
{
	uint32_t	w = (uint32_t)v;

	memcpy(at, &w, sizeof w);
}

/* One step over each limit of one field. */
static void
expect_limits(int type, const struct msg_layout *l, const struct msg_field *f)
{
	char	*body = sample_new(l, SAMPLE_SHORT), *at = body + f->offset;

	switch (f->type) {
	case FIELD_INT:
		put_i64(at, f->min - 1);
		expect_not_encoded(type, body, f->name);
		if (f->max < INT64_MAX) {
			put_i64(at, f->max + 1);
			expect_not_encoded(type, body, f->name);
		}
		put_i64(at, INT64_MIN);
		break;
	case FIELD_UINT:
		put_i64(at, (int64_t)((uint64_t)f->max + 1));
		expect_not_encoded(type, body, f->name);
		put_i64(at, -1);
		break;
	case FIELD_UINT32:
		put_u32(at, UINT32_MAX);
		expect_not_encoded(type, body, f->name);
		put_u32(at, (uint64_t)f->max + 1);
		break;
	case FIELD_STR:
		memset(at, 'x', f->size);
		break;
	case FIELD_SLICE:
		((struct msg_slice *)(void *)at)->len = (size_t)f->max + 1;
		break;
	case FIELD_IDS:
		put_u32(at, 1);
		put_i64(at + offsetof(struct msg_ids, v), -1);
		expect_not_encoded(type, body, f->name);
		put_u32(at, (uint64_t)f->max + 1);
		break;
	case FIELD_BYTES:	/* has no limit but its size */
		free(body);
		return;
	}
	expect_not_encoded(type, body, f->name);
	free(body);
}

static void
test_encoder_limits(void **state)
{
	const struct msg_layout	*l;
	size_t			 i;
	int			 type;

	(void)state;
	EACH_TYPE(type, l)
		for (i = 0; i < l->n; i++)
			expect_limits(type, l, &l->fields[i]);
}

static void
test_encoder_bodies(void **state)
{
	const struct msg_layout	*l;
	int			 type, other = 0;

	(void)state;
	EACH_TYPE(type, l)
		expect_not_encoded(type, l->n > 0 ? NULL : &other, "the wrong "
		    "body");
	expect_not_encoded(0, NULL, "no type");
	expect_not_encoded(MSG_TYPE_MAX, NULL, "an unknown type");
	expect_not_encoded(MSG_TYPE_MAX + 1, NULL, "an unknown type");
	expect_not_encoded(-1, NULL, "an unknown type");
}

/* ---- the decoder, with packets that the encoder would not make ---- */

enum odd {
	ODD_NONE,
	ODD_NIL, ODD_TRUE, ODD_INT, ODD_NEGATIVE, ODD_FLOAT, ODD_STR, ODD_BIN,
	ODD_LIST,
	ODD_LOW, ODD_HIGH, ODD_HIGHEST, ODD_LONG, ODD_SHORT, ODD_NUL, ODD_DEEP,
};

/* len bytes, none of them a NUL. */
static void
pack_bytes(msgpack_packer *pk, size_t len, int str)
{
	static char	x[CHANNEL_BIG_MAX];

	if (x[0] == '\0')
		memset(x, 'x', sizeof x);
	if (str) {
		msgpack_pack_str(pk, len);
		msgpack_pack_str_body(pk, x, len);
	} else {
		msgpack_pack_bin(pk, len);
		msgpack_pack_bin_body(pk, x, len);
	}
}

static void
pack_list(msgpack_packer *pk, size_t n)
{
	msgpack_pack_array(pk, n);
	while (n-- > 0)
		msgpack_pack_int(pk, 1);
}

/* A field as it should be, as short as it may be. */
static void
pack_right(msgpack_packer *pk, const struct msg_field *f)
{
	switch (f->type) {
	case FIELD_INT:
	case FIELD_UINT:
	case FIELD_UINT32:
		msgpack_pack_int64(pk, f->min);
		return;
	case FIELD_BYTES:
		pack_bytes(pk, f->size, 0);
		return;
	case FIELD_STR:
		pack_bytes(pk, 0, 1);
		return;
	case FIELD_SLICE:
		pack_bytes(pk, 0, 0);
		return;
	case FIELD_IDS:
		pack_list(pk, 0);
		return;
	}
}

static int
is_number(const struct msg_field *f)
{
	return f->type == FIELD_INT || f->type == FIELD_UINT ||
	    f->type == FIELD_UINT32;
}

/* Of another type.  0: for this field it would be right. */
static int
pack_other(msgpack_packer *pk, const struct msg_field *f, enum odd odd)
{
	switch (odd) {
	case ODD_NIL:
		msgpack_pack_nil(pk);
		return 1;
	case ODD_TRUE:
		msgpack_pack_true(pk);
		return 1;
	case ODD_FLOAT:
		msgpack_pack_double(pk, 1);
		return 1;
	case ODD_INT:
		msgpack_pack_int(pk, 1);
		return !is_number(f);
	case ODD_NEGATIVE:
		msgpack_pack_int(pk, -1);
		return !is_number(f) || f->min >= 0;
	case ODD_STR:
		pack_bytes(pk, f->type == FIELD_BYTES ? f->size : 0, 1);
		return f->type != FIELD_STR;
	case ODD_BIN:
		pack_bytes(pk, 0, 0);
		return f->type != FIELD_SLICE;
	default:
		pack_list(pk, 0);
		return f->type != FIELD_IDS;
	}
}

/* Out of its limits.  0: this field has no such limit. */
static int
pack_outside(msgpack_packer *pk, const struct msg_field *f, enum odd odd)
{
	size_t	max = f->type == FIELD_SLICE || f->type == FIELD_IDS ?
		    (size_t)f->max : f->type == FIELD_STR ? f->size - 1 :
		    f->size;

	if (is_number(f)) {
		if (odd == ODD_LOW && f->min > INT64_MIN)
			msgpack_pack_int64(pk, f->min - 1);
		else if (odd == ODD_HIGH)
			msgpack_pack_uint64(pk, (uint64_t)f->max + 1);
		else if (odd == ODD_HIGHEST)
			msgpack_pack_uint64(pk, UINT64_MAX);
		else
			return 0;
	} else if (odd == ODD_LONG && f->type == FIELD_IDS)
		pack_list(pk, max + 1);
	else if (odd == ODD_LONG)
		pack_bytes(pk, max + 1, f->type == FIELD_STR);
	else if (odd == ODD_SHORT && f->type == FIELD_BYTES)
		pack_bytes(pk, max - 1, 0);
	else if (odd == ODD_NUL && f->type == FIELD_STR) {
		msgpack_pack_str(pk, 2);
		msgpack_pack_str_body(pk, "x\0", 2);
	} else if (odd == ODD_DEEP && f->type == FIELD_IDS) {
		msgpack_pack_array(pk, 1);
		pack_list(pk, 1);
	} else if (odd == ODD_HIGHEST && f->type == FIELD_IDS) {
		msgpack_pack_array(pk, 1);
		msgpack_pack_uint64(pk, (uint64_t)INT64_MAX + 1);
	} else if (odd == ODD_LOW && f->type == FIELD_IDS) {
		msgpack_pack_array(pk, 1);
		msgpack_pack_int(pk, -1);
	} else
		return 0;
	return 1;
}

/* Decode a packet with fields of which one is odd, or more or less of them. */
static int
decode_odd(int type, const struct msg_layout *l, size_t n, size_t which,
    enum odd odd)
{
	msgpack_sbuffer	 sb;
	msgpack_packer	 pk;
	struct msg	 m;
	void		*body = l->n > 0 ? xmalloc(l->size) : NULL;
	size_t		 i;
	int		 ret = -1, is_odd = 1;

	msgpack_sbuffer_init(&sb);
	msgpack_packer_init(&pk, &sb, msgpack_sbuffer_write);
	msgpack_pack_array(&pk, 2 + n);
	msgpack_pack_int(&pk, type);
	msgpack_pack_int(&pk, 0);
	for (i = 0; i < n; i++) {
		if (i >= l->n)
			msgpack_pack_nil(&pk);
		else if (i != which || odd == ODD_NONE)
			pack_right(&pk, &l->fields[i]);
		else if (odd < ODD_LOW)
			is_odd = pack_other(&pk, &l->fields[i], odd);
		else
			is_odd = pack_outside(&pk, &l->fields[i], odd);
		if (!is_odd)
			break;
	}
	if (is_odd && msg_parse(&m, (uint8_t *)sb.data, sb.size) == 0 &&
	    (ret = msg_decode(&m, body)) == 0)
		assert_null(sample_outside(l, body, m.data, m.len));
	msgpack_sbuffer_destroy(&sb);
	free(body);
	return ret;
}

static void
test_decoder_fields(void **state)
{
	const struct msg_layout	*l;
	size_t			 i;
	int			 type, odd;

	(void)state;
	EACH_TYPE(type, l) {
		assert_int_equal(decode_odd(type, l, l->n, 0, ODD_NONE), 0);
		for (i = 0; i < l->n; i++)
			for (odd = ODD_NIL; odd <= ODD_DEEP; odd++)
				if (decode_odd(type, l, l->n, i,
				    (enum odd)odd) != -1)
					fail_msg("%s.%s: odd %d passed",
					    l->name, l->fields[i].name, odd);
	}
}

static void
test_decoder_count(void **state)
{
	const struct msg_layout	*l;
	size_t			 n;
	int			 type;

	(void)state;
	EACH_TYPE(type, l)
		for (n = 0; n < l->n + 3; n++)
			if ((decode_odd(type, l, n, 0, ODD_NONE) == 0) !=
			    (n == l->n))
				fail_msg("%s: %zu fields", l->name, n);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_encoder_limits),
		cmocka_unit_test(test_encoder_bodies),
		cmocka_unit_test(test_decoder_fields),
		cmocka_unit_test(test_decoder_count),
	};

	sample_seed(20261124);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
