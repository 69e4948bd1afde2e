/* What a bench looks up in mesh.db, and what it puts there. */

#include "tests/bench/meshdb.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/xalloc.h"

#define LOOK_US		2000
#define DRAIN_MAX_MS	120000
#define BUSY_TRIES	1000	/* of a millisecond */

static const char sql_open[] =
    "SELECT EXISTS (SELECT 1 FROM outbox WHERE ended_at IS NULL)";
static const char sql_done[] = "SELECT count(*) FROM outbox WHERE state = 2";
static const char sql_received[] = "SELECT count(*) FROM inbox";
/* Each owner has an index of its own ids: one seek for each. */
static const char sql_is_ended[] =
    "SELECT count(*) FROM owner CROSS JOIN outbox"
    " ON outbox.owner = owner.owner AND outbox.client_message_id = :id"
    " WHERE outbox.ended_at IS NOT NULL";

enum { Q_OPEN, Q_DONE, Q_RECEIVED, Q_IS_ENDED, Q_MAX };
static const char *const sqls[Q_MAX] = { sql_open, sql_done, sql_received,
    sql_is_ended };

struct meshdb {
	sqlite3		*db;
	sqlite3_stmt	*st[Q_MAX];
};

struct meshdb *
meshdb_open(const char *path)
{
	struct meshdb	*m = xcalloc(1, sizeof *m);

	if (sqlite3_open_v2(path, &m->db, SQLITE_OPEN_READONLY, NULL) !=
	    SQLITE_OK)
		fatalx("%s: %s", path, sqlite3_errmsg(m->db));
	sqlite3_busy_timeout(m->db, 1000);
	return m;
}

void
meshdb_close(struct meshdb **m)
{
	int	i;

	if (*m == NULL)
		return;
	for (i = 0; i < Q_MAX; i++)
		sqlite3_finalize((*m)->st[i]);
	sqlite3_close((*m)->db);
	free(*m);
	*m = NULL;
}

/*
 * The number that a query gives.  While the store resets its log a reader is
 * refused for a moment.
 */
static int64_t
query(struct meshdb *m, int q, const char *id)
{
	int64_t	v = 0;
	int	rc = SQLITE_ERROR, tries;

	for (tries = 0; tries < BUSY_TRIES; tries++) {
		if (m->st[q] == NULL && sqlite3_prepare_v2(m->db, sqls[q], -1,
		    &m->st[q], NULL) != SQLITE_OK)
			goto again;
		if (id != NULL)
			sqlite3_bind_text(m->st[q], 1, id, -1,
			    SQLITE_TRANSIENT);
		if ((rc = sqlite3_step(m->st[q])) == SQLITE_ROW)
			v = sqlite3_column_int64(m->st[q], 0);
		sqlite3_reset(m->st[q]);
		if (rc == SQLITE_ROW)
			return v;
again:
		usleep(1000);
	}
	fatalx("mesh.db: %s: %s", sqls[q], sqlite3_errmsg(m->db));
}

int
meshdb_has_open(struct meshdb *m)
{
	return query(m, Q_OPEN, NULL) != 0;
}

void
meshdb_wait_ended(struct meshdb *m)
{
	int64_t	deadline = clock_mono_ms() + DRAIN_MAX_MS;

	while (meshdb_has_open(m)) {
		if (clock_mono_ms() > deadline)
			fatalx("rows are open after %d s",
			    DRAIN_MAX_MS / 1000);
		usleep(LOOK_US);
	}
}

int64_t
meshdb_done(struct meshdb *m)
{
	return query(m, Q_DONE, NULL);
}

int64_t
meshdb_received(struct meshdb *m)
{
	return query(m, Q_RECEIVED, NULL);
}

int
meshdb_is_ended(struct meshdb *m, const char *client_id)
{
	return query(m, Q_IS_ENDED, client_id) != 0;
}

/* Rows as the store leaves them: done, the body wiped. */
static const char sql_past[] =
    "INSERT INTO outbox (id, owner, sender, mesh, client_message_id,"
    " fingerprint, target, priority, nonce, body_id, payload_bytes,"
    " created_at, enqueued_at, state, attempts, broker_message_id,"
    " delivered_at, ended_at)"
    " WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
    "  WHERE i < :count),"
    " t (k, target) AS (SELECT row_number() OVER () - 1, target"
    "  FROM (SELECT DISTINCT target FROM outbox))"
    " SELECT printf('01000000-0000-7000-8000-%012x', i), o.owner, o.sender,"
    "  o.mesh, printf('01000000-0000-7000-9000-%012x', i), randomblob(32),"
    "  t.target, 1, randomblob(24), randomblob(16), 200, :now, :now, 2, 1,"
    "  hex(randomblob(16)), :now, :now"
    " FROM n JOIN t ON t.k = n.i % (SELECT count(*) FROM t)"
    " CROSS JOIN (SELECT owner, sender, mesh FROM outbox LIMIT 1) o";

void
meshdb_add_past(const char *path, unsigned n)
{
	sqlite3		*db;
	sqlite3_stmt	*st = NULL;
	int		 rc;

	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) !=
	    SQLITE_OK || sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) !=
	    SQLITE_OK || sqlite3_prepare_v2(db, sql_past, -1, &st, NULL) !=
	    SQLITE_OK)
		fatalx("%s: %s", path, sqlite3_errmsg(db));
	sqlite3_bind_int64(st, sqlite3_bind_parameter_index(st, ":count"), n);
	sqlite3_bind_int64(st, sqlite3_bind_parameter_index(st, ":now"),
	    clock_wall_ms());
	rc = sqlite3_step(st);
	sqlite3_finalize(st);
	if (rc != SQLITE_DONE || sqlite3_changes64(db) != (int64_t)n ||
	    sqlite3_exec(db, "COMMIT; PRAGMA wal_checkpoint(TRUNCATE)", NULL,
	    NULL, NULL) != SQLITE_OK)
		fatalx("%s: rows of the past: %s", path, sqlite3_errmsg(db));
	sqlite3_close(db);
}
