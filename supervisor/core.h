#ifndef SUPERVISOR_CORE_H
#define SUPERVISOR_CORE_H

/* The children that there is one of each: store, gate, resolver, broker. */

#include <stddef.h>

struct supervisor;

void	core_new(struct supervisor *);
void	core_start(struct supervisor *);
void	core_free(struct supervisor *);

/*
 * The embedded broker, which nobody may have wanted so far.  0: it runs, or is
 * on its way.  -1 with a sentence in err.
 */
int	core_need_broker(struct supervisor *, char *err, size_t errlen);

/* Is all up that the API needs? */
int	core_is_up(const struct supervisor *);

#endif
