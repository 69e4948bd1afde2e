/*
 * Joining: the loop, the supervisor's channel, and whom to ask next.
 *
 * It says once how it ended, and then waits to be told to stop: a process that
 * is gone might not have been heard.
 */

#include "worker/join.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/channel.h"
#include "common/inherit.h"
#include "common/log.h"
#include "common/privs.h"
#include "common/rules.h"
#include "common/xalloc.h"
#include "worker/join_impl.h"

#define MAX_FDS		64
#define LOOP_FDS	16
#define PATIENCE_US	(27 * LWS_USEC_PER_SEC)	/* the supervisor has 30 s */
#define PATH_JOIN	"/join"
#define PATH_CODE	"/api/public/invite-code/"

/* ---- the supervisor ---- */

static void
join_log(void *arg, enum log_level level, const char *text)
{
	struct join	*j = arg;
	struct msg_log	 l;

	l.level = (int64_t)level;
	memset(l.text, 0, sizeof l.text);
	memcpy(l.text, text, strnlen(text, sizeof l.text - 1));
	if (j->sup != NULL)
		(void)peer_send(j->sup, MSG_LOG, 0, &l);
	else if (j->early != NULL)
		(void)msg_send(j->early, MSG_LOG, 0, &l, -1);
}

/* At most one line of libwebsockets counts here: what it is about is told. */
static void
join_lws_log(int level, const char *line)
{
	(void)level;
	log_debug("lws: %.*s", (int)strcspn(line, "\n"), line);
}

