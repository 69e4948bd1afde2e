/* A broker's host name to addresses. */

#include "supervisor/address.h"

#include <sys/queue.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "supervisor/child.h"
#include "supervisor/member.h"
#include "supervisor/session.h"

/* One worker that waits for one name. */
struct resolving {
	TAILQ_ENTRY(resolving) entry;
	char		 host[MSG_HOST_SIZE];
	uint16_t	 port;
	struct child	*child;
};

static int
address_is_numeric(const char *host)
{
	struct in6_addr	a;

	return inet_pton(AF_INET, host, &a) == 1 ||
	    inet_pton(AF_INET6, host, &a) == 1;
}

static void
address_answer(struct child *c, const char *addrs, uint16_t port,
    const char *error)
{
	struct msg_address	body = { .port = port };

	snprintf(body.addrs, sizeof body.addrs, "%s", addrs);
	snprintf(body.error, sizeof body.error, "%s", error);
	child_send(c, MSG_SUP_ADDRESS, 0, &body, -1);
}

/* Is the question under way for somebody? */
static int
address_asked(struct supervisor *s, const char *host)
{
	struct resolving	*r;

	TAILQ_FOREACH(r, &s->resolving, entry)
		if (strcmp(r->host, host) == 0)
			return 1;
	return 0;
}

static void
address_ask(struct supervisor *s, const char *host)
{
	struct msg_resolve	body = { .host = "" };

	if (!child_is_up(s->resolver))
		return;			/* address_ask_again() will */
	snprintf(body.host, sizeof body.host, "%s", host);
	child_send(s->resolver, MSG_SUP_RESOLVE, 0, &body, -1);
}

void
address_find(struct child *c, const char *host, uint16_t port)
{
	struct supervisor	*s = child_sup(c);
	struct resolving	*r;
	int			 asked;

	if (address_is_numeric(host)) {
		address_answer(c, host, port, "");
		return;
	}
	TAILQ_FOREACH(r, &s->resolving, entry)
		if (r->child == c)
			return;
	asked = address_asked(s, host);
	r = xcalloc(1, sizeof *r);
	snprintf(r->host, sizeof r->host, "%s", host);
	r->port = port;
	r->child = c;
	TAILQ_INSERT_TAIL(&s->resolving, r, entry);
	if (!asked)
		address_ask(s, host);
}

int
on_need_address(void *child, struct msg *m)
{
	struct child		*c = child;
	struct supervisor	*s = child_sup(c);
	struct member		*member;
	const char		*host;
	uint16_t		 port;
	int			 tls;

	if (msg_decode(m, NULL) == -1)
		return -1;
	member = child_role(c) == CHILD_MEMBER ? child_arg(c) :
	    ((struct session *)child_arg(c))->member;
	member_broker(member, &host, &port, &tls);
	if (member->mesh.embedded)
		address_answer(c, s->broker_host, port, "");
	else
		address_find(c, host, port);
	return 0;
}

int
on_resolved(void *child, struct msg *m)
{
	struct supervisor	*s = child_sup(child);
	struct resolving	*r, *next;
	struct msg_resolved	 body;

	if (msg_decode(m, &body) == -1)
		return -1;
	for (r = TAILQ_FIRST(&s->resolving); r != NULL; r = next) {
		next = TAILQ_NEXT(r, entry);
		if (strcmp(r->host, body.host) != 0)
			continue;
		address_answer(r->child, body.addrs, r->port, body.error);
		TAILQ_REMOVE(&s->resolving, r, entry);
		free(r);
	}
	return 0;
}

void
address_ask_again(struct supervisor *s)
{
	struct resolving	*r, *earlier;

	TAILQ_FOREACH(r, &s->resolving, entry) {
		TAILQ_FOREACH(earlier, &s->resolving, entry)
			if (earlier == r || strcmp(earlier->host, r->host) == 0)
				break;
		if (earlier == r)
			address_ask(s, r->host);
	}
}

void
address_forget(struct child *c)
{
	struct supervisor	*s = child_sup(c);
	struct resolving	*r, *next;

	for (r = TAILQ_FIRST(&s->resolving); r != NULL; r = next) {
		next = TAILQ_NEXT(r, entry);
		if (r->child == c) {
			TAILQ_REMOVE(&s->resolving, r, entry);
			free(r);
		}
	}
}

void
address_free_all(struct supervisor *s)
{
	struct resolving	*r;

	while ((r = TAILQ_FIRST(&s->resolving)) != NULL) {
		TAILQ_REMOVE(&s->resolving, r, entry);
		free(r);
	}
}
