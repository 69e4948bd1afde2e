/*
 * RFC 8785.  Numbers are the hard part: the shortest digits that read back as
 * the same double, written as ECMAScript does.  Keys are in the order of
 * their UTF-16 code units, also those that look like array indices.
 *
 * What is left behind in memory is wiped: meta is as private as a body.
 */

#include "common/canon.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/encode.h"
#include "common/xalloc.h"

#define DEPTH_MAX	64
#define DIGITS_MAX	17		/* enough for any double */
#define INTEGER_MAX	(1LL << 53)	/* every integer up to it is a double */

struct out {
	char	*buf;
	size_t	 len;
	size_t	 size;
};

struct member {
	const char	*key;		/* into the object */
	size_t		 keylen;
	json_t		*value;
};

static int	value_put(struct out *, const json_t *, int depth);

static int
out_put(struct out *o, const char *s, size_t len)
{
	char	*bigger;
	size_t	 size = o->size;

	if (len > SIZE_MAX / 4)
		return -1;
	while (size - o->len < len)
		size = size == 0 ? 256 : 2 * size;
	if (size != o->size) {
		if ((bigger = malloc(size)) == NULL)
			return -1;
		if (o->len > 0)
			memcpy(bigger, o->buf, o->len);
		freezero(o->buf, o->size);
		o->buf = bigger;
		o->size = size;
	}
	memcpy(o->buf + o->len, s, len);
	o->len += len;
	return 0;
}

static int
out_puts(struct out *o, const char *s)
{
	return out_put(o, s, strlen(s));
}

/* One ASCII character that does not stand for itself in a string. */
static int
escape_put(struct out *o, uint32_t cp)
{
	static const char	 shorts[] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
		['\r'] = 'r', ['"'] = '"', ['\\'] = '\\',
	};
	char			 esc[8];

	if (shorts[cp] != '\0')
		snprintf(esc, sizeof esc, "\\%c", shorts[cp]);
	else
		snprintf(esc, sizeof esc, "\\u%04x", cp & 0xff);
	return out_puts(o, esc);
}

static int
string_put(struct out *o, const char *s, size_t len)
{
	const char	*plain = s;	/* what is not written yet */
	const char	*end = s + len;
	uint32_t	 cp;
	size_t		 n;

	if (out_puts(o, "\"") == -1)
		return -1;
	for (; s < end; s += n) {
		if ((n = utf8_next(s, end - s, &cp)) == 0)
			return -1;
		if (cp >= 0x20 && cp != '"' && cp != '\\')
			continue;
		if (out_put(o, plain, s - plain) == -1 ||
		    escape_put(o, cp) == -1)
			return -1;
		plain = s + n;
	}
	if (out_put(o, plain, end - plain) == -1)
		return -1;
	return out_puts(o, "\"");
}

/* The next number above "d.ddde+dd" of as many digits.  -1: they are all 9. */
static int
digits_up(char *s)
{
	char	*p;

	for (p = strchr(s, 'e'); p-- > s; ) {
		if (*p == '9')
			*p = '0';
		else if (*p >= '0' && *p < '9') {
			++*p;
			return 0;
		}
	}
	return -1;
}

/*
 * The shortest digits of v > 0, no zero at either end, and the power of ten
 * before which the decimal point would stand: v = 0.digits * 10^*point_r.
 * Returns how many they are.
 */
static int
real_digits(double v, char digits[DIGITS_MAX + 1], int *point_r)
{
	char	 buf[DIGITS_MAX + 16];
	char	*p;
	int	 n, prec;

	/*
	 * A normal double has no two neighbours of 15 digits, so that anything
	 * shorter shows as zeros at the end of its 15.
	 */
	for (prec = v < DBL_MIN ? 1 : DBL_DIG; ; prec++) {
		snprintf(buf, sizeof buf, "%.*e", prec - 1, v);
		if (prec == DIGITS_MAX || strtod(buf, NULL) == v)
			break;
		/*
		 * Below a power of two doubles are closer: the nearest digits,
		 * if below, may miss it where others, further above, do not.
		 */
		if (digits_up(buf) == 0 && strtod(buf, NULL) == v)
			break;
	}
	n = 0;
	for (p = buf; *p != 'e'; p++)
		if (*p >= '0' && *p <= '9')	/* not the locale's point */
			digits[n++] = *p;
	while (digits[n - 1] == '0')
		n--;
	digits[n] = '\0';
	*point_r = atoi(p + 1) + 1;
	return n;
}

