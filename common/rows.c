/*
 * The read side of mesh.db: opening, waiting, columns.  rows_out.c and
 * rows_in.c have the statements.
 *
 * The file, its log and its index are only ever opened for reading, also where
 * the user could write them, so that a reader cannot hold a lock that a writer
 * needs for more than a moment.  While the store starts, recovers or resets
 * the log, such a reader is told READONLY, CANTOPEN or BUSY: that passes by
 * itself and is waited for.
 */

#include "common/rows.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/encode.h"
#include "common/log.h"
#include "common/rows_impl.h"
#include "common/xalloc.h"

#define OPEN_WAIT_MS	2000
#define STEP_WAIT_MS	500
#define PAUSE_MS	2
#define SKIPPED_EVERY_MS 60000

/* ---- names ---- */

static const char *const state_names[] = {
	[ROW_PENDING] = "pending",
	[ROW_INFLIGHT] = "inflight",
	[ROW_DONE] = "done",
	[ROW_DEAD] = "dead",
	[ROW_ABORTED] = "aborted",
};

static const char *const priority_names[] = {
	[PRIO_NOW] = "now",
	[PRIO_NEXT] = "next",
	[PRIO_LOW] = "low",
};

static int
name_find(const char *const *names, int n, const char *name)
{
	int	i;

	for (i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

const char *
row_state_name(enum row_state s)
{
	return (unsigned)s <= ROW_STATE_MAX ? state_names[s] : "unknown";
}

int
row_state_parse(const char *name, enum row_state *s)
{
	int	i = name_find(state_names, ROW_STATE_MAX + 1, name);

	if (i == -1)
		return -1;
	*s = (enum row_state)i;
	return 0;
}

const char *
row_priority_name(enum row_priority p)
{
	return (unsigned)p <= ROW_PRIORITY_MAX ? priority_names[p] : "unknown";
}

int
row_priority_parse(const char *name, enum row_priority *p)
{
	int	i = name_find(priority_names, ROW_PRIORITY_MAX + 1, name);

	if (i == -1)
		return -1;
	*p = (enum row_priority)i;
	return 0;
}

const char *
row_kind_name(enum row_kind k)
{
	return k == OWNER_MEMBER ? "member" : "session";
}

/* ---- statements ---- */

static void
rows_pause(void)
{
	struct timespec	ts = { 0, PAUSE_MS * 1000000L };

	nanosleep(&ts, NULL);
}

/* What a starting, recovering or resetting writer makes a reader see. */
static int
rows_passes(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PROTOCOL:
		return 1;
	}
	return 0;
}

static void
rows_warn(const struct rows *r, const char *what)
{
	log_warnx("mesh.db: %s: %s (%d)", what, sqlite3_errmsg(r->db),
	    sqlite3_extended_errcode(r->db));
}

sqlite3_stmt *
rows_use(struct rows *r, enum rows_slot slot, const char *sql)
{
	int64_t	end = clock_mono_ms() + STEP_WAIT_MS;
	int	rc;

	if (r->st[slot] != NULL)
		return r->st[slot];
	while ((rc = sqlite3_prepare_v3(r->db, sql, -1,
	    SQLITE_PREPARE_PERSISTENT, &r->st[slot], NULL)) != SQLITE_OK) {
		if (!rows_passes(rc) || clock_mono_ms() >= end) {
			rows_warn(r, "prepare");
			return NULL;
		}
		rows_pause();
	}
	return r->st[slot];
}

/* Bindings are kept by sqlite3_reset, which a second try needs. */
int
rows_step(struct rows *r, sqlite3_stmt *st)
{
	int64_t	end = 0, now;
	int	first = !sqlite3_stmt_busy(st), rc;

	while ((rc = sqlite3_step(st)) != SQLITE_ROW && rc != SQLITE_DONE) {
		now = clock_mono_ms();
		if (end == 0)
			end = now + STEP_WAIT_MS;
		/* Inside a snapshot nothing passes by itself. */
		if (!first || !rows_passes(rc) || now >= end) {
			rows_warn(r, "read");
			rows_done(st);
			return -1;
		}
		sqlite3_reset(st);
		rows_pause();
	}
	if (rc == SQLITE_ROW)
		return 1;
	rows_done(st);
	return 0;
}

void
rows_done(sqlite3_stmt *st)
{
	if (st == NULL)
		return;
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
}

/* A name that the statement does not have is our mistake. */
static int
rows_index(sqlite3_stmt *st, const char *name)
{
	int	i = sqlite3_bind_parameter_index(st, name);

	if (i == 0)
		fatalx("rows: no parameter %s", name);
	return i;
}

void
rows_bind_int(sqlite3_stmt *st, const char *name, int64_t v)
{
	sqlite3_bind_int64(st, rows_index(st, name), v);
}

void
rows_bind_text(sqlite3_stmt *st, const char *name, const char *s)
{
	sqlite3_bind_text(st, rows_index(st, name), s, -1, SQLITE_STATIC);
}

void
rows_bind_blob(sqlite3_stmt *st, const char *name, const void *p, size_t len)
{
	sqlite3_bind_blob(st, rows_index(st, name), p, (int)len,
	    SQLITE_STATIC);
}

void
rows_skipped(struct rows *r, const char *table, int64_t seq)
{
	int64_t	now = clock_mono_ms();

	if (r->skipped_at != 0 && now - r->skipped_at < SKIPPED_EVERY_MS)
		return;
	r->skipped_at = now;
	log_warnx("mesh.db: %s row %lld is not sound: left out", table,
	    (long long)seq);
}

/* ---- opening ---- */

/* The name of a file inside a URI. */
static char *
rows_uri(const char *path)
{
	static const char	 plain[] = "/-._~0123456789"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	const char		*options = "?mode=ro&readonly_shm=1";
	char			*uri, *p;

	uri = xcalloc(1, 3 * strlen(path) + strlen(options) + 6);
	memcpy(uri, "file:", 5);
	for (p = uri + 5; *path != '\0'; path++) {
		if (strchr(plain, *path) != NULL)
			*p++ = *path;
		else {
			*p++ = '%';
			hex_encode(p, path, 1);
			p += 2;
		}
	}
	strcpy(p, options);
	return uri;
}

/* Small, and nothing in files: a worker has one of these. */
static int
rows_configure(struct rows *r)
{
	sqlite3_extended_result_codes(r->db, 1);
	sqlite3_busy_timeout(r->db, PAUSE_MS);
	sqlite3_db_config(r->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(r->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(r->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	return sqlite3_exec(r->db, "PRAGMA temp_store = MEMORY;"
	    "PRAGMA query_only = ON; PRAGMA mmap_size = 0;"
	    "PRAGMA cache_size = -256", NULL, NULL, NULL);
}

/*
 * Is it ours, and made?  1, 0 not yet, -1 never.  A file that the store has
 * only begun to make has no application id.
 */
static int
rows_ours(struct rows *r)
{
	sqlite3_stmt	*st = NULL;
	int		 rc, id = 0, version = 0;

	rc = sqlite3_prepare_v2(r->db, "SELECT (SELECT application_id FROM"
	    " pragma_application_id), (SELECT user_version FROM"
	    " pragma_user_version)", -1, &st, NULL);
	if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		id = sqlite3_column_int(st, 0);
		version = sqlite3_column_int(st, 1);
		rc = SQLITE_OK;
	}
	sqlite3_finalize(st);
	if (rc != SQLITE_OK)
		return rows_passes(rc) ? 0 : -1;
	if (id == 0)
		return 0;
	if (id == ROWS_APPLICATION_ID && version == ROWS_SCHEMA_VERSION)
		return 1;
	log_warnx("mesh.db: application id %#x, schema %d: not what this "
	    "version reads", (unsigned)id, version);
	return -1;
}

/* One attempt.  As rows_ours. */
static int
rows_try(struct rows *r, const char *uri)
{
	char	epoch[UUID_SIZE];
	int	rc, ret;

	rc = sqlite3_open_v2(uri, &r->db, SQLITE_OPEN_READONLY |
	    SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc == SQLITE_OK)
		rc = rows_configure(r);
	if (rc != SQLITE_OK)
		return rows_passes(rc) ? 0 : -1;
	if ((ret = rows_ours(r)) == 1 && rows_epoch(r, epoch) == -1)
		ret = 0;
	return ret;
}

/* Forget a connection, its statements first. */
static void
rows_reset(struct rows *r)
{
	int	i;

	for (i = 0; i < ROWS_NSLOTS; i++) {
		sqlite3_finalize(r->st[i]);
		r->st[i] = NULL;
	}
	sqlite3_close(r->db);
	r->db = NULL;
}

struct rows *
rows_open(const char *path)
{
	struct rows	*r = xcalloc(1, sizeof *r);
	char		*uri = rows_uri(path);
	int64_t		 end = clock_mono_ms() + OPEN_WAIT_MS;
	int		 ret;

	while ((ret = rows_try(r, uri)) == 0 && clock_mono_ms() < end) {
		rows_reset(r);
		rows_pause();
	}
	free(uri);
	if (ret == 1)
		return r;
	if (ret == 0)
		log_warnx("%s: the store does not make it ready", path);
	else
		log_warnx("%s: cannot be read: %s", path, r->db != NULL &&
		    sqlite3_errcode(r->db) != SQLITE_OK ?
		    sqlite3_errmsg(r->db) : "refused");
	rows_close(&r);
	return NULL;
}

void
rows_close(struct rows **rp)
{
	if (*rp == NULL)
		return;
	rows_reset(*rp);
	free(*rp);
	*rp = NULL;
}

int
rows_epoch(struct rows *r, char epoch_r[UUID_SIZE])
{
	sqlite3_stmt	*st;
	struct rows_cur	 c = { 0 };
	int		 ret;

	if ((st = rows_use(r, ROWS_EPOCH, "SELECT epoch FROM meta")) == NULL)
		return -1;
	if ((ret = rows_step(r, st)) == 1) {
		c.st = st;
		cur_text(&c, epoch_r, UUID_SIZE);
		rows_done(st);
	}
	if (ret != 1 || c.bad || !uuid_is(epoch_r)) {
		log_warnx("mesh.db: no epoch");
		return -1;
	}
	return 0;
}
