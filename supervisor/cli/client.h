#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

/*
 * One HTTP request over the daemon's Unix socket, on a connection of its own.
 * It blocks, with a deadline; call.h does not.  (evhttp's client resolves
 * names and connects again by itself, neither of which a Unix socket can do.)
 */

#include <stddef.h>

#include "supervisor/cli/http.h"

enum client_result {
	CLIENT_OK,		/* the answer is complete */
	CLIENT_DOWN,		/* nobody listens; nothing was sent */
	CLIENT_DENIED,		/* not allowed to connect */
	CLIENT_LOST,		/* the connection broke: done or not, unknown */
	CLIENT_LATE,		/* the deadline passed: likewise */
	CLIENT_BAD,		/* not a valid answer */
	CLIENT_STOPPED,		/* stop_fd became readable */
	CLIENT_GOING,		/* only of call_step(): it has not ended */
};

struct client_request {
	const char	*socket;	/* path */
	const char	*method;
	const char	*path;		/* with query, escaped */
	const char	*token;		/* 64 hex digits, or NULL */
	const char	*last_event_id;	/* printable ASCII, or NULL */
	const char	*body;		/* JSON, or NULL */
	size_t		 bodylen;
	int		 timeout_ms;	/* until the answer is complete */
	int		 stream;	/* timeout_ms is for each silence */
	int		 stop_fd;	/* -1: none */
};

/*
 * Send it and feed the answer to the parser.  Anything but CLIENT_OK comes
 * with a sentence in err.
 */
enum client_result client_call(const struct client_request *,
	    struct http_parser *, char *err, size_t errlen);

#endif
