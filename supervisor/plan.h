#ifndef SUPERVISOR_PLAN_H
#define SUPERVISOR_PLAN_H

/*
 * The meshes that there should be, by the files as they are now, read whole
 * before anything is changed: those of meshes.d, those of the reference's
 * config.json, and, where there is none, `local`; in system mode a member of
 * `local` for every uid that the daemon serves.
 */

#include <stddef.h>

#include "supervisor/member.h"

struct planned {
	struct mesh	 mesh;
	int		 make;		/* it has no file yet, and no key */
	struct member	*now;		/* who has it, or its name, or NULL */
	struct member	*fresh;		/* made for it, not attached yet */
};

struct plan {
	struct planned	*v;
	size_t		 n;
	char		**faults;	/* "file:line: what is wrong" */
	size_t		 n_faults;
	const char	*why;		/* the fault without which it would be
					   one; into faults */
};

/*
 * Faulty files are left out, and are among the faults.  -1, as why says: there
 * is no plan.  To be cleared in any case.
 */
int	plan_read(struct plan *, struct supervisor *, const struct conf *);
void	plan_clear(struct plan *);

/* What else goes wrong with it. */
void	plan_fault(struct plan *, const char *fmt, ...) LOG_FMT(2, 3);

/*
 * Make the member of one of them, with a key where there is none.  -1, with a
 * fault: nothing was made.
 */
int	plan_make(struct plan *, struct planned *, struct supervisor *);

/* Does it use the embedded broker? */
int	plan_is_embedded(const struct plan *);

#endif
