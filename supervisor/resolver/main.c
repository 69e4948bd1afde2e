/*
 * Names of brokers to addresses.  getaddrinfo blocks and opens files late, so
 * it lives in a process of its own, which does nothing else.
 */

#include <sys/socket.h>

#include <event2/event.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "common/evpeer.h"
#include "common/inherit.h"
#include "common/log.h"
#include "common/privs.h"
#include "common/rules.h"

#define RESOLVER_FILES	32		/* descriptors */

enum resolver_state { RESOLVER_NEW = 1, RESOLVER_UP = 2 };

struct resolver {
	struct event_base *base;
	struct evpeer	*supervisor;
	enum resolver_state state;
};

/* Every address of the name, numeric, with spaces between. */
static void
resolve(const char *host, struct msg_resolved *answer)
{
	struct addrinfo	 hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo	*list = NULL, *ai;
	char		 addr[NI_MAXHOST];
	size_t		 used = 0, n;
	int		 ret;

	if ((ret = getaddrinfo(host, NULL, &hints, &list)) != 0) {
		snprintf(answer->error, sizeof answer->error, "%s",
		    gai_strerror(ret));
		return;
	}
	for (ai = list; ai != NULL; ai = ai->ai_next) {
		if (getnameinfo(ai->ai_addr, ai->ai_addrlen, addr, sizeof addr,
		    NULL, 0, NI_NUMERICHOST) != 0)
			continue;
		n = strlen(addr);
		if (used + n + 2 > sizeof answer->addrs)
			break;
		if (used > 0)
			answer->addrs[used++] = ' ';
		memcpy(answer->addrs + used, addr, n + 1);
		used += n;
	}
	freeaddrinfo(list);
	if (used == 0)
		snprintf(answer->error, sizeof answer->error,
		    "no usable address");
}

static int
on_setup(void *arg, struct msg *m)
{
	struct resolver			*r = arg;
	struct msg_setup_resolver	 body;

	if (msg_decode(m, &body) == -1)
		return -1;
	log_set_level((enum log_level)body.log_level);
	r->state = RESOLVER_UP;
	return evpeer_send(r->supervisor, MSG_READY, 0, NULL, -1);
}

static int
on_resolve(void *arg, struct msg *m)
{
	struct resolver		*r = arg;
	struct msg_resolve	 body;
	struct msg_resolved	 answer;

	if (msg_decode(m, &body) == -1)
		return -1;
	memset(&answer, 0, sizeof answer);
	memcpy(answer.host, body.host, sizeof answer.host);
	resolve(body.host, &answer);
	if (answer.error[0] != '\0')
		log_info("%s: %s", body.host, answer.error);
	return evpeer_send(r->supervisor, MSG_RES_RESOLVED, m->seq, &answer,
	    -1);
}

static int
on_stop(void *arg, struct msg *m)
{
	struct resolver	*r = arg;

	(void)m;
	return event_base_loopbreak(r->base);
}

static const struct rule resolver_rules[] = {
	{ MSG_SUP_SETUP_RESOLVER, PEER_SUPERVISOR, RESOLVER_NEW, on_setup },
	{ MSG_SUP_RESOLVE, PEER_SUPERVISOR, RESOLVER_UP, on_resolve },
	{ MSG_SUP_LOG_LEVEL, PEER_SUPERVISOR, RESOLVER_UP, rules_log_level },
	{ MSG_SUP_STOP, PEER_SUPERVISOR, RESOLVER_NEW | RESOLVER_UP, on_stop },
};

/* It trusts the supervisor, and dies of nonsense. */
static int
resolver_msg(void *arg, struct msg *m)
{
	struct resolver	*r = arg;

	if (rules_dispatch(resolver_rules,
	    sizeof resolver_rules / sizeof resolver_rules[0],
	    PEER_SUPERVISOR, r->state, r, m) == -1)
		fatalx("nonsense from the supervisor: %s", msg_name(m->type));
	return 0;
}

static void
resolver_gone(void *arg, const char *why)
{
	struct resolver	*r = arg;

	(void)why;
	event_base_loopbreak(r->base);
}

int
main(void)
{
	struct resolver	r = { .state = RESOLVER_NEW };

	log_init("resolver");
	privs_child(RESOLVER_FILES);
	if ((r.base = event_base_new()) == NULL)
		fatalx("cannot make an event loop");
	r.supervisor = evpeer_new(r.base, INHERIT_CTL_FD, resolver_msg,
	    resolver_gone, &r);
	evpeer_log_to(r.supervisor);
	event_base_dispatch(r.base);
	evpeer_log_to(NULL);
	evpeer_free(&r.supervisor);
	event_base_free(r.base);
	return 0;
}
