/*
 * Sockets, and the loop, which is libwebsockets' own: it has no other here.
 * lws_service() polls and handles every descriptor that is ready; after it
 * returns, turn_end() closes what the turn began.
 */

#include "contrib/broker/server.h"

#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "contrib/broker/arrive.h"
#include "contrib/broker/broker.h"
#include "contrib/broker/conn.h"
#include "contrib/broker/fire.h"
#include "contrib/broker/http.h"
#include "contrib/broker/listen.h"
#include "contrib/broker/quiet.h"
#include "contrib/broker/tick.h"
#include "contrib/broker/turn.h"
#include "contrib/broker/watch.h"

#define STOP_US		(2 * LWS_USEC_PER_SEC)

#define READ_SIZE	16384		/* bytes read from one socket a turn */
#define PIECE_SIZE	4096		/* kept per connection by lws */
#define HEADER_SIZE	4096		/* of an upgrade request */
#define HEADERS_MAX	512		/* upgrade requests at a time */
#define SOCKET_BUFFER	(128 * 1024)	/* the kernel's, per connection */
#define SPARE_PLACES	256		/* for those without a hello yet */

struct server {
	struct broker			*broker;
	struct lws_context		*context;
	struct lws_vhost		*vhost;
	struct listener			*listener;
	struct watches			 watches;
	unsigned			 nsockets, nconns;
	int				 stopping, done;
	lws_sorted_usec_list_t		 stop_sul;
};

/* Of a connection: which of them it is, its callbacks say. */
struct place {
	struct conn	*conn;
	struct http	 http;
};

static int mesh_cb(struct lws *, enum lws_callback_reasons, void *, void *,
    size_t);

static const struct lws_protocols protocols[] = {
	{ .name = "mesh", .callback = mesh_cb,
	  .per_session_data_size = sizeof(struct place),
	  .rx_buffer_size = PIECE_SIZE, .tx_packet_size = 1024 * 1024 },
	{ .name = WATCH_PROTOCOL, .callback = watch_cb },
	{ 0 }
};

static struct server *
server_of(struct lws *wsi)
{
	return lws_context_user(lws_get_context(wsi));
}

/* ---- connections ---- */

struct lws_context *
server_context(struct server *s)
{
	return s->context;
}

int
server_has_place(const struct server *s)
{
	return s->nsockets < s->broker->options->max_connections +
	    SPARE_PLACES;
}

int
server_adopt(struct server *s, int fd)
{
	int	 size = SOCKET_BUFFER;

	/* Else a peer that does not read costs the kernel 4 MiB. */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	if (lws_adopt_socket_vhost(s->vhost, fd) == NULL)
		return -1;	/* and it has closed fd */
	return 0;
}

static void
conn_opened(struct server *s, struct conn **cp, struct lws *wsi)
{
	*cp = conn_new(s->broker, wsi);
	tick_opened(*cp);
	s->nconns++;
}

static void
conn_closed(struct server *s, struct conn **cp)
{
	if (*cp == NULL)
		return;
	depart(*cp);
	tick_closed(*cp);
	turn_forget(*cp);
	conn_free(cp);
	if (--s->nconns == 0 && s->stopping)
		s->done = 1;
}

static void
socket_gone(struct server *s)
{
	s->nsockets--;
	if (!s->stopping)
		listen_resume(s->listener);
}

/* Only /ws is a WebSocket, and only WebSocket is spoken there. */
static int
upgrade_check(struct lws *wsi, const char *protocol)
{
	char	 path[16];

	if (strcmp(protocol, "websocket") == 0 && lws_hdr_copy(wsi, path,
	    sizeof path, WSI_TOKEN_GET_URI) > 0 && strcmp(path, "/ws") == 0)
		return 0;
	return lws_return_http_status(wsi, HTTP_STATUS_NOT_FOUND, NULL) ?
	    -1 : 1;
}

