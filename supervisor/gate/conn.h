#ifndef GATE_CONN_H
#define GATE_CONN_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/*
 * Connections of clients: who is at the other end, how many there may be, how
 * long a request may take to arrive, and how much of it may lie here.
 */

#include <sys/queue.h>

#include <stddef.h>
#include <stdint.h>

#include "common/msg.h"
#include "supervisor/gate/limit.h"

struct bufferevent;
struct conns;
struct evhttp_connection;
struct evbuffer_cb_entry;
struct event;
struct gate;
struct request;

enum conn_phase {
	AT_REST,		/* between requests */
	AT_READING,		/* a request has begun to arrive */
	AT_WORK,		/* it is here, and its answer is not written */
	AT_END,			/* evhttp says why it ends */
};

struct conn {
	TAILQ_ENTRY(conn) next;		/* the one longest at rest first */
	struct conns	*conns;
	struct bufferevent *bev;
	struct evhttp_connection *ev;	/* NULL: not adopted yet */
	int		 fd;
	enum listen_kind via;
	uint64_t	 uid;
	struct uid_use	*use;
	enum conn_phase	 phase;
	int		 served;	/* it had an answer before */
	size_t		 received;	/* bytes of the request so far */
	size_t		 charged;	/* of them, in the uid's input */
	struct evbuffer_cb_entry *in_cb, *out_cb;
	struct event	*ev_deadline, *ev_fault;
	struct request	*req;		/* AT_WORK */
};

struct conns *conns_new(struct gate *);
void	conns_free(struct conns **);

/* evhttp wants a bufferevent for a connection that it is about to make. */
struct bufferevent *conns_accept(struct conns *, enum listen_kind);

/* The connection of a request. */
struct conn *conns_find(struct conns *, struct evhttp_connection *);

/* Close what is between two requests. */
void	conns_stop(struct conns *);

/*
 * Another gate follows.  What is between two requests is closed, so that its
 * client learns of it before it writes the next one, or its next request, if
 * that is here already, is answered still.  What has not had an answer yet is
 * left a moment to ask.
 */
void	conns_part(struct conns *);
void	conns_give_up(struct conns *);	/* that moment is over */
int	conns_empty(const struct conns *);

/* A whole request is here; its answer is written. */
void	conn_begin(struct conn *, struct request *);
void	conn_end(struct conn *);

/* Answer at once, past evhttp, and close. */
void	conn_refuse(struct conn *, int status, const char *code,
	    const char *detail);

/* It is about to close while its client may still write. */
void	conn_linger(struct conn *);

/* conn_fault.c: an event for when evhttp writes an error page of its own. */
void	conn_fault_event(int fd, short what, void *conn);

#endif
