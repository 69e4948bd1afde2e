/*
 * The way of a request: who is asking, what for, may it, what does it say; and
 * the account of what is going on for whom.
 */

#include "supervisor/gate/request.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <strings.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "supervisor/gate/call.h"
#include "supervisor/gate/caps.h"
#include "supervisor/gate/conn.h"
#include "supervisor/gate/fault.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/http.h"
#include "supervisor/gate/input.h"
#include "supervisor/gate/limit.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/route.h"
#include "supervisor/gate/session.h"
#include "supervisor/gate/who.h"

TAILQ_HEAD(request_list, request);

struct requests {
	struct request_list	 list;
};

struct requests *
requests_new(void)
{
	struct requests	*rs = xcalloc(1, sizeof *rs);

	TAILQ_INIT(&rs->list);
	return rs;
}

void
requests_free(struct requests **rsp)
{
	free(*rsp);
	*rsp = NULL;
}

int
requests_empty(const struct requests *rs)
{
	return TAILQ_EMPTY(&rs->list);
}

struct gate *
request_gate(const struct request *r)
{
	return r->gate;
}

const char *
request_header(const struct request *r, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(r->http),
	    name);
}

unsigned
request_headers(const struct request *r, const char *name)
{
	struct evkeyvalq	*all = evhttp_request_get_input_headers(r->http);
	struct evkeyval		*h;
	unsigned		 n = 0;

	TAILQ_FOREACH(h, all, next)
		if (strcasecmp(h->key, name) == 0)
			n++;
	return n;
}

int
request_is_operator(const struct request *r)
{
	return r->is_operator;
}

void
request_keep(struct request *r, void *state, void (*free_cb)(void *))
{
	r->state = state;
	r->state_free = free_cb;
}

/* ---- the account ---- */

static void
request_uncharge(struct request *r)
{
	if (r->bucket == NULL)
		return;
	(*r->count)--;
	r->bucket->answers -= r->answer_len;
	r->bucket = NULL;
}

/* Too much of one kind at a time? */
static int
charge_stream(struct request *r, struct bucket *b, unsigned max)
{
	if (b->streams < max) {
		r->count = &b->streams;
		return 0;
	}
	reply_error(r, 429, "too_many_streams",
	    "Close one of your %u event streams first.", max);
	return -1;
}

static int
charge_wait(struct request *r, struct bucket *b, unsigned max)
{
	if (b->waits < max) {
		r->count = &b->waits;
		return 0;
	}
	reply_error(r, 429, "too_many_waits",
	    "Give up one of your %u waits first.", max);
	return -1;
}

static int
charge_request(struct request *r, struct bucket *b, unsigned max)
{
	if (b->requests >= max)
		reply_error(r, 429, "too_many_requests", "Wait for one of your "
		    "%u requests to be answered.", max);
	else if (b->answers >= LIMIT_ANSWERS)
		reply_error(r, 429, "too_many_answers",
		    "Read the answers that wait for you first.");
	else {
		r->count = &b->requests;
		return 0;
	}
	return -1;
}

/* -1, and answered: there is too much going on already. */
static int
request_charge(struct request *r)
{
	int		 mine = r->session != NULL, ret;
	struct bucket	*b = mine ? &r->session->use : &r->conn->use->use;

	if (r->route->flags & ROUTE_STREAM)
		ret = charge_stream(r, b,
		    mine ? LIMIT_SESSION_STREAMS : LIMIT_UID_STREAMS);
	else if ((r->route->flags & ROUTE_WAIT) &&
	    query_get(&r->query, "wait") != NULL)
		ret = charge_wait(r, b,
		    mine ? LIMIT_SESSION_WAITS : LIMIT_UID_WAITS);
	else
		ret = charge_request(r, b,
		    mine ? LIMIT_SESSION_REQUESTS : LIMIT_UID_REQUESTS);
	if (ret == -1)
		return -1;
	(*r->count)++;
	r->bucket = b;
	return 0;
}

void
request_answered(struct request *r, size_t len)
{
	r->answered = 1;
	r->answer_len = len;
	if (r->bucket != NULL)
		r->bucket->answers += len;
	/* Nothing of it is needed while the answer is written. */
	json_decref(r->body);
	r->body = NULL;
}

/* ---- begin and end ---- */

static void
request_free(struct request *r)
{
	struct gate	*g = r->gate;

	calls_cancel(g->calls, r);
	request_uncharge(r);
	if (r->state_free != NULL)
		r->state_free(r->state);
	TAILQ_REMOVE(&g->requests->list, r, next);
	freezero_str(r->arg);		/* may be a token */
	query_clear(&r->query);
	json_decref(r->body);
	free(r);
	gate_idle_check(g);
}

void
request_gone(struct request *r)
{
	/* evhttp leaves what was not answered to us, and says so like this. */
	if (evhttp_request_get_connection(r->http) == NULL)
		evhttp_request_free(r->http);
	r->conn->req = NULL;
	request_free(r);
}

