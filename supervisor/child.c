/* Fork, exec, reap, restart with back-off. */

#include "supervisor/child.h"

#include <sys/wait.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/evpeer.h"
#include "common/fd.h"
#include "common/xalloc.h"
#include "supervisor/complaint.h"
#include "supervisor/crash.h"
#include "supervisor/logger.h"
#include "supervisor/spawn.h"

struct child {
	TAILQ_ENTRY(child) entry;
	struct supervisor *sup;
	enum child_role	 role;
	const struct child_ops *ops;
	void		*arg;
	char		 session[16], mesh[MESH_SLUG_SIZE];

	enum child_state state;
	int		 wanted;
	pid_t		 pid;			/* 0: none */
	struct evpeer	*peer;
	struct complaint *complaint;		/* its stderr */
	struct event	*ev_restart, *ev_kill;
	int64_t		 started, up_at;	/* monotonic */
	unsigned	 restarts;
	struct crash	 crash;
	int		 quiet;			/* no send is unanswered */
	char		 last_exit[64];
	char		 last_words[256];	/* of this process, a warning */
	int64_t		 log_window;		/* lines since then */
	unsigned	 log_lines, log_lost;
};

static const struct {
	const char	*name, *program;
	unsigned	 peer;
} roles[] = {
	[CHILD_STORE] = { "store", "store", PEER_STORE },
	[CHILD_GATE] = { "gate", "gate", PEER_GATE },
	[CHILD_RESOLVER] = { "resolver", "resolver", PEER_RESOLVER },
	[CHILD_BROKER] = { "broker", "broker", PEER_BROKER },
	[CHILD_MEMBER] = { "member", "worker", PEER_WORKER },
	[CHILD_SESSION] = { "worker", "worker", PEER_WORKER },
	[CHILD_JOIN] = { "join", "worker", PEER_JOIN },
};

#define LOG_WINDOW_MS	60000
#define LOG_LINES_MAX	600	/* of one child in one window */

static void	child_spawn(struct child *);

static void
child_becomes(struct child *c, enum child_state state)
{
	c->sup->starting += (state == CHILD_STARTING) -
	    (unsigned)(c->state == CHILD_STARTING);
	c->state = state;
}

static void
child_restart_cb(evutil_socket_t fd, short what, void *arg)
{
	struct child	*c = arg;

	(void)fd;
	(void)what;
	if (c->wanted && c->pid == 0 && c->sup->state < SUP_UPGRADING)
		child_spawn(c);
}

static void
child_kill_cb(evutil_socket_t fd, short what, void *arg)
{
	struct child	*c = arg;

	(void)fd;
	(void)what;
	if (c->pid != 0) {
		log_warnx("%s: did not stop in time, killed",
		    roles[c->role].name);
		kill(c->pid, SIGKILL);
	}
}

struct child *
child_new(struct supervisor *s, enum child_role role,
    const struct child_ops *ops, void *arg, const char *session,
    const char *mesh)
{
	struct child	*c = xcalloc(1, sizeof *c);

	c->sup = s;
	c->role = role;
	c->ops = ops;
	c->arg = arg;
	c->state = CHILD_DOWN;
	snprintf(c->session, sizeof c->session, "%s",
	    session != NULL ? session : "");
	snprintf(c->mesh, sizeof c->mesh, "%s", mesh != NULL ? mesh : "");
	c->ev_restart = evtimer_new(s->base, child_restart_cb, c);
	c->ev_kill = evtimer_new(s->base, child_kill_cb, c);
	if (c->ev_restart == NULL || c->ev_kill == NULL)
		fatalx("evtimer_new failed");
	TAILQ_INSERT_TAIL(&s->children, c, entry);
	return c;
}

void
child_free(struct child **cp)
{
	struct child	*c = *cp;

	if (c == NULL)
		return;
	if (c->pid != 0) {
		kill(c->pid, SIGKILL);
		while (waitpid(c->pid, NULL, 0) == -1 && errno == EINTR)
			continue;
	}
	child_becomes(c, CHILD_DOWN);
	evpeer_free(&c->peer);
	complaint_free(&c->complaint);
	event_free(c->ev_restart);
	event_free(c->ev_kill);
	TAILQ_REMOVE(&c->sup->children, c, entry);
	free(c);
	*cp = NULL;
}

int
child_check_programs(const struct supervisor *s, char *err, size_t errlen)
{
	char	*path;
	size_t	 i;
	int	 ret = 0;

	for (i = 0; ret == 0 && i < sizeof roles / sizeof roles[0]; i++) {
		xasprintf(&path, "%s/%s", s->libexec, roles[i].program);
		if ((ret = access(path, X_OK)) == -1)
			snprintf(err, errlen, "%.400s: %s; install meshsup as "
			    "a whole", path, strerror(errno));
		free(path);
	}
	return ret;
}

