#ifndef SUPERVISOR_REGISTRY_SCHEMA_H
#define SUPERVISOR_REGISTRY_SCHEMA_H

/* The tables of sessions.db; for registry.c. */

#include <sqlite3.h>
#include <stddef.h>

/*
 * Make the tables of a new file, bring an older one forward.  -1 with a
 * sentence in err: it is not ours, newer, or cannot be changed.
 */
int	registry_schema(sqlite3 *, const char *path, char *err,
	    size_t errlen);

#endif