/* The answer is written. */
static void
complete_cb(struct evhttp_request *http, void *arg)
{
	struct request	*r = arg;

	(void)http;
	conn_end(r->conn);
	request_free(r);
}

void
requests_forget_session(struct requests *rs, struct session *s)
{
	struct request	*r;

	TAILQ_FOREACH(r, &rs->list, next) {
		if (r->session != s)
			continue;
		request_uncharge(r);
		r->session = NULL;
	}
}

/* ---- checks, in this order; each answers when it returns -1 ---- */

/* What evhttp does not read as its sender meant it would be the next request. */
static int
request_check_frame(struct request *r)
{
	const char	*te = request_header(r, "Transfer-Encoding");
	unsigned	 lengths = request_headers(r, "Content-Length");

	if (lengths > 1 || (te != NULL && (lengths > 0 ||
	    request_headers(r, "Transfer-Encoding") > 1 ||
	    strcasecmp(te, "chunked") != 0))) {
		r->close = 1;
		reply_error(r, 400, "malformed_request", "Send a body with "
		    "one Content-Length, or chunked.");
		return -1;
	}
	switch (evhttp_request_get_command(r->http)) {
	case EVHTTP_REQ_GET:
	case EVHTTP_REQ_POST:
	case EVHTTP_REQ_PUT:
	case EVHTTP_REQ_DELETE:
	case EVHTTP_REQ_PATCH:
	case EVHTTP_REQ_OPTIONS:
		break;
	default:			/* evhttp reads no body of these */
		r->close = 1;
	}
	return 0;
}

static int
request_check_route(struct request *r)
{
	char		 allow[ROUTE_ALLOW_SIZE];
	const char	*path;

	path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(r->http));
	r->route = route_find((int)evhttp_request_get_command(r->http),
	    path != NULL ? path : "", &r->arg, allow);
	if (r->route != NULL)
		return 0;
	if (*allow == '\0') {
		reply_error(r, 404, "not_found",
		    "There is no such path; look at the manual.");
		return -1;
	}
	evhttp_add_header(evhttp_request_get_output_headers(r->http),
	    "Allow", allow);
	reply_error(r, 405, "method_not_allowed", "This path takes %s.",
	    allow);
	return -1;
}

int
request_has_cap(const struct request *r, uint32_t cap, struct fault *f)
{
	if (cap == 0 || r->session == NULL || (r->session->caps & cap) != 0)
		return 0;
	return fault_set(f, 403, "missing_capability", "The session was "
	    "registered without '%s'.", caps_name(cap));
}

static int
request_check_cap(struct request *r)
{
	struct fault	f;

	if (request_has_cap(r, r->route->cap, &f) == 0)
		return 0;
	reply_fault(r, &f);
	return -1;
}

static int
request_read_body(struct request *r)
{
	struct evbuffer	*in = evhttp_request_get_input_buffer(r->http);
	size_t		 len = evbuffer_get_length(in);
	struct fault	 f;

	if ((r->route->flags & ROUTE_BODY_MAY) && len == 0)
		r->body = json_object();
	else if (r->route->flags & (ROUTE_BODY | ROUTE_BODY_MAY)) {
		r->body = input_object(
		    (const char *)evbuffer_pullup(in, -1), len, &f);
		if (r->body == NULL) {
			reply_fault(r, &f);
			return -1;
		}
	}
	evbuffer_drain(in, len);
	return 0;
}

static int
request_check(struct request *r)
{
	if (request_check_frame(r) == -1 || who_check_guards(r) == -1 ||
	    who_check_uid(r) == -1 || request_check_route(r) == -1)
		return -1;
	if ((r->gate->state == GATE_STOPPING && !r->gate->replaced) ||
	    (r->gate->quiescing &&
	    (r->route->flags & ROUTE_NEW))) {
		reply_error(r, 503, "stopping",
		    "The daemon is stopping or being replaced: try again.");
		return -1;
	}
	if (r->route->flags & ROUTE_OPEN) {
		r->is_operator = r->via == LISTEN_ADMIN;
		return 0;
	}
	if (who_check_session(r) == -1 || request_charge(r) == -1 ||
	    request_check_cap(r) == -1)
		return -1;
	r->is_operator = r->via == LISTEN_ADMIN && r->session == NULL;
	return request_read_body(r);
}

void
request_cb(struct evhttp_request *http, void *arg)
{
	struct gate			*g = arg;
	struct evhttp_connection	*ev;
	struct request			*r;
	struct conn			*c;

	ev = evhttp_request_get_connection(http);
	if ((c = conns_find(http_conns(g->http), ev)) == NULL) {
		evhttp_connection_free(ev);
		return;
	}
	r = xcalloc(1, sizeof *r);
	r->gate = g;
	r->conn = c;
	r->http = http;
	r->uid = c->uid;
	r->via = c->via;
	TAILQ_INSERT_TAIL(&g->requests->list, r, next);
	conn_begin(c, r);
	evhttp_request_set_on_complete_cb(http, complete_cb, r);
	if (request_check(r) == 0)
		r->route->handle(r);
}
