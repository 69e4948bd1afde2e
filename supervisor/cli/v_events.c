/*
 * events: follow the stream.  It comes back by itself after a loss, with the
 * id of the last message that was written, so that none behind that is
 * missed; an interrupt ends it, and is its ordinary end.
 */

#include <sys/signalfd.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/cli/api.h"
#include "supervisor/cli/buf.h"
#include "supervisor/cli/event_line.h"
#include "supervisor/cli/sse.h"
#include "supervisor/cli/verbs.h"

#define SILENCE_MS	45000	/* three keep-alives */
#define WAIT_FIRST_MS	250
#define WAIT_MAX_MS	10000
#define REFUSAL_MAX	65536

struct follow {
	struct cli		*c;
	struct token		 token;
	struct sse		*sse;
	struct http_parser	*http;
	struct buf		 refusal;	/* the body of another answer */
	int			 stop_fd;
	int			 seen;		/* a stream has been open */
	int			 lost;		/* said that it is not */
	int			 failed;	/* writing failed */
};

static int
on_event(void *arg, const struct sse_event *ev)
{
	struct follow	*f = arg;

	event_line_print(f->c, ev);
	if (fflush(stdout) == EOF || ferror(stdout)) {
		f->failed = 1;
		return -1;
	}
	return 0;
}

static int
is_stream(const struct follow *f)
{
	return http_status(f->http) == 200 && http_is_stream(f->http);
}

/* A piece of the body: of the stream, or of a refusal. */
static int
on_body(void *arg, const char *p, size_t len)
{
	struct follow	*f = arg;

	if (!is_stream(f)) {
		if (f->refusal.len + len > REFUSAL_MAX)
			return -1;
		buf_add(&f->refusal, p, len);
		return 0;
	}
	if (f->lost)
		cli_warn(f->c, "connected again");
	f->lost = 0;
	f->seen = 1;
	/* Where it begins: no message is missed before there is a first one. */
	if (sse_last_id(f->sse) == NULL && http_event_id(f->http) != NULL)
		sse_set_last_id(f->sse, http_event_id(f->http));
	return sse_feed(f->sse, p, len);
}

/* One connection, to its end.  The answer tells how it went. */
static void
follow_once(struct follow *f, struct api_answer *a)
{
	struct client_request	 req = { .socket = f->c->socket,
				    .method = "GET", .path = "/v1/events",
				    .timeout_ms = SILENCE_MS, .stream = 1,
				    .stop_fd = f->stop_fd };

	memset(a, 0, sizeof *a);
	f->http = http_new(0, on_body, f);
	req.token = token_hex(&f->token);
	req.last_event_id = sse_last_id(f->sse);
	a->result = client_call(&req, f->http, a->err, sizeof a->err);
	api_answer_read(a, f->http, is_stream(f) ? NULL : &f->refusal);
	http_free(&f->http);
	buf_free(&f->refusal);
	sse_reset(f->sse);
}

/* Will it get better by waiting?  Only what was seen to work is waited for. */
static int
is_passing(const struct follow *f, const struct api_answer *a)
{
	if (a->result == CLIENT_DOWN)
		return f->seen;
	return api_is_passing(a) ||
	    (a->result == CLIENT_OK && a->json == NULL);
}

/* Wait, unless interrupted (-1). */
static int
follow_wait(struct follow *f, const struct api_answer *a, int ms)
{
	struct pollfd	 pfd = { f->stop_fd, POLLIN, 0 };

	if (a->retry_after > 0 && a->retry_after * 1000 > ms)
		ms = a->retry_after * 1000;
	if (!f->lost)
		cli_warn(f->c, "the stream ended (%s); trying again",
		    a->result != CLIENT_OK ? a->err : a->json == NULL ?
		    "the daemon closed it" : "the daemon is busy");
	f->lost = 1;
	return poll(&pfd, 1, ms) > 0 ? -1 : 0;
}

static int
follow(struct follow *f)
{
	struct api_answer	 a;
	int			 wait = WAIT_FIRST_MS, was_lost, rc = -1;

	while (rc == -1) {
		was_lost = f->lost;
		follow_once(f, &a);
		if (f->failed)
			rc = cli_fail(f->c, "cannot write the output");
		else if (a.result == CLIENT_STOPPED)
			rc = CLI_OK;
		else if (!is_passing(f, &a))
			rc = api_refused(f->c, &a);
		else {
			/* A stream that was open begins the waits anew. */
			wait = was_lost && f->lost ? wait * 2 : WAIT_FIRST_MS;
			if (wait > WAIT_MAX_MS)
				wait = WAIT_MAX_MS;
			if (follow_wait(f, &a, wait) == -1)
				rc = CLI_OK;
		}
		api_answer_clear(&a);
	}
	return rc;
}

/* SIGINT and SIGTERM become readable, instead of ending us in a line. */
static int
stop_open(void)
{
	sigset_t	 set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == -1)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC);
}

int
v_events(struct cli *c)
{
	struct follow	 f = { .c = c };
	const char	*since = cli_opt(c, OPT_SINCE);
	int		 rc;

	if ((rc = api_token(c, &f.token)) != CLI_OK)
		return rc;
	f.sse = sse_new(on_event, &f);
	if (since != NULL && sse_set_last_id(f.sse, since) == -1)
		rc = cli_usage(c, "--since must be the id of an event");
	else if ((f.stop_fd = stop_open()) == -1)
		rc = cli_fail(c, "cannot watch for signals");
	else {
		rc = follow(&f);
		close(f.stop_fd);
	}
	sse_free(&f.sse);
	token_wipe(&f.token);
	return rc;
}
