#ifndef TESTS_STORE_HELP_H
#define TESTS_STORE_HELP_H

/* A store's tables in a directory of their own, and requests to it. */

#include <stdint.h>

#include "common/msg.h"
#include "common/rows.h"
#include "supervisor/store/notes.h"
#include "supervisor/store/tables.h"

#define T0	1800000000000LL		/* where time begins in these tests */

extern char		 dir[64];	/* the directory, and mesh.db in it */
extern char		 path[80];
extern struct tables	 tables;
extern struct notes	 notes;
extern int64_t		 now;

/* For cmocka: a new directory, and with or without tables open in it. */
int	dir_new(void **);
int	dir_remove(void **);
int	tables_new(void **);
int	tables_remove(void **);
void	tables_reopen(void);

/* Owner ids, keys and nonces that can be told apart. */
const uint8_t *owner(int n);
const char *key(int n);			/* 64 hex digits */

/* A request with something in every field; client_id as given. */
void	make_accept(struct msg_accept *, int owner, const char *client_id,
	    const char *target);
/* A direct message with all three keys, made of n. */
void	make_put(struct msg_put *, int sender, int n);
void	make_channel(struct msg_channel *, enum row_kind, int owner,
	    int member);

/* One operation in a transaction of its own; fails the test when that does. */
void	accept_row(const struct msg_accept *, struct msg_accepted *);
int64_t	accept_new(int owner, const char *client_id, const char *target);
enum op	progress(int owner, int64_t row, enum row_state, const char *reason,
	    struct msg_recorded *);
enum op	put(const struct msg_channel *, const struct msg_put *,
	    struct msg_stored *);
int64_t	put_new(const struct msg_channel *, const struct msg_put *);
int64_t	seen(int reader, int64_t seq);
int64_t	delete(int reader, int64_t seq);

/* SQL of the test's own over another connection. */
void	sql_run(const char *sql);
int64_t	sql_int(const char *sql);
char	*sql_text(const char *sql);	/* allocated */
/* The plan of a statement, as one string, until the next call. */
const char *sql_plan(const char *sql);

#endif
