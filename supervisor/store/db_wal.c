/*
 * The log, and the space that rows leave behind.
 *
 * A checkpoint moves the log into the file up to the place that the slowest
 * reader has its mark at, and only a log that was moved to its end is begun
 * anew.  Our readers may not write the log's index, so they cannot set a mark
 * of their own: they take the newest that somebody left there, and as long as
 * they keep one busy between them, it stays where it is.  Hence we leave a mark
 * at the very end first.  Readers that begin after that take it, and hold
 * nothing back.
 */

#include <stdio.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/store/db_impl.h"

/* From these lengths on, readers are waited for, and somebody complains. */
#define LONG_BYTES	(16 * 1024 * 1024)
#define LONG_WAIT_MS	20
#define LONGER_BYTES	(64 * 1024 * 1024)
#define LONGER_WAIT_MS	200
#define COMPLAIN_MS	60000

int
db_wal_cb(void *arg, sqlite3 *sql, const char *name, int frames)
{
	struct db	*d = arg;

	(void)sql;
	(void)name;
	d->wal_frames = frames;
	return SQLITE_OK;
}

int64_t
db_wal_bytes(const struct db *d)
{
	return (int64_t)d->wal_frames * d->page_size;
}

/* 0, 1: readers are in the way, -1. */
static int
wal_checkpoint(struct db *d, int mode, int wait_ms)
{
	int	rc;

	d->busy_until = clock_mono_ms() + wait_ms;
	rc = sqlite3_wal_checkpoint_v2(d->sql, NULL, mode, NULL, NULL);
	if (rc == SQLITE_OK) {
		if (mode != SQLITE_CHECKPOINT_PASSIVE)
			d->wal_frames = 0;
		return 0;
	}
	if ((rc & 0xff) == SQLITE_BUSY)
		return 1;
	db_failed(d, rc, "checkpoint");
	return -1;
}

/* Any reading transaction of ours leaves a mark at the end. */
static int
wal_mark(struct db *d)
{
	return db_run(d, d->st_mark);
}

static void
wal_complain(struct db *d)
{
	int64_t	now = clock_mono_ms();
	pid_t	pid = db_holder_reader(d);
	char	who[32] = "";

	if (d->wal_complained != 0 && now - d->wal_complained < COMPLAIN_MS)
		return;
	d->wal_complained = now;
	if (pid != 0)
		snprintf(who, sizeof who, ": process %d", (int)pid);
	log_warnx("%s: a reader keeps the log from being emptied: %lld MB%s",
	    d->path, (long long)(db_wal_bytes(d) >> 20), who);
}

int
db_checkpoint(struct db *d)
{
	int	ret;

	if (wal_mark(d) == -1)
		return -1;
	if (db_wal_bytes(d) < LONG_BYTES)
		return wal_checkpoint(d, SQLITE_CHECKPOINT_PASSIVE, 0);
	ret = wal_checkpoint(d, SQLITE_CHECKPOINT_RESTART,
	    db_wal_bytes(d) < LONGER_BYTES ? LONG_WAIT_MS : LONGER_WAIT_MS);
	if (ret == 1 && db_wal_bytes(d) >= LONGER_BYTES)
		wal_complain(d);
	return ret;
}

int
db_truncate(struct db *d)
{
	if (wal_mark(d) == -1)
		return -1;
	return wal_checkpoint(d, SQLITE_CHECKPOINT_TRUNCATE, 0);
}

int
db_shrink(struct db *d, int n)
{
	int64_t	spare, pages;
	int	i;

	if (db_number(d, "PRAGMA freelist_count", &spare) == -1 ||
	    db_number(d, "PRAGMA page_count", &pages) == -1)
		return -1;
	/* Some are kept: the next rows will want them. */
	for (i = 0; i < n && spare > SPARE_PAGES && spare > pages / 4; i++) {
		if (db_run(d, d->st_shrink) == -1)
			return -1;
		spare--;
		pages--;
	}
	return i == n;
}
