#ifndef GATE_ITEM_H
#define GATE_ITEM_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/* Rows as the API shows them. */

#include <jansson.h>

#include "common/rows.h"

struct gate;

/*
 * An item of GET /v1/inbox, or the data of a message event: a new reference.
 * NULL: its body does not open, or is no text; logged.
 */
json_t	*item_inbox(struct gate *, const struct in_row *);
json_t	*item_event(struct gate *, const struct in_row *);

/* An item of GET /v1/outbox, a new reference. */
json_t	*item_outbox(const struct out_row *);

/*
 * The body of an outbox row, which was read with it: a new reference.  NULL:
 * it was wiped, or does not open.
 */
json_t	*item_outbox_body(struct gate *, const struct out_row *);

/* A time, a new reference; null for 0. */
json_t	*item_time(int64_t ms);

/* A string, a new reference; null for "". */
json_t	*item_text(const char *);

#endif
