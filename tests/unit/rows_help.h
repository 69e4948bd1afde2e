#ifndef TESTS_ROWS_HELP_H
#define TESTS_ROWS_HELP_H

/* The read side beside a store, and what its callbacks were given. */

#include <stdint.h>

#include "common/rows.h"
#include "store_help.h"

/* Two sessions of one member. */
#define SESSION	1
#define OTHER	2
#define MEMBER	50

extern struct rows	*rows;
extern struct msg_channel session, other, member;

/* For cmocka: a store (store_help.h) and a reader of it. */
int	rows_new(void **);
int	rows_remove(void **);

/* Rows that the callbacks were given, until got_none(). */
extern int64_t	got[64], got_seen[64];
extern char	got_target[64][TARGET_SIZE];
extern int	ngot, stop_at;		/* a callback stops at its nth row */

void	got_none(void);
int	out_cb(void *, const struct out_row *);
int	in_cb(void *, const struct in_row *);
void	new_cb(void *, int64_t seq, const char *target);

/* These sequences and no others; the list ends with 0. */
void	expect(int64_t first, ...);

/* What a scope shows: newest first, at most 50; or after a cursor. */
void	list(const uint8_t *session_id, const uint8_t *member_id,
	    struct rows_filter);
void	after(const uint8_t *session_id, const uint8_t *member_id,
	    int64_t from);

#define ALL		(struct rows_filter){ 0 }
#define UNREAD		(struct rows_filter){ .unread_only = 1 }
#define BY(...)		(struct rows_filter){ __VA_ARGS__ }

/* A message of sender 9; n makes its keys. */
int64_t	message(const struct msg_channel *, int n);

#endif
