#ifndef CLI_TOKEN_H
#define CLI_TOKEN_H

/*
 * Token files: how a verb knows which session it speaks for.  One line with
 * the token, 64 lower-case hex digits, and perhaps a second one with the
 * session's id, so that registering the same name again is the same session.
 */

#include <stddef.h>

#define TOKEN_HEX	64
#define TOKEN_ID_MAX	128
#define TOKEN_FILE_MAX	512

struct token {
	char	 hex[TOKEN_HEX + 1];
	char	 session_id[TOKEN_ID_MAX + 1];	/* "" when there is none */
};

void	token_wipe(struct token *);

/* A new one, from 32 random bytes; session_id stays as it is. */
void	token_mint(struct token *);

/* For a request: its digits, NULL when there is no token. */
const char *token_hex(const struct token *);

/* The content of a file.  0 or -1; on -1 the token is wiped. */
int	token_parse(struct token *, const char *, size_t len);

/* May it be a session's id?  Printable ASCII, at most TOKEN_ID_MAX. */
int	token_id_is_valid(const char *);

/*
 * Read a file.  0; 1 when there is none; -1 with a sentence in err (not
 * readable, or not a token file).
 */
int	token_load(struct token *, const char *path, char *err, size_t errlen);

/*
 * Writing in two steps, so that a full disk is found before the session is
 * registered: prepare a file beside path (0600), then rename it over path,
 * or drop it.  -1 with a sentence in err.
 */
struct token_draft {
	char	*path;
	char	*temp;
};
int	token_prepare(struct token_draft *, const struct token *,
	    const char *path, char *err, size_t errlen);
int	token_commit(struct token_draft *, char *err, size_t errlen);
void	token_drop(struct token_draft *);

/*
 * "NAME.token" as one file name, escaped as buf_add_escaped() does, and a
 * leading "." too.  Allocated; NULL when name is empty or too long.
 */
char	*token_file_name(const char *name);

/*
 * The directory of the caller's tokens: run_dir/tokens when run_dir is not
 * NULL and that is the caller's or can be made, else
 * $XDG_STATE_HOME/meshsup/tokens.  make: create it, 0700.  Allocated; NULL
 * with a sentence in err.
 */
char	*token_dir(const char *run_dir, int make, char *err, size_t errlen);

#endif
