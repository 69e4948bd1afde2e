#ifndef COMMON_VERSION_H
#define COMMON_VERSION_H

/*
 * Which build a program is: its version, and the number of the control
 * protocol.  Both stand in one marked text of each of our programs, so that a
 * file can be asked for them without being run.
 */

#include <stddef.h>

#define VERSION_TEXT_SIZE	64

/* "1.2.3", and the protocol, of this program. */
const char *version_text(void);
int	version_proto(void);

/*
 * The same of a program in a file, at most size bytes of text.  0, or -1 with
 * errno; ENOEXEC: it is not one of ours.
 */
int	version_of_file(const char *path, char *text_r, size_t size,
	    int *proto_r);

#endif
