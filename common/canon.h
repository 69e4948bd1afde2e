#ifndef COMMON_CANON_H
#define COMMON_CANON_H

/* RFC 8785, JSON Canonicalization Scheme. */

#include <jansson.h>

/*
 * The canonical form as a string that the caller frees with free(), or NULL:
 * a number that is not finite, a string that is not UTF-8, more than 64 arrays
 * and objects around one value, or no memory.  An integer that no double
 * holds exactly is written as the double nearest to it.
 */
char	*canon_dump(const json_t *);

#endif