static int
mesh_cb(struct lws *wsi, enum lws_callback_reasons reason, void *user,
    void *in, size_t len)
{
	struct place	 *place = user;
	struct conn	**cp = place != NULL ? &place->conn : NULL;

	switch (reason) {
	case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
		server_of(wsi)->nsockets++;
		break;
	case LWS_CALLBACK_WSI_DESTROY:
		/* Watched descriptors have opaque data, connections none. */
		if (lws_get_opaque_user_data(wsi) == NULL)
			socket_gone(server_of(wsi));
		break;
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		return upgrade_check(wsi, in);
	case LWS_CALLBACK_HTTP:
		return http_begin(&place->http, server_of(wsi)->broker, wsi,
		    in);
	case LWS_CALLBACK_HTTP_BODY:
		return http_body(&place->http, in, len);
	case LWS_CALLBACK_HTTP_BODY_COMPLETION:
		return http_end(&place->http, wsi);
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return http_writable(&place->http, wsi);
	case LWS_CALLBACK_CLOSED_HTTP:
	case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
		if (place != NULL)
			http_clear(&place->http);
		break;
	case LWS_CALLBACK_ESTABLISHED:
		conn_opened(server_of(wsi), cp, wsi);
		break;
	case LWS_CALLBACK_RECEIVE:
		return conn_readable(*cp, in, len,
		    lws_is_final_fragment(wsi) &&
		    lws_remaining_packet_payload(wsi) == 0);
	case LWS_CALLBACK_RECEIVE_PONG:
		tick_pong(*cp);
		break;
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return conn_writable(*cp);
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		conn_peer_closed(*cp, in, len);
		break;
	case LWS_CALLBACK_CLOSED:
		conn_closed(server_of(wsi), cp);
		break;
	default:
		break;
	}
	return 0;
}

/* ---- begin and end ---- */

void
server_loop(struct server *s)
{
	do {
		turn_end(s->broker->turn);
		watch_arm(&s->watches);
	} while (!s->done && lws_service(s->context, 0) >= 0);
}

/* lws speaks of peers too, so it is limited like other lines about them. */
static void
lws_line(int level, const char *line)
{
	(void)level;
	quiet_info("libwebsockets: %.*s", (int)strcspn(line, "\n"), line);
}

static struct lws_context *
context_new(struct server *s)
{
	struct lws_context_creation_info	 info;

	memset(&info, 0, sizeof info);
	info.port = CONTEXT_PORT_NO_LISTEN;
	info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
	    LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
	if (s->broker->options->tls_cert != NULL)
		info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
	info.user = s;
	info.pt_serv_buf_size = READ_SIZE;
	info.max_http_header_data = HEADER_SIZE;
	info.max_http_header_pool = HEADERS_MAX;
	return lws_create_context(&info);
}

static struct lws_vhost *
vhost_new(struct server *s)
{
	const struct options			*o = s->broker->options;
	struct lws_context_creation_info	 info;

	memset(&info, 0, sizeof info);
	info.port = CONTEXT_PORT_NO_LISTEN_SERVER;
	info.vhost_name = "mesh";
	info.protocols = protocols;
	info.options = LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
	info.alpn = "http/1.1";
	info.timeout_secs = (unsigned)(o->hello_ms + 999) / 1000;
	info.keepalive_timeout = 5;
	if (o->tls_cert != NULL) {
		info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
		info.ssl_cert_filepath = o->tls_cert;
		info.ssl_private_key_filepath = o->tls_key;
	}
	return lws_create_vhost(s->context, &info);
}

struct server *
server_new(struct broker *b)
{
	struct server	*s = xcalloc(1, sizeof *s);

	s->broker = b;
	b->server = s;
	TAILQ_INIT(&s->watches);
	lws_set_log_level(LLL_ERR | LLL_WARN, lws_line);
	if ((s->context = context_new(s)) == NULL ||
	    (s->vhost = vhost_new(s)) == NULL) {
		log_warnx("server: cannot be set up%s",
		    b->options->tls_cert != NULL ?
		    "; is the certificate readable, and the key its own?" :
		    "");
		server_free(&s);
		return NULL;
	}
	b->turn = turn_new(b, s->context);
	b->ticker = tick_new(b, s->context);
	b->fire = fire_new(b, s->context);
	return s;
}

void
server_free(struct server **sp)
{
	struct server	*s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	if (s->context != NULL)
		lws_context_destroy(s->context);
	fire_free(&s->broker->fire);
	tick_free(&s->broker->ticker);
	turn_free(&s->broker->turn);
	listen_free(&s->listener);
	s->broker->server = NULL;
	free(s);
}

int
server_watch(struct server *s, struct watch *w, int fd)
{
	return watch_add(&s->watches, s->vhost, w, fd);
}

int
server_listen(struct server *s, int fd)
{
	return (s->listener = listen_new(s, fd)) != NULL ? 0 : -1;
}

static void
stop_cb(lws_sorted_usec_list_t *sul)
{
	struct server	*s = lws_container_of(sul, struct server, stop_sul);

	s->done = 1;
	lws_cancel_service(s->context);		/* do not wait in poll() */
}

void
server_stop(struct server *s)
{
	if (s->stopping)
		return;
	s->stopping = 1;
	listen_stop(s->listener);
	tick_close_all(s->broker->ticker, CLOSE_GOING_AWAY, "shutting down");
	s->done = s->nconns == 0;
	lws_sul_schedule(s->context, 0, &s->stop_sul, stop_cb, STOP_US);
}
