/*
 * meshsup mcp: start, loop, end.  It lives as long as its host: it ends with
 * the standard input, with the host's process, or when the host reads no more.
 */

#include "supervisor/cli/mcp.h"

#include <sys/signalfd.h>
#include <sys/syscall.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/encode.h"
#include "common/fd.h"
#include "supervisor/cli/mcp_ask.h"
#include "supervisor/cli/mcp_events.h"
#include "supervisor/cli/mcp_in.h"
#include "supervisor/cli/mcp_marks.h"
#include "supervisor/cli/mcp_rpc.h"
#include "supervisor/cli/mcp_welcome.h"
#include "supervisor/cli/text.h"
#include "supervisor/cli/verbs.h"

#define CHECK_MS	2000	/* of the token, before anything is served */
#define FINISH_MS	3000	/* for what is under way when the input ends */
#define LEAVE_MS	1000	/* when the host has gone */
#define TOKEN_MS	2000	/* that a token is refused before it is over */
#define TOKEN_AGAIN_MS	200
#define PARENT_MS	500	/* how often to look, without a pidfd */

struct loop {
	struct mcp	 m;
	struct mcp_in	*in;
	int		 in_open;
	int		 in_hung_up;	/* heard while it was not read */
	int		 stop_fd;	/* signals */
	int		 parent_fd;	/* -1: look for it by its pid */
	pid_t		 parent;
	struct pollset	 ps;
	int		 at_in, at_stop, at_parent;	/* in ps */
};

/* ---- what the parts call ---- */

void
mcp_end(struct mcp *m, int rc, int grace_ms)
{
	if (m->ending)
		return;
	m->ending = 1;
	m->rc = rc;
	m->end_at = clock_mono_ms() + grace_ms;
	mcp_events_stop(m->events);
}

void
mcp_initialized(struct mcp *m)
{
	m->initialized = 1;
	mcp_welcome_due(m->welcome);
}

void
mcp_set_self(struct mcp *m, const json_t *me)
{
	const char	*key = cli_json_str(json_object_get(me, "presence"),
			    "sessionPubkey");

	if (key != NULL && hex_is(key, sizeof m->self - 1))
		strcpy(m->self, key);
}

void
mcp_add_mesh(const struct mcp *m, struct buf *path)
{
	if (token_hex(&m->token) == NULL)
		buf_add_query(path, "mesh", m->mesh);
}

uint64_t
mcp_notify(struct mcp *m, const char *content, json_t *meta)
{
	json_t		*j;
	uint64_t	 pos;

	j = json_pack("{s:s, s:s, s:{s:s, s:o}}", "jsonrpc", "2.0", "method",
	    "notifications/claude/channel", "params", "content", content,
	    "meta", meta);
	pos = mcp_out_put(m->out, j);
	json_decref(j);
	return pos;
}

void
mcp_token_taken(struct mcp *m)
{
	m->refused_at = 0;
}

/* The session may have been registered anew, which wrote its file again. */
static int
token_renew(struct mcp *m)
{
	struct token	 old = m->token;
	int		 is_new;

	is_new = api_token(m->c, &m->token) == CLI_OK &&
	    token_hex(&m->token) != NULL &&
	    strcmp(old.hex, m->token.hex) != 0;
	if (!is_new)
		m->token = old;
	token_wipe(&old);
	return is_new;
}

int
mcp_token_refused(struct mcp *m)
{
	int64_t	 now = clock_mono_ms();

	if (m->ending)
		return -1;
	if (token_renew(m)) {
		m->refused_at = 0;
		return 0;
	}
	if (m->refused_at == 0)
		m->refused_at = now;
	if (now - m->refused_at < TOKEN_MS)
		return TOKEN_AGAIN_MS;
	cli_warn(m->c, "the session's token is not valid any more: the session "
	    "has ended.  meshsup session register makes it anew");
	if (m->initialized)
		mcp_notify(m, "[system] Your session on the mesh has ended: "
		    "nothing can be sent or received any more. Your user has "
		    "to register it again, and to start this server anew.",
		    json_pack("{s:s, s:s}", "kind", "system", "event",
		    "session_ended"));
	mcp_end(m, CLI_FAIL, FINISH_MS);
	return -1;
}

