#ifndef COMMON_BODY_H
#define COMMON_BODY_H

/*
 * Bodies at rest: XChaCha20-Poly1305 under the owner's body key.  Additional
 * data binds a body to everything that says what it is, so that a row can be
 * destroyed or repeated by whoever holds the file, but not read, forged,
 * relabelled or moved.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/identity.h"

#define BODY_KEY_LEN	32
#define BODY_ID_LEN	16
#define BODY_OVERHEAD	(24 + 16 + 4)	/* nonce, tag, length of meta */
#define OWNER_ID_LEN	16		/* internal id of a session or member */
#define HOST_KEY_LEN	32

enum body_direction {
	BODY_OUT = 1,			/* outbox */
	BODY_IN = 2,			/* inbox */
};

/* What is bound.  Strings may be NULL (absent), which differs from "". */
struct body_context {
	uint8_t		 body_id[BODY_ID_LEN];
	enum body_direction direction;
	const char	*mesh;			/* slug */
	uint8_t		 owner[OWNER_ID_LEN];
	const char	*sender;		/* hex key, or "webhook:..." */
	const char	*recipient;		/* hex key; out: NULL */
	const char	*recipient_kind;	/* "session", "member"; out: NULL */
	const char	*target;		/* targetSpec; in: NULL */
	int		 priority;		/* enum row_priority */
	const char	*reply_to;
	const char	*topic;
	const char	*subtype;
	int64_t		 created_at;		/* ms */
	int		 encrypted;		/* 0, 1 */
	int		 authenticated;		/* 0, 1 */
};

/* label "body" or "wrap": a key derived from the host key for one owner. */
void	body_derive_key(uint8_t out[BODY_KEY_LEN],
	    const uint8_t host_key[HOST_KEY_LEN], const char *label,
	    const uint8_t owner[OWNER_ID_LEN]);

/*
 * Seal meta (canonical JSON, or NULL or "": none) and text.  Returns malloc'ed bytes,
 * *len_r long (BODY_OVERHEAD + metalen + textlen); the caller frees.
 */
uint8_t	*body_seal(const uint8_t key[BODY_KEY_LEN],
	    const struct body_context *, const char *meta, const void *text,
	    size_t textlen, size_t *len_r);

/*
 * Open.  0, and *buf_r malloc'ed (free with freezero(buf, *buflen_r)); *text_r
 * points into it, textlen_r long and followed by a NUL; *meta_r (may be NULL)
 * likewise, or NULL when there is none.  -1: forged, moved, or another key;
 * *buf_r is NULL then.
 */
int	 body_open(const uint8_t key[BODY_KEY_LEN],
	    const struct body_context *, const uint8_t *sealed, size_t len,
	    uint8_t **buf_r, size_t *buflen_r, const char **text_r,
	    size_t *textlen_r, const char **meta_r);

/* Wrapping of a session's secret key under its wrap key. */
#define WRAPPED_LEN	(24 + KEY_SECRET_LEN + 16)

void	 body_wrap_key(uint8_t out[WRAPPED_LEN],
	    const uint8_t wrap_key[BODY_KEY_LEN],
	    const uint8_t owner[OWNER_ID_LEN],
	    const uint8_t secret[KEY_SECRET_LEN]);

/* 0, or -1: forged, of another owner, or another key. */
int	 body_unwrap_key(uint8_t secret_r[KEY_SECRET_LEN],
	    const uint8_t wrap_key[BODY_KEY_LEN],
	    const uint8_t owner[OWNER_ID_LEN],
	    const uint8_t wrapped[WRAPPED_LEN]);

#endif
