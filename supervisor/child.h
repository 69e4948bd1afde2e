#ifndef SUPERVISOR_CHILD_H
#define SUPERVISOR_CHILD_H

/*
 * Fork, exec, watch, restart: when, says crash.h.
 */

#include "common/msg.h"
#include "supervisor/supervisor.h"

#define CHILD_STOP_MS		1500	/* from STOP to SIGKILL */

enum child_role { CHILD_STORE, CHILD_GATE, CHILD_RESOLVER, CHILD_BROKER,
    CHILD_MEMBER, CHILD_SESSION, CHILD_JOIN };

/* As bits, for the table of messages. */
enum child_state { CHILD_DOWN = 1, CHILD_STARTING = 2, CHILD_UP = 4,
    CHILD_STOPPING = 8 };

struct child_ops {
	void	(*setup)(struct child *);	/* send the first message */
	void	(*up)(struct child *);		/* it said that it is ready */
	void	(*down)(struct child *);	/* it is gone */
};

struct child;

/* session (8 digits) and mesh name it in logs; both may be NULL. */
struct child *child_new(struct supervisor *, enum child_role,
	    const struct child_ops *, void *arg, const char *session,
	    const char *mesh);

/* Kills and waits, when it still runs. */
void	child_free(struct child **);

/* Is there a program for every role?  -1 with a sentence in err. */
int	child_check_programs(const struct supervisor *, char *err,
	    size_t errlen);

/* Run it from now on, whatever happens; nothing once the supervisor stops. */
void	child_start(struct child *);

/* Tell it to stop, kill it when it does not; ops->down follows. */
void	child_stop(struct child *);

/* The same to the gate: another one follows, and nobody is to notice. */
void	child_replace(struct child *);

/* SIGKILL it, and start it again if it is to run. */
void	child_kill(struct child *);

/* It said that it is ready. */
void	child_set_up(struct child *);

/* Send; a full queue or an error kills the child.  fd is taken. */
void	child_send(struct child *, enum msg_type, uint32_t seq,
	    const void *body, int fd);

/* Bytes that wait to be written to it. */
size_t	child_queued(const struct child *);

/* Reap what has died. */
void	child_reap(struct supervisor *);

int	child_running(const struct child *);	/* has a process */
int	child_is_up(const struct child *);

/* A worker that is to stop: has it said that nothing is under way? */
int	child_is_quiet(const struct child *);
void	child_set_quiet(struct child *);

enum child_role child_role(const struct child *);
unsigned child_peer(const struct child *);	/* PEER_* */
unsigned child_state(const struct child *);
void	*child_arg(const struct child *);
struct supervisor *child_sup(const struct child *);
struct child *child_next(const struct child *);	/* of all; NULL at the end */

/* For status. */
struct child_info {
	const char	*role, *state;
	long		 pid;		/* 0: none */
	int64_t		 uptime_ms;
	unsigned	 restarts;
	int		 crash_loop;
	const char	*last_exit;	/* "signal 9", "" */
	const char	*last_words;	/* its last warning or error, or "" */
};
void	child_info(const struct child *, struct child_info *);
const char *child_role_name(enum child_role);

/* A log line of the child. */
void	child_log(struct child *, enum log_level, const char *text);

#endif
