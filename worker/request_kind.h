#ifndef WORKER_REQUEST_KIND_H
#define WORKER_REQUEST_KIND_H

/*
 * What may be asked of a broker: the words, their fields and limits, and what
 * answers them.  Nothing else gets into a frame, whoever asks for it.
 */

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "worker/frame.h"

enum field_type {
	FIELD_LINE,		/* text without control characters; bytes */
	FIELD_TEXT,		/* any text; bytes */
	FIELD_BOOL,
	FIELD_INT,		/* from 1 */
	FIELD_OBJECT,		/* an object; bytes of its JSON */
	FIELD_JSON,		/* anything but null; bytes of its JSON */
	FIELD_LINES,		/* an array of lines; how many */
};

#define FIELD_MUST	0x1u	/* it must be there */
#define FIELD_EMPTY	0x2u	/* text may be "" */
#define FIELD_TRUE	0x4u	/* instead of a number, true */

struct kind_field {
	const char	*name;		/* NULL: no more fields */
	enum field_type	 type;
	unsigned	 flags;
	int64_t		 max;
	const char	*one_of;	/* "a b": nothing else; NULL: free */
};

#define KIND_FIELDS	6
#define KIND_ANSWERS	3
#define KIND_LINE_MAX	128	/* of one of FIELD_LINES, bytes */

#define KIND_SHARED	0x1u	/* one answer is enough for many */
#define KIND_KEPT	0x2u	/* sets what a new presence lacks */
#define KIND_PREFIX	0x4u	/* an answer may say more than was asked */
#define KIND_LOOSE	0x8u	/* an answer may say it in other words */

struct kind {
	const char	*what;		/* as it is asked for */
	const char	*type;		/* of the frame */
	unsigned	 flags;
	/* Types of frames that answer it; none: who asks needs not wait. */
	const char	*answers[KIND_ANSWERS];
	/*
	 * For brokers that do not echo ids: the field that an answer repeats,
	 * and the object in the answer where it stands (NULL: at the top).
	 */
	const char	*about, *in;
	struct kind_field fields[KIND_FIELDS];
};

/* NULL: it cannot be asked. */
const struct kind *kind_find(const char *what);

int	kind_is_answered(const struct kind *);		/* at all */
int	kind_is_answered_by(const struct kind *, const char *type);

/*
 * The frame of a question with these fields (NULL: none): a new reference,
 * without an id.  Unknown fields are left out.  NULL: why says what is wrong
 * with one.
 */
json_t	*kind_frame(const struct kind *, const json_t *args, char *why,
	    size_t whysize);

/* The HTTP status for a broker's error; 502: unknown. */
int64_t	kind_error_status(const char *code);

/*
 * May this error be about that kind?  1; 0; -1: nothing is known of the code.
 */
int	kind_error_fits(const char *code, const struct kind *);

#endif
