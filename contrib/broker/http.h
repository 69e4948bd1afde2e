#ifndef BROKER_HTTP_H
#define BROKER_HTTP_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/*
 * What is asked over plain HTTP on the port of the WebSockets: POST /join, and
 * nothing else.
 */

#include <stddef.h>
#include <stdint.h>

struct broker;
struct lws;

#define HTTP_BODY_MAX	65536
#define HTTP_POSTS_MAX	64	/* bodies that are being read at a time */

/* One request, in the connection's own memory; zero: none. */
struct http {
	struct broker	*broker;	/* NULL: it holds nothing */
	char		*in;
	size_t		 len, size;	/* come, and to come */
	int64_t		 began;		/* mono, ms */
	int		 status;	/* of the answer, when there is one */
	char		*out;
};

/*
 * libwebsockets calls: a request's head, a piece of its body, its end, room to
 * write the answer.  0 or -1, to close.
 */
int	http_begin(struct http *, struct broker *, struct lws *,
	    const char *path);
int	http_body(struct http *, const void *, size_t);
int	http_end(struct http *, struct lws *);
int	http_writable(struct http *, struct lws *);

/* The connection goes, or becomes another thing. */
void	http_clear(struct http *);

#endif
