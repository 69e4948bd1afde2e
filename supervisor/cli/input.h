#ifndef CLI_INPUT_H
#define CLI_INPUT_H

/* Texts that a verb sends: an operand, the standard input, a file. */

#include "supervisor/cli/buf.h"
#include "supervisor/cli/cli.h"

/*
 * The text of an operand, "-" for all of the standard input, or of a file,
 * "-" likewise, byte for byte; what names it in errors ("the message").  It
 * is UTF-8, not empty, and no longer than the daemon takes.  CLI_OK, or an
 * exit code with the reason printed.
 */
int	input_text(const struct cli *, const char *operand, const char *what,
	    struct buf *);
int	input_file(const struct cli *, const char *path, const char *what,
	    struct buf *);

#endif
