#ifndef WORKER_WS_H
#define WORKER_WS_H

/*
 * One WebSocket at a time: connects to an address with the name for SNI,
 * certificate check and Host; reassembles frames; pings; closes.
 */

#include <libwebsockets.h>

#include "worker/outbuf.h"

struct ws;

/* From the loop, never inside a call of this file. */
struct ws_cbs {
	void	(*opened)(void *arg);
	void	(*frame)(void *arg, const char *text, size_t len);
	void	(*writable)(void *arg);
	/*
	 * Once per ws_connect(), also when it failed.  code 0: no close
	 * frame; reason is that of the frame, or a sentence.
	 */
	void	(*closed)(void *arg, int code, const char *reason);
};

struct ws *ws_new(struct lws_context *, struct lws_vhost *, const char *host,
	    uint32_t port, int tls, const struct ws_cbs *, void *arg);
void	ws_free(struct ws **);

/* addr is numeric.  The connection before must have been told closed. */
void	ws_connect(struct ws *, const char *addr, uint32_t port);

/*
 * Inside the writable callback.  0, 1: sent, but no more for now; -1: broken,
 * closed follows.
 */
int	ws_send(struct ws *, struct outbuf *);
void	ws_want_write(struct ws *);
void	ws_pause(struct ws *, int paused);

/*
 * End it; closed follows with this reason.  code: say so to the other side
 * first; 0: drop it.
 */
void	ws_close(struct ws *, int code, const char *reason);

/* What the close frame says, static text; nothing unless this is called. */
void	ws_farewell(struct ws *, const char *);

/* Is nothing connected or connecting? */
int	ws_is_down(const struct ws *);

/* For the protocol's callback. */
int	ws_callback(struct ws *, struct lws *, enum lws_callback_reasons,
	    void *in, size_t len);

#endif
