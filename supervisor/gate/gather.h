#ifndef GATE_GATHER_H
#define GATE_GATHER_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/*
 * One list of what several brokers say: of the session's, or of those of all
 * meshes in the caller's scope.  Each item gets its mesh; meshes that did not
 * answer stand in "unavailable", and are the answer when none did.  What a
 * broker has cut short is "truncated".
 */

#include <jansson.h>

#define GATHER_NAMES	3

struct request;

struct gather_kind {
	const char	*what;		/* the question, of worker/request.h */
	const char	*list;		/* its name in our answer */
	/* What brokers call the list. */
	const char	*names[GATHER_NAMES];
	const char	*away;		/* the code when one tells nothing; */
					/* NULL: why it does not */
	/* An item, ours to change; 0: leave it out.  NULL: all as they are. */
	int		(*take)(const struct request *, json_t *item);
};

/* Answers the request; takes args.  The kind is static. */
void	gather(struct request *, const struct gather_kind *, json_t *args);

#endif
