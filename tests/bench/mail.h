#ifndef BENCH_MAIL_H
#define BENCH_MAIL_H

/* Requests POST /v1/send of some sessions to some targets. */

#include "tests/bench/load.h"
#include "tests/bench/world.h"

#define MAIL_TARGETS	20
#define MAIL_BODY	200		/* bytes of a message */

struct mail {
	const struct session *sessions;
	unsigned	 nsessions;
	unsigned	 ntargets;
	char		 targets[MAIL_TARGETS][65];
	char		 body[MAIL_BODY + 1];
};

/* To keys that nobody has. */
void	mail_init(struct mail *, const struct session *, unsigned nsessions);

/* To one. */
void	mail_init_to(struct mail *, const struct session *,
	    unsigned nsessions, const char *target);

/* load.fill: client c speaks for session c modulo their number. */
size_t	mail_fill(void *mail, unsigned client, unsigned n, char *,
	    size_t size);

/* A load of n such requests; a session takes 16 at a time. */
void	mail_send(const struct world *, struct mail *, unsigned clients,
	    unsigned n);

/* JSON of one request with a client id, in buf. */
void	mail_json(const struct mail *, unsigned n, const char *client_id,
	    char *buf, size_t size);

#endif
