#ifndef COMMON_MSG_LAYOUT_H
#define COMMON_MSG_LAYOUT_H

/* How each message body is laid out; for msg.c and the tests of all layouts. */

#include <stddef.h>
#include <stdint.h>

#include "common/msg.h"

enum field_type {
	FIELD_INT,	/* int64_t, min <= value <= max */
	FIELD_UINT,	/* uint64_t, value <= max */
	FIELD_UINT32,	/* uint32_t, value <= max */
	FIELD_BYTES,	/* uint8_t[size], all of it */
	FIELD_STR,	/* char[size], NUL-terminated */
	FIELD_SLICE,	/* struct msg_slice, at most max bytes */
	FIELD_IDS,	/* uint32_t n, then uint64_t v[max] */
};

struct msg_field {
	const char	*name;
	enum field_type	 type;
	size_t		 offset;
	size_t		 size;
	int64_t		 min, max;
};

struct msg_layout {
	const char	*name;
	const struct msg_field *fields;	/* NULL: no body */
	size_t		 n;
	size_t		 size;		/* of the struct */
	int		 big;		/* may travel as a memfd */
};

/* NULL: no such type. */
const struct msg_layout *msg_layout(int type);

#endif
