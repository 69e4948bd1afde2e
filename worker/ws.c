/* The WebSocket, on libwebsockets. */

#include "worker/ws.h"

#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/encode.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "worker/address.h"
#include "worker/peer.h"
#include "worker/reader.h"

#define WS_PATH		"/ws"
#define PING_MS		30000		/* of silence */
#define HANGUP_MS	75000
#define REASON_LEN	124		/* of a close frame, and NUL */
#define CODE_TOO_BIG	1009

/*
 * Its own watch pings once and then only waits, and it would have to be told of
 * every frame: ours takes its place.
 */
static const lws_retry_bo_t	ws_no_watch = { .secs_since_valid_hangup = 0 };

struct ws {
	struct lws_context *ctx;
	struct lws_vhost *vh;
	struct lws	*wsi;		/* NULL: none */
	char		*host;		/* Host header: name, and port */
	int		 tls;
	const struct ws_cbs *cbs;
	void		*arg;
	lws_sorted_usec_list_t sul;	/* tells closed, from the loop */
	lws_sorted_usec_list_t sul_watch;
	int64_t		 heard_ms, pinged_ms;	/* monotonic */
	int		 ping, paused;
	struct reader	 in;
	int		 telling;	/* closed is still to be told */
	int		 code;		/* the end, as known so far */
	char		 reason[REASON_LEN];
	int		 say;		/* close with this code when writable */
	const char	*farewell;	/* and this text, or NULL */
};

struct ws *
ws_new(struct lws_context *ctx, struct lws_vhost *vh, const char *host,
    uint32_t port, int tls, const struct ws_cbs *cbs, void *arg)
{
	struct ws	*ws = xcalloc(1, sizeof *ws);

	ws->ctx = ctx;
	ws->vh = vh;
	ws->tls = tls;
	ws->cbs = cbs;
	ws->arg = arg;
	ws->host = address_host(host, port, tls);
	return ws;
}

void
ws_free(struct ws **wsp)
{
	struct ws	*ws = *wsp;

	if (ws == NULL)
		return;
	lws_sul_cancel(&ws->sul);
	lws_sul_cancel(&ws->sul_watch);
	reader_clear(&ws->in);
	free(ws->host);
	free(ws);
	*wsp = NULL;
}

static void
ws_tell_cb(lws_sorted_usec_list_t *sul)
{
	struct ws	*ws = lws_container_of(sul, struct ws, sul);

	ws->telling = 0;
	ws->cbs->closed(ws->arg, ws->code, ws->reason);
}

/* How it ended; what is known first counts. */
static void
ws_note(struct ws *ws, int code, const char *reason, size_t len)
{
	if (ws->code != 0 || ws->reason[0] != '\0')
		return;
	ws->code = code;
	if (len >= sizeof ws->reason)
		len = sizeof ws->reason - 1;
	if (!utf8_valid(reason, len, 1))
		len = 0;
	if (len > 0)
		memcpy(ws->reason, reason, len);
	ws->reason[len] = '\0';
}

/* It is gone, whatever else may still be called for it. */
static void
ws_gone(struct ws *ws)
{
	ws->wsi = NULL;
	lws_sul_cancel(&ws->sul_watch);
	reader_clear(&ws->in);
	ws_note(ws, 0, "connection lost", strlen("connection lost"));
	ws->telling = 1;
	lws_sul_schedule(ws->ctx, 0, &ws->sul, ws_tell_cb, 1);
}

void
ws_connect(struct ws *ws, const char *addr, uint32_t port)
{
	struct lws_client_connect_info	i = { 0 };
	struct lws			*wsi;

	ws->code = ws->say = ws->ping = ws->paused = 0;
	ws->reason[0] = '\0';
	i.context = ws->ctx;
	i.vhost = ws->vh;
	i.address = addr;
	i.port = (int)port;
	i.path = WS_PATH;
	i.host = ws->host;
	i.ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT |
	    (ws->tls ? LCCSCF_USE_SSL : 0);
	i.local_protocol_name = WORKER_PROTOCOL;
	i.alpn = "http/1.1";
	i.pwsi = &ws->wsi;
	i.retry_and_idle_policy = &ws_no_watch;
	wsi = lws_client_connect_via_info(&i);
	if (wsi == NULL && !ws->telling)
		ws_gone(ws);
}

int
ws_send(struct ws *ws, struct outbuf *o)
{
	if (ws->wsi == NULL || ws->say != 0)
		return -1;
	if (lws_write(ws->wsi, outbuf_data(o), o->len, LWS_WRITE_TEXT) <
	    (int)o->len) {
		ws_close(ws, 0, "write failed");
		return -1;
	}
	return lws_send_pipe_choked(ws->wsi) ? 1 : 0;
}

void
ws_want_write(struct ws *ws)
{
	if (ws->wsi != NULL)
		lws_callback_on_writable(ws->wsi);
}

void
ws_pause(struct ws *ws, int paused)
{
	if (ws->wsi == NULL)
		return;
	ws->paused = paused;
	ws->heard_ms = clock_mono_ms();
	lws_rx_flow_control(ws->wsi, !paused);
}

