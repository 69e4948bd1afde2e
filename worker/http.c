/* A small HTTP client, on libwebsockets. */

#include "worker/http.h"

#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/encode.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "worker/address.h"
#include "worker/peer.h"

#define READ_SIZE	2048
#define WHY_SIZE	160

struct http {
	struct lws_context *ctx;
	struct lws_vhost *vh;
	http_cb		 cb;
	void		*arg;
	struct lws	*wsi;		/* NULL: none */
	lws_sorted_usec_list_t sul;	/* tells the end, from the loop */
	char		*host;		/* the header */
	uint8_t		*out;		/* behind LWS_PRE; NULL: no body */
	size_t		 outlen;
	char		*in;
	size_t		 inlen;
	int		 status;	/* of the answer; 0: none yet */
	int		 connected;
	int		 ended;		/* the end is told, or about to be */
	char		 why[WHY_SIZE];	/* "": all went well */
};

struct http *
http_new(struct lws_context *ctx, struct lws_vhost *vh, http_cb cb, void *arg)
{
	struct http	*h = xcalloc(1, sizeof *h);

	h->ctx = ctx;
	h->vh = vh;
	h->cb = cb;
	h->arg = arg;
	h->ended = 1;
	return h;
}

static void
http_clear(struct http *h)
{
	lws_sul_cancel(&h->sul);
	if (h->out != NULL)
		freezero(h->out, LWS_PRE + h->outlen);
	freezero(h->in, HTTP_ANSWER_MAX);
	free(h->host);
	h->out = NULL;
	h->in = NULL;
	h->host = NULL;
	h->inlen = h->outlen = 0;
}

void
http_free(struct http **hp)
{
	struct http	*h = *hp;

	if (h == NULL)
		return;
	http_clear(h);
	free(h);
	*hp = NULL;
}

static void
http_tell_cb(lws_sorted_usec_list_t *sul)
{
	struct http	*h = lws_container_of(sul, struct http, sul);

	if (h->why[0] != '\0')
		h->cb(h->arg, 0, h->why, strlen(h->why), h->connected);
	else
		h->cb(h->arg, h->status, h->in, h->inlen, 1);
}

/* What is known first counts. */
static void
http_note(struct http *h, const char *why, size_t len)
{
	if (h->why[0] != '\0')
		return;
	if (len >= sizeof h->why)
		len = sizeof h->why - 1;
	if (!utf8_valid(why, len, 1))
		len = 0;
	snprintf(h->why, sizeof h->why, "%.*s", (int)len, why);
	if (h->why[0] == '\0')
		snprintf(h->why, sizeof h->why, "connection lost");
}

/* It is over, whatever else may still be called for it. */
static void
http_end(struct http *h)
{
	h->wsi = NULL;
	if (h->ended)
		return;
	h->ended = 1;
	if (h->status == 0)
		http_note(h, "the connection ended without an answer", 39);
	lws_sul_schedule(h->ctx, 0, &h->sul, http_tell_cb, 1);
}

void
http_ask(struct http *h, const char *addr, const char *host, uint16_t port,
    int tls, const char *path, const void *body, size_t len)
{
	struct lws_client_connect_info	i = { 0 };

	http_clear(h);
	h->status = h->connected = h->ended = 0;
	h->why[0] = '\0';
	h->in = xmalloc(HTTP_ANSWER_MAX);
	h->host = address_host(host, port, tls);
	if (body != NULL) {
		h->out = xmalloc(LWS_PRE + len);
		memcpy(h->out + LWS_PRE, body, len);
		h->outlen = len;
	}
	i.context = h->ctx;
	i.vhost = h->vh;
	i.address = addr;
	i.port = port;
	i.path = path;
	i.host = h->host;
	i.method = body != NULL ? "POST" : "GET";
	i.ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT |
	    (tls ? LCCSCF_USE_SSL : 0);
	i.local_protocol_name = WORKER_PROTOCOL;
	i.alpn = "http/1.1";
	i.pwsi = &h->wsi;
	if (lws_client_connect_via_info(&i) == NULL)
		http_end(h);
}

/* More of the request's head. */
static int
http_head(struct http *h, struct lws *wsi, void *in, size_t len)
{
	static const char	 json[] = "application/json";
	uint8_t			**p = in, *end = *p + len;
	char			 n[24];

	h->connected = 1;
	if (lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_ACCEPT,
	    (const uint8_t *)json, sizeof json - 1, p, end))
		return -1;
	if (h->out == NULL)
		return 0;
	snprintf(n, sizeof n, "%zu", h->outlen);
	if (lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_CONTENT_TYPE,
	    (const uint8_t *)json, sizeof json - 1, p, end) ||
	    lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH,
	    (const uint8_t *)n, (int)strlen(n), p, end))
		return -1;
	lws_client_http_body_pending(wsi, 1);
	lws_callback_on_writable(wsi);
	return 0;
}

static int
http_writable(struct http *h, struct lws *wsi)
{
	if (h->out == NULL)
		return 0;
	lws_client_http_body_pending(wsi, 0);
	if (lws_write(wsi, h->out + LWS_PRE, h->outlen,
	    LWS_WRITE_HTTP_FINAL) < (int)h->outlen)
		return -1;
	freezero(h->out, LWS_PRE + h->outlen);
	h->out = NULL;
	return 0;
}

static int
http_read(struct http *h, const void *in, size_t len)
{
	if (len > HTTP_ANSWER_MAX - h->inlen) {
		http_note(h, "the answer is larger than 64 KiB", 32);
		return -1;
	}
	memcpy(h->in + h->inlen, in, len);
	h->inlen += len;
	return 0;
}

static int
http_readable(struct lws *wsi)
{
	char	 buf[LWS_PRE + READ_SIZE], *p = buf + LWS_PRE;
	int	 len = READ_SIZE;

	return lws_http_client_read(wsi, &p, &len) < 0 ? -1 : 0;
}

/* Why a certificate is refused, in words; refused it is anyway. */
static void
http_certificate(struct http *h, X509_STORE_CTX *ctx)
{
	char	text[WHY_SIZE];

	snprintf(text, sizeof text, "certificate: %s",
	    X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
	http_note(h, text, strlen(text));
}

int
http_callback(struct http *h, struct lws *wsi,
    enum lws_callback_reasons reason, void *in, size_t len)
{
	if (h == NULL || wsi != h->wsi)
		return 0;
	switch (reason) {
	case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
		return http_head(h, wsi, in, len);
	case LWS_CALLBACK_CLIENT_HTTP_WRITEABLE:
		return http_writable(h, wsi);
	case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
		h->status = (int)lws_http_client_http_response(wsi);
		break;
	case LWS_CALLBACK_RECEIVE_CLIENT_HTTP:
		return http_readable(wsi);
	case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ:
		return http_read(h, in, len);
	case LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION:
		if (len == 0)		/* OpenSSL's own checks failed */
			http_certificate(h, in);
		break;
	case LWS_CALLBACK_COMPLETED_CLIENT_HTTP:
		http_end(h);
		return -1;		/* one request, one connection */
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		if (in != NULL)
			http_note(h, in, strnlen(in, len));
		http_end(h);
		break;
	case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
	case LWS_CALLBACK_WSI_DESTROY:
		http_end(h);
		break;
	default:
		break;
	}
	return 0;
}
