#ifndef WORKER_HTTP_H
#define WORKER_HTTP_H

/*
 * One HTTP request at a time, to an address, with the name for SNI,
 * certificate check and Host.  Redirects are not followed, and an answer has a
 * limit.
 */

#include <libwebsockets.h>

#define HTTP_ANSWER_MAX	65536		/* bytes of an answer's body */

struct http;

/*
 * From the loop, never inside a call of this file; once per http_ask().
 * status 0: there is no answer, and text is a sentence that says why.
 * connected: something may have reached the other side.
 */
typedef void (*http_cb)(void *arg, int status, const char *text, size_t len,
	    int connected);

struct http *http_new(struct lws_context *, struct lws_vhost *, http_cb,
	    void *arg);
void	http_free(struct http **);

/* body may be NULL: a GET.  It is copied; the copy is wiped. */
void	http_ask(struct http *, const char *addr, const char *host,
	    uint16_t port, int tls, const char *path, const void *body,
	    size_t len);

/* For the protocol's callback. */
int	http_callback(struct http *, struct lws *, enum lws_callback_reasons,
	    void *in, size_t len);

#endif
