#ifndef SUPERVISOR_NOTIFY_H
#define SUPERVISOR_NOTIFY_H

/*
 * What a service manager is told (sd_notify(3)): datagrams of assignments to
 * the socket that NOTIFY_SOCKET names.  Without one, nothing is said.
 */

#include <stdint.h>

#include "common/log.h"

struct notify;

/* Out of the environment, which children must not inherit.  NULL: none. */
struct notify *notify_take(void);
void	notify_free(struct notify **);

/* Put it back, for a program that is executed in our place. */
void	notify_export(const struct notify *);

/* "READY=1", several with line ends between.  Never waits. */
void	notify_say(const struct notify *, const char *, ...) LOG_FMT(2, 3);

/* "RELOADING=1" with the time that belongs to it; READY=1 ends it. */
void	notify_reloading(const struct notify *);

/* Say "WATCHDOG=1" this often, in ms; 0: nobody watches us. */
int64_t	notify_watchdog_ms(const struct notify *);

#endif