/* ---- start ---- */

static int
options_read(struct mcp *m)
{
	const char	*confirm = cli_opt(m->c, OPT_CONFIRM);
	int		 rc;

	if (confirm != NULL && strcmp(confirm, "tool") != 0 &&
	    strcmp(confirm, "write") != 0)
		return cli_usage(m->c, "--confirm is write or tool");
	m->by_tool = confirm != NULL && strcmp(confirm, "tool") == 0;
	m->mesh = cli_opt(m->c, OPT_MESH);
	if ((rc = api_token(m->c, &m->token)) != CLI_OK)
		return rc;
	if (m->mesh != NULL && token_hex(&m->token) != NULL)
		return cli_usage(m->c, "a session has a mesh of its own: "
		    "leave --mesh out");
	return CLI_OK;
}

/*
 * A token that is known to be bad ends it here, before the host is told
 * anything.  A daemon that is away, or busy, says nothing about the token.
 */
static int
token_check(struct mcp *m)
{
	struct api_answer	 a;
	int			 rc = CLI_OK;

	if (token_hex(&m->token) == NULL) {
		cli_warn(m->c, "no session is named (MESHSUP_TOKEN_FILE, "
		    "--as): speaking as the member, in your name");
		return CLI_OK;
	}
	api_call(m->c, "GET", "/v1/sessions/me", token_hex(&m->token), NULL,
	    CHECK_MS, &a);
	if (api_is_ok(&a))
		mcp_set_self(m, json_object_get(a.json, "session"));
	else if (!api_is_passing(&a))
		rc = api_explain(m->c, &a);
	api_answer_clear(&a);
	return rc;
}

/* SIGINT and SIGTERM become readable. */
static int
stop_open(void)
{
	sigset_t	 set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == -1)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int
loop_open(struct loop *l)
{
	struct mcp	*m = &l->m;

	signal(SIGPIPE, SIG_IGN);
	if ((l->stop_fd = stop_open()) == -1)
		return cli_fail(m->c, "cannot watch for signals: %s",
		    strerror(errno));
	m->out = mcp_out_new(STDOUT_FILENO);
	m->asks = mcp_asks_new(m);
	m->marks = mcp_marks_new(m);
	m->events = mcp_events_new(m);
	m->rpc = mcp_rpc_new(m);
	m->welcome = mcp_welcome_new(m);
	l->in = mcp_in_new(MCP_LINE_MAX, mcp_rpc_line, m->rpc);
	l->in_open = 1;
	return CLI_OK;
}

static void
loop_close(struct loop *l)
{
	struct mcp	*m = &l->m;

	mcp_in_free(&l->in);
	mcp_welcome_free(&m->welcome);
	mcp_rpc_free(&m->rpc);
	mcp_events_free(&m->events);
	mcp_marks_free(&m->marks);
	mcp_asks_free(&m->asks);
	mcp_out_free(&m->out);
	fd_close(&l->stop_fd);
	fd_close(&l->parent_fd);
	token_wipe(&m->token);
}

/*
 * The host's process.  Not PR_SET_PDEATHSIG: that fires when the host's thread
 * ends that started us, and hosts have many.
 */
static void
parent_open(struct loop *l)
{
	l->parent = getppid();
	l->parent_fd = (int)syscall(SYS_pidfd_open, l->parent, 0);
}

/* ---- the loop ---- */

/* May more be asked of us?  Not while the answers to it would pile up. */
static int
wants_input(const struct loop *l)
{
	return l->in_open && !l->m.ending && !mcp_out_is_full(l->m.out) &&
	    !mcp_rpc_is_full(l->m.rpc);
}

