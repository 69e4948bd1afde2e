#ifndef BENCH_API_H
#define BENCH_API_H

/* One client of the local API: one connection, one request at a time. */

#include <jansson.h>
#include <stddef.h>

#define HTTP_ANSWER_MAX	(1024 * 1024)

/* Where an answer is, once it is whole. */
struct http_answer {
	int	 status;
	size_t	 body, bodylen;		/* in the buffer */
	size_t	 len;			/* of head and body */
};

/* 1: whole, 0: not yet, -1: no answer of HTTP, or without a length. */
int	http_parse(struct http_answer *, const char *, size_t);

/*
 * Text of a request, at most size bytes; token and body may be NULL.  Returns
 * its length.  Ends the bench when it does not fit.
 */
size_t	http_request(char *, size_t size, const char *method,
	    const char *path, const char *token, const char *body);

/* A connected socket.  Ends the bench when there is none. */
int	api_connect(const char *socket_path);

/* The same; -1 when there is none. */
int	api_try_connect(const char *socket_path);

struct api {
	int	 fd;
	char	 buf[HTTP_ANSWER_MAX];
	size_t	 len;
};

void	api_open(struct api *, const char *socket_path);
void	api_close(struct api *);

/*
 * Ask and wait for the answer, at most 30 s; the bench ends without one.
 * Returns the status; json_r (may be NULL) is the caller's, or NULL.
 */
int	api_call(struct api *, const char *method, const char *path,
	    const char *token, const char *body, json_t **json_r);

#endif
