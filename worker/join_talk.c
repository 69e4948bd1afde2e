/* What the supervisor tells it and is told, and whom to ask next. */

#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/rules.h"
#include "common/xalloc.h"
#include "worker/join_impl.h"

#define PATH_JOIN	"/join"
#define PATH_CODE	"/api/public/invite-code/"

void
join_say(struct join *j, enum msg_type type, const void *body)
{
	if (peer_send(j->sup, type, 0, body) == -1 &&
	    (errno == EINVAL || errno == ENOBUFS || errno == EMSGSIZE))
		fatal("supervisor: %s", msg_name(type));
}

void
join_refuse(struct join *j, int status, const char *fmt, ...)
{
	struct msg_join_refused	a;
	va_list			ap;

	memset(&a, 0, sizeof a);
	a.status = status;
	va_start(ap, fmt);
	vsnprintf(a.error, sizeof a.error, fmt, ap);
	va_end(ap);
	j->state = JOIN_OVER;
	join_say(j, MSG_JOIN_REFUSED, &a);
}

void
join_done(struct join *j, const char *member_id, int already)
{
	struct msg_join_done	d;

	memset(&d, 0, sizeof d);
	strcpy(d.mesh, j->slug);
	strcpy(d.mesh_id, j->invite.mesh_id);
	snprintf(d.member_id, sizeof d.member_id, "%s", member_id);
	strcpy(d.host, j->host);
	d.port = j->port;
	d.tls = j->tls;
	d.already = already;
	memcpy(d.pub, j->pub, sizeof d.pub);
	memcpy(d.secret, j->secret, sizeof d.secret);
	j->state = JOIN_OVER;
	join_say(j, MSG_JOIN_DONE, &d);
	sodium_memzero(&d, sizeof d);
}

void
join_ask_host(struct join *j, const char *host, uint16_t port, int tls)
{
	struct msg_join_at	at;

	snprintf(j->host, sizeof j->host, "%s", host);
	j->port = port;
	j->tls = tls;
	memset(&at, 0, sizeof at);
	strcpy(at.host, j->host);
	at.port = port;
	if (j->state == JOIN_POST) {
		strcpy(at.mesh, j->slug);
		strcpy(at.mesh_id, j->invite.mesh_id);
	}
	join_say(j, MSG_JOIN_AT, &at);
}

static void
join_try(struct join *j)
{
	char	path[sizeof PATH_CODE + INVITE_CODE_MAX], *body;

	if (j->state == JOIN_CODE) {
		snprintf(path, sizeof path, PATH_CODE "%s", j->where.code);
		http_ask(j->http, j->addrs[j->next++], j->host, j->port,
		    j->tls, path, NULL, 0);
		return;
	}
	body = join_body(j);
	http_ask(j->http, j->addrs[j->next++], j->host, j->port, j->tls,
	    PATH_JOIN, body, strlen(body));
	wipe_free(body);
}

/* An address that nobody answers at: the next one may be better. */
void
join_http_cb(void *arg, int status, const char *text, size_t len,
    int connected)
{
	struct join	*j = arg;

	if (j->state == JOIN_OVER)
		return;
	if (status != 0 && j->state == JOIN_CODE)
		join_code_answer(j, status, text, len);
	else if (status != 0)
		join_post_answer(j, status, text, len);
	else if (!connected && j->next < j->naddrs)
		join_try(j);
	else
		join_refuse(j, 502, "unreachable: %s, port %u: %.*s", j->host,
		    j->port, (int)(len < 100 ? len : 100), text);
}

static int
on_setup(void *arg, struct msg *m)
{
	struct join		*j = arg;
	struct msg_setup_join	 su;

	if (msg_decode(m, &su) == -1)
		return -1;
	log_set_level((enum log_level)su.log_level);
	memcpy(j->ca_file, su.ca_file, sizeof j->ca_file);
	memcpy(j->slug, su.mesh, sizeof j->slug);
	memcpy(j->display_name, su.display_name, sizeof j->display_name);
	j->link = xstrndup((const char *)su.link.p, su.link.len);
	sodium_memzero((void *)(uintptr_t)m->data, m->len);
	j->state = JOIN_OVER;		/* until it begins */
	return 0;
}

static int
on_address(void *arg, struct msg *m)
{
	struct join		*j = arg;
	struct msg_address	 a;

	if (msg_decode(m, &a) == -1)
		return -1;
	if (j->state == JOIN_OVER)
		return 0;
	j->next = 0;
	j->naddrs = address_list(a.addrs, j->addrs);
	if (j->naddrs == 0)
		join_refuse(j, 502, "unreachable: %s has no address (%.100s): "
		    "is the network up?", j->host, a.error);
	else
		join_try(j);
	return 0;
}

static int
on_stop(void *arg, struct msg *m)
{
	struct join	*j = arg;

	if (msg_decode(m, NULL) == -1)
		return -1;
	j->quit = 1;
	if (j->ctx != NULL)
		lws_cancel_service(j->ctx);
	return 0;
}

#define RUNNING	(JOIN_CODE | JOIN_POST | JOIN_OVER)

static const struct rule join_rules[] = {
	{ MSG_SUP_SETUP_JOIN, PEER_SUPERVISOR, JOIN_SETUP, on_setup },
	{ MSG_SUP_ADDRESS, PEER_SUPERVISOR, RUNNING, on_address },
	{ MSG_SUP_STOP, PEER_SUPERVISOR, RUNNING, on_stop },
	{ MSG_SUP_LOG_LEVEL, PEER_SUPERVISOR, RUNNING, rules_log_level },
};

int
join_msg(void *arg, struct msg *m)
{
	struct join	*j = arg;

	return rules_dispatch(join_rules,
	    sizeof join_rules / sizeof *join_rules, PEER_SUPERVISOR, j->state,
	    j, m);
}
