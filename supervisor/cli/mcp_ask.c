/* Questions to the daemon, several at once. */

#include "supervisor/cli/mcp_ask.h"

#include <sys/queue.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "supervisor/cli/buf.h"
#include "supervisor/cli/call.h"
#include "supervisor/cli/mcp.h"

/* A session may have 16 in flight, and 64 waits; it has other clients, too. */
#define FLIGHT_MAX	8
#define WAITS_MAX	32
#define AGAIN_FOR_MS	5000
#define AGAIN_FIRST_MS	100
#define AGAIN_MAX_MS	1000

struct mcp_ask {
	TAILQ_ENTRY(mcp_ask) next;
	struct mcp_asks		*all;
	const char		*method;	/* static */
	char			*path;
	struct buf		 body;
	int			 flags;
	int			 timeout_ms;
	mcp_ask_cb		 cb;		/* NULL: dropped */
	void			*arg;
	struct call		*call;		/* NULL: it rests */
	struct http_parser	*http;
	struct buf		 in;
	int			 unknown;	/* an attempt may have done it */
	int			 pause_ms;
	int64_t			 begin;
	int64_t			 at;		/* when it goes on */
};

TAILQ_HEAD(ask_list, mcp_ask);

struct mcp_asks {
	struct mcp	*m;
	struct ask_list	 list;
	int		 reached;
	unsigned	 flight, waits;		/* with a call */
};

struct mcp_asks *
mcp_asks_new(struct mcp *m)
{
	struct mcp_asks	*all = xcalloc(1, sizeof *all);

	all->m = m;
	TAILQ_INIT(&all->list);
	return all;
}

/* How many of its kind have a call. */
static unsigned *
counter(struct mcp_ask *a)
{
	return a->flags & MCP_ASK_WAIT ? &a->all->waits : &a->all->flight;
}

static void
call_end(struct mcp_ask *a)
{
	if (a->call != NULL)
		--*counter(a);
	call_free(&a->call);
	http_free(&a->http);
	buf_free(&a->in);
}

static void
ask_free(struct mcp_ask *a)
{
	TAILQ_REMOVE(&a->all->list, a, next);
	call_end(a);
	buf_free(&a->body);
	free(a->path);
	free(a);
}

void
mcp_asks_free(struct mcp_asks **allp)
{
	struct mcp_ask	*a;

	if (*allp == NULL)
		return;
	while ((a = TAILQ_FIRST(&(*allp)->list)) != NULL)
		ask_free(a);
	free(*allp);
	*allp = NULL;
}

void
mcp_asks_reached(struct mcp_asks *all)
{
	all->reached = 1;
}

struct mcp_ask *
mcp_ask(struct mcp *m, const char *method, const char *path,
    const json_t *body, int flags, int timeout_ms, mcp_ask_cb cb, void *arg)
{
	struct mcp_ask	*a = xcalloc(1, sizeof *a);

	a->all = m->asks;
	a->method = method;
	a->path = xstrdup(path);
	if (body != NULL)
		cli_json_dump(&a->body, body);
	a->flags = flags;
	a->timeout_ms = timeout_ms;
	a->cb = cb;
	a->arg = arg;
	a->pause_ms = AGAIN_FIRST_MS;
	a->begin = a->at = clock_mono_ms();
	TAILQ_INSERT_TAIL(&m->asks->list, a, next);
	return a;
}

void
mcp_ask_drop(struct mcp_ask **ap)
{
	if (*ap == NULL)
		return;
	/* Not freed here: the list may be walked just now. */
	(*ap)->cb = NULL;
	(*ap)->at = 0;
	*ap = NULL;
}

static int
on_body(void *arg, const char *p, size_t len)
{
	buf_add(arg, p, len);
	return 0;
}

