#ifndef GATE_REQUEST_H
#define GATE_REQUEST_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/*
 * One request, from its arrival until its answer is written.  Its handler
 * answers at once, or makes a call (call.h) whose callback does.
 */

#include <sys/queue.h>

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "common/msg.h"
#include "supervisor/gate/query.h"

struct bucket;
struct conn;
struct evhttp_request;
struct fault;
struct gate;
struct requests;
struct route;
struct session;

struct request {
	TAILQ_ENTRY(request) next;
	struct gate	*gate;
	struct conn	*conn;
	struct evhttp_request *http;
	const struct route *route;
	char		*arg;		/* of the path; NULL: it has none */
	struct query	 query;
	json_t		*body;		/* an object; NULL: none is taken */

	/*
	 * Who asks.  The session may end before a call does: what an answer
	 * needs of it is kept in state.
	 */
	uint64_t	 uid;
	enum listen_kind via;
	struct session	*session;	/* NULL: without a token */
	int		 is_operator;	/* by admin.sock, without a token; */
					/* not when its session has gone */

	struct bucket	*bucket;	/* what it is charged to, or NULL */
	unsigned	*count;		/* and as what */
	size_t		 answer_len;
	int64_t		 until;		/* no call takes longer; monotonic, */
					/* ms; 0: as long as any may */
	int		 close;		/* the connection ends with it */
	int		 answered;

	/* The handler's own, between call and answer. */
	void		*state;
	void		(*state_free)(void *);
};

struct requests *requests_new(void);
void	requests_free(struct requests **);
int	requests_empty(const struct requests *);

/* The session is about to go. */
void	requests_forget_session(struct requests *, struct session *);

/* evhttp has a whole request; arg is the gate. */
void	request_cb(struct evhttp_request *, void *arg);

/* Its connection is about to go. */
void	request_gone(struct request *);

/* Its answer, of so many bytes, is handed to evhttp. */
void	request_answered(struct request *, size_t);

/* Keep something for the answer; free_cb is called when the request ends. */
void	request_keep(struct request *, void *state, void (*free_cb)(void *));

struct gate *request_gate(const struct request *);

/* A header of the request, or NULL. */
const char *request_header(const struct request *, const char *name);

/* How often it has the header. */
unsigned request_headers(const struct request *, const char *name);

/*
 * May it do what needs this capability (CAP_*)?  0, or -1: the session was
 * registered without it.
 */
int	request_has_cap(const struct request *, uint32_t cap, struct fault *);

/* In the operator's scope: by admin.sock, without a token? */
int	request_is_operator(const struct request *);

#endif
