#ifndef GATE_QUERY_H
#define GATE_QUERY_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/* The query string of a request. */

#include <stddef.h>
#include <stdint.h>

#include "supervisor/gate/fault.h"

#define QUERY_MAX	16	/* parameters */

struct query {
	char		*text;		/* decoded, in pieces */
	size_t		 size;		/* of text */
	unsigned	 n;
	struct {
		const char	*name, *value;	/* into text */
	} p[QUERY_MAX];
};

/*
 * Decode (raw may be NULL: none).  -1: too many parameters, one twice, a
 * malformed %, no UTF-8, or a control character.  To be cleared in any case.
 */
int	 query_parse(struct query *, const char *raw);
void	 query_clear(struct query *);

/* One piece of a path, decoded, allocated.  NULL: as query_parse(). */
char	*query_decode(const char *, size_t);

/* NULL: it is not there. */
const char *query_get(const struct query *, const char *name);

/* A whole number from min to max, def when it is not there.  0, -1. */
int	 query_int(const struct query *, const char *name, int64_t min,
	    int64_t max, int64_t def, int64_t *out_r, struct fault *);

/* "true" or "false", also "1" and "0". */
int	 query_bool(const struct query *, const char *name, int def,
	    int *out_r, struct fault *);

#endif
