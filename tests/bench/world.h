#ifndef BENCH_WORLD_H
#define BENCH_WORLD_H

/*
 * One meshsup in a directory of its own, with its embedded broker, or with one
 * broker beside it that is ours to stop and to continue.  Whatever fails ends
 * the bench; tests/bench/run cleans up behind it.
 */

#include <jansson.h>
#include <sys/types.h>

#include "tests/bench/bench.h"
#include "tests/bench/member.h"

#define WORLD_PATH_SIZE	256

struct world {
	const struct bench *bench;
	char		 dir[WORLD_PATH_SIZE];
	char		 state[WORLD_PATH_SIZE + 16];
	char		 run[WORLD_PATH_SIZE + 16];
	char		 socket[WORLD_PATH_SIZE + 32];
	char		 db[WORLD_PATH_SIZE + 32];	/* mesh.db */
	struct member	 member;
	int		 port;		/* of the broker */
	pid_t		 broker;	/* 0: embedded */
	int		 running;
};

/* A new directory, with an ack-only broker beside it, or with none. */
void	world_new(struct world *, const struct bench *, int own_broker);

/* End what runs, and remove the directory. */
void	world_free(struct world *);

/* meshsup start, meshsup stop. */
void	world_start(struct world *);
void	world_stop(struct world *);

/* The broker beside it stands still, or goes on. */
void	world_broker_stop(struct world *);
void	world_broker_continue(struct world *);

/* GET /v1/status; the caller frees it. */
json_t	*world_status(const struct world *);

/* A session that ends with this process. */
struct session {
	char	 token[65];
	char	 id[64];
	char	 pub[65];
};

/* The n-th of this world: always the same id, a token of its own. */
void	session_register(const struct world *, struct session *, unsigned n);

/* Connected to the broker, within 30 s. */
void	session_wait_open(const struct world *, const struct session *);

#endif
