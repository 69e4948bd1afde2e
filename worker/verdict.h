#ifndef WORKER_VERDICT_H
#define WORKER_VERDICT_H

/* What a broker's refusal of a send means, delivery.md section 4. */

enum verdict {
	VERDICT_LATER,		/* back-off */
	VERDICT_ABSENT,		/* recipient not connected */
	VERDICT_RATE,		/* back pressure; no attempt */
	VERDICT_ORDER,		/* an earlier one of the target was refused */
	VERDICT_DEAD,		/* will never be taken */
};

/*
 * By the text of the error.  *code_r is a word for the reason of a row that
 * dies, static, or NULL.
 */
enum verdict verdict_of(const char *error, const char **code_r);

#endif
