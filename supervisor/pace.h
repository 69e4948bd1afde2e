#ifndef SUPERVISOR_PACE_H
#define SUPERVISOR_PACE_H

/*
 * The broker's rate limit is per member, over all its connections.  Nobody
 * knows of it before a worker is refused; from then on workers ask before each
 * send, and get their turns at the rate that the refusal named.  A limit holds
 * until nobody has asked for PACE_FORGET_MS.
 */

#include "common/msg.h"
#include "supervisor/supervisor.h"

#define PACE_FORGET_MS	60000
#define PACE_DEFAULT	60	/* a minute, where the refusal names none */

struct pace;

struct pace *pace_new(struct member *);
void	pace_free(struct pace **);

/* A worker of the member came up, or is gone. */
void	pace_up(struct pace *, struct child *);
void	pace_forget(struct pace *, struct child *);

/* Message. */
int	on_rate(void *child, struct msg *);

#endif
