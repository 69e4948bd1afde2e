#ifndef SUPERVISOR_ADDRESS_H
#define SUPERVISOR_ADDRESS_H

/*
 * A broker's host name to addresses, for workers that may not look it up.
 * Numeric hosts need no asking; of several that ask for one name, one question
 * goes to the resolver.
 */

#include "supervisor/supervisor.h"

struct child;

/* Tell the child where a host is, now or when it is known. */
void	address_find(struct child *, const char *host, uint16_t port);

/* Messages. */
int	on_need_address(void *child, struct msg *);
int	on_resolved(void *child, struct msg *);

/* The resolver came up: ask again what it has not answered. */
void	address_ask_again(struct supervisor *);

/* A worker is gone and waits for nothing. */
void	address_forget(struct child *);
void	address_free_all(struct supervisor *);

#endif
