#ifndef STORE_TABLES_H
#define STORE_TABLES_H

#ifndef PROCESS_STORE
#error "this header belongs to the store"
#endif

/* The database, and each file of statements over it. */

#include "supervisor/store/db.h"
#include "supervisor/store/inbox.h"
#include "supervisor/store/operate.h"
#include "supervisor/store/outbox.h"
#include "supervisor/store/owner.h"
#include "supervisor/store/reader.h"
#include "supervisor/store/topic.h"

struct tables {
	struct db	*db;
	struct owners	*owners;
	struct inbox	*inbox;
	struct outbox	*outbox;
	struct operates	*operates;
	struct readers	*readers;
	struct topics	*topics;
};

/* As db_open.  0 or -1. */
int	tables_open(struct tables *, const char *dir);
void	tables_close(struct tables *);

#endif