void
ws_close(struct ws *ws, int code, const char *reason)
{
	if (ws->wsi == NULL)
		return;
	ws_note(ws, 0, reason, strlen(reason));
	if (code != 0) {
		ws->say = code;
		lws_callback_on_writable(ws->wsi);
		/* It may never be: then without a word. */
		lws_set_timeout(ws->wsi, PENDING_TIMEOUT_USER_OK, 1);
	} else
		lws_set_timeout(ws->wsi, PENDING_TIMEOUT_USER_OK,
		    LWS_TO_KILL_ASYNC);
}

void
ws_farewell(struct ws *ws, const char *text)
{
	ws->farewell = text;
}

int
ws_is_down(const struct ws *ws)
{
	return ws->wsi == NULL && !ws->telling;
}

/*
 * A connection on which nothing comes is asked for a sign of life, and given
 * up.  While we do not listen, silence means nothing.
 */
static void
ws_watch_cb(lws_sorted_usec_list_t *sul)
{
	struct ws	*ws = lws_container_of(sul, struct ws, sul_watch);
	int64_t		 now = clock_mono_ms(), last, next;

	if (ws->paused)
		ws->heard_ms = now;
	if (now - ws->heard_ms >= HANGUP_MS) {
		ws_close(ws, 0, "nothing was heard for 75 s");
		return;
	}
	last = ws->pinged_ms > ws->heard_ms ? ws->pinged_ms : ws->heard_ms;
	if (now - last >= PING_MS) {
		ws->ping = 1;
		ws->pinged_ms = last = now;
		ws_want_write(ws);
	}
	next = last + PING_MS < ws->heard_ms + HANGUP_MS ?
	    last + PING_MS : ws->heard_ms + HANGUP_MS;
	lws_sul_schedule(ws->ctx, 0, &ws->sul_watch, ws_watch_cb,
	    (next - now) * 1000);
}

static void
ws_opened(struct ws *ws)
{
	ws->heard_ms = clock_mono_ms();
	ws_watch_cb(&ws->sul_watch);
	ws->cbs->opened(ws->arg);
}

/* A piece of a frame; the last one completes it. */
static int
ws_receive(struct ws *ws, struct lws *wsi, const void *in, size_t len)
{
	ws->heard_ms = clock_mono_ms();
	if (ws->say != 0)
		return 0;
	if (reader_add(&ws->in, in, len) == -1) {
		ws_close(ws, CODE_TOO_BIG, "a frame of over 4 MiB came");
		return 0;
	}
	if (!lws_is_final_fragment(wsi) ||
	    lws_remaining_packet_payload(wsi) > 0)
		return 0;
	if (!lws_frame_is_binary(wsi))
		ws->cbs->frame(ws->arg, ws->in.buf, ws->in.len);
	reader_reset(&ws->in);
	return 0;
}

static int
ws_writable(struct ws *ws, struct lws *wsi)
{
	uint8_t	empty[LWS_PRE + 1] = { 0 };

	if (ws->say != 0) {
		lws_close_reason(wsi, (enum lws_close_status)ws->say,
		    (unsigned char *)(uintptr_t)ws->farewell,
		    ws->farewell != NULL ? strlen(ws->farewell) : 0);
		return -1;
	}
	if (ws->ping) {
		ws->ping = 0;
		if (lws_write(wsi, empty + LWS_PRE, 0, LWS_WRITE_PING) < 0)
			return -1;
	}
	ws->cbs->writable(ws->arg);
	return 0;
}

/* Why a certificate is refused, in words; refused it is anyway. */
static void
ws_certificate(struct ws *ws, X509_STORE_CTX *ctx)
{
	char	text[REASON_LEN];

	snprintf(text, sizeof text, "certificate: %s",
	    X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
	ws_note(ws, 0, text, strlen(text));
}

int
ws_callback(struct ws *ws, struct lws *wsi, enum lws_callback_reasons reason,
    void *in, size_t len)
{
	const uint8_t	*p = in;

	if (wsi != ws->wsi)
		return 0;
	switch (reason) {
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		ws_opened(ws);
		break;
	case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
		ws->heard_ms = clock_mono_ms();
		break;
	case LWS_CALLBACK_CLIENT_RECEIVE:
		return ws_receive(ws, wsi, in, len);
	case LWS_CALLBACK_CLIENT_WRITEABLE:
		return ws_writable(ws, wsi);
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		if (len >= 2)
			ws_note(ws, p[0] << 8 | p[1], (const char *)p + 2,
			    len - 2);
		break;
	case LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION:
		if (len == 0)		/* OpenSSL's own checks failed */
			ws_certificate(ws, in);
		break;
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		if (in != NULL)
			ws_note(ws, 0, in, strnlen(in, len));
		ws_gone(ws);
		break;
	case LWS_CALLBACK_CLIENT_CLOSED:
	case LWS_CALLBACK_WSI_DESTROY:
		ws_gone(ws);
		break;
	default:
		break;
	}
	return 0;
}