static void
join_say(struct join *j, enum msg_type type, const void *body)
{
	if (peer_send(j->sup, type, 0, body) == -1)
		fatal("supervisor: %s", msg_name(type));
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

/* Numeric addresses with spaces between. */
static void
join_take_addrs(struct join *j, const char *s)
{
	size_t	n;

	j->naddrs = j->next = 0;
	for (; *s != '\0' && j->naddrs < JOIN_ADDRS_MAX; s += n) {
		s += strspn(s, " ");
		n = strcspn(s, " ");
		if (n == 0 || n >= JOIN_ADDR_SIZE)
			continue;
		memcpy(j->addrs[j->naddrs], s, n);
		j->addrs[j->naddrs++][n] = '\0';
	}
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

static int
on_address(void *arg, struct msg *m)
{
	struct join		*j = arg;
	struct msg_address	 a;

	if (msg_decode(m, &a) == -1)
		return -1;
	if (j->state == JOIN_OVER)
		return 0;
	join_take_addrs(j, a.addrs);
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

static int
on_log_level(void *arg, struct msg *m)
{
	struct msg_log_level	l;

	(void)arg;
	if (msg_decode(m, &l) == -1)
		return -1;
	log_set_level((enum log_level)l.level);
	return 0;
}

#define RUNNING	(JOIN_CODE | JOIN_POST | JOIN_OVER)

static const struct rule join_rules[] = {
	{ MSG_SUP_SETUP_JOIN, PEER_SUPERVISOR, JOIN_SETUP, on_setup },
	{ MSG_SUP_ADDRESS, PEER_SUPERVISOR, RUNNING, on_address },
	{ MSG_SUP_STOP, PEER_SUPERVISOR, RUNNING, on_stop },
	{ MSG_SUP_LOG_LEVEL, PEER_SUPERVISOR, RUNNING, on_log_level },
};

static int
on_sup_msg(void *arg, struct msg *m)
{
	struct join	*j = arg;

	return rules_dispatch(join_rules,
	    sizeof join_rules / sizeof *join_rules, PEER_SUPERVISOR, j->state,
	    j, m);
}

static void
on_sup_gone(void *arg, const char *why, int nonsense)
{
	struct join	*j = arg;

	if (nonsense)
		fatalx("supervisor: nonsense: %s", why);
	j->quit = 1;
	lws_cancel_service(j->ctx);
}

/* ---- how it goes on ---- */

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

/* An address that nobody answers at: the next one may be better. */
static void
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

static void
join_patience_cb(lws_sorted_usec_list_t *sul)
{
	struct join	*j = lws_container_of(sul, struct join, sul);

	if (j->state != JOIN_OVER)
		join_refuse(j, 504, "timeout: %s, port %u, did not answer in "
		    "time: try again.", j->host, j->port);
}

/* ---- the loop ---- */

static int
join_protocol_cb(struct lws *wsi, enum lws_callback_reasons reason,
    void *user, void *in, size_t len)
{
	struct join	*j = lws_context_user(lws_get_context(wsi));

	if (j == NULL || j->dying)
		return 0;
	switch (reason) {
	case LWS_CALLBACK_RAW_ADOPT_FILE:
	case LWS_CALLBACK_RAW_RX_FILE:
	case LWS_CALLBACK_RAW_WRITEABLE_FILE:
	case LWS_CALLBACK_RAW_CLOSE_FILE:
		return peer_callback(wsi, reason);
	case LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION:
		in = user;		/* X509_STORE_CTX */
		/* FALLTHROUGH */
	default:
		return http_callback(j->http, wsi, reason, in, len);
	}
}

static const struct lws_protocols join_protocols[] = {
	{ .name = WORKER_PROTOCOL, .callback = join_protocol_cb },
	{ .name = NULL },
};

static void
join_open_lws(struct join *j)
{
	struct lws_context_creation_info	info = { 0 };

	lws_set_log_level(LLL_ERR | LLL_WARN, join_lws_log);
	info.port = CONTEXT_PORT_NO_LISTEN;
	info.protocols = join_protocols;
	info.fd_limit_per_thread = LOOP_FDS;
	info.user = j;
	info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
	    LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
	if ((j->ctx = lws_create_context(&info)) == NULL)
		fatalx("libwebsockets: no context");
	info.vhost_name = "join";
	if (j->ca_file[0] != '\0') {
		info.options |= LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
		info.client_ssl_ca_filepath = j->ca_file;
	}
	if ((j->vh = lws_create_vhost(j->ctx, &info)) == NULL)
		fatalx("libwebsockets: no vhost, ca_file \"%s\"", j->ca_file);
}

static struct join *
join_new(int ctl_fd)
{
	struct join	*j = xcalloc(1, sizeof *j);

	json_set_alloc_funcs(wipe_malloc, wipe_free);
	json_object_seed(randombytes_random());
	j->state = JOIN_SETUP;
	j->early = channel_new(ctl_fd);
	log_set_sink(join_log, j);
	return j;
}

static void
join_recv_setup(struct join *j)
{
	struct pollfd	pfd = { .fd = channel_fd(j->early), .events = POLLIN };
	struct msg	m;
	int		ret;

	while ((ret = msg_recv(j->early, &m)) == 0)
		(void)poll(&pfd, 1, -1);
	if (ret == -1 && errno == 0)
		exit(0);		/* the supervisor has gone */
	if (ret == -1 || on_sup_msg(j, &m) == -1)
		fatalx("supervisor: no set-up that can be used");
	msg_drop_fd(&m);
}

/* The control channel moves from waiting to the loop. */
static void
join_open_loop(struct join *j)
{
	int	fd;

	join_open_lws(j);
	(void)channel_drain(j->early, 1000);
	if ((fd = fcntl(channel_fd(j->early), F_DUPFD_CLOEXEC, 0)) == -1)
		fatal("control channel");
	j->sup = peer_new(j->ctx, j->vh, fd, on_sup_msg, on_sup_gone, NULL,
	    j);
	channel_free(&j->early);
	j->http = http_new(j->ctx, j->vh, join_http_cb, j);
	lws_sul_schedule(j->ctx, 0, &j->sul, join_patience_cb, PATIENCE_US);
	join_say(j, MSG_READY, NULL);
}

static void
join_loop(struct join *j)
{
	while (!j->quit)
		if (lws_service(j->ctx, 0) < 0)
			fatalx("libwebsockets: the loop ended");
	peer_drain(j->sup, 100);
}

static void
join_free(struct join **jp)
{
	struct join	*j = *jp;

	log_set_sink(NULL, NULL);
	j->dying = 1;
	lws_sul_cancel(&j->sul);
	http_free(&j->http);
	peer_free(&j->sup);
	lws_context_destroy(j->ctx);
	freezero_str(j->link);
	freezero_str(j->token);
	sodium_free(j->secret);		/* wipes */
	sodium_memzero(&j->invite, sizeof j->invite);
	free(j);
	*jp = NULL;
}

int
join_main(void)
{
	struct join	*j;

	log_init("join");
	privs_child(MAX_FDS);
	if (sodium_init() == -1)
		fatalx("libsodium");
	j = join_new(INHERIT_CTL_FD);
	join_recv_setup(j);		/* the link */
	join_open_loop(j);		/* certificates */
	join_link(j);			/* nothing is sent before it is good */
	join_loop(j);
	join_free(&j);
	return 0;
}
