#ifndef SUPERVISOR_CAPACITY_H
#define SUPERVISOR_CAPACITY_H

/*
 * How many sessions there may be: what the configuration says, of all and of
 * one uid, and no more than this process may open descriptors for.
 */

#include <jansson.h>
#include <stddef.h>

#include "common/msg.h"

struct supervisor;

/*
 * Raise the limit of descriptors, which the children inherit, to what
 * max_sessions need.  What cannot be had is said in the log.  At the start,
 * and after a reload.
 */
void	capacity_raise(struct supervisor *);

/* How many sessions there may be at all. */
unsigned capacity_sessions(const struct supervisor *);

/*
 * May this uid have one session more?  REGISTER_OK, or why not, with the
 * limit that was reached and a sentence.
 */
enum register_result capacity_check(const struct supervisor *, uint64_t uid,
	    int64_t *limit_r, char *detail, size_t size);

/* For status, a new reference. */
json_t	*capacity_json(const struct supervisor *);

#endif
