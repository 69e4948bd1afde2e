#ifndef SUPERVISOR_CORE_H
#define SUPERVISOR_CORE_H

/* The children that there is one of each: store, gate, resolver, broker. */

struct supervisor;

void	core_new(struct supervisor *);
void	core_start(struct supervisor *);
void	core_free(struct supervisor *);

/* Is all up that the API needs? */
int	core_is_up(const struct supervisor *);

#endif
