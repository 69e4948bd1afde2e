#ifndef BROKER_SCHEMA_H
#define BROKER_SCHEMA_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/* What the broker's file looks like. */

#include "common/broker_db.h"

struct db;

#define SCHEMA_APPLICATION_ID	BROKER_DB_APPLICATION_ID
#define SCHEMA_VERSION		BROKER_DB_VERSION

/*
 * Make the schema in a new file, or bring an older one forward, in one
 * transaction.  -1, with a log line: not a file of this program, or of a newer
 * one, or it does not let us.
 */
int	schema_open(struct db *);

/*
 * For the tests of migrations: the statements that make a version out of the
 * one before, the first out of nothing.  NULL: no such version.
 */
const char *schema_step(int version);

#endif
