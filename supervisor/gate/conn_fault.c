/*
 * What evhttp refuses by itself, it refuses in HTML: a request line that is
 * none, a head or body over its limit, an expectation that it does not know.
 * Such a page lies in the output buffer until the loop comes to write it; here
 * it is replaced by JSON that says more.  evhttp closes the connection once
 * it is written.
 */

#include "supervisor/gate/conn.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>

#include "supervisor/gate/reply.h"

/* evhttp's status, and what it means with so many bytes received. */
static void
fault_text(int status, size_t received, int *status_r, const char **code_r,
    const char **detail_r)
{
	*status_r = status;
	*code_r = "malformed_request";
	*detail_r = "Send a request of HTTP/1.1.";
	if (status == 413) {		/* says evhttp of a bad chunk, too */
		*code_r = "body_too_large";
		*detail_r = "A request's body may have 262144 bytes, and its "
		    "chunks must be well formed.";
	} else if (status == 400 && received > LIMIT_HEADERS) {
		*status_r = 431;
		*code_r = "headers_too_large";
		*detail_r = "A request's head may have 16384 bytes.";
	} else if (status == 417) {
		*code_r = "expectation_failed";
		*detail_r = "Leave the header Expect out.";
	} else if (status == 501) {
		*status_r = 405;
		*code_r = "method_not_allowed";
		*detail_r = "No path takes this method.";
	}
}

static void
fault_replace(struct conn *c, struct evbuffer *out, int status)
{
	char		 text[512];
	const char	*code, *detail;
	int		 len;

	fault_text(status, c->received, &status, &code, &detail);
	len = reply_canned(text, sizeof text, status, code, detail);
	c->phase = AT_END;
	/* A bufferevent keeps others from taking away what it is to write. */
	evbuffer_unfreeze(out, 1);
	evbuffer_drain(out, evbuffer_get_length(out));
	evbuffer_freeze(out, 1);
	evbuffer_add(out, text, (size_t)len);
	bufferevent_disable(c->bev, EV_READ);
	conn_linger(c);
}

void
conn_fault_event(int fd, short what, void *arg)
{
	struct conn	*c = arg;
	struct evbuffer	*out = bufferevent_get_output(c->bev);
	char		 head[32];
	ev_ssize_t	 n;
	int		 status;

	(void)fd;
	(void)what;
	if (c->phase == AT_READING && c->use->input > LIMIT_UID_INPUT) {
		conn_refuse(c, 429, "too_much_input",
		    "Send fewer large requests at a time.");
		return;
	}
	n = evbuffer_copyout(out, head, sizeof head - 1);
	head[n > 0 ? n : 0] = '\0';
	if (c->phase != AT_READING ||
	    sscanf(head, "HTTP/%*1d.%*1d %3d", &status) != 1)
		return;
	if (status >= 200)		/* not 100 Continue */
		fault_replace(c, out, status);
}
