#ifndef UNIT_SCRATCH_H
#define UNIT_SCRATCH_H

/* A directory for one test program, and files in it. */

#include <stddef.h>
#include <sys/types.h>

/* Made 0700 below TMPDIR; as cmocka's group set-up and tear-down. */
int	scratch_make(void **state);
int	scratch_remove(void **state);

/* Remove what is in it; as cmocka's set-up of one test. */
int	scratch_clean(void **state);

/*
 * The path of a name in it, "" for itself.  The text stays until four more
 * were asked for.
 */
const char *scratch(const char *name);

/* Write a file with this mode.  Returns its path, as scratch(). */
const char *scratch_write(const char *name, mode_t, const void *, size_t);

/* The permission bits of a name in it, or -1 when there is none. */
int	scratch_mode(const char *name);

/* How many names are in it. */
int	scratch_count(void);

#endif
