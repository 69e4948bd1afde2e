#ifndef BROKER_SCHEDULE_IMPL_H
#define BROKER_SCHEDULE_IMPL_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/* Between schedule.c and schedule_ask.c only. */

#include "contrib/broker/db.h"

struct schedule {
	struct db	*db;
	sqlite3_stmt	*add, *list, *cancel;	/* schedule_ask.c's */
	sqlite3_stmt	*due, *next, *drop, *plan, *hold, *held, *holds,
			*ahead, *prune;
};

#endif
