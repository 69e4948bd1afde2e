#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#ifndef PROCESS_STORE
#error "this header belongs to the store"
#endif

struct db;

/*
 * Make the schema in a new file, or bring an older one forward, in one
 * transaction.  -1 (logged): the file is another program's, or of a newer
 * version, or does not let us.
 */
int	schema_open(struct db *);

/*
 * What follows is for schema_open and for the tests of migrations: the
 * statements that make each version out of the one before, the first out of
 * nothing.  NULL: no such version.
 */
const char *schema_step(int version);

#endif
