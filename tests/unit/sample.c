/* Bodies for any message, made from its layout. */

#include "sample.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

#define SHORT_MAX	20

static uint8_t	pool[CHANNEL_BIG_MAX];		/* what slices point to */
static uint32_t	seed = 1;

void
sample_seed(uint32_t n)
{
	size_t	i;

	seed = n != 0 ? n : 1;
	if (pool[0] == 0)
		for (i = 0; i < sizeof pool; i++)
			pool[i] = (uint8_t)(sample_random() | 1);
}

uint32_t
sample_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	return seed ^= seed << 5;
}

/* One of the edges more often than chance would have it. */
static int64_t
number(const struct msg_field *f, enum sample_kind kind)
{
	uint64_t	 span = (uint64_t)f->max - (uint64_t)f->min;
	uint64_t	 r = (uint64_t)sample_random() << 32 | sample_random();

	if (kind == SAMPLE_LEAST)
		return f->min;
	if (kind == SAMPLE_MOST)
		return f->max;
	switch (sample_random() % 4) {
	case 0:
		return f->min;
	case 1:
		return f->max;
	case 2:
		r %= 300;
	}
	return (int64_t)((uint64_t)f->min + (span < UINT64_MAX ?
	    r % (span + 1) : r));
}

/* Up to max. */
static size_t
length(size_t max, enum sample_kind kind)
{
	if (kind == SAMPLE_SHORT && max > SHORT_MAX)
		max = SHORT_MAX;
	return kind == SAMPLE_LEAST ? 0 : kind == SAMPLE_MOST ? max :
	    sample_random() % (max + 1);
}

static void
fill_bytes(uint8_t *p, size_t len, enum sample_kind kind)
{
	size_t	i;

	for (i = 0; i < len; i++)
		p[i] = (uint8_t)(kind == SAMPLE_LEAST ? 0 :
		    kind == SAMPLE_MOST ? 0xff : sample_random());
}

static void
fill_ids(const struct msg_field *f, void *at, enum sample_kind kind)
{
	const struct msg_field	 one = { .max = INT64_MAX };
	uint64_t		*v = (void *)((char *)at +
				    offsetof(struct msg_ids, v));
	uint32_t		*n = at, i;

	*n = (uint32_t)length((size_t)f->max, kind);
	for (i = 0; i < *n; i++)
		v[i] = (uint64_t)number(&one, kind);
}

static void
fill(const struct msg_field *f, void *at, enum sample_kind kind)
{
	struct msg_slice	 slice;
	int64_t			 i;
	uint32_t		 w;
	size_t			 len;

	switch (f->type) {
	case FIELD_INT:
	case FIELD_UINT:
		i = number(f, kind);
		memcpy(at, &i, sizeof i);
		return;
	case FIELD_UINT32:
		w = (uint32_t)number(f, kind);
		memcpy(at, &w, sizeof w);
		return;
	case FIELD_BYTES:
		fill_bytes(at, f->size, kind);
		return;
	case FIELD_STR:
		len = length(f->size - 1, kind);
		memcpy(at, pool + sample_random() % 1000, len);
		((char *)at)[len] = '\0';
		return;
	case FIELD_SLICE:
		slice.len = length((size_t)f->max, kind);
		slice.p = slice.len == 0 ? NULL :
		    pool + sample_random() % (sizeof pool - slice.len + 1);
		memcpy(at, &slice, sizeof slice);
		return;
	case FIELD_IDS:
		fill_ids(f, at, kind);
		return;
	}
	abort();
}

void *
sample_new(const struct msg_layout *l, enum sample_kind kind)
{
	char	*body;
	size_t	 i;

	if (l->n == 0)
		return NULL;
	body = xcalloc(1, l->size);
	for (i = 0; i < l->n; i++)
		fill(&l->fields[i], body + l->fields[i].offset, kind);
	return body;
}

static int
same(const struct msg_field *f, const void *x, const void *y)
{
	const struct msg_slice	*sx = x, *sy = y;

	switch (f->type) {
	case FIELD_STR:
		return strcmp(x, y) == 0;
	case FIELD_SLICE:
		return sx->len == sy->len &&
		    (sx->len == 0 || memcmp(sx->p, sy->p, sx->len) == 0);
	case FIELD_IDS:
		return *(const uint32_t *)x == *(const uint32_t *)y &&
		    memcmp((const char *)x + offsetof(struct msg_ids, v),
		    (const char *)y + offsetof(struct msg_ids, v),
		    8 * *(const uint32_t *)x) == 0;
	default:
		return memcmp(x, y, f->size) == 0;
	}
}

const char *
sample_differs(const struct msg_layout *l, const void *x, const void *y)
{
	size_t	i, off;

	for (i = 0; i < l->n; i++) {
		off = l->fields[i].offset;
		if (!same(&l->fields[i], (const char *)x + off,
		    (const char *)y + off))
			return l->fields[i].name;
	}
	return NULL;
}

static int
ids_inside(const struct msg_field *f, const void *at)
{
	const uint64_t	*v = (const void *)((const char *)at +
			    offsetof(struct msg_ids, v));
	uint32_t	 n = *(const uint32_t *)at, i;

	if (n > f->max)
		return 0;
	for (i = 0; i < n; i++)
		if (v[i] > INT64_MAX)
			return 0;
	return 1;
}

static int
inside(const struct msg_field *f, const void *at, const uint8_t *packet,
    size_t len)
{
	struct msg_slice	 slice;
	uint64_t		 u;
	int64_t			 i;
	uint32_t		 w;

	switch (f->type) {
	case FIELD_INT:
		memcpy(&i, at, sizeof i);
		return i >= f->min && i <= f->max;
	case FIELD_UINT:
		memcpy(&u, at, sizeof u);
		return u <= (uint64_t)f->max;
	case FIELD_UINT32:
		memcpy(&w, at, sizeof w);
		return w <= f->max;
	case FIELD_STR:
		return memchr(at, '\0', f->size) != NULL;
	case FIELD_SLICE:
		memcpy(&slice, at, sizeof slice);
		if (slice.len == 0)
			return slice.p != NULL;
		return slice.len <= (size_t)f->max && slice.p >= packet &&
		    slice.p <= packet + len &&
		    slice.len <= (size_t)(packet + len - slice.p);
	case FIELD_IDS:
		return ids_inside(f, at);
	case FIELD_BYTES:
		return 1;
	}
	return 0;
}

const char *
sample_outside(const struct msg_layout *l, const void *body,
    const uint8_t *packet, size_t len)
{
	size_t	i;

	for (i = 0; i < l->n; i++)
		if (!inside(&l->fields[i],
		    (const char *)body + l->fields[i].offset, packet, len))
			return l->fields[i].name;
	return NULL;
}
