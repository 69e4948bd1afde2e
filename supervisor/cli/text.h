#ifndef CLI_TEXT_H
#define CLI_TEXT_H

/*
 * Text for people.  What comes from a peer, a name or a body, may hold
 * anything; nothing of it reaches a terminal but what can only be read:
 * control characters, escape sequences and marks that reorder a line become
 * visible stand-ins.
 */

#include <stddef.h>

/*
 * Take the locale of the environment.  to_terminal: the output is read by a
 * terminal, so that one that does not speak UTF-8 gets ASCII only (a byte of
 * a UTF-8 sequence may be a control character to it).
 */
void	text_init(int to_terminal);

enum text_kind {
	TEXT_LINE,		/* line ends and tabs become visible too */
	TEXT_BLOCK,		/* line ends and tabs stay */
};

/* A harmless copy; the caller frees.  NULL gives an empty string. */
char	*text_clean(const char *, enum text_kind);
char	*text_clean_n(const char *, size_t len, enum text_kind);

/*
 * printf(), of which all but a line end that fmt ends with is cleaned as a
 * line: no escape sequences go in.
 */
void	text_printf(const char *fmt, ...)
	    __attribute__((__format__(printf, 1, 2)));

/* Columns that a clean line takes. */
size_t	 text_width(const char *);

/* Cut a clean line to at most width columns, with an ellipsis, in place. */
void	 text_cut(char *, size_t width);

/* ISO 8601 as local time, "2026-11-23 22:43:14"; what is none is cleaned. */
char	*text_time(const char *iso);

/* "3s", "2m 5s", "4h 10m", "3d 7h"; allocated. */
char	*text_duration(long long seconds);

/* As one word of a shell; allocated. */
char	*text_quote(const char *);

#endif
