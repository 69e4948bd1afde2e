#ifndef STORE_OWNER_H
#define STORE_OWNER_H

#ifndef PROCESS_STORE
#error "this header belongs to the store"
#endif

/* Whom the supervisor has ever named at the other end of a channel. */

#include <stdint.h>

#include "common/msg.h"
#include "supervisor/store/db.h"

struct owners;

struct owners *owners_new(struct db *);
void	owners_free(struct owners **);

/* In a transaction.  Written only when something is new. */
enum op	owner_note(struct owners *, const struct msg_channel *, int64_t now);

/* Session, when nobody ever said. */
enum op	owner_kind(struct owners *, const uint8_t owner[OWNER_ID_LEN],
	    enum row_kind *kind_r);

/* Forget who was last seen before that and has no open row. */
enum op	owner_prune(struct owners *, int64_t before);

#endif
