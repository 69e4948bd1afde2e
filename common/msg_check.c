/*
 * A walk over msgpack without building anything.  It is bounded by the bytes
 * that are there: every element takes at least one.
 */

#include "common/msg_check.h"

/* Read an n-byte big-endian number at p. */
static uint64_t
be(const uint8_t *p, unsigned n)
{
	uint64_t	v = 0;

	while (n-- > 0)
		v = v << 8 | *p++;
	return v;
}

static int
is_array(uint8_t b)
{
	return (b >= 0x90 && b <= 0x9f) || b == 0xdc || b == 0xdd;
}

/*
 * One token: its size with everything but array elements in *used_r, and the
 * number of elements that follow in *count_r (0 unless it is an array).
 */
static int
token(const uint8_t *p, size_t left, size_t *used_r, uint64_t *count_r)
{
	static const uint8_t	fixed[] = {	/* 0xc0 .. 0xdf: bytes behind */
	    [0xca - 0xc0] = 4, [0xcb - 0xc0] = 8, [0xcc - 0xc0] = 1,
	    [0xcd - 0xc0] = 2, [0xce - 0xc0] = 4, [0xcf - 0xc0] = 8,
	    [0xd0 - 0xc0] = 1, [0xd1 - 0xc0] = 2, [0xd2 - 0xc0] = 4,
	    [0xd3 - 0xc0] = 8, [0xdf - 0xc0] = 0 };
	uint64_t		len = 0;
	unsigned		n = 0;
	uint8_t			b = p[0];

	*count_r = 0;
	*used_r = 1;
	if (b <= 0x7f || b >= 0xe0 || b == 0xc0 || b == 0xc2 || b == 0xc3)
		return 0;		/* small number, nil, boolean */
	if (b >= 0xa0 && b <= 0xbf)
		len = b & 0x1f;
	else if (b >= 0x90 && b <= 0x9f) {
		*count_r = b & 0x0f;
		return 0;
	} else if (b >= 0xca && b <= 0xd3)
		len = fixed[b - 0xc0];
	else if (b >= 0xc4 && b <= 0xc6)
		n = 1u << (b - 0xc4);		/* bin 8, 16, 32 */
	else if (b >= 0xd9 && b <= 0xdb)
		n = 1u << (b - 0xd9);		/* str 8, 16, 32 */
	else if (b == 0xdc || b == 0xdd)
		n = b == 0xdc ? 2 : 4;		/* array 16, 32 */
	else
		return -1;			/* map, ext, never used */
	if (left - 1 < n)
		return -1;
	if (b == 0xdc || b == 0xdd) {
		*count_r = be(p + 1, n);
		*used_r += n;
		return 0;
	}
	if (n > 0)
		len = be(p + 1, n);
	if (len > left - 1 - n)
		return -1;
	*used_r += n + (size_t)len;
	return 0;
}

/* Exactly one array, well-formed and within bounds. */
int
msg_check(const uint8_t *p, size_t len)
{
	uint64_t	left[MSG_DEPTH_MAX], count, total = 0;
	size_t		off = 0, used;
	int		depth = 0;

	if (len == 0 || !is_array(p[0]))
		return -1;
	do {
		if (off >= len ||
		    (depth == MSG_DEPTH_MAX && is_array(p[off])) ||
		    token(p + off, len - off, &used, &count) == -1)
			return -1;
		if (depth > 0)
			left[depth - 1]--;
		off += used;
		total += count;
		if (total > MSG_ELEMENTS_MAX || count > len - off)
			return -1;
		if (count > 0)
			left[depth++] = count;
		while (depth > 0 && left[depth - 1] == 0)
			depth--;
	} while (depth > 0);
	return off == len ? 0 : -1;
}
