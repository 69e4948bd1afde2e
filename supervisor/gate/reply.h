#ifndef GATE_REPLY_H
#define GATE_REPLY_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/* Answers: JSON, but for figures; each request gets one. */

#include <jansson.h>
#include <stddef.h>

struct evhttp_request;
struct fault;
struct request;

/* Takes the reference.  NULL (no memory, or no UTF-8): 500. */
void	reply_json(struct request *, int status, json_t *);

/* Text that is JSON already; copied. */
void	reply_text(struct request *, int status, const void *, size_t);

/* Text of another type, for GET; copied. */
void	reply_typed(struct request *, const char *type, const void *, size_t);

/* {"error": code, "detail": sentence}; 429, 503 and 507 say when to retry. */
void	reply_error(struct request *, int status, const char *code,
	    const char *fmt, ...) __attribute__((__format__(printf, 4, 5)));
void	reply_fault(struct request *, const struct fault *);

/* The same with more members; takes the reference. */
void	reply_error_with(struct request *, json_t *more, int status,
	    const char *code, const char *fmt, ...)
	    __attribute__((__format__(printf, 5, 6)));

/* 413, with the limit and the size of the plaintext. */
void	reply_too_large(struct request *, size_t limit, size_t bytes);

/* As fault_unanswered(). */
void	reply_unanswered(struct request *, int timed_out, const char *who);

/*
 * A whole answer, head and all, that closes the connection: for where there is
 * no request to answer.  Returns its length.
 */
int	reply_canned(char *buf, size_t size, int status, const char *code,
	    const char *detail);

/* "Bad Request" and so on. */
const char *reply_phrase(int status);

#endif
