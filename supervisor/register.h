#ifndef SUPERVISOR_REGISTER_H
#define SUPERVISOR_REGISTER_H

/*
 * Registration: which session a request means.  The same (uid, mesh,
 * session_id) with the same or no key is the session that it was, with its
 * internal id, and so its rows and inbox; with a different key it is a new
 * one, and the old one drains.
 */

#include "common/msg.h"

struct session;

int	on_register(void *child, struct msg *);
int	on_end(void *child, struct msg *);

/* Answer a registration that waits for this session, if one does. */
void	register_answer_session(struct session *, enum register_result,
	    const char *detail);

#endif
