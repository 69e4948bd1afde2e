/* Puts of one worker that could not be stored, and are awaited. */

#include "supervisor/store/refused.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

/* The worker counts its puts; the count may begin anew after 32 bits. */
static int
is_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

int
refused_is_next(const struct refused *r, uint32_t seq)
{
	return r->n == 0 || r->seq[0] == seq;
}

int
refused_add(struct refused *r, uint32_t seq)
{
	size_t	i = r->n;

	while (i > 0 && is_before(seq, r->seq[i - 1]))
		i--;
	if (i > 0 && r->seq[i - 1] == seq)
		return 0;
	if (r->n == REFUSED_MAX)
		return -1;
	if (r->n == r->size) {
		r->size = r->size != 0 ? 2 * r->size : 64;
		r->seq = xreallocarray(r->seq, r->size, sizeof *r->seq);
	}
	memmove(r->seq + i + 1, r->seq + i, (r->n - i) * sizeof *r->seq);
	r->seq[i] = seq;
	r->n++;
	return 0;
}

void
refused_del(struct refused *r, uint32_t seq)
{
	if (r->n == 0 || r->seq[0] != seq)
		return;
	r->n--;
	memmove(r->seq, r->seq + 1, r->n * sizeof *r->seq);
}

void
refused_clear(struct refused *r)
{
	free(r->seq);
	memset(r, 0, sizeof *r);
}
