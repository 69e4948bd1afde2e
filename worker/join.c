/*
 * Joining: the main path and the loop.
 *
 * It says once how it ended, and then waits to be told to stop: a process that
 * is gone might not have been heard.
 */

#include "worker/join.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/channel.h"
#include "common/inherit.h"
#include "common/log.h"
#include "common/privs.h"
#include "common/xalloc.h"
#include "worker/join_impl.h"
#include "worker/loop.h"

#define MAX_FDS		64
#define CONNECT_S	8
#define ANSWER_S	30
#define PATIENCE_US	(27 * LWS_USEC_PER_SEC)	/* the supervisor has 30 s */

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
on_sup_gone(void *arg, const char *why, int nonsense)
{
	struct join	*j = arg;

	if (nonsense)
		fatalx("supervisor: nonsense: %s", why);
	j->quit = 1;
	lws_cancel_service(j->ctx);
}

static void
join_patience_cb(lws_sorted_usec_list_t *sul)
{
	struct join	*j = lws_container_of(sul, struct join, sul);

	if (j->state != JOIN_OVER)
		join_refuse(j, 504, "timeout: %s, port %u, did not answer in "
		    "time: try again.", j->host, j->port);
}

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
	info.protocols = join_protocols;
	info.user = j;
	/* Else it is less patient than we are; both count for an answer. */
	info.timeout_secs = info.keepalive_timeout = ANSWER_S;
	info.connect_timeout_secs = CONNECT_S;	/* then the next address */
	info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
	loop_open(&info, "join", j->ca_file, &j->ctx, &j->vh);
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
	if (ret == -1 || join_msg(j, &m) == -1)
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
	j->sup = peer_new(j->ctx, j->vh, fd, join_msg, on_sup_gone, NULL,
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
