#ifndef UNIT_VECTORS_H
#define UNIT_VECTORS_H

/* The cases that the reference implementation made: tests/vectors. */

#include <jansson.h>
#include <stdint.h>

#include "common/identity.h"

/*
 * The whole file, or NULL and a line on stderr; the caller json_decref()s.
 * Its numbers are all JSON_REAL.
 */
json_t	*vectors_load(void);

/* What every helper below does with a member that is not there: abort(). */
const char *vectors_string(const json_t *object, const char *name);
int64_t	 vectors_integer(const json_t *object, const char *name);

/* len bytes from hex. */
void	 vectors_hex(const json_t *object, const char *name, void *out,
	    size_t len);

/* A key pair of the file by its name ("sessA"); either may be NULL. */
void	 vectors_key(const json_t *file, const char *name,
	    uint8_t pub[KEY_PUBLIC_LEN], uint8_t sec[KEY_SECRET_LEN]);

#endif
