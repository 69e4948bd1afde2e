#ifndef GATE_INPUT_H
#define GATE_INPUT_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/* JSON and text from clients: what is taken is checked here first. */

#include <jansson.h>
#include <stddef.h>

#include "supervisor/gate/fault.h"

#define INPUT_DEPTH_MAX	64

/*
 * A request's body, which must be an object: a new reference.  NULL: malformed,
 * too deep, with a member twice, or something else than an object.
 */
json_t	*input_object(const char *, size_t, struct fault *);

/* Is no value inside more than INPUT_DEPTH_MAX arrays and objects? */
int	 input_depth_ok(const char *, size_t);

/*
 * A text member of an object, at least min and at most max bytes, without
 * control characters.  An absent or null one is NULL when min is 0, else
 * refused.  0, and *out_r points into obj; or -1.
 */
int	 input_text(const json_t *obj, const char *name, size_t min, size_t max,
	    const char **out_r, struct fault *);

/* Is it UTF-8 without any control character? */
int	 input_line_ok(const char *, size_t);

/* Letters, digits, '_', '-' and '/': what a group's name may have. */
int	 input_group_ok(const char *, size_t);

/* Copy to size bytes with ASCII in lower case; in may be cut. */
char	*input_lower(char *out, const char *in, size_t size);

#endif
