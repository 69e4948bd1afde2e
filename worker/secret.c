/* The secret key and nothing else. */

#include "worker/secret.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

struct keys {				/* in guarded memory */
	uint8_t		 sec[KEY_SECRET_LEN];
	uint8_t		 body[BODY_KEY_LEN];
};

struct secret {
	uint8_t		 pub[KEY_PUBLIC_LEN];
	struct keys	*keys;
	struct envelope_box *box;
};

/* The key by its mode.  0 or -1, logged. */
static int
secret_take(struct secret *s, struct msg_setup_worker *su)
{
	uint8_t	*sec = s->keys->sec;

	switch ((enum key_mode)su->key_mode) {
	case KEY_MINT:
		return crypto_sign_keypair(s->pub, sec);
	case KEY_BROUGHT:
		memcpy(sec, su->secret, KEY_SECRET_LEN);
		break;
	case KEY_WRAPPED:
		if (body_unwrap_key(sec, su->wrap_key, su->owner,
		    su->wrapped) == -1) {
			log_warnx("set-up: the wrapped key does not open");
			return -1;
		}
		break;
	}
	crypto_sign_ed25519_sk_to_pk(s->pub, sec);
	if (identity_keypair_check(s->pub, sec) == -1) {
		log_warnx("set-up: not a usable key");
		return -1;
	}
	return 0;
}

struct secret *
secret_new(struct msg_setup_worker *su, uint8_t wrapped_r[WRAPPED_LEN])
{
	struct secret	*s = xcalloc(1, sizeof *s);

	memset(wrapped_r, 0, WRAPPED_LEN);
	if ((s->keys = sodium_malloc(sizeof *s->keys)) == NULL)
		fatal("guarded memory");
	memset(s->keys, 0, sizeof *s->keys);
	memcpy(s->keys->body, su->body_key, sizeof s->keys->body);
	if (secret_take(s, su) == -1 ||
	    (s->box = envelope_box_new(s->keys->sec)) == NULL)
		secret_free(&s);
	else if (su->kind == OWNER_SESSION)
		body_wrap_key(wrapped_r, su->wrap_key, su->owner,
		    s->keys->sec);
	sodium_memzero(su->secret, sizeof su->secret);
	sodium_memzero(su->wrapped, sizeof su->wrapped);
	sodium_memzero(su->body_key, sizeof su->body_key);
	sodium_memzero(su->wrap_key, sizeof su->wrap_key);
	return s;
}

void
secret_free(struct secret **sp)
{
	struct secret	*s = *sp;

	if (s == NULL)
		return;
	envelope_box_free(&s->box);
	sodium_free(s->keys);		/* wipes */
	free(s);
	*sp = NULL;
}

const uint8_t *
secret_pub(const struct secret *s)
{
	return s->pub;
}

int
secret_sign_hello(const struct secret *s, uint8_t sig[KEY_SIG_LEN],
    const char *mesh_id, const char *member_id, int64_t timestamp)
{
	return identity_hello_sign(sig, mesh_id, member_id, s->pub, timestamp,
	    s->keys->sec);
}

int
secret_sign_session_hello(const struct secret *s, uint8_t sig[KEY_SIG_LEN],
    const char *mesh_id, const uint8_t parent_pub[KEY_PUBLIC_LEN],
    int64_t timestamp)
{
	return identity_session_hello_sign(sig, mesh_id, parent_pub, s->pub,
	    timestamp, s->keys->sec);
}

int
secret_sign_attest(const struct secret *s, uint8_t sig[KEY_SIG_LEN],
    const uint8_t session_pub[KEY_PUBLIC_LEN], int64_t expires_at)
{
	return identity_attest_sign(sig, s->pub, session_pub, expires_at,
	    s->keys->sec);
}

int
secret_seal(struct secret *s, uint8_t *out,
    const uint8_t peer[KEY_PUBLIC_LEN],
    const uint8_t nonce[ENVELOPE_NONCE_LEN], const void *text, size_t len)
{
	return envelope_seal(s->box, out, peer, nonce, text, len);
}

int
secret_open(struct secret *s, uint8_t *out,
    const uint8_t peer[KEY_PUBLIC_LEN],
    const uint8_t nonce[ENVELOPE_NONCE_LEN], const uint8_t *box, size_t len)
{
	return envelope_open(s->box, out, peer, nonce, box, len);
}

uint8_t *
secret_body_seal(const struct secret *s, const struct body_context *ctx,
    const void *text, size_t textlen, size_t *len_r)
{
	return body_seal(s->keys->body, ctx, NULL, text, textlen, len_r);
}

int
secret_body_open(const struct secret *s, const struct body_context *ctx,
    const uint8_t *sealed, size_t len, uint8_t **buf_r, size_t *buflen_r,
    const char **text_r, size_t *textlen_r)
{
	const char	*meta;

	return body_open(s->keys->body, ctx, sealed, len, buf_r, buflen_r,
	    text_r, textlen_r, &meta);
}
