#ifndef SUPERVISOR_OWNER_H
#define SUPERVISOR_OWNER_H

/*
 * The process that a session belongs to.  It is named by pid, start time and
 * boot id, so that a pid used again is never mistaken for it, and watched with
 * a pidfd; where there is none, once a second.
 */

#include <stdint.h>
#include <sys/types.h>

struct event_base;
struct owner;

#define BOOT_ID_SIZE	37

struct owner_id {
	pid_t		 pid;
	uint64_t	 start_time;	/* clock ticks since boot */
	char		 boot_id[BOOT_ID_SIZE];
};

/*
 * Look at a living process.  0: id filled; -1: no such process, or it belongs
 * to another uid than asked for, or, with errno EMFILE, ENFILE or ENOMEM, that
 * cannot be found out now.
 */
int	owner_look(pid_t, uid_t, struct owner_id *);

/*
 * Does that very process still live?  Yes, while that cannot be found out: a
 * full table of descriptors ends no session.
 */
int	owner_alive(const struct owner_id *);

/* Call gone_cb once, from the loop, when it has ended. */
struct owner *owner_watch(struct event_base *, const struct owner_id *,
	    void (*gone_cb)(void *), void *arg);
void	owner_free(struct owner **);

/*
 * The same with a pidfd that was opened before an exec, and is taken; -1, or
 * one of another process: a new one.
 */
struct owner *owner_adopt(struct event_base *, const struct owner_id *,
	    int pidfd, void (*gone_cb)(void *), void *arg);

/* Its pidfd, or -1. */
int	owner_fd(const struct owner *);

#endif
