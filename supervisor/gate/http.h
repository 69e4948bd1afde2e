#ifndef GATE_HTTP_H
#define GATE_HTTP_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/* evhttp on the listening sockets that the supervisor gave. */

#include "common/msg.h"

struct conns;
struct gate;
struct http;

struct http *http_new(struct gate *);
void	http_free(struct http **);	/* and every connection */

/* Takes fd. 0, or -1: it is no listening socket of that kind. */
int	http_listen(struct http *, int fd, enum listen_kind);

/*
 * Accept nobody any more.  What is between two requests is closed; when
 * another gate follows, as conns_part() does.
 */
void	http_stop(struct http *);

/* Accept nobody for now, and again. */
void	http_pause(struct http *);
void	http_resume(struct http *);

struct conns *http_conns(struct http *);

#endif