static void
loop_prepare(struct loop *l)
{
	struct mcp	*m = &l->m;
	struct pollset	*ps = &l->ps;
	int		 watched;

	pollset_reset(ps);
	/* A host that has gone is noticed also while it is not read. */
	watched = wants_input(l) ||
	    (l->in_open && !m->ending && !l->in_hung_up);
	l->at_in = pollset_add(ps, watched ? STDIN_FILENO : -1,
	    wants_input(l) ? POLLIN : POLLRDHUP);
	l->at_stop = pollset_add(ps, m->ending ? -1 : l->stop_fd, POLLIN);
	l->at_parent = pollset_add(ps, m->ending ? -1 : l->parent_fd, POLLIN);
	if (l->parent_fd == -1 && !m->ending)
		pollset_until(ps, clock_mono_ms() + PARENT_MS);
	if (m->ending)
		pollset_until(ps, m->end_at);
	mcp_out_prepare(m->out, ps);
	mcp_asks_prepare(m->asks, ps);
	mcp_marks_prepare(m->marks, ps);
	mcp_events_prepare(m->events, ps);
	mcp_welcome_prepare(m->welcome, ps);
}

/* The input has ended: answer what was asked, and go. */
static void
input_end(struct loop *l)
{
	l->in_open = 0;
	mcp_in_end(l->in);
	mcp_end(&l->m, CLI_OK, FINISH_MS);
}

static void
input_read(struct loop *l)
{
	char	 piece[65536];
	ssize_t	 n;

	n = read(STDIN_FILENO, piece, sizeof piece);
	if (n > 0) {
		mcp_in_feed(l->in, piece, (size_t)n);
		explicit_bzero(piece, (size_t)n);
	} else if (n == 0 || (errno != EINTR && errno != EAGAIN))
		input_end(l);
}

/* The host does not want anything any more. */
static void
host_gone(struct loop *l)
{
	mcp_rpc_drop(l->m.rpc);
	mcp_end(&l->m, CLI_OK, LEAVE_MS);
}

static void
loop_input(struct loop *l)
{
	short	 came = pollset_came(&l->ps, l->at_in);

	if (came == 0)
		return;
	if (wants_input(l)) {
		input_read(l);
		return;
	}
	l->in_hung_up = 1;
	/* It does not read what it asked for, either. */
	if (mcp_out_is_full(l->m.out))
		mcp_end(&l->m, CLI_OK, FINISH_MS);
}

static void
loop_step(struct loop *l)
{
	struct mcp	*m = &l->m;

	if (pollset_came(&l->ps, l->at_stop) != 0 ||
	    pollset_came(&l->ps, l->at_parent) != 0 ||
	    (!m->ending && l->parent_fd == -1 && getppid() != l->parent))
		host_gone(l);
	loop_input(l);
	mcp_asks_step(m->asks);
	mcp_events_step(m->events);
	mcp_welcome_step(m->welcome);
	if (mcp_out_step(m->out) == -1) {
		/* Marks of what was written are still made. */
		mcp_out_forget(m->out);
		host_gone(l);
	}
	mcp_marks_step(m->marks);
}

/* Is there nothing left to wait for, or no time? */
static int
loop_is_over(const struct loop *l)
{
	const struct mcp	*m = &l->m;

	if (!m->ending)
		return 0;
	return clock_mono_ms() >= m->end_at || (mcp_rpc_open(m->rpc) == 0 &&
	    mcp_out_is_empty(m->out) && !mcp_marks_are_due(m->marks));
}

int
v_mcp(struct cli *c)
{
	struct loop	 l = { .m = { .c = c }, .stop_fd = -1,
			    .parent_fd = -1 };
	int		 rc;

	parent_open(&l);
	text_init(0);		/* texts go to the host, whatever stderr is */
	if ((rc = options_read(&l.m)) == CLI_OK &&
	    (rc = token_check(&l.m)) == CLI_OK &&
	    (rc = loop_open(&l)) == CLI_OK) {
		while (!loop_is_over(&l)) {
			loop_prepare(&l);
			if (pollset_wait(&l.ps) == -1) {
				rc = cli_fail(c, "poll: %s", strerror(errno));
				break;
			}
			loop_step(&l);
		}
		if (rc == CLI_OK)
			rc = l.m.rc;
	}
	loop_close(&l);
	return rc;
}
