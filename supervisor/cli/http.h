#ifndef CLI_HTTP_H
#define CLI_HTTP_H

/*
 * One HTTP/1.1 answer, read piece by piece as it arrives.  Pure: no sockets.
 *
 * The daemon at the other end of a socket may be somebody else's, so the
 * parser is strict and bounded: 16 KiB of headers, lines end in CR LF, a
 * body has one length (Content-Length, chunked, or to the end of the
 * connection), and no more than body_max bytes.
 */

#include <stddef.h>

#define HTTP_HEAD_MAX	16384

enum http_result {
	HTTP_MORE,		/* feed more */
	HTTP_DONE,		/* the answer is complete */
	HTTP_BAD,		/* http_error() says why */
};

struct http_parser;

/* A piece of the body.  Returns -1 to refuse the rest. */
typedef int (*http_body_cb)(void *arg, const char *, size_t len);

/* body_max 0: no limit, for a stream whose pieces are not kept. */
struct http_parser *http_new(size_t body_max, http_body_cb, void *arg);
void	http_free(struct http_parser **);

enum http_result http_feed(struct http_parser *, const char *, size_t len);

/* The connection ended. */
enum http_result http_eof(struct http_parser *);

/* 0 until the headers are complete; "100 Continue" and its kind are skipped. */
int	http_status(const struct http_parser *);

/* Seconds, at most 3600; -1: no such header, or a date. */
int	http_retry_after(const struct http_parser *);

/*
 * The header Last-Event-ID: a stream begins behind the event of that id.  NULL:
 * there was none; it is the daemon's, and unchecked.
 */
const char *http_event_id(const struct http_parser *);

/* Is it text/event-stream? */
int	http_is_stream(const struct http_parser *);

/* Has anything at all arrived? */
int	http_started(const struct http_parser *);
const char *http_error(const struct http_parser *);

#endif
