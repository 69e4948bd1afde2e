#ifndef WORKER_BROKER_IMPL_H
#define WORKER_BROKER_IMPL_H

/* Inside of broker.c and broker_try.c only. */

#include "worker/address.h"
#include "worker/broker.h"
#include "worker/closing.h"
#include "worker/ws.h"

#define REPLACED_MAX	3

enum phase { IDLE, CONNECTING, HELLO, OPEN, PARKED, STOPPED };

struct broker {
	const struct self *self;
	const struct broker_cbs *cbs;
	void		*arg;
	struct lws_context *ctx;
	struct ws	*ws;
	enum phase	 phase;
	lws_sorted_usec_list_t sul, sul_renew;
	struct outbuf	 out;

	char		 addrs[ADDRESSES_MAX][ADDRESS_SIZE];
	unsigned	 naddrs, next;	/* next to try */
	uint32_t	 port;
	struct attestation attest;
	int64_t		 renew_at;	/* wall: it is to be renewed then */

	unsigned	 tries;		/* since the last accepted hello */
	int64_t		 not_before;	/* of the next connection, monotonic */
	int64_t		 replaced[REPLACED_MAX];
	int		 renewed;	/* after `expired', once per hello */
	int		 hello_sent, pushed, dropped;
	int		 parting;	/* parked, and its socket not closed yet */
	int		 paused, trimmed;
	char		 error[65];	/* of the error frame in HELLO */

	enum conn_state	 state;		/* as told */
	char		 reason[REASON_SIZE];
};

/* broker_try.c: tell the supervisor, when it is news. */
void	broker_tell(struct broker *, enum conn_state, const char *reason);

/* Give up what keeps it busy; it is parked from now on. */
void	broker_rest(struct broker *);

/* One timer, whose meaning is the phase's. */
void	broker_timer(struct broker *, int64_t ms);

/* Try after ms; what a connection's end means for that. */
void	broker_later(struct broker *, int64_t ms);
void	broker_after(struct broker *, enum closing, const char *why);

#endif
