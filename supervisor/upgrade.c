/* The course of an upgrade, in the one that is replaced. */

#include "supervisor/upgrade.h"

#include <sys/wait.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fd.h"
#include "common/version.h"
#include "common/xalloc.h"
#include "supervisor/answer.h"
#include "supervisor/child.h"
#include "supervisor/complaint.h"
#include "supervisor/core.h"
#include "supervisor/notify.h"
#include "supervisor/reload.h"
#include "supervisor/signals.h"
#include "supervisor/spawn.h"

#define PROGRAM		"supervisor"
#define CHECK_MS	10000	/* for the new program to look */
#define BUSY_MS		35000	/* for joins that are under way */
#define QUIET_MS	500	/* for sends that are not answered yet */
#define GATE_MS		1500	/* for requests that are under way */
#define WORKERS_MS	1000
#define STORE_MS	1000
#define BROKER_MS	300	/* its peers may be slow to part */
#define STEP_MS		3

enum phase { CHECKING, BUSY, QUIET, GATE, WORKERS, STORE, HOLDING, LAST };

struct upgrade {
	struct supervisor *sup;
	enum phase	 phase;
	char		*path;
	uint32_t	 seq;		/* of the gate's question, or 0 */
	pid_t		 pid;		/* of the new program, looking */
	struct complaint *said;
	int		 fine;
	char		 reason[400];	/* what it said last */
	struct event	*ev;
	int64_t		 until;		/* monotonic */
	int64_t		 begun;
};

static void
upgrade_free(struct supervisor *s)
{
	struct upgrade	*u = s->upgrade;

	if (u == NULL)
		return;
	if (u->phase >= HOLDING)
		signals_release();
	if (u->pid != 0) {
		kill(u->pid, SIGKILL);
		while (waitpid(u->pid, NULL, 0) == -1 && errno == EINTR)
			continue;
	}
	complaint_free(&u->said);
	if (u->ev != NULL)
		event_free(u->ev);
	free(u->path);
	free(u);
	s->upgrade = NULL;
}

/* Nothing has happened, and why. */
static void
upgrade_refuse(struct supervisor *s, const char *why)
{
	struct upgrade	*u = s->upgrade;

	log_warnx("upgrade: %s; nothing was changed", why);
	if (u->seq != 0)
		answer_error(s, u->seq, 422, "upgrade_refused", "%s", why);
	upgrade_free(s);
}

void
upgrade_cancel(struct supervisor *s)
{
	if (s->upgrade != NULL && s->upgrade->phase == CHECKING)
		upgrade_refuse(s, "meshsup is stopping");
	upgrade_free(s);
}

void
upgrade_forget_answer(struct supervisor *s)
{
	if (s->upgrade != NULL)
		s->upgrade->seq = 0;
}

/* ---- the new program looks ---- */

static void
upgrade_line_cb(void *arg, const char *line)
{
	struct upgrade	*u = arg;

	if (strcmp(line, UPGRADE_CHECK_FINE) == 0)
		u->fine = 1;
	else
		snprintf(u->reason, sizeof u->reason, "%s", line);
}

static void	upgrade_step_cb(evutil_socket_t, short, void *);

/* What is said of it when it does not take over. */
static void
upgrade_verdict(struct upgrade *u, int status, char *why, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(why, size, "%s crashed (signal %d): %s", u->path,
		    WTERMSIG(status), u->reason[0] != '\0' ? u->reason :
		    "it said nothing");
	else if (WEXITSTATUS(status) == 126 || WEXITSTATUS(status) == 127)
		snprintf(why, size, "%s cannot be run", u->path);
	else if (u->reason[0] != '\0')
		snprintf(why, size, "%s refuses: %s", u->path, u->reason);
	else
		snprintf(why, size, "%s ended with status %d, and is no "
		    "meshsup that could take over", u->path,
		    WEXITSTATUS(status));
}

/* It takes over: from here on there is no way back but forward. */
static void
upgrade_go(struct supervisor *s)
{
	struct upgrade	*u = s->upgrade;

	log_info("upgrade: %s takes over", u->path);
	if (u->seq != 0)
		answer_json(s, u->seq, json_pack("{s:b, s:s, s:I, s:I}", "ok",
		    1, "version", version_text(), "upgrades",
		    (json_int_t)s->upgrades, "pid", (json_int_t)getpid()));
	u->seq = 0;
	notify_reloading(s->notify);
	notify_say(s->notify, "STATUS=upgrading");
	u->begun = clock_mono_ms();
	u->phase = BUSY;
	u->until = u->begun + BUSY_MS;
	supervisor_after(u->ev, 0);
}

