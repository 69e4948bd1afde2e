#ifndef BROKER_FIRE_H
#define BROKER_FIRE_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/*
 * When scheduled messages are sent: what is due, and what was missed while the
 * broker was down, once.  A direct one is stored as any message is; one for
 * many waits until somebody who gets it is here.  A jump of the clock makes
 * nothing come more than once for each time that it is due.
 */

struct broker;
struct fire;
struct lws_context;

struct fire *fire_new(struct broker *, struct lws_context *);
void	fire_free(struct fire **);

/* Something was scheduled. */
void	fire_plan(struct fire *);

#endif
