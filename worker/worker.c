/* The loop, and the channels to supervisor, store and gate. */

#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/channel.h"
#include "common/clock.h"
#include "common/fd.h"
#include "common/xalloc.h"
#include "worker/loop.h"
#include "worker/worker_impl.h"

/* ---- set-up ---- */

struct worker *
worker_new(int ctl_fd)
{
	struct worker	*w = xcalloc(1, sizeof *w);

	json_set_alloc_funcs(wipe_malloc, wipe_free);
	json_object_seed(randombytes_random());
	w->state = W_SETUP;
	w->early = channel_new(ctl_fd);
	worker_log_to(w);
	return w;
}

void
worker_say(struct worker *w, enum msg_type type, const void *body)
{
	int	ret;

	ret = w->sup != NULL ? peer_send(w->sup, type, 0, body) :
	    msg_send(w->early, type, 0, body, -1);
	if (ret == -1 && (errno == EINVAL || errno == ENOBUFS))
		fatal("supervisor: %s", msg_name(type));
}

void
worker_recv_setup(struct worker *w)
{
	struct pollfd	pfd = { .fd = channel_fd(w->early), .events = POLLIN };
	struct msg	m;
	int		ret;

	while ((ret = msg_recv(w->early, &m)) == 0)
		(void)poll(&pfd, 1, -1);
	if (ret == -1 && errno == 0)
		exit(0);		/* the supervisor has gone */
	if (ret == -1 || worker_dispatch(w, PEER_SUPERVISOR, &m) == -1)
		fatalx("supervisor: no set-up that can be used");
	msg_drop_fd(&m);
}

void
worker_open_rows(struct worker *w)
{
	if ((w->rows = rows_open(w->self->db)) == NULL)
		fatalx("mesh.db: cannot be read");
}

static int
worker_protocol_cb(struct lws *wsi, enum lws_callback_reasons reason,
    void *user, void *in, size_t len)
{
	struct worker	*w = lws_context_user(lws_get_context(wsi));

	if (w == NULL || w->dying)
		return 0;
	if (reason == LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION)
		in = user;		/* X509_STORE_CTX */
	switch (reason) {
	case LWS_CALLBACK_RAW_ADOPT_FILE:
	case LWS_CALLBACK_RAW_RX_FILE:
	case LWS_CALLBACK_RAW_WRITEABLE_FILE:
	case LWS_CALLBACK_RAW_CLOSE_FILE:
		return peer_callback(wsi, reason);
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
	case LWS_CALLBACK_CLIENT_RECEIVE:
	case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
	case LWS_CALLBACK_CLIENT_WRITEABLE:
	case LWS_CALLBACK_CLIENT_CLOSED:
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
	case LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION:
	case LWS_CALLBACK_WSI_DESTROY:
		return w->broker == NULL ? 0 : broker_callback(w->broker, wsi,
		    reason, in, len);
	default:
		return 0;
	}
}

static const struct lws_protocols worker_protocols[] = {
	{ .name = WORKER_PROTOCOL, .callback = worker_protocol_cb },
	{ .name = NULL },
};

static void
worker_open_lws(struct worker *w)
{
	struct lws_context_creation_info	info = { 0 };

	lws_set_log_level(LLL_ERR | LLL_WARN, worker_lws_log);
	info.protocols = worker_protocols;
	info.user = w;
	info.options = LWS_SERVER_OPTION_VALIDATE_UTF8;
	if (w->self->tls)
		info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
	loop_open(&info, "worker", w->self->ca_file, &w->ctx, &w->vh);
}

/*
 * Leave the loop.  A timer's callback runs just before the loop waits, so that
 * it must be woken.
 */
void
worker_quit(struct worker *w)
{
	w->quit = 1;
	lws_cancel_service(w->ctx);
}

/* ---- channels ---- */

static int
on_sup_msg(void *arg, struct msg *m)
{
	return worker_dispatch(arg, PEER_SUPERVISOR, m);
}

