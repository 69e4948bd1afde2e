#ifndef STORE_DB_IMPL_H
#define STORE_DB_IMPL_H

/* What db.c and db_open.c share; for nobody else. */

#include "supervisor/store/db.h"

#define SPARE_PAGES	1024	/* free pages that stay in the file */

struct db {
	sqlite3		*sql;
	sqlite3_stmt	*st_begin, *st_commit, *st_rollback;
	sqlite3_stmt	*st_shrink, *st_mark;
	char		*path;
	int		 lock;		/* descriptor, held for life */
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

#endif
