#ifndef UNIT_REG_HELP_H
#define UNIT_REG_HELP_H

/* A registry in scratch("s.db"), and sessions to put there. */

#include "supervisor/registry.h"

extern struct registry	*r;
extern unsigned		 warnings;	/* logged in this test */

/* As cmocka's set-up and tear-down: a new one; nothing is left open. */
int	reg_setup(void **state);
int	reg_teardown(void **state);

/* As after a restart. */
void	reg_reopen(void);

/* Session number n (below 250), everything of it different. */
struct reg_session reg_session(unsigned n);

/* registry_find() what this one is. */
int	reg_find(const struct reg_session *, struct reg_session *got);

/* registry_each(), stopping at that number; how many it showed, in order. */
int	reg_each(unsigned stop, unsigned *n_r);

#endif
