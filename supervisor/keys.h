#ifndef SUPERVISOR_KEYS_H
#define SUPERVISOR_KEYS_H

/*
 * host.key, 32 random bytes made at the first start, and what derives from
 * it.  It stays in the supervisor.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/body.h"

/*
 * Read it, or make it when may_make.  -1 with a sentence in err: unreadable,
 * readable by others, of another size, or missing although it must be there.
 */
int	keys_load(uint8_t key[HOST_KEY_LEN], const char *path, int may_make,
	    char *err, size_t errlen);

#endif
