/*
 * From what somebody looks for to an expression of FTS5.
 */

#include "contrib/broker/words.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/encode.h"

/*
 * May it be part of a word?  ASCII as the tokenizer has it; of the rest what is
 * surely punctuation or a sign is not.
 */
static int
is_word(uint32_t cp)
{
	if (cp < 0x80)
		return (cp >= '0' && cp <= '9') || (cp >= 'a' && cp <= 'z') ||
		    (cp >= 'A' && cp <= 'Z');
	return !((cp < 0xc0 && cp != 0xaa && cp != 0xb5 && cp != 0xba) ||
	    (cp >= 0x2000 && cp <= 0x2bff) || (cp >= 0x3000 && cp <= 0x303f) ||
	    (cp >= 0xfe00 && cp <= 0xfe0f) || cp >= 0x1f000);
}

/* The next word of *p: where it begins, and its length; 0: no more. */
static size_t
word_next(const char **p, const char **word_r)
{
	size_t		 n, len = 0;
	uint32_t	 cp;

	for (;; *p += n) {
		n = utf8_next(*p, strnlen(*p, 4), &cp);
		if (n > 0 && is_word(cp)) {
			if (len == 0)
				*word_r = *p;
			len += n;
		} else if (len > 0 || n == 0)
			return len;
	}
}

/* Cut between characters. */
static size_t
word_cut(const char *word, size_t len)
{
	if (len <= WORD_MAX)
		return len;
	for (len = WORD_MAX; ((unsigned char)word[len] & 0xc0) == 0x80; len--)
		continue;
	return len;
}

unsigned
words_query(const char *text, int all, char out[WORDS_SIZE])
{
	const char	*word;
	size_t		 len, used = 0;
	unsigned	 n = 0;

	*out = '\0';
	while (n < WORDS_MAX && (len = word_next(&text, &word)) > 0) {
		len = word_cut(word, len);
		used += (size_t)snprintf(out + used, WORDS_SIZE - used,
		    "%s\"%.*s\"", n == 0 ? "" : all ? " AND " : " OR ",
		    (int)len, word);
		n++;
	}
	return n;
}
