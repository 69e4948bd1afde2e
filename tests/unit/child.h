#ifndef UNIT_CHILD_H
#define UNIT_CHILD_H

/* Runs what ends its process, or writes to stderr, in a child. */

#include <stddef.h>

/*
 * Call fn in a child.  Returns its exit status (0 when fn returned), or 128
 * and the number of the signal that killed it.  What it wrote to stderr is in
 * err, cut to size and ended with a NUL.
 */
int	child_run(void (*fn)(void), char *err, size_t size);

#endif
