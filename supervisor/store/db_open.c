/*
 * Opening mesh.db: the lock, the file with its mode, the settings.
 *
 * The lock file is ours alone and is held for life, so that the store of a
 * supervisor that is being replaced and the next one never overlap.  SQLite's
 * own locks are no help there: both would simply take turns.
 */

#include <sys/file.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/paths.h"
#include "common/xalloc.h"
#include "supervisor/store/db_impl.h"
#include "supervisor/store/schema.h"

#define LOCK_NAME	"store.lock"
#define LOCK_WAIT_MS	2000
#define LOCK_PAUSE_MS	10
#define DB_MODE		0640		/* others read it through the group */
#define WAL_KEEP	"8388608"	/* bytes that a reset log may keep */

/* The lock of the store's own, or -1 (logged). */
static int
db_lock(const char *dir)
{
	struct timespec	ts = { 0, LOCK_PAUSE_MS * 1000000L };
	char	*path = paths_join(dir, LOCK_NAME);
	int64_t	 end = clock_mono_ms() + LOCK_WAIT_MS;
	int	 fd;

	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1) {
		log_warn("%s: open", path);
		goto out;
	}
	while (flock(fd, LOCK_EX | LOCK_NB) == -1) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK || clock_mono_ms() >= end) {
			if (errno == EWOULDBLOCK)
				log_warnx("%s: another store holds it", path);
			else
				log_warn("%s: lock", path);
			fd_close(&fd);
			break;
		}
		nanosleep(&ts, NULL);
	}
out:
	free(path);
	return fd;
}

/*
 * Make the file before SQLite does, with its mode; the log and its index
 * inherit that.  The name must survive a loss of power like what it names.
 */
static int
db_create(const char *dir, const char *path)
{
	int	fd, ret;

	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, DB_MODE);
	if (fd == -1) {
		if (errno == EEXIST)
			return 0;
		log_warn("%s: create", path);
		return -1;
	}
	fd_close(&fd);
	if ((fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1) {
		log_warn("%s: open", dir);
		return -1;
	}
	if ((ret = fsync(fd)) == -1)
		log_warn("%s: sync", dir);
	fd_close(&fd);
	return ret;
}

/* WAL, or nothing: a file system without shared memory cannot have it. */
static int
db_use_wal(struct db *d)
{
	sqlite3_stmt	*st = NULL;
	const char	*mode = "none";
	int		 rc, ret = 0;

	rc = sqlite3_prepare_v2(d->sql, "PRAGMA journal_mode = WAL", -1, &st,
	    NULL);
	if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW)
		mode = (const char *)sqlite3_column_text(st, 0);
	if (rc != SQLITE_ROW) {
		db_failed(d, rc, "journal mode");
		ret = -1;
	} else if (strcmp(mode, "wal") != 0) {
		log_warnx("%s: no write-ahead log here (%s)", d->path, mode);
		ret = -1;
	}
	sqlite3_finalize(st);
	return ret;
}

/*
 * auto_vacuum counts only before the first table.  With secure_delete, what
 * is wiped is overwritten.  Checkpoints are ours, after the answers.
 */
int
db_configure(struct db *d)
{
	int64_t	size;
	int	on = 1;

	if (db_exec(d, "PRAGMA auto_vacuum = INCREMENTAL") == -1 ||
	    db_use_wal(d) == -1 ||
	    db_exec(d, "PRAGMA synchronous = FULL;"
	    "PRAGMA secure_delete = ON; PRAGMA foreign_keys = OFF;"
	    "PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;"
	    "PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -16384;"
	    "PRAGMA journal_size_limit = " WAL_KEEP) == -1 ||
	    db_number(d, "PRAGMA page_size", &size) == -1)
		return -1;
	d->page_size = (int)size;
	/* Readers cannot make the log and its index: they stay. */
	sqlite3_file_control(d->sql, "main", SQLITE_FCNTL_PERSIST_WAL, &on);
	sqlite3_wal_hook(d->sql, db_wal_cb, d);
	return 0;
}

/* The connection, without any trust in what the file says it wants to run. */
static int
db_connect(struct db *d)
{
	int	rc;

	rc = sqlite3_open_v2(d->path, &d->sql, SQLITE_OPEN_READWRITE |
	    SQLITE_OPEN_NOMUTEX, NULL);
	if (rc != SQLITE_OK) {
		log_warnx("%s: %s", d->path, d->sql != NULL ?
		    sqlite3_errmsg(d->sql) : "no memory");
		return -1;
	}
	sqlite3_extended_result_codes(d->sql, 1);
	sqlite3_busy_handler(d->sql, db_busy_cb, d);
	sqlite3_db_config(d->sql, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(d->sql, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(d->sql, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(d->sql, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	d->st_begin = db_prepare(d, "BEGIN IMMEDIATE");
	d->st_commit = db_prepare(d, "COMMIT");
	d->st_rollback = db_prepare(d, "ROLLBACK");
	return 0;
}

struct db *
db_open(const char *dir)
{
	struct db	*d = xcalloc(1, sizeof *d);

	d->path = paths_join(dir, PATHS_MESH_DB);
	d->shm = -1;
	d->busy_until = clock_mono_ms() + LOCK_WAIT_MS;
	if ((d->lock = db_lock(dir)) == -1 ||
	    db_create(dir, d->path) == -1 || db_connect(d) == -1 ||
	    schema_open(d) == -1)
		goto fail;
	db_holder_open(d);
	d->st_shrink = db_prepare(d, "PRAGMA incremental_vacuum(1)");
	d->st_mark = db_prepare(d, "SELECT one FROM meta");
	return d;

fail:
	db_close(&d);
	return NULL;
}

void
db_close(struct db **dp)
{
	struct db	*d = *dp;

	*dp = NULL;
	if (d == NULL)
		return;
	if (d->sql != NULL) {
		db_rollback(d);
		if (d->st_mark != NULL)		/* it was opened to the end */
			(void)db_truncate(d);
		sqlite3_finalize(d->st_begin);
		sqlite3_finalize(d->st_commit);
		sqlite3_finalize(d->st_rollback);
		sqlite3_finalize(d->st_shrink);
		sqlite3_finalize(d->st_mark);
		sqlite3_close(d->sql);
	}
	fd_close(&d->shm);		/* not before SQLite's own */
	fd_close(&d->lock);
	free(d->path);
	free(d);
}
