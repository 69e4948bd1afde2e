#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H

/*
 * The supervisor forks and watches the others, owns the listening sockets and
 * is the source of truth for sessions and meshes.  It parses nothing that a
 * client or the network sent, and never opens mesh.db.
 */

#include <sys/queue.h>

#include <stdint.h>

#include "common/conf.h"
#include "common/identity.h"
#include "common/msg.h"
#include "common/paths.h"

struct child;
struct event;
struct event_base;
struct logger;
struct member;
struct notify;
struct registry;
struct resolving;
struct session;
struct taken;
struct upgrade;

/* From UPGRADING on, no child is started. */
enum sup_state { SUP_STARTING, SUP_RUNNING, SUP_UPGRADING, SUP_STOPPING };

TAILQ_HEAD(child_list, child);
TAILQ_HEAD(join_list, join);
TAILQ_HEAD(member_list, member);
TAILQ_HEAD(mesh_ask_list, mesh_ask);
TAILQ_HEAD(session_list, session);
TAILQ_HEAD(resolving_list, resolving);

struct supervisor {
	struct event_base *base;
	struct conf	 conf;
	struct paths	 paths;
	char		*libexec;	/* where the other programs are */
	char		*mesh_db;
	char		 hostname[MSG_HOST_SIZE];
	char		**argv;		/* as we were executed */
	int		 foreground;
	int		 system_mode;	/* started as root */
	int		 ready_fd;	/* `meshsup start` waits there, or -1 */
	enum sup_state	 state;
	int64_t		 started_at;	/* wall, ms */
	int64_t		 started_mono;
	int		 exit_code;

	uint8_t		 host_key[HOST_KEY_LEN];
	int		 state_lock, run_lock;
	int		 listen_unix, listen_admin, listen_tcp, listen_broker;
	int		 given_unix, given_admin;	/* by who manages us */
	char		 broker_host[64];	/* where workers reach it */
	uint16_t	 broker_port;
	char		 local_token[65];

	struct notify	*notify;	/* NULL: no service manager */
	struct logger	*logger;
	struct registry	*registry;
	struct child	*store, *gate, *resolver, *broker;
	int		 store_seen;	/* mesh.db is there */
	uint32_t	 next_seq;
	struct child_list children;	/* all of them, workers included */
	struct member_list members;
	struct member_list leaving;	/* members that are not served more */
	struct join_list joins;		/* that are under way */
	struct mesh_ask_list asks;	/* of the embedded broker */
	struct session_list sessions;
	struct session_list launching;	/* their workers are to start */
	unsigned	 starting;	/* children that are not ready yet */
	struct resolving_list resolving;
	struct event	*ev_stop;	/* steps of stopping */
	struct event	*ev_start;	/* the start took too long */
	struct event	*ev_prune;	/* hourly */
	struct event	*ev_watchdog;	/* we are alive */
	struct event	*ev_launch;	/* sessions whose workers start */
	struct event	*ev_tell;	/* a new gate is told of sessions */
	void		(*told_cb)(struct supervisor *);
	int		 stop_step;
	int64_t		 drain_until;	/* monotonic; 0: nobody is waited for */
	int		 reload_due;	/* SIGHUP came while it was starting */
	struct upgrade	*upgrade;	/* under way, or NULL */
	struct taken	*taken;		/* what an upgrade left to do */
	uint32_t	 upgrades;	/* of this pid so far */
	char		 upgrade_failed[400];	/* the last one, or "" */
	int		 gate_waits;	/* for its listening sockets */
	struct event	*ev_sig[6];
};

struct supervisor *supervisor_new(void);
void	supervisor_free(struct supervisor **);

/* Children, sockets and meshes.  -1 with a sentence in err. */
int	supervisor_start(struct supervisor *, char *err, size_t errlen);

/* The API's sockets, and the embedded broker's, if wanted.  -1 with err. */
int	supervisor_listen(struct supervisor *, char *err, size_t errlen);

/* The embedded broker's alone. */
int	supervisor_listen_broker(struct supervisor *, char *err,
	    size_t errlen);

/* Until it has stopped; returns the exit code. */
int	supervisor_loop(struct supervisor *);

/* The sockets and the pid file go. */
void	supervisor_unlink(struct supervisor *);

/* Begin to stop: children are told, then killed. */
void	supervisor_stop(struct supervisor *);

/* The start has failed: say why to who waits for it, and stop. */
void	supervisor_fail(struct supervisor *, const char *, ...)
	    LOG_FMT(2, 3);

/* Something came up: is everything there that the API needs? */
void	supervisor_check_ready(struct supervisor *);

/* Set a timer, in ms. */
void	supervisor_after(struct event *, int64_t ms);

/* Is an embedded broker wanted? */
int	supervisor_wants_broker(const struct supervisor *);

/* Rules: one message of a child, by its role and state. */
int	supervisor_dispatch(struct child *, struct msg *);

#endif