static void
on_sup_gone(void *arg, const char *why, int nonsense)
{
	struct worker	*w = arg;

	if (nonsense)
		fatalx("supervisor: nonsense: %s", why);
	worker_quit(w);			/* nobody is left to work for */
}

static int
on_store_msg(void *arg, struct msg *m)
{
	return worker_dispatch(arg, PEER_STORE, m);
}

static void
on_store_gone(void *arg, const char *why, int nonsense)
{
	struct worker	*w = arg;

	if (nonsense)
		fatalx("store: nonsense: %s", why);
	log_info("store: channel %s", why);
	drain_store(w->drain, NULL);
	puts_store(w->puts, NULL);
	topics_store(w->topics, NULL);
	peer_free(&w->store);
}

static void
on_store_room(void *arg)
{
	struct worker	*w = arg;

	drain_store_room(w->drain);
	puts_store_room(w->puts);
	topics_store_room(w->topics);
}

void
worker_store_channel(struct worker *w, int fd)
{
	peer_free(&w->store);
	w->store = peer_new(w->ctx, w->vh, fd, on_store_msg, on_store_gone,
	    on_store_room, w);
	puts_store(w->puts, w->store);
	topics_store(w->topics, w->store);
	drain_store(w->drain, w->store);
	if (w->state == W_MEMBER) {
		w->handover = 1;
		worker_handover(w);
	}
	worker_retry(w);
	worker_check_drained(w);
}

static int
on_gate_msg(void *arg, struct msg *m)
{
	return worker_dispatch(arg, PEER_GATE, m);
}

static void
on_gate_gone(void *arg, const char *why, int nonsense)
{
	struct worker	*w = arg;

	if (nonsense)
		fatalx("gate: nonsense: %s", why);
	requests_gate(w->requests, NULL);
	topics_gate(w->topics, NULL);
	peer_free(&w->gate);
}

void
worker_gate_channel(struct worker *w, int fd)
{
	peer_free(&w->gate);
	w->gate = peer_new(w->ctx, w->vh, fd, on_gate_msg, on_gate_gone,
	    worker_gate_room, w);
	w->events_lost = 0;		/* to readers who are gone */
	requests_gate(w->requests, w->gate);
	topics_gate(w->topics, w->gate);
}

void
worker_open_loop(struct worker *w)
{
	int	fd;

	worker_open_lws(w);
	/* The control channel moves from waiting to the loop. */
	(void)channel_drain(w->early, 1000);
	if ((fd = fcntl(channel_fd(w->early), F_DUPFD_CLOEXEC, 0)) == -1)
		fatal("control channel");
	w->sup = peer_new(w->ctx, w->vh, fd, on_sup_msg, on_sup_gone, NULL,
	    w);
	channel_free(&w->early);
	w->broker = broker_new(w->ctx, w->vh, w->self, &worker_broker_cbs, w);
	w->drain = drain_new(w->ctx, w->self, w->rows, w->broker, worker_rate,
	    w);
	w->puts = puts_new(w->ctx, w->broker, worker_room, w);
	w->requests = requests_new(w->ctx, w->broker);
	w->topics = topics_new(w->ctx, w->self, w->rows, w->broker, w->puts);
	broker_start(w->broker);
}

void
worker_loop(struct worker *w)
{
	while (!w->quit)
		if (lws_service(w->ctx, 0) < 0)
			fatalx("libwebsockets: the loop ended");
	if (w->sup != NULL)
		peer_drain(w->sup, 100);
}

void
worker_free(struct worker **wp)
{
	struct worker	*w = *wp;

	if (w == NULL)
		return;
	log_set_sink(NULL, NULL);
	w->dying = 1;
	worker_chores_free(w);
	topics_free(&w->topics);
	requests_free(&w->requests);
	puts_free(&w->puts);
	drain_free(&w->drain);
	broker_free(&w->broker);
	peer_free(&w->gate);
	peer_free(&w->store);
	peer_free(&w->sup);
	if (w->ctx != NULL)
		lws_context_destroy(w->ctx);
	rows_close(&w->rows);
	self_free(&w->self);
	channel_free(&w->early);
	free(w);
	*wp = NULL;
}
