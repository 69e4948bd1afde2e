#ifndef STORE_DB_IMPL_H
#define STORE_DB_IMPL_H

/* What the files of db.h share; for nobody else. */

#include <sys/types.h>

#include "supervisor/store/db.h"

#define SPARE_PAGES	1024	/* free pages that stay in the file */

struct db {
	sqlite3		*sql;
	sqlite3_stmt	*st_begin, *st_commit, *st_rollback;
	sqlite3_stmt	*st_shrink, *st_mark;
	char		*path;
	int		 lock;		/* descriptor, held for life */
	int		 shm;		/* the same: to see locks of others */
	pid_t		 holder;	/* of a lock, who was named last */
	int64_t		 holder_complained;	/* monotonic ms */
	int		 page_size;
	int		 in_tx;
	const char	*file;		/* where the last transaction began */
	int		 line;
	int		 wal_frames;
	int64_t		 wal_complained;	/* monotonic ms */
	int64_t		 busy_until;	/* monotonic ms */
	enum db_fault	 fault;		/* of the last transaction */
	int64_t		 complained[DB_CONSTRAINT + 1];	/* monotonic ms */
	uint64_t	 commits;
};

int	db_busy_cb(void *arg, int count);
int	db_wal_cb(void *arg, sqlite3 *, const char *name, int frames);
void	db_failed(struct db *, int rc, const char *what);

/*
 * db_holder.c.  Once the log has its index; name who keeps us from writing,
 * once a minute; some process that is reading, or 0.
 */
void	db_holder_open(struct db *);
void	db_holder_complain(struct db *);
pid_t	db_holder_reader(const struct db *);

#endif