void
upgrade_reap(struct supervisor *s)
{
	struct upgrade	*u = s->upgrade;
	char		 why[900];
	int		 status;

	if (u == NULL || u->pid == 0 ||
	    waitpid(u->pid, &status, WNOHANG) != u->pid)
		return;
	u->pid = 0;
	complaint_drain(u->said);
	complaint_free(&u->said);
	event_del(u->ev);
	if (u->fine && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		upgrade_go(s);
		return;
	}
	upgrade_verdict(u, status, why, sizeof why);
	upgrade_refuse(s, why);
}

/* Run it.  -1 with err. */
static int
upgrade_ask(struct upgrade *u, char *err, size_t errlen)
{
	struct supervisor	*s = u->sup;
	int			 fd = -1, pair[2] = { -1, -1 };

	if (access(u->path, X_OK) == -1) {
		snprintf(err, errlen, "%.600s: %s", u->path, strerror(errno));
		return -1;
	}
	if ((fd = upgrade_state(s)) == -1 || pipe2(pair, O_CLOEXEC) == -1 ||
	    (u->pid = spawn_process(u->path, UPGRADE_CHECK_OPTION, fd,
	    pair[1])) == -1) {
		snprintf(err, errlen, "%.600s: cannot be run: %s", u->path,
		    strerror(errno));
		u->pid = 0;
		fd_close(&pair[0]);
	}
	fd_close(&fd);
	fd_close(&pair[1]);
	if (u->pid == 0)
		return -1;
	u->said = complaint_new(s->base, pair[0], upgrade_line_cb, u);
	supervisor_after(u->ev, CHECK_MS);
	return 0;
}

void
upgrade_begin(struct supervisor *s, uint32_t seq)
{
	struct upgrade	*u;
	const char	*busy = NULL;
	char		 err[900];

	if (s->state != SUP_RUNNING)
		busy = "meshsup is starting or stopping: try again in a "
		    "moment";
	else if (s->upgrade != NULL)
		busy = "an upgrade is under way";
	if (busy != NULL) {
		log_warnx("upgrade: %s", busy);
		if (seq != 0)
			answer_error(s, seq, 409, "upgrade_busy", "%s", busy);
		return;
	}
	s->upgrade_failed[0] = '\0';
	s->upgrade = u = xcalloc(1, sizeof *u);
	u->sup = s;
	u->seq = seq;
	u->path = paths_join(s->libexec, PROGRAM);
	u->ev = evtimer_new(s->base, upgrade_step_cb, u);
	if (u->ev == NULL)
		fatalx("evtimer_new failed");
	log_info("upgrade: asking %s", u->path);
	if (upgrade_ask(u, err, sizeof err) == -1)
		upgrade_refuse(s, err);
}

int
on_upgrade(void *child, struct msg *m)
{
	struct supervisor	*s = child_sup(child);
	struct msg_status	 q;

	if (msg_decode(m, &q) == -1)
		return -1;
	if (!q.all && q.uid != geteuid())
		answer_error(s, m->seq, 403, "not_daemon_owner", "Only the "
		    "owner of the daemon may upgrade it.");
	else
		upgrade_begin(s, m->seq);
	return 0;
}

/* ---- the children end ---- */

static int
is_last(const struct supervisor *s, const struct child *c)
{
	return c == s->store || c == s->broker;
}

/* Is every worker that could say so quiet? */
static int
all_quiet(const struct supervisor *s)
{
	const struct child	*c;

	for (c = TAILQ_FIRST(&s->children); c != NULL; c = child_next(c))
		if (child_peer(c) == PEER_WORKER && child_is_up(c) &&
		    !child_is_quiet(c))
			return 0;
	return 1;
}

static int
all_gone(const struct supervisor *s, int last)
{
	const struct child	*c;

	for (c = TAILQ_FIRST(&s->children); c != NULL; c = child_next(c))
		if (child_running(c) && is_last(s, c) == last)
			return 0;
	return 1;
}

