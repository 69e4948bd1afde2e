#ifndef BROKER_SCHEMA_H
#define BROKER_SCHEMA_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/* What the broker's file looks like. */

struct db;

#define SCHEMA_APPLICATION_ID	0x6d736272	/* "msbr" */
#define SCHEMA_VERSION		5

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
