#ifndef WORKER_ADDRESS_H
#define WORKER_ADDRESS_H

/* Where to connect to, and what is said there of whom is meant. */

#include <stdint.h>

#define ADDRESSES_MAX	8
#define ADDRESS_SIZE	64

/* Those of a text with spaces between, numeric ones; how many there are. */
unsigned address_list(const char *, char out[ADDRESSES_MAX][ADDRESS_SIZE]);

/*
 * The Host header: a name, or an address (a v6 one in brackets), and the port
 * unless it is the usual one.  Allocated.
 */
char	*address_host(const char *host, uint32_t port, int tls);

#endif
