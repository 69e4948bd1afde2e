#ifndef STORE_READER_H
#define STORE_READER_H

#ifndef PROCESS_STORE
#error "this header belongs to the store"
#endif

/*
 * What becomes of rows that were received.  Everything here happens inside the
 * caller's transaction.
 */

#include <stdint.h>

#include "common/msg.h"
#include "supervisor/store/db.h"

struct readers;

struct readers *readers_new(struct db *);
void	readers_free(struct readers **);

/* Mark rows as seen by a reader; *count_r of them were not before. */
enum op	reader_seen(struct readers *, const uint8_t reader[OWNER_ID_LEN],
	    const struct msg_ids *, int64_t now, int64_t *count_r);

/*
 * Delete a row for a reader.  The keys of a row that nobody else sees stay
 * behind until expires_at.  *count_r: 0 when there was nothing to delete.
 */
enum op	reader_delete(struct readers *, const uint8_t reader[OWNER_ID_LEN],
	    int64_t seq, int64_t now, int64_t expires_at, int64_t *count_r);

/* The same of many rows; *count_r of them were there. */
enum op	reader_delete_all(struct readers *,
	    const uint8_t reader[OWNER_ID_LEN], const struct msg_ids *,
	    int64_t now, int64_t expires_at, int64_t *count_r);

/*
 * Delete the oldest row of an owner received before that; *owner moves on
 * over the owners, from zero.  *more_r: there was one.
 */
enum op	reader_prune_one(struct readers *, uint8_t owner[OWNER_ID_LEN],
	    int64_t before, int *more_r);

/* Delete at most n tombstones that have expired.  *more_r: there are more. */
enum op	reader_prune_tombstones(struct readers *, int64_t now, int n,
	    int *more_r);

#endif
