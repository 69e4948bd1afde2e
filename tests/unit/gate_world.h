#ifndef UNIT_GATE_WORLD_H
#define UNIT_GATE_WORLD_H

/*
 * The real gate in a process of its own, and around it what it talks to, played
 * by the test over msg.c: a supervisor, a store with a real database, workers;
 * and clients.  One thread: whoever waits for the gate also answers it.
 */

#include <sys/types.h>

#include <jansson.h>
#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "common/msg.h"

#define WORLD_MS	8000		/* what may be waited for something */
#define WORLD_EPOCH	"11111111-2222-4333-8444-555555555555"
#define WORLD_BEARER	"local-token-for-tests-local-token-for-tests"

/* A session or a member, as the supervisor and its client know it. */
struct person {
	int		 is_member;
	uint8_t		 owner[OWNER_ID_LEN];
	uint8_t		 pub[KEY_PUBLIC_LEN], sec[KEY_SECRET_LEN];
	char		 hex[HEX_KEY_SIZE];
	uint8_t		 body_key[BODY_KEY_LEN];
	char		 token[65];
	char		 auth[128];	/* a header line */
	uint64_t	 uid;
	uint32_t	 caps;
	int64_t		 state;
	char		 name[32], mesh[32];
	struct person	*member;	/* of a session */
	struct channel	*worker;	/* NULL: it has none */
};

struct world {
	char		 dir[64];
	pid_t		 pid;
	int		 exited;	/* and waited for */
	int		 tcp_port;
	struct channel	*sup, *store;
	sqlite3		*db;
	int		 ready;
	uint64_t	 uid;
	struct person	 member, alice, bob;	/* on the mesh "acme" */

	/* How the store and the others behave. */
	int64_t		 accept;	/* what an accept is answered */
	int		 hold;		/* store, workers, supervisor: say nothing */
	int		 hold_workers;	/* only they say nothing */
	const char	*peers;		/* what a broker answers list_peers */
	const char	*roster;	/* a worker, roster; NULL: the same */
	const char	*fate;		/* a broker, message_status */
	const char	*topic;		/* a worker, topic */
	const char	*says;		/* a broker, any other question */
	int64_t		 ask_status;
	const char	*ask_error;	/* with it, or NULL */
	int64_t		 operate;	/* what an operation is answered, but */
					/* for OPERATE_OK, which is done */
	int64_t		 register_result;

	/* What came. */
	int		 accepts, seens, asks, registers, ends;
	int		 rosters, fates, topics;	/* of the asks */
	char		 last_topic[TARGET_SIZE + 32];	/* its args */
	int		 operates, requeues, deletes;
	struct msg_operate last_operate;
	struct msg_requeue last_requeue;	/* without its body */
	struct msg_seen	 last_delete;
	uint32_t	 last_ask;	/* its number */
	char		 last_what[33], last_args[512];
	const struct person *last_asked;
	struct msg_accept last_accept;	/* without its body */
	struct msg_register last_register;
	struct msg_presence last_presence;
	int64_t		 presence_status; /* what it is answered; 0: done */
	char		*log;		/* all lines, as text */
};

struct answer {
	int		 status;	/* 0: the connection ended without one */
	char		*head;		/* NUL-terminated */
	char		*body;
	size_t		 len;
	json_t		*json;		/* NULL: it is none */
};

/*
 * Start; the gate is up, alice and bob are there.  nofile is the limit of
 * descriptors that the gate is born with, 0 to leave it.
 */
void	world_start(struct world *, int nofile);

/* Stop it as the supervisor does, and have it be gone in time, with status 0. */
void	world_stop(struct world *);

/* Wait for its end by itself; 1, and its status. */
int	world_wait(struct world *, int *status_r);

/* For a group of tests, each in a world of its own. */
int	world_setup(void **state);
int	world_teardown(void **state);

/* Read and answer what the gate says, at most so long; once is enough. */
void	world_pump(struct world *, int ms);

/* Pump until *what is at least n; fails the test after WORLD_MS. */
void	world_until(struct world *, const int *what, int n);

/* Pump until the gate has logged it. */
void	world_logged(struct world *, const char *text);

void	person_make(struct person *, const char *name, const char *mesh,
	    uint64_t uid, struct person *member);
void	world_tell(struct world *, const struct person *);	/* MEMBER, SESSION */
void	world_forget(struct world *, const struct person *);	/* ..._GONE */
void	world_store_new(struct world *);	/* its channel; replaces the old */
void	world_store_gone(struct world *);
void	world_worker(struct world *, struct person *);
void	world_send(struct world *, enum msg_type, const void *body);

/*
 * A message for somebody is committed, and the gate told.  Returns its
 * sequence; id (UUID_SIZE) may be NULL.
 */
int64_t	world_deliver(struct world *, const struct person *to,
	    const char *text, char *id);

/* One number of a query on the database. */
int64_t	world_number(struct world *, const char *sql);

/* ---- clients ---- */

/* A connection to "daemon.sock", "admin.sock", or (NULL) by TCP. */
int	client_open(struct world *, const char *socket);
void	client_write(struct world *, int fd, const void *, size_t);

/* The next whole answer; to be cleared. */
void	client_read(struct world *, int fd, struct answer *);
void	answer_clear(struct answer *);

/* Until the bytes contain the needle, or WORLD_MS; appended to what is there. */
char	*client_read_until(struct world *, int fd, char *have,
	    const char *needle);

/* Is the connection closed by the other side, within WORLD_MS? */
int	client_is_closed(struct world *, int fd);

/*
 * One request on a connection of its own; headers are lines that end in CRLF,
 * or NULL, as may be body.  The answer lives until the next one.
 */
struct answer *ask(struct world *, const char *method, const char *path,
	    const char *headers, const char *body);

/* The same on an open connection, with any length of body: TEXT("..."). */
#define TEXT(s)	(s), sizeof(s) - 1
void	ask_on(struct world *, int fd, const char *method, const char *path,
	    const char *headers, const void *body, size_t);

/* A text member of the last answer, or "". */
const char *said(const char *name);

/* Is the last answer this one?  Fails the test if not. */
void	expect(const struct answer *, int status, const char *code);

/* How many there are in a list of a 200. */
size_t	items(const struct answer *, const char *list);

/* A text member of one of its "items", or "(null)". */
const char *item(const struct answer *, size_t, const char *name);

/* ---- between the files of this ---- */

void	world_db_make(struct world *);
void	world_store_msg(struct world *, struct msg *);

/* As world_pump(), also until there is something to read from fd (-1: no). */
void	world_poll(struct world *, int ms, int fd);

#endif
