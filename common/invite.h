#ifndef COMMON_INVITE_H
#define COMMON_INVITE_H

/*
 * Invites to a mesh: a token is base64url of a JSON object that the mesh's
 * owner has signed.  Whoever holds a token may use it: it is a secret, and
 * never an argument to a log call.
 */

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "common/identity.h"

#define INVITE_LINK_MAX		8192	/* bytes of a link */
#define INVITE_TOKEN_MIN	21	/* of a token that is given raw */
#define INVITE_TEXT_MAX		IDENTITY_ID_MAX	/* of an id, slug, root key */
#define INVITE_URL_MAX		512
#define INVITE_HOST_SIZE	254
#define INVITE_CODE_MAX		64	/* of a short link */

enum invite_role { INVITE_MEMBER, INVITE_ADMIN };
#define INVITE_ROLE_MAX	INVITE_ADMIN

struct invite {
	char		 mesh_id[INVITE_TEXT_MAX + 1];
	char		 slug[INVITE_TEXT_MAX + 1];
	char		 url[INVITE_URL_MAX + 1];	/* of the broker */
	int64_t		 expires_at;			/* seconds */
	char		 root_key[INVITE_TEXT_MAX + 1];
	enum invite_role role;
	uint8_t		 owner[KEY_PUBLIC_LEN];
	uint8_t		 sig[KEY_SIG_LEN];
};

/* What a link says: a token, or where to ask for one. */
struct invite_link {
	const char	*token;		/* into the link; NULL: a short one */
	size_t		 tokenlen;
	char		 host[INVITE_HOST_SIZE];
	uint16_t	 port;
	char		 code[INVITE_CODE_MAX + 1];
};

/*
 * "ic://join/<token>", "https://<host>[/<two letters>]/join/<token>", a token,
 * or "https://<host>/i/<code>".  0 or -1.
 */
int	invite_link_parse(struct invite_link *, const char *);

/*
 * The token's object, a new reference; for what is sent to a broker.  NULL: no
 * token.
 */
json_t	*invite_token_json(const char *token, size_t len);

/*
 * The fields of such an object.  -1: one is missing, of the wrong type, too
 * long, or holds what would make two invites look the same to the signature.
 */
int	invite_from_json(struct invite *, const json_t *);

/* Is it signed by the owner that it names?  0 or -1. */
int	invite_verify(const struct invite *);

/* Is it over?  now is in ms. */
int	invite_is_expired(const struct invite *, int64_t now);

/*
 * Sign with the owner's key, and make the token: allocated, for freezero_str().
 * NULL: a field that cannot be.
 */
char	*invite_make(struct invite *, const uint8_t owner_sec[KEY_SECRET_LEN]);

const char *invite_role_name(enum invite_role);

/* 0 or -1. */
int	invite_role_parse(const char *, enum invite_role *);

/*
 * Host, port and security of a broker's URL, "ws://host[:port]/ws" or "wss://".
 * 0 or -1.
 */
int	invite_url_parse(const char *, char host[INVITE_HOST_SIZE],
	    uint16_t *port_r, int *tls_r);

#endif