/* Number::toString of ECMAScript, for radix 10. */
static int
real_put(struct out *o, double v)
{
	static const char	 zeros[] = "00000000000000000000";
	char			 digits[DIGITS_MAX + 1], buf[64];
	const char		*sign = v < 0 ? "-" : "";
	int			 n, point;

	if (!isfinite(v))
		return -1;
	if (v == 0)
		return out_puts(o, "0");	/* -0 too */
	n = real_digits(fabs(v), digits, &point);
	if (n <= point && point <= 21)
		snprintf(buf, sizeof buf, "%s%s%.*s", sign, digits,
		    point - n, zeros);
	else if (0 < point && point <= 21)
		snprintf(buf, sizeof buf, "%s%.*s.%s", sign, point, digits,
		    digits + point);
	else if (-6 < point && point <= 0)
		snprintf(buf, sizeof buf, "%s0.%.*s%s", sign, -point, zeros,
		    digits);
	else
		snprintf(buf, sizeof buf, "%s%c%s%se%+d", sign, digits[0],
		    n > 1 ? "." : "", digits + 1, point - 1);
	return out_puts(o, buf);
}

/* JSON has doubles only: a larger integer is the double nearest to it. */
static int
integer_put(struct out *o, json_int_t v)
{
	char	 buf[32];

	if (v > INTEGER_MAX || v < -INTEGER_MAX)
		return real_put(o, v);
	snprintf(buf, sizeof buf, "%" JSON_INTEGER_FORMAT, v);
	return out_puts(o, buf);
}

/*
 * The order of UTF-16 code units, from UTF-8.  Where two strings part, their
 * bytes are in order, but for U+E000 to U+FFFF, which begin with 0xee and
 * 0xef: in UTF-16 they come after the surrogates of what begins with 0xf0 and
 * above.
 */
static int
unit_rank(unsigned char c)
{
	return c == 0xee || c == 0xef ? c + 0x10 : c;
}

static int
member_compare(const void *va, const void *vb)
{
	const struct member	*a = va, *b = vb;
	size_t			 i;

	for (i = 0; i < a->keylen && i < b->keylen; i++)
		if (a->key[i] != b->key[i])
			return unit_rank(a->key[i]) - unit_rank(b->key[i]);
	return a->keylen < b->keylen ? -1 : a->keylen > b->keylen;
}

static int
members_put(struct out *o, const struct member *m, size_t n, int depth)
{
	size_t	 i;

	if (out_puts(o, "{") == -1)
		return -1;
	for (i = 0; i < n; i++)
		if ((i > 0 && out_puts(o, ",") == -1) ||
		    string_put(o, m[i].key, m[i].keylen) == -1 ||
		    out_puts(o, ":") == -1 ||
		    value_put(o, m[i].value, depth) == -1)
			return -1;
	return out_puts(o, "}");
}

static int
object_put(struct out *o, const json_t *v, int depth)
{
	json_t		*object = (json_t *)v;	/* only read */
	struct member	*m;
	size_t		 n = 0;
	void		*it;
	int		 error;

	if ((m = calloc(json_object_size(v) + 1, sizeof *m)) == NULL)
		return -1;
	for (it = json_object_iter(object); it != NULL;
	    it = json_object_iter_next(object, it), n++) {
		m[n].key = json_object_iter_key(it);
		m[n].keylen = json_object_iter_key_len(it);
		m[n].value = json_object_iter_value(it);
	}
	qsort(m, n, sizeof *m, member_compare);
	error = members_put(o, m, n, depth);
	free(m);
	return error;
}

static int
array_put(struct out *o, const json_t *v, int depth)
{
	size_t	 i;

	if (out_puts(o, "[") == -1)
		return -1;
	for (i = 0; i < json_array_size(v); i++)
		if ((i > 0 && out_puts(o, ",") == -1) ||
		    value_put(o, json_array_get(v, i), depth) == -1)
			return -1;
	return out_puts(o, "]");
}

/* depth: how many arrays and objects are around the value. */
static int
value_put(struct out *o, const json_t *v, int depth)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return depth < DEPTH_MAX ? object_put(o, v, depth + 1) : -1;
	case JSON_ARRAY:
		return depth < DEPTH_MAX ? array_put(o, v, depth + 1) : -1;
	case JSON_STRING:
		return string_put(o, json_string_value(v),
		    json_string_length(v));
	case JSON_INTEGER:
		return integer_put(o, json_integer_value(v));
	case JSON_REAL:
		return real_put(o, json_real_value(v));
	case JSON_TRUE:
		return out_puts(o, "true");
	case JSON_FALSE:
		return out_puts(o, "false");
	case JSON_NULL:
		return out_puts(o, "null");
	}
	return -1;
}

char *
canon_dump(const json_t *v)
{
	struct out	 o = { 0 };

	if (v == NULL || value_put(&o, v, 0) == -1 ||
	    out_put(&o, "", 1) == -1) {
		freezero(o.buf, o.size);
		return NULL;
	}
	return o.buf;
}
