#ifndef BROKER_TOPIC_ROWS_IMPL_H
#define BROKER_TOPIC_ROWS_IMPL_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/* Between topic_rows.c and topic_messages.c. */

#include <sqlite3.h>

#include "contrib/broker/topic_rows.h"

struct topic_rows {
	struct db	*db;
	int64_t		 last_seq;	/* never given twice */
	sqlite3_stmt	*by_id, *by_name, *count, *add, *subscribe,
			*unsubscribe, *read, *each, *members, *subscribers,
			*store, *find, *history, *waiting, *prune;
};

/* The statements of messages. */
void	topic_messages_prepare(struct topic_rows *);

#endif
