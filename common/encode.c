/*
 * Hex, base64 and UTF-8 as the wire wants them.  The digits of keys pass
 * through here: libsodium's codecs do not branch on them.
 */

#include "common/encode.h"

#include <sodium.h>
#include <string.h>

#define B64	sodium_base64_VARIANT_ORIGINAL

char *
hex_encode(char *out, const void *in, size_t len)
{
	return sodium_bin2hex(out, 2 * len + 1, in, len);
}

int
hex_decode(void *out, size_t outlen, const char *in)
{
	if (!hex_is(in, 2 * outlen))
		return -1;
	return sodium_hex2bin(out, outlen, in, 2 * outlen, NULL, NULL, NULL);
}

int
hex_is(const char *s, size_t n)
{
	size_t	 i;

	if (s == NULL)
		return 0;
	for (i = 0; i < n; i++)
		if (!(s[i] >= '0' && s[i] <= '9') &&
		    !(s[i] >= 'a' && s[i] <= 'f'))
			return 0;	/* also at an early end */
	return s[n] == '\0';
}

size_t
base64_size(size_t len)
{
	return sodium_base64_ENCODED_LEN(len, B64);
}

char *
base64_encode(char *out, size_t outsize, const void *in, size_t len)
{
	if (outsize < base64_size(len))
		return NULL;
	return sodium_bin2base64(out, outsize, in, len, B64);
}

int
base64_decode(void *out, size_t outsize, size_t *outlen_r, const char *in,
    size_t inlen)
{
	/* Without an end pointer, all of the input must be used up. */
	return sodium_base642bin(out, outsize, in, inlen, NULL, outlen_r,
	    NULL, B64);
}

/*
 * Length of the sequence at p and its code point, or 0: malformed.  The range
 * of the second byte is what excludes long forms, surrogates and what is above
 * U+10FFFF (Unicode, table 3-7).
 */
size_t
utf8_next(const void *s, size_t left, uint32_t *cp_r)
{
	const uint8_t	*p = s;
	uint8_t		 lo = 0x80, hi = 0xbf;
	size_t		 i, n;

	if (left == 0)
		return 0;
	if (p[0] < 0x80) {
		*cp_r = p[0];
		return 1;
	}
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (n > left)
		return 0;
	if (p[0] == 0xe0)
		lo = 0xa0;
	else if (p[0] == 0xed)
		hi = 0x9f;
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f;
	if (p[1] < lo || p[1] > hi)
		return 0;
	*cp_r = p[0] & (0x7f >> n);
	for (i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*cp_r = *cp_r << 6 | (p[i] & 0x3f);
	}
	return n;
}

int
utf8_is_control(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0);
}

int
utf8_valid(const void *s, size_t len, int text)
{
	const uint8_t	*p = s, *end = p + len;
	uint32_t	 cp;
	size_t		 n;

	for (; p < end; p += n) {
		if ((n = utf8_next(p, end - p, &cp)) == 0)
			return 0;
		if (text && utf8_is_control(cp) && cp != '\t' && cp != '\n' &&
		    cp != '\r')
			return 0;
	}
	return 1;
}

size_t
utf8_fit(const char *s, size_t len, size_t max)
{
	if (len <= max)
		return len;
	while (max > 0 && ((uint8_t)s[max] & 0xc0) == 0x80)
		max--;
	return max;
}

void
utf8_trim(char *s)
{
	size_t		len = strlen(s), at = len;
	uint32_t	cp;

	while (at > 0 && len - at < 3 && ((uint8_t)s[at - 1] & 0xc0) == 0x80)
		at--;
	if (at > 0 && utf8_next(s + at - 1, len - at + 1, &cp) !=
	    len - at + 1)
		s[at - 1] = '\0';
}
