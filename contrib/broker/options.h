#ifndef BROKER_OPTIONS_H
#define BROKER_OPTIONS_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/* The command line of a broker that runs by itself. */

#include "contrib/broker/broker.h"

struct command {
	struct options	 options;	/* points into argv */
	const char	*listen;	/* "address:port" */
	int		 allow_remote, json;
	const char	*add_member;	/* "mesh:pubkey:name", or NULL */
};

/*
 * Does not return for --help and --version (0), and for what it does not
 * understand (2, with a sentence on stderr).
 */
void	options_parse(struct command *, int argc, char *argv[]);

#endif
