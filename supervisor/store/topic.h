#ifndef STORE_TOPIC_H
#define STORE_TOPIC_H

#ifndef PROCESS_STORE
#error "this header belongs to the store"
#endif

/*
 * Which topics an owner has joined, and how far it has read their histories.
 * Everything here happens inside the caller's transaction.
 */

#include <stdint.h>

#include "common/msg.h"
#include "supervisor/store/db.h"

struct topics;

struct topics *topics_new(struct db *);
void	topics_free(struct topics **);

/*
 * Join, or how far it is read.  count: rows changed (a reading of what is not
 * joined changes none).  More than TOPICS_MAX is nonsense.
 */
enum op	topic_keep(struct topics *, const uint8_t owner[OWNER_ID_LEN],
	    const struct msg_topic *, int64_t now, struct msg_count *);
enum op	topic_leave(struct topics *, const uint8_t owner[OWNER_ID_LEN],
	    const char *topic, struct msg_count *);

/* Those of owners that are known no more. */
enum op	topic_prune(struct topics *);

#endif
