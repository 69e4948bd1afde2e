#ifndef SUPERVISOR_REGISTRY_SCHEMA_H
#define SUPERVISOR_REGISTRY_SCHEMA_H

/* The tables of sessions.db; for registry*.c. */

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Make the tables of a new file, bring an older one forward.  -1 with a
 * sentence in err: it is not ours, newer, or cannot be changed.
 */
int	registry_schema(sqlite3 *, const char *path, char *err,
	    size_t errlen);

/*
 * The same without changing anything.  1: they are as they should be; 0: they
 * are of an older version, or not there (version 0); -1 with err.
 */
int	registry_schema_look(sqlite3 *, const char *path, int64_t *version_r,
	    char *err, size_t errlen);

#endif