static void
call_begin(struct mcp_ask *a)
{
	struct mcp		*m = a->all->m;
	struct client_request	 req = { .socket = m->c->socket,
				    .method = a->method, .path = a->path,
				    .token = token_hex(&m->token),
				    .body = a->body.p,
				    .bodylen = a->body.len,
				    .timeout_ms = a->timeout_ms };

	a->http = http_new(API_ANSWER_MAX, on_body, &a->in);
	a->call = call_new(&req, a->http);
	++*counter(a);
}

static int
has_turn(struct mcp_ask *a)
{
	return *counter(a) < (a->flags & MCP_ASK_WAIT ? WAITS_MAX :
	    FLIGHT_MAX);
}

/* May the same be asked again, after an answer like this? */
static int
may_again(const struct mcp_ask *a, const struct api_answer *ans)
{
	if (!api_is_passing(ans))
		return 0;
	if (ans->result == CLIENT_DOWN)
		return a->all->reached;
	return (a->flags & MCP_ASK_AGAIN) || (ans->result == CLIENT_OK &&
	    ans->status != 504);
}

/* Rest before the next attempt.  0: there is no time for one. */
static int
rest(struct mcp_ask *a, const struct api_answer *ans)
{
	int64_t	 now = clock_mono_ms();
	int	 ms = a->pause_ms;

	if (ans->retry_after > 0 && ans->retry_after * 1000 > ms)
		ms = ans->retry_after * 1000;
	if (now + ms > a->begin + AGAIN_FOR_MS)
		return 0;
	a->at = now + ms;
	a->pause_ms *= 2;
	if (a->pause_ms > AGAIN_MAX_MS)
		a->pause_ms = AGAIN_MAX_MS;
	return 1;
}

/* Once more with the token that counts by then?  A refused call did nothing. */
static int
again_by_token(struct mcp_ask *a, const struct api_answer *ans)
{
	int	 ms;

	if (ans->result != CLIENT_OK)
		return 0;
	if (ans->status != 401) {
		mcp_token_taken(a->all->m);
		return 0;
	}
	if ((ms = mcp_token_refused(a->all->m)) == -1)
		return 0;
	a->at = clock_mono_ms() + ms;
	return 1;
}

/* Its call has ended: ask again, or hand the answer over. */
static void
ask_answered(struct mcp_ask *a, enum client_result result)
{
	struct api_answer	 ans = { .result = result };
	int			 again;

	snprintf(ans.err, sizeof ans.err, "%s", call_error(a->call));
	api_answer_read(&ans, a->http, &a->in);
	call_end(a);
	if (ans.result == CLIENT_OK)
		a->all->reached = 1;
	a->unknown |= api_is_unknown(&ans);
	ans.unknown = api_ends_unknown(&ans, a->unknown);
	again = again_by_token(a, &ans) ||
	    (may_again(a, &ans) && rest(a, &ans));
	if (!again) {
		a->cb(a->arg, &ans);
		a->cb = NULL;
	}
	api_answer_clear(&ans);
}

void
mcp_asks_prepare(const struct mcp_asks *all, struct pollset *ps)
{
	struct mcp_ask	*a;
	struct pollfd	 pfd;

	TAILQ_FOREACH(a, &all->list, next) {
		if (a->call != NULL && a->cb != NULL) {
			pollset_until(ps, call_poll(a->call, &pfd));
			pollset_add(ps, pfd.fd, pfd.events);
		} else if (a->cb == NULL || has_turn(a))
			pollset_until(ps, a->at);
	}
}

void
mcp_asks_step(struct mcp_asks *all)
{
	struct mcp_ask		*a, *next;
	enum client_result	 r;
	int64_t			 now = clock_mono_ms();

	for (a = TAILQ_FIRST(&all->list); a != NULL; a = next) {
		if (a->cb != NULL && a->call == NULL && a->at <= now &&
		    has_turn(a))
			call_begin(a);
		if (a->cb != NULL && a->call != NULL &&
		    (r = call_step(a->call)) != CLIENT_GOING)
			ask_answered(a, r);
		/* A callback may have asked more, or dropped others. */
		next = TAILQ_NEXT(a, next);
		if (a->cb == NULL)
			ask_free(a);
	}
}
