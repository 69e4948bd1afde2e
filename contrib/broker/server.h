#ifndef BROKER_SERVER_H
#define BROKER_SERVER_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/* Sockets, and the loop. */

struct broker;
struct lws_context;
struct server;
struct watch;

/* NULL, with a log line: a certificate or key that cannot be used. */
struct server *server_new(struct broker *);
void	server_free(struct server **);

/* Watch a descriptor, or serve a listening socket; it is taken.  0 or -1. */
int	server_watch(struct server *, struct watch *, int fd);
int	server_listen(struct server *, int fd);

/* Until server_stop() and all connections are closed. */
void	server_loop(struct server *);
void	server_stop(struct server *);

/* For listen.c. */
struct lws_context *server_context(struct server *);
/* Take a connection that was accepted.  0 or -1. */
int	server_adopt(struct server *, int fd);
/* May another connection be accepted? */
int	server_has_place(const struct server *);

#endif
