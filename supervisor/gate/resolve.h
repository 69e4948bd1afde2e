#ifndef GATE_RESOLVE_H
#define GATE_RESOLVE_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/*
 * Whom a name or the beginning of a key means.  The worker of the one who
 * sends is asked for its roster, which may be some seconds old; when nobody or
 * several match, what the broker says now decides.  What topic "#name" means
 * its worker says itself, by the same rules.
 */

#include <jansson.h>

#include "common/rows.h"
#include "supervisor/gate/fault.h"

#define RESOLVE_PREFIX_MIN	8	/* digits of a key that may stand for it */
#define RESOLVE_CANDIDATES_MAX	50

struct request;
struct resolve;

/*
 * target is a key of 64 digits, or "#" and the id of a topic; NULL: none, as
 * the fault says.
 */
typedef void (*resolve_cb)(struct request *, struct resolve *,
	    const char *target);

struct resolve {
	uint8_t		 owner[OWNER_ID_LEN];	/* whose worker is asked */
	char		 name[TARGET_SIZE];
	int		 confirming;	/* the broker is asked */
	resolve_cb	 cb;
	struct fault	 fault;
	json_t		*candidates;	/* when several match, else NULL */
};

/*
 * Ask.  The resolve is part of the request's state, where resolve_clear() is
 * called when that ends; cb is called once, from the loop.  -1: nobody can be
 * asked, as the fault says.
 */
int	resolve_start(struct resolve *, struct request *,
	    const uint8_t owner[OWNER_ID_LEN], const char *name, resolve_cb);
void	resolve_clear(struct resolve *);

/* What an error says besides: a new reference, or NULL. */
json_t	*resolve_more(const struct resolve *);

#endif
