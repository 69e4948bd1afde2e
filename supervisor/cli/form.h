#ifndef CLI_FORM_H
#define CLI_FORM_H

/* What session register and launch say of a session to the daemon. */

#include <sys/types.h>

#include <jansson.h>

#include "supervisor/cli/cli.h"
#include "supervisor/cli/token.h"

/*
 * The body of POST /v1/sessions/register, from the options: a session of this
 * token and name that ends with the process owner.  NULL with the reason
 * printed; the exit code is in *rc_r.
 */
json_t	*form_make(const struct cli *, const struct token *, const char *name,
	    pid_t owner, int *rc_r);

/* --session-id into the token.  CLI_OK, or CLI_USAGE, said. */
int	form_session_id(const struct cli *, struct token *);

/* How many capabilities there are. */
size_t	form_caps_count(void);

/* --caps '?': the capabilities are explained, and that is all. */
int	form_caps_asked(const struct cli *);

#endif
