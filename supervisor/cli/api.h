#ifndef CLI_API_H
#define CLI_API_H

/*
 * The local API, as a verb uses it: one call, a JSON answer, and a refusal
 * turned into a sentence with the next step.
 */

#include <jansson.h>

#include "supervisor/cli/cli.h"
#include "supervisor/cli/client.h"
#include "supervisor/cli/token.h"

#define API_BODY_MAX	(256 * 1024)	/* what the daemon takes */
#define API_ANSWER_MAX	(128 * 1024 * 1024)
#define API_TIMEOUT_MS	10000

struct api_answer {
	enum client_result result;
	int		 status;	/* HTTP, when result is CLIENT_OK */
	int		 retry_after;	/* seconds, -1: not said */
	json_t		*json;		/* an object, likewise */
	char		 err[512];	/* when result is not CLIENT_OK */
	int		 unknown;	/* of mcp_ask(): it may have been done */
};

/*
 * Which session the caller speaks for: --token-file, --as,
 * MESHSUP_TOKEN_FILE, CLAUDEMESH_IPC_TOKEN_FILE; t->hex is "" when none is
 * named.  A file that was named and is no good is an error, never a wider
 * scope: an exit code, with the reason printed; else CLI_OK.
 */
int	api_token(const struct cli *, struct token *);

/*
 * The file that a name's token is in.  make: create the directory.
 * Allocated; NULL with the reason printed.
 */
char	*api_token_path(const struct cli *, const char *name, int make);

/* One call.  token and body may be NULL.  Ends with api_answer_clear(). */
void	api_call(const struct cli *, const char *method, const char *path,
	    const char *token, const json_t *body, int timeout_ms,
	    struct api_answer *);

/* The same, given up when stop_fd can be read or is at its end. */
void	api_call_until(const struct cli *, const char *method,
	    const char *path, const char *token, const json_t *body,
	    int timeout_ms, int stop_fd, struct api_answer *);
void	api_answer_clear(struct api_answer *);

/*
 * Fill in what the parser knows, when result is there.  A body must be an
 * object, whatever the status; NULL: it was no JSON (a stream).
 */
void	api_answer_read(struct api_answer *, const struct http_parser *,
	    const struct buf *body);

/* Was it done (2xx)? */
int	api_is_ok(const struct api_answer *);

/* Was it not, but may the same call be done in a moment? */
int	api_is_passing(const struct api_answer *);

/*
 * May it have been done all the same?  Of one attempt; and at the end of
 * several that are one (unknown: after one that may have): an answer about it
 * settles it, an overload does not.
 */
int	api_is_unknown(const struct api_answer *);
int	api_ends_unknown(const struct api_answer *, int unknown);

/*
 * Print why it was not, and return the exit code.  api_refused() prints the
 * answer too, when JSON is asked for.
 */
int	api_explain(const struct cli *, const struct api_answer *);
int	api_refused(const struct cli *, const struct api_answer *);

/*
 * A call with the caller's token.  The answer of one that was done, or NULL
 * with the reason printed; the exit code is in *rc_r.
 */
json_t	*api_ask(const struct cli *, const char *method, const char *path,
	    const json_t *body, int *rc_r);

/*
 * Likewise, and print the answer: as it is when JSON is asked for, else by
 * the function.  The exit code.
 */
int	api_show(const struct cli *, const char *method, const char *path,
	    const json_t *body, void (*print)(const struct cli *, json_t *));

#endif
