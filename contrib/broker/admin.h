#ifndef BROKER_ADMIN_H
#define BROKER_ADMIN_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/* Verbs of the command line on the file of a broker. */

/*
 * "mesh:pubkey:name": make what is not there and print the ids as JSON.  The
 * exit code of the process.
 */
int	admin_add_member(const char *db, const char *what);

#endif
