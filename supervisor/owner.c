/* The process that a session belongs to. */

#include "supervisor/owner.h"

#include <sys/syscall.h>

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/log.h"
#include "common/xalloc.h"

#define POLL_MS	1000	/* without pidfd */

struct owner {
	struct owner_id	 id;
	int		 fd;		/* pidfd, or -1 */
	struct event	*ev;
	void		(*gone_cb)(void *);
	void		*arg;
};

/*
 * From /proc/pid/stat, behind the name in field 2, which may hold anything.  A
 * dead first thread is not the end of a process that has others.
 */
static int
owner_parse(const char *p, uint64_t *start_r)
{
	int	dead = strncmp(p, ") Z", 3) == 0 || strncmp(p, ") X", 3) == 0;
	int	field;

	for (field = 2; field < 22; field++) {
		if ((p = strchr(p + 1, ' ')) == NULL)
			return -1;
		if (field + 1 == 20 && dead && strtol(p + 1, NULL, 10) < 2)
			return -1;	/* and not yet reaped */
	}
	*start_r = strtoull(p + 1, NULL, 10);
	return 0;
}

/*
 * When it started.  -1 with ESRCH: it has ended; with another errno: not known
 * now.
 */
static int
owner_start_time(pid_t pid, uint64_t *start_r)
{
	char	 path[64], buf[1024], *p;
	FILE	*f;
	size_t	 n;

	snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	if ((f = fopen(path, "re")) == NULL) {
		if (errno == ENOENT)
			errno = ESRCH;
		return -1;
	}
	n = fread(buf, 1, sizeof buf - 1, f);
	fclose(f);
	buf[n] = '\0';
	errno = ESRCH;			/* nothing there: it ended just now */
	return (p = strrchr(buf, ')')) != NULL ? owner_parse(p, start_r) : -1;
}

/* The real uid: /proc/pid itself belongs to root when it is not dumpable. */
static int
owner_uid(pid_t pid, uid_t *uid_r)
{
	char	 path[64], line[256];
	FILE	*f;
	int	 found = 0;

	snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
	if ((f = fopen(path, "re")) == NULL)
		return -1;
	while (!found && fgets(line, sizeof line, f) != NULL) {
		if (strncmp(line, "Uid:", 4) == 0) {
			*uid_r = (uid_t)strtoul(line + 4, NULL, 10);
			found = 1;
		}
	}
	fclose(f);
	return found ? 0 : -1;
}

static int
owner_boot_id(char id[BOOT_ID_SIZE])
{
	FILE	*f = fopen("/proc/sys/kernel/random/boot_id", "re");
	size_t	 n;

	if (f == NULL)
		return -1;
	n = fread(id, 1, BOOT_ID_SIZE - 1, f);
	fclose(f);
	id[n] = '\0';
	return n == BOOT_ID_SIZE - 1 ? 0 : -1;
}

/* 1: it lives; 0: it has ended; -1: out of descriptors or memory, not known. */
static int
owner_state(const struct owner_id *id)
{
	char		boot_id[BOOT_ID_SIZE];
	uint64_t	start;

	if (owner_boot_id(boot_id) == -1)
		return -1;
	if (strcmp(boot_id, id->boot_id) != 0)
		return 0;
	if (owner_start_time(id->pid, &start) == -1)
		return errno == ESRCH ? 0 : -1;
	return start == id->start_time;
}

int
owner_look(pid_t pid, uid_t uid, struct owner_id *id)
{
	uid_t	actual;

	memset(id, 0, sizeof *id);
	errno = 0;
	if (pid <= 0)
		return -1;
	/* Start time on both sides of the uid: both of one process. */
	id->pid = pid;
	if (owner_start_time(pid, &id->start_time) == -1 ||
	    owner_boot_id(id->boot_id) == -1)
		return -1;
	if (owner_uid(pid, &actual) == -1 || actual != uid)
		return -1;
	return owner_state(id) == 1 ? 0 : -1;
}

int
owner_alive(const struct owner_id *id)
{
	return owner_state(id) != 0;
}

static void	owner_event(evutil_socket_t, short, void *);

/* A pidfd; -1: there is none now, or this kernel has none. */
static int
owner_pidfd(pid_t pid)
{
	static int	said;
	int		fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd != -1)
		(void)fd_cloexec(fd, 1);
	else if (errno != ESRCH && !said) {
		said = 1;
		log_warn("no pidfd, so that a session ends up to a second "
		    "after its process");
	}
	return fd;
}

/* Wait for its end, or look whether it is there. */
static void
owner_arm(struct owner *o, struct event_base *base)
{
	o->ev = event_new(base, o->fd, EV_PERSIST |
	    (o->fd != -1 ? EV_READ : 0), owner_event, o);
	if (o->ev == NULL)
		fatalx("event_new failed");
	event_add(o->ev, o->fd != -1 ? NULL :
	    &(struct timeval){ POLL_MS / 1000, POLL_MS % 1000 * 1000 });
}

/* It was not to be had at first, when descriptors were short. */
static void
owner_pidfd_again(struct owner *o)
{
	struct event_base	*base = event_get_base(o->ev);

	if (o->fd != -1 || (o->fd = owner_pidfd(o->id.pid)) == -1)
		return;
	event_free(o->ev);
	owner_arm(o, base);
}

static void
owner_event(evutil_socket_t fd, short what, void *arg)
{
	struct owner	*o = arg;

	(void)fd;
	if (what & EV_TIMEOUT) {
		owner_pidfd_again(o);	/* first: what it names is checked */
		if (owner_alive(&o->id))
			return;
	}
	event_del(o->ev);
	o->gone_cb(o->arg);		/* may free it */
}

/* Is it a pidfd of that process?  One of a process that has ended says -1. */
static int
owner_is_pidfd(int fd, pid_t pid)
{
	char	 path[64], line[256];
	long	 its = 0;
	FILE	*f;

	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
	if ((f = fopen(path, "re")) == NULL)
		return 0;
	while (its == 0 && fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, "Pid:", 4) == 0)
			its = strtol(line + 4, NULL, 10);
	fclose(f);
	return its == (long)pid || its == -1;
}

struct owner *
owner_watch(struct event_base *base, const struct owner_id *id,
    void (*gone_cb)(void *), void *arg)
{
	return owner_adopt(base, id, -1, gone_cb, arg);
}

int
owner_fd(const struct owner *o)
{
	return o->fd;
}

struct owner *
owner_adopt(struct event_base *base, const struct owner_id *id, int pidfd,
    void (*gone_cb)(void *), void *arg)
{
	struct owner	*o = xcalloc(1, sizeof *o);

	o->id = *id;
	o->gone_cb = gone_cb;
	o->arg = arg;
	if (pidfd != -1 && !owner_is_pidfd(pidfd, id->pid))
		fd_close(&pidfd);
	o->fd = pidfd != -1 ? pidfd : owner_pidfd(id->pid);
	owner_arm(o, base);
	/* It may have ended between the look and now, its pid used again. */
	if (!owner_alive(id))
		event_active(o->ev, EV_READ, 0);
	return o;
}

void
owner_free(struct owner **op)
{
	struct owner	*o = *op;

	if (o == NULL)
		return;
	event_free(o->ev);
	fd_close(&o->fd);
	free(o);
	*op = NULL;
}
