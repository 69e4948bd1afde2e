#ifndef CLI_WAIT_H
#define CLI_WAIT_H

/* send --wait: what becomes of a message that was accepted. */

#include <jansson.h>

#include "supervisor/cli/cli.h"

struct wait {
	int	 wanted;	/* --wait was given */
	int	 delivered;	/* for that, and not only until it is sent */
	long	 seconds;	/* at most */
};

/* --wait and --timeout.  CLI_OK, or CLI_USAGE with the reason printed. */
int	wait_options(const struct cli *, struct wait *);

enum wait_end {
	WAIT_OPEN,		/* it may still come to that */
	WAIT_REACHED,
	WAIT_MISSED,		/* dead or aborted: it never will */
};

/* An answer of GET /v1/send/{client_message_id}. */
enum wait_end wait_judge(const struct wait *, const json_t *answer);

/* Append "sent ID", or "pending ID, not yet sent: ...", as it came. */
void	wait_describe(const struct wait *, const json_t *answer,
	    const char *id, struct buf *);

/*
 * Ask until it is reached or missed, or the time is over.  The exit code;
 * *answer_r is the last answer, NULL when there was none, and why is printed.
 */
int	wait_for(const struct cli *, const struct wait *, const char *token,
	    const char *id, json_t **answer_r);

#endif
