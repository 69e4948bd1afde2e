#ifndef BENCH_MESHDB_H
#define BENCH_MESHDB_H

/*
 * mesh.db of a world: looked at, as anybody may who can open it, and, while
 * nothing runs, filled with a past.  Whatever fails ends the bench.
 */

#include <sqlite3.h>
#include <stdint.h>

struct meshdb;

struct meshdb *meshdb_open(const char *path);
void	meshdb_close(struct meshdb **);

/* Is any outbox row not ended? */
int	meshdb_has_open(struct meshdb *);

/* Wait until none is, looking every 2 ms, at most 120 s. */
void	meshdb_wait_ended(struct meshdb *);

/* Outbox rows that are done, inbox rows. */
int64_t	meshdb_done(struct meshdb *);
int64_t	meshdb_received(struct meshdb *);

/*
 * Is the newest row with this client id of any sender ended?  The id must be
 * unknown to every other sender.
 */
int	meshdb_is_ended(struct meshdb *, const char *client_id);

/* n more rows that are done, of the sender and the targets that are there. */
void	meshdb_add_past(const char *path, unsigned n);

#endif
