#ifndef BROKER_BROKER_H
#define BROKER_BROKER_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/* What the parts of the broker share. */

#include <stddef.h>
#include <stdint.h>

#include "contrib/broker/grace.h"
#include "contrib/broker/presence.h"

struct bans;
struct db;
struct feed;
struct fire;
struct info;
struct lodging;
struct members;
struct memory;
struct queue;
struct quota;
struct rates;
struct schedule;
struct server;
struct skills;
struct state;
struct ticker;
struct topic_rows;
struct turn;

struct options {
	const char	*db;
	const char	*tls_cert, *tls_key;	/* NULL: plain */
	unsigned	 max_connections;	/* of one mesh, and of all; in
						 * a mesh with those in grace */
	int		 ack_only;		/* for benchmarks */
	int64_t		 hello_ms;		/* without an accepted hello */
	int64_t		 ping_ms;
	int64_t		 claim_ms;
	int64_t		 grace_ms;
	unsigned	 rate_limit;		/* sends a minute; 0: none */
	unsigned	 rate_burst;
};

#define OPTIONS_MAX_CONNECTIONS	10000
#define OPTIONS_HELLO_MS	10000
#define OPTIONS_PING_MS		30000
#define OPTIONS_GRACE_MS	90000
#define OPTIONS_RATE_BURST	10

struct broker {
	const struct options	*options;
	struct db		*db;
	struct members		*members;
	struct invites		*invites;
	struct queue		*queue;
	struct deliver		*deliver;
	struct topic_rows	*topics;
	struct feed		*feed;
	struct lodging		*lodging;
	struct presence		 presence;
	struct grace		 grace;
	struct rates		*rates;

	/* The services. */
	struct quota		*quota;
	struct state		*state;
	struct memory		*memory;
	struct skills		*skills;
	struct schedule		*schedule;
	struct info		*info;
	struct bans		*bans;

	struct server		*server;
	struct turn		*turn;
	struct ticker		*ticker;
	struct fire		*fire;
	unsigned		 nposts;	/* HTTP bodies being read */
	/* Something to answer depends on the open transaction. */
	int			 commit_now;
};

void	options_defaults(struct options *);

/*
 * Opens the file and what stands on it.  -1, with a log line.  options must
 * outlive it.
 */
int	broker_open(struct broker *, const struct options *);
void	broker_close(struct broker *);

#endif