static int
child_msg_cb(void *arg, struct msg *m)
{
	struct child	*c = arg;

	return supervisor_dispatch(c, m);
}

/* Its channel is gone: so will it be, and if not, it is of no use. */
static void
child_gone_cb(void *arg, const char *why)
{
	struct child	*c = arg;

	if (c->pid == 0)
		return;
	if (c->state != CHILD_STOPPING)
		log_debug("%s: control channel %s", roles[c->role].name, why);
	evpeer_free(&c->peer);
	if (strcmp(why, "closed") != 0 && strcmp(why, "closed while writing")) {
		log_warnx("%s %ld: %s, killed", roles[c->role].name,
		    (long)c->pid, why);
		kill(c->pid, SIGKILL);
	} else if (!event_pending(c->ev_kill, EV_TIMEOUT, NULL))
		supervisor_after(c->ev_kill, CHILD_STOP_MS);
}

static void
child_complaint_cb(void *arg, const char *line)
{
	struct child	*c = arg;
	char		 text[LOG_LINE_MAX];

	snprintf(text, sizeof text, "stderr: %s", line);
	child_log(c, LOG_LV_WARN, text);
}

static void
child_spawn(struct child *c)
{
	const char	*arg;
	char		*path = NULL;
	int		 pair[2] = { -1, -1 }, err[2] = { -1, -1 };

	xasprintf(&path, "%s/%s", c->sup->libexec, roles[c->role].program);
	arg = c->role == CHILD_BROKER ? "--supervised" :
	    c->role == CHILD_JOIN ? "--join" :
	    c->session[0] != '\0' ? c->session :
	    c->mesh[0] != '\0' ? c->mesh : NULL;
	if (channel_pair(pair) == -1 || pipe2(err, O_CLOEXEC) == -1 ||
	    (c->pid = spawn_process(path, arg, pair[1], err[1])) == -1)
		goto fail;
	fd_close(&pair[1]);
	fd_close(&err[1]);
	c->started = clock_mono_ms();
	child_becomes(c, CHILD_STARTING);
	c->last_words[0] = '\0';
	c->quiet = 0;
	c->peer = evpeer_new(c->sup->base, pair[0], child_msg_cb,
	    child_gone_cb, c);
	c->complaint = complaint_new(c->sup->base, err[0], child_complaint_cb,
	    c);
	goto out;

fail:
	log_warn("%s: cannot start it", roles[c->role].name);
	c->pid = 0;
	crash_failed(&c->crash);
	fd_close(&pair[0]);
	fd_close(&pair[1]);
	fd_close(&err[0]);
	fd_close(&err[1]);
	supervisor_after(c->ev_restart, crash_delay(&c->crash));
out:
	free(path);
	if (c->pid != 0) {
		log_debug("%s: started, pid %ld", roles[c->role].name,
		    (long)c->pid);
		c->ops->setup(c);
	}
}

void
child_start(struct child *c)
{
	if (c->sup->state >= SUP_UPGRADING)
		return;
	c->wanted = 1;
	if (crash_is_loop(&c->crash))
		crash_forget(&c->crash);
	if (c->pid == 0 && !event_pending(c->ev_restart, EV_TIMEOUT, NULL))
		child_spawn(c);
}

static void
child_end(struct child *c, enum msg_type word)
{
	c->wanted = 0;
	event_del(c->ev_restart);
	if (c->pid == 0 || c->state == CHILD_STOPPING)
		return;
	child_becomes(c, CHILD_STOPPING);
	if (c->peer != NULL)
		(void)evpeer_send(c->peer, word, 0, NULL, -1);
	supervisor_after(c->ev_kill, CHILD_STOP_MS);
}

void
child_stop(struct child *c)
{
	child_end(c, MSG_SUP_STOP);
}

void
child_replace(struct child *c)
{
	child_end(c, MSG_SUP_REPLACE);
}

void
child_kill(struct child *c)
{
	if (c->pid != 0)
		kill(c->pid, SIGKILL);
}

void
child_set_up(struct child *c)
{
	if (c->state != CHILD_STARTING)
		return;
	child_becomes(c, CHILD_UP);
	c->up_at = clock_mono_ms();
	c->ops->up(c);
}

