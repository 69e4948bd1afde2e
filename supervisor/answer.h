#ifndef SUPERVISOR_ANSWER_H
#define SUPERVISOR_ANSWER_H

/* Answers to what the gate asked: MSG_SUP_ANSWER. */

#include <jansson.h>
#include <stdint.h>

#include "supervisor/supervisor.h"

/* It was done; takes the object. */
void	answer_json(struct supervisor *, uint32_t seq, json_t *);

/* It was not: an HTTP status, a code, and what a person can do. */
void	answer_error(struct supervisor *, uint32_t seq, int status,
	    const char *code, const char *fmt, ...) LOG_FMT(5, 6);

/* The same, already put together: "code: what a person can do". */
void	answer_forward(struct supervisor *, uint32_t seq, int status,
	    const char *error);

#endif
