#ifndef SUPERVISOR_SESSION_H
#define SUPERVISOR_SESSION_H

/*
 * The life of a session: registered -> starting -> connecting <-> open ->
 * draining -> ended.  See "Who owns what" and "Sessions" in the design.
 */

#include "common/msg.h"
#include "supervisor/registry.h"
#include "supervisor/supervisor.h"
#include "supervisor/tell.h"

struct member;

#define SESSION_ANSWERS	16

struct session {
	TAILQ_ENTRY(session) entry;
	struct supervisor *sup;
	struct member	*member;
	struct reg_session rec;		/* as it is in the registry */
	struct child	*child;
	struct owner	*owner;		/* watch of the owner process */
	struct event	*ev_linger;
	enum conn_state	 state;		/* what everyone is told */
	char		 reason[REASON_SIZE];
	int		 draining;
	int		 lingered;	/* long enough: its rows are to end */
	int		 dismissed;	/* ended by us; reason says why */
	int		 dead;		/* freed when its worker is gone */
	int		 was_open;	/* when an upgrade began */
	int		 kept;		/* it is in the registry, with a key */
	int		 stale;		/* its worker, not up yet, knows less */
	TAILQ_ENTRY(session) launch;	/* launch.h: */
	int		 launching;	/* its worker is to start */
	int		 waits;		/* to start, for its name: session_name.h */
	struct event	*ev_save;	/* its end is to be kept */
	struct tell	 tell;
	char		 wire_id[MSG_SESSION_ID_SIZE];	/* to the broker */
	int		 wants_attest;	/* its member's worker is to sign */
	int64_t		 attest_ms;	/* monotonic: asked to */
	uint8_t		*brought;	/* secret of the client, until READY */
	uint32_t	 answer_seq[SESSION_ANSWERS]; /* registrations that */
	unsigned	 answers;		/* wait for READY */
};

/* A session with a worker that is not started yet; takes a copy of rec. */
struct session *session_new(struct supervisor *, struct member *,
	    const struct reg_session *rec);
void	session_free(struct session *);

/*
 * Those that the registry knows: whose process lives is back, the others
 * drain.  Their workers start with launch_all(), when the database is there.
 */
int	session_load(struct supervisor *, char *err, size_t errlen);

/* It is draining no more, and has a new owner process. */
void	session_revive(struct session *);

/* (Re)start to watch its owner process. */
void	session_watch_owner(struct session *);

/* It is over: its worker stops, the registry keeps it for the retention. */
void	session_end(struct session *);

void	session_free_all(struct supervisor *);
struct session *session_by_owner(struct supervisor *,
	    const uint8_t owner[OWNER_ID_LEN]);

/* Its token dies; its worker stays until no row is open. */
void	session_drain(struct session *, const char *why);

/*
 * It ends at once, without its worker, and its open rows with this reason,
 * which everyone is told.
 */
void	session_dismiss(struct session *, const char *reason);

/* Another member stands for it from now on. */
void	session_move(struct session *, struct member *);

/* In the registry; when that fails, again until it does not. */
void	session_save(struct session *);

/*
 * State of its connection, from its worker.  While it is parked it stays so,
 * with the reason of that.
 */
void	session_set_state(struct session *, enum conn_state,
	    const char *reason);

/* A registration that waited for the gate has nobody to answer any more. */
void	session_forget_answers(struct supervisor *);

/* Messages. */
int	on_worker_ready(void *child, struct msg *);
int	on_worker_state(void *child, struct msg *);
int	on_need_attest(void *child, struct msg *);
int	on_rows_ended(void *child, struct msg *);
int	on_drained(void *child, struct msg *);

/* Fill the internal id as text, for logs: its first 8 digits. */
#define SESSION_SHORT_SIZE	9
char	*session_short(const uint8_t owner[OWNER_ID_LEN],
	    char out[SESSION_SHORT_SIZE]);

#endif