void
child_send(struct child *c, enum msg_type type, uint32_t seq,
    const void *body, int fd)
{
	if (c->peer == NULL || c->pid == 0) {
		fd_close(&fd);
		return;
	}
	if (evpeer_send(c->peer, type, seq, body, fd) == 0)
		return;
	if (errno == ENOBUFS || errno == EINVAL || errno == EMSGSIZE) {
		log_warn("%s: cannot send %s, killed", roles[c->role].name,
		    msg_name(type));
		kill(c->pid, SIGKILL);
	}
}

size_t
child_queued(const struct child *c)
{
	return c->peer != NULL ? evpeer_queued(c->peer) : 0;
}

/* Its process has ended. */
static void
child_died(struct child *c, int status)
{
	int64_t	now = clock_mono_ms();
	int	asked = c->state == CHILD_STOPPING;

	if (WIFSIGNALED(status))
		snprintf(c->last_exit, sizeof c->last_exit, "signal %d",
		    WTERMSIG(status));
	else
		snprintf(c->last_exit, sizeof c->last_exit, "exit status %d",
		    WEXITSTATUS(status));
	complaint_drain(c->complaint);
	if (!asked)
		log_warnx("%s %ld: ended, %s", roles[c->role].name,
		    (long)c->pid, c->last_exit);
	if (asked)
		crash_forget(&c->crash);
	else
		crash_died(&c->crash, now, c->state == CHILD_UP ?
		    now - c->up_at : 0);
	c->pid = 0;
	child_becomes(c, CHILD_DOWN);
	event_del(c->ev_kill);
	evpeer_free(&c->peer);
	complaint_free(&c->complaint);
	if (c->wanted) {
		c->restarts += !asked;
		supervisor_after(c->ev_restart, crash_delay(&c->crash));
	}
	c->ops->down(c);	/* may free it */
}

void
child_reap(struct supervisor *s)
{
	struct child	*c, *next;
	int		 status;

	for (c = TAILQ_FIRST(&s->children); c != NULL; c = next) {
		next = TAILQ_NEXT(c, entry);
		if (c->pid != 0 && waitpid(c->pid, &status, WNOHANG) == c->pid)
			child_died(c, status);
	}
}

int
child_running(const struct child *c)
{
	return c != NULL && c->pid != 0;
}

int
child_is_up(const struct child *c)
{
	return c != NULL && c->state == CHILD_UP && c->peer != NULL;
}

int
child_is_quiet(const struct child *c)
{
	return c->quiet;
}

void
child_set_quiet(struct child *c)
{
	c->quiet = 1;
}

enum child_role
child_role(const struct child *c)
{
	return c->role;
}

unsigned
child_peer(const struct child *c)
{
	return roles[c->role].peer;
}

unsigned
child_state(const struct child *c)
{
	return c->state;
}

void *
child_arg(const struct child *c)
{
	return c->arg;
}

struct supervisor *
child_sup(const struct child *c)
{
	return c->sup;
}

struct child *
child_next(const struct child *c)
{
	return TAILQ_NEXT(c, entry);
}

const char *
child_role_name(enum child_role role)
{
	return roles[role].name;
}

void
child_info(const struct child *c, struct child_info *i)
{
	i->role = roles[c->role].name;
	i->state = c->state == CHILD_UP ? "running" :
	    c->state == CHILD_STARTING ? "starting" :
	    c->state == CHILD_STOPPING ? "stopping" :
	    c->wanted ? "restarting" : "stopped";
	i->pid = (long)c->pid;
	i->uptime_ms = c->pid != 0 ? clock_mono_ms() - c->started : 0;
	i->restarts = c->restarts;
	i->crash_loop = crash_is_loop(&c->crash);
	i->last_exit = c->last_exit;
	i->last_words = c->last_words;
}

/* Rate limited: one child cannot fill the disk. */
void
child_log(struct child *c, enum log_level level, const char *text)
{
	struct log_who	 who = { .process = roles[c->role].name,
	    .pid = (long)c->pid,
	    .session = c->session[0] != '\0' ? c->session : NULL,
	    .mesh = c->mesh[0] != '\0' ? c->mesh : NULL };
	int64_t		 now = clock_mono_ms();

	if (level <= LOG_LV_WARN)
		snprintf(c->last_words, sizeof c->last_words, "%s", text);
	if (now - c->log_window >= LOG_WINDOW_MS) {
		if (c->log_lost > 0)
			log_warnx("%s %ld: %u log lines too many in a minute, "
			    "left out", who.process, who.pid, c->log_lost);
		c->log_window = now;
		c->log_lines = c->log_lost = 0;
	}
	if (c->log_lines++ >= LOG_LINES_MAX)
		c->log_lost++;
	else
		logger_write(c->sup->logger, &who, level, text);
}
