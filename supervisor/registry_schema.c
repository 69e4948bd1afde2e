/* The tables of sessions.db, and how they became what they are. */

#include "supervisor/registry_schema.h"

#include <stdint.h>
#include <stdio.h>

#define APPLICATION_ID	0x6d537265	/* "mSre" */
#define USER_VERSION	3

/*
 * process_*: the owner process, see owner.h.  current: the session that its
 * (uid, mesh, session_id) means now; one that was replaced by a session with
 * another key is not, while it drains.  ended_at: kept for the retention, so
 * that key and inbox come back with the same registration.  park: why it is
 * kept away from its broker until it is resumed, '' when it is not; of a
 * member, park_whole: all of its sessions with it.
 */
static const char schema[] =
    "CREATE TABLE session ("
    " owner BLOB PRIMARY KEY,"
    " uid INTEGER NOT NULL, mesh TEXT NOT NULL, session_id TEXT NOT NULL,"
    " display_name TEXT NOT NULL,"
    " process_pid INTEGER NOT NULL, process_start INTEGER NOT NULL,"
    " process_boot TEXT NOT NULL,"
    " cwd TEXT NOT NULL, role TEXT NOT NULL, groups_json TEXT NOT NULL,"
    " caps INTEGER NOT NULL,"
    " token_hash BLOB UNIQUE, token_prefix BLOB NOT NULL,"
    " key_mode INTEGER NOT NULL, pub BLOB, wrapped BLOB,"
    " attest_expires_at INTEGER NOT NULL, attest_sig BLOB NOT NULL,"
    " registered_at INTEGER NOT NULL, ended_at INTEGER,"
    " current INTEGER NOT NULL,"
    " park TEXT NOT NULL DEFAULT ''"
    ") WITHOUT ROWID;"
    "CREATE UNIQUE INDEX session_current ON session (uid, mesh, session_id)"
    " WHERE current = 1;"
    /* owner: internal id of the member; session_id: towards the broker. */
    "CREATE TABLE member ("
    " mesh TEXT NOT NULL, pub BLOB NOT NULL, owner BLOB NOT NULL UNIQUE,"
    " session_id TEXT NOT NULL,"
    " park TEXT NOT NULL DEFAULT '', park_whole INTEGER NOT NULL DEFAULT 0,"
    " PRIMARY KEY (mesh, pub)"
    ") WITHOUT ROWID;"
    /* One row: what the host key that belongs to this file makes of a label. */
    "CREATE TABLE host (mark BLOB NOT NULL);";

/* From the version of its index to the next. */
static const char *const forward[USER_VERSION] = {
	[1] = "ALTER TABLE session ADD COLUMN park TEXT NOT NULL DEFAULT '';"
	    "ALTER TABLE member ADD COLUMN park TEXT NOT NULL DEFAULT '';"
	    "ALTER TABLE member ADD COLUMN park_whole INTEGER NOT NULL"
	    " DEFAULT 0;",
	[2] = "CREATE TABLE host (mark BLOB NOT NULL);",
};

static int
registry_sql(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : -1;
}

static int
registry_number(sqlite3 *db, const char *sql, int64_t *v)
{
	sqlite3_stmt	*st = NULL;
	int		 ret = -1;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW) {
		*v = sqlite3_column_int64(st, 0);
		ret = 0;
	}
	sqlite3_finalize(st);
	return ret;
}

/* From that version to ours, all or nothing. */
static int
registry_forward(sqlite3 *db, int64_t version)
{
	char	sql[64];

	if (registry_sql(db, "BEGIN IMMEDIATE") == -1)
		return -1;
	if (version == 0 && registry_sql(db, schema) == -1)
		return -1;
	for (; version > 0 && version < USER_VERSION; version++)
		if (registry_sql(db, forward[version]) == -1)
			return -1;
	snprintf(sql, sizeof sql, "PRAGMA application_id = %d; "
	    "PRAGMA user_version = %d", APPLICATION_ID, USER_VERSION);
	return registry_sql(db, sql) == 0 ? registry_sql(db, "COMMIT") : -1;
}

static int
registry_broken(sqlite3 *db, const char *path, char *err, size_t errlen)
{
	snprintf(err, errlen, "%s: %s; restore it from a backup, or move it "
	    "away: sessions then have to register again", path,
	    sqlite3_errmsg(db));
	return -1;
}

int
registry_schema_look(sqlite3 *db, const char *path, int64_t *version_r,
    char *err, size_t errlen)
{
	int64_t	app, version;

	if (registry_number(db, "PRAGMA application_id", &app) == -1 ||
	    registry_number(db, "PRAGMA user_version", &version) == -1)
		return registry_broken(db, path, err, errlen);
	if (app == APPLICATION_ID && version > USER_VERSION) {
		snprintf(err, errlen, "%s was written by a newer meshsup "
		    "(version %lld): run that one", path, (long long)version);
		return -1;
	}
	if (app == APPLICATION_ID ? version < 1 : app != 0 || version != 0 ||
	    registry_number(db, "SELECT count(*) FROM sqlite_schema",
	    &app) == -1 || app != 0) {
		snprintf(err, errlen, "%s is not a registry of sessions: move "
		    "it away", path);
		return -1;
	}
	*version_r = version;
	return version == USER_VERSION;
}

int
registry_schema(sqlite3 *db, const char *path, char *err, size_t errlen)
{
	int64_t	version;
	int	ret = registry_schema_look(db, path, &version, err, errlen);

	if (ret != 0)
		return ret == 1 ? 0 : -1;
	if (registry_forward(db, version) == 0)
		return 0;
	return registry_broken(db, path, err, errlen);
}
