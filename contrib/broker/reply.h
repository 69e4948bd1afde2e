#ifndef BROKER_REPLY_H
#define BROKER_REPLY_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/* Answers that are alike for many requests. */

#include <jansson.h>

struct conn;
struct frame;

/* An error that echoes _reqId; and one of those that have it in "id". */
void	reply_error(struct conn *, const json_t *request, const char *code,
	    const char *message);
void	reply_invalid(struct conn *, const json_t *request, const char *code,
	    const char *message);

/* A member has stored as much in a service as it may (quota.h). */
void	reply_full(struct conn *, const json_t *request);

/* Close an answer with the _reqId of its request, and send it. */
void	reply_send(struct conn *, struct frame **, const json_t *request);

/*
 * Likewise of one that was read from the file, rc is what the last db_step()
 * said: nothing is sent when that failed, and the loop closes it.  Of a list,
 * its bracket is closed here, and what was left unread is "truncated".
 */
void	reply_row(struct conn *, struct frame **, const json_t *request,
	    int rc);
void	reply_list(struct conn *, struct frame **, const json_t *request,
	    int rc);

/* The "ack" of a request that is no send. */
void	reply_ack(struct conn *, const json_t *request);

/*
 * An answer that tells of what may not be committed yet is released after the
 * commit of it, and that is not put off.
 */
void	reply_after_commit(struct conn *);

#endif
