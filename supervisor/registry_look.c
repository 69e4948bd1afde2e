/*
 * A look at sessions.db, which another process may have open: SQLite makes,
 * locks and writes nothing.
 */

#include "supervisor/registry.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "supervisor/registry_row.h"
#include "supervisor/registry_schema.h"

#define BUSY_MS		2000
#define INSTEAD		"restore it from a backup, or move it away: sessions " \
    "then have to register again"

static const char sql_each[] =
    "SELECT " REGISTRY_COLUMNS " FROM session ORDER BY registered_at, owner";

static int
is_there(const char *path, const char *suffix)
{
	struct stat	 st;
	char		*name;
	int		 ret;

	xasprintf(&name, "%s%s", path, suffix);
	ret = stat(name, &st) == 0 && st.st_size > 0;
	free(name);
	return ret;
}

/* "file:" with what would mean something in it escaped.  Allocated. */
static char *
look_uri(const char *path, const char *options)
{
	char	*uri = xcalloc(1, 3 * strlen(path) + strlen(options) + 16);
	char	*p = uri + sprintf(uri, "file:");

	for (; *path != '\0'; path++)
		if (*path == '%' || *path == '?' || *path == '#')
			p += sprintf(p, "%%%02x", *path);
		else
			*p++ = *path;
	strcpy(p, options);
	return uri;
}

/*
 * With a log that somebody writes, SQLite reads it by its index; without one
 * the file is all there is.  A log without its index is a copy's: to look into
 * that the index would have to be made.  1: not opened, for that reason.
 */
static int
look_open(const char *path, sqlite3 **db_r)
{
	int	 wal = is_there(path, "-wal"), ret;
	char	*uri;

	if (wal && !is_there(path, "-shm"))
		return 1;
	uri = look_uri(path, wal ? "?readonly_shm=1" : "?immutable=1");
	ret = sqlite3_open_v2(uri, db_r, SQLITE_OPEN_READONLY |
	    SQLITE_OPEN_URI, NULL) == SQLITE_OK ? 0 : -1;
	free(uri);
	if (ret == 0)
		sqlite3_busy_timeout(*db_r, BUSY_MS);
	return ret;
}

static int
look_integrity(sqlite3 *db, const char *path, char *err, size_t errlen)
{
	sqlite3_stmt	*st = NULL;
	const char	*said;
	int		 ret = -1;

	if (sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &st,
	    NULL) != SQLITE_OK || sqlite3_step(st) != SQLITE_ROW)
		snprintf(err, errlen, "%s: %s; " INSTEAD, path,
		    sqlite3_errmsg(db));
	else if ((said = (const char *)sqlite3_column_text(st, 0)) == NULL ||
	    strcmp(said, "ok") != 0)
		snprintf(err, errlen, "%s: damaged (%.200s); " INSTEAD, path,
		    said != NULL ? said : "");
	else
		ret = 0;
	sqlite3_finalize(st);
	return ret;
}

static int
look_rows(sqlite3 *db, const char *path,
    int (*cb)(void *arg, const struct reg_session *), void *arg, char *err,
    size_t errlen)
{
	struct reg_session	 rec;
	sqlite3_stmt		*st = NULL;
	int			 ret;

	if (sqlite3_prepare_v2(db, sql_each, -1, &st, NULL) != SQLITE_OK) {
		snprintf(err, errlen, "%s: %s; " INSTEAD, path,
		    sqlite3_errmsg(db));
		return -1;
	}
	while ((ret = sqlite3_step(st)) == SQLITE_ROW) {
		if (registry_row_read(st, &rec) == -1)
			break;
		if (cb(arg, &rec) != 0) {
			ret = SQLITE_DONE;
			break;
		}
	}
	sqlite3_finalize(st);
	if (ret == SQLITE_DONE)
		return 0;
	snprintf(err, errlen, "%s: damaged, a row of it is not well-formed; "
	    INSTEAD, path);
	return -1;
}

int
registry_look(const char *path,
    int (*cb)(void *arg, const struct reg_session *), void *arg, char *err,
    size_t errlen)
{
	sqlite3	*db = NULL;
	int64_t	 version;
	int	 ret = -1;

	switch (look_open(path, &db)) {
	case 1:
		ret = 0;
		break;
	case -1:
		snprintf(err, errlen, "%s: %s; " INSTEAD, path,
		    db != NULL ? sqlite3_errmsg(db) : strerror(errno));
		break;
	default:
		ret = registry_schema_look(db, path, &version, err, errlen);
		if (ret != -1 && look_integrity(db, path, err, errlen) == -1)
			ret = -1;
		/* Of an older version: the start brings it forward. */
		if (ret == 1)
			ret = look_rows(db, path, cb, arg, err, errlen);
		break;
	}
	sqlite3_close(db);
	return ret == -1 ? -1 : 0;
}

int
registry_look_host(const char *path, const uint8_t host_key[HOST_KEY_LEN])
{
	uint8_t		 mine[REGISTRY_MARK_LEN], mark[REGISTRY_MARK_LEN];
	sqlite3		*db = NULL;
	sqlite3_stmt	*st = NULL;
	int		 ret = -1;

	registry_mark(mine, host_key);
	if (look_open(path, &db) == 0 && sqlite3_prepare_v2(db,
	    "SELECT mark FROM host", -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW &&
	    registry_row_blob(st, 0, mark, sizeof mark) == 1)
		ret = sodium_memcmp(mine, mark, sizeof mark) == 0;
	sqlite3_finalize(st);
	sqlite3_close(db);
	return ret;
}
