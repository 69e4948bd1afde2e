#ifndef COMMON_ENCODE_H
#define COMMON_ENCODE_H

/* Hex and base64 as the wire wants them: lower case, standard and padded. */

#include <stddef.h>
#include <stdint.h>

/* out has room for 2 * len + 1 bytes.  Returns out. */
char	*hex_encode(char *out, const void *in, size_t len);

/*
 * Exactly 2 * outlen lower-case digits and the end of the string.  -1:
 * anything else, upper case included; out is then unspecified.
 */
int	 hex_decode(void *out, size_t outlen, const char *in);

/* Is the string only lower-case hex digits, exactly n of them? */
int	 hex_is(const char *, size_t n);

/* Room that base64 of len bytes needs, the final NUL included. */
size_t	 base64_size(size_t len);

/* Returns out, or NULL: outsize is less than base64_size(len). */
char	*base64_encode(char *out, size_t outsize, const void *in, size_t len);

/*
 * Strict: padded, no white space, nothing behind.  Returns 0 and the decoded
 * length in *outlen_r, or -1 (malformed, or more than outsize bytes).
 */
int	 base64_decode(void *out, size_t outsize, size_t *outlen_r,
	    const char *in, size_t inlen);

/*
 * Valid UTF-8 (shortest form, no surrogates, at most U+10FFFF)?  With
 * text != 0 also free of control characters (C0, DEL, C1) except TAB, LF, CR.
 */
int	 utf8_valid(const void *, size_t len, int text);

/*
 * Length in bytes (1 to 4) and code point of the character at the start, by
 * the same rules.  0: malformed, or left is 0.
 */
size_t	 utf8_next(const void *, size_t left, uint32_t *cp_r);

/* How many of the bytes fit into max, with no part of a character at the end. */
size_t	 utf8_fit(const char *, size_t len, size_t max);

/* Take that part off text that was cut by its size. */
void	 utf8_trim(char *);

/* C0, DEL or C1? */
int	 utf8_is_control(uint32_t cp);

#endif
