#ifndef BROKER_TICK_H
#define BROKER_TICK_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/*
 * What happens by itself, once a second: connections without a hello end,
 * others are pinged, claims lapse, graces end; and old messages go.
 */

#include <sys/queue.h>

struct broker;
struct conn;
struct lws_context;
struct ticker;
TAILQ_HEAD(conns, conn);

struct ticker *tick_new(struct broker *, struct lws_context *);
void	tick_free(struct ticker **);

/* A connection was opened, has said hello, is gone. */
void	tick_opened(struct conn *);
void	tick_greeted(struct conn *);
void	tick_closed(struct conn *);

/* It answered a ping. */
void	tick_pong(struct conn *);

/* Close every connection. */
void	tick_close_all(struct ticker *, int code, const char *reason);

#endif
