#ifndef COMMON_CANON_H
#define COMMON_CANON_H

/* RFC 8785, JSON Canonicalization Scheme. */

#include <jansson.h>

/*
 * The canonical form as a string that the caller frees with free(), or NULL:
 * a number that is not finite, nesting deeper than 64, or no memory.
 */
char	*canon_dump(const json_t *);

#endif
