#ifndef UNIT_BROKER_HELP_H
#define UNIT_BROKER_HELP_H

/* A broker's file with a mesh and some keys, for the tests of its parts. */

#include "contrib/broker/db.h"
#include "contrib/broker/members.h"
#include "contrib/broker/queue.h"

/* 0: alice, 1: bob, members; 2, 3: sessions of alice, 4, 5: of bob. */
#define KEYS	6

extern struct db	*help_db;
extern struct members	*help_members;
extern struct queue	*help_queue;
extern int64_t		 help_keys[KEYS];	/* ids */
extern int64_t		 help_alice, help_bob;	/* rows of members */

/* As cmocka's set-up and tear-down of one test. */
int	help_open(void **state);
int	help_close(void **state);

/* Opens the file that is there, without adding anybody. */
int	help_open_file(void **state);

/* Close and open the file again. */
void	help_reopen(void);

/* The public key number n. */
const uint8_t *help_pubkey(int n);

/* The number that a query gives. */
int64_t	help_number(const char *sql);

/*
 * A message from key to key (-1: multicast), "next", with this client id (or
 * NULL) and text.
 */
struct message help_message(int from, int to, const char *client_id,
	    const char *text);

#endif
