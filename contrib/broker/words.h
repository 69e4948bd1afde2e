#ifndef BROKER_WORDS_H
#define BROKER_WORDS_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/*
 * From what somebody looks for to an expression that SQLite's FTS5 takes.
 * Whatever the text is, it is looked for as words: no quote, bracket or AND in
 * it is an operator.
 */

#include <stddef.h>

#define WORDS_MAX	16	/* looked for; later ones are left out */
#define WORD_MAX	64	/* bytes of one; the rest of it is left out */
#define WORDS_SIZE	(WORDS_MAX * (WORD_MAX + 8) + 1)

/*
 * "one" AND "two" (all != 0), or OR.  How many words there are; 0: none, and
 * out is "".
 */
unsigned words_query(const char *text, int all, char out[WORDS_SIZE]);

#endif
