#ifndef UNIT_SAMPLE_H
#define UNIT_SAMPLE_H

/* Bodies for any message, made from its layout, and judged by it. */

#include <stddef.h>
#include <stdint.h>

#include "common/msg_layout.h"

enum sample_kind {
	SAMPLE_LEAST,		/* every field as small or empty as it may be */
	SAMPLE_MOST,		/* as large, as long */
	SAMPLE_RANDOM,		/* anything within the limits */
	SAMPLE_SHORT,		/* likewise, but what has a length is short */
};

/* The same numbers in every run. */
void	 sample_seed(uint32_t);
uint32_t sample_random(void);

/* A body for the layout, exactly its size, to free(); NULL: it has none. */
void	*sample_new(const struct msg_layout *, enum sample_kind);

/* NULL, or the name of a field in which they differ. */
const char *sample_differs(const struct msg_layout *, const void *,
	    const void *);

/* NULL, or the name of a field that is out of its limits or of the packet. */
const char *sample_outside(const struct msg_layout *, const void *body,
	    const uint8_t *packet, size_t len);

#endif