static void
kill_all(struct supervisor *s, int last)
{
	struct child	*c;

	for (c = TAILQ_FIRST(&s->children); c != NULL; c = child_next(c))
		if (is_last(s, c) == last)
			child_kill(c);
}

static void
begin_quiet(struct supervisor *s)
{
	struct child	*c;

	upgrade_note_open(s);
	for (c = TAILQ_FIRST(&s->children); c != NULL; c = child_next(c))
		if (child_peer(c) == PEER_WORKER && child_is_up(c))
			child_send(c, MSG_SUP_QUIESCE, 0, NULL, -1);
}

static void
begin_workers(struct supervisor *s)
{
	struct child	*c;

	s->state = SUP_UPGRADING;
	for (c = TAILQ_FIRST(&s->children); c != NULL; c = child_next(c))
		if (!is_last(s, c))
			child_stop(c);
}

/*
 * Nobody but us is left.  A signal that comes from here on waits for the new
 * one; the loop still has to tell us of those that came before.
 */
static void
begin_hold(const struct upgrade *u)
{
	log_info("upgrade: all children have ended after %lld ms, executing "
	    "%s", (long long)(clock_mono_ms() - u->begun), u->path);
	signals_hold();
}

/* When it fails, everything is started again. */
static void
upgrade_end(struct supervisor *s)
{
	struct upgrade	*u = s->upgrade;

	upgrade_exec(s, u->path);
	snprintf(s->upgrade_failed, sizeof s->upgrade_failed, "%.300s: cannot "
	    "be executed: %s", u->path, strerror(errno));
	log_warnx("upgrade: %s; going on as before", s->upgrade_failed);
	upgrade_free(s);
	s->state = SUP_RUNNING;
	core_start(s);
	notify_say(s->notify, "READY=1\nSTATUS=serving; the upgrade failed");
	if (s->reload_due)
		reload_later(s);
}

static void
upgrade_next(struct upgrade *u, enum phase phase, int64_t ms)
{
	u->phase = phase;
	u->until = clock_mono_ms() + ms;
}

/* As far as it goes now.  1: it is over, and u is gone. */
static int
upgrade_step(struct upgrade *u)
{
	struct supervisor	*s = u->sup;
	int			 late = clock_mono_ms() >= u->until;

	switch (u->phase) {
	case CHECKING:
		break;
	case BUSY:
		if ((!TAILQ_EMPTY(&s->joins) || !TAILQ_EMPTY(&s->asks)) &&
		    !late)
			break;
		begin_quiet(s);
		upgrade_next(u, QUIET, QUIET_MS);
		/* FALLTHROUGH */
	case QUIET:
		if (!all_quiet(s) && !late)
			break;
		child_replace(s->gate);
		upgrade_next(u, GATE, GATE_MS);
		break;
	case GATE:
		if (late)
			child_kill(s->gate);
		if (child_running(s->gate))
			break;
		begin_workers(s);
		upgrade_next(u, WORKERS, WORKERS_MS);
		break;
	case WORKERS:
		if (late)
			kill_all(s, 0);
		if (!all_gone(s, 0))
			break;
		child_stop(s->store);
		if (s->broker != NULL)
			child_stop(s->broker);
		upgrade_next(u, STORE, STORE_MS);
		break;
	case STORE:
		if (late)
			kill_all(s, 1);
		else if (s->broker != NULL && clock_mono_ms() >=
		    u->until - STORE_MS + BROKER_MS)
			child_kill(s->broker);
		if (!all_gone(s, 1) || !all_gone(s, 0))
			break;
		begin_hold(u);
		upgrade_next(u, HOLDING, 0);
		break;
	case HOLDING:
		/* In one turn of the loop a timer may be before a signal. */
		upgrade_next(u, LAST, 0);
		break;
	case LAST:
		upgrade_end(s);
		return 1;
	}
	return 0;
}

static void
upgrade_step_cb(evutil_socket_t fd, short what, void *arg)
{
	struct upgrade	*u = arg;
	char		 why[600];

	(void)fd;
	(void)what;
	if (u->phase == CHECKING) {
		snprintf(why, sizeof why, "%.400s does not answer within %d "
		    "s", u->path, CHECK_MS / 1000);
		upgrade_refuse(u->sup, why);
		return;
	}
	if (upgrade_step(u) == 0)
		supervisor_after(u->ev, STEP_MS);
}
