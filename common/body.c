/*
 * Bodies and secret keys at rest.
 *
 * A sealed body is nonce, ciphertext, tag; what is sealed is the length of
 * meta (4 bytes, big endian), meta, text.  The additional data is
 *
 *	"meshsup-body-1" and a NUL,
 *	body_id, direction (1 byte), mesh, owner, sender, recipient,
 *	recipient_kind, target, priority, reply_to, topic, subtype,
 *	created_at, encrypted, authenticated
 *
 * where a number is 8 bytes, big endian, and a string is one byte 0 when it is
 * absent, else one byte 1, its length as a number, and its bytes.  So no two
 * contexts have the same encoding.  A wrapped key is the same with label,
 * NUL and owner as additional data.
 */

#include "common/body.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/xalloc.h"

#define NONCE_LEN	crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_LEN		crypto_aead_xchacha20poly1305_ietf_ABYTES
#define META_LEN	4
#define NSTRINGS	8	/* in a body_context */
#define NNUMBERS	4
#define BODY_LABEL	"meshsup-body-1"
#define WRAP_LABEL	"meshsup-wrap-1"

_Static_assert(BODY_OVERHEAD == NONCE_LEN + TAG_LEN + META_LEN, "overhead");
_Static_assert(BODY_KEY_LEN == crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
    "key");
_Static_assert(WRAPPED_LEN == NONCE_LEN + KEY_SECRET_LEN + TAG_LEN, "wrapped");

void
body_derive_key(uint8_t out[BODY_KEY_LEN],
    const uint8_t host_key[HOST_KEY_LEN], const char *label,
    const uint8_t owner[OWNER_ID_LEN])
{
	crypto_generichash_state	 st;

	crypto_generichash_init(&st, host_key, HOST_KEY_LEN, BODY_KEY_LEN);
	/* With its NUL, so that no label is the beginning of another. */
	crypto_generichash_update(&st, (const uint8_t *)label,
	    strlen(label) + 1);
	crypto_generichash_update(&st, owner, OWNER_ID_LEN);
	crypto_generichash_final(&st, out, BODY_KEY_LEN);
	sodium_memzero(&st, sizeof st);
}

static uint8_t *
put_bytes(uint8_t *p, const void *s, size_t len)
{
	memcpy(p, s, len);
	return p + len;
}

static uint8_t *
put_number(uint8_t *p, uint64_t v)
{
	int	 i;

	for (i = 0; i < 8; i++)
		*p++ = v >> (56 - 8 * i);
	return p;
}

static uint8_t *
put_string(uint8_t *p, const char *s)
{
	*p++ = s != NULL;
	if (s == NULL)
		return p;
	p = put_number(p, strlen(s));
	return put_bytes(p, s, strlen(s));
}

/* The additional data, allocated; the caller frees. */
static uint8_t *
context_encode(const struct body_context *c, size_t *len_r)
{
	const char *const	 strings[NSTRINGS] = {
		c->mesh, c->sender, c->recipient, c->recipient_kind,
		c->target, c->reply_to, c->topic, c->subtype,
	};
	uint8_t			*ad, *p;
	size_t			 i, size;

	size = sizeof BODY_LABEL + BODY_ID_LEN + 1 + OWNER_ID_LEN +
	    NNUMBERS * 8 + NSTRINGS * (1 + 8);
	for (i = 0; i < NSTRINGS; i++)
		size += strings[i] != NULL ? strlen(strings[i]) : 0;

	p = ad = xmalloc(size);
	p = put_bytes(p, BODY_LABEL, sizeof BODY_LABEL);
	p = put_bytes(p, c->body_id, BODY_ID_LEN);
	*p++ = c->direction;
	p = put_string(p, c->mesh);
	p = put_bytes(p, c->owner, OWNER_ID_LEN);
	p = put_string(p, c->sender);
	p = put_string(p, c->recipient);
	p = put_string(p, c->recipient_kind);
	p = put_string(p, c->target);
	p = put_number(p, c->priority);
	p = put_string(p, c->reply_to);
	p = put_string(p, c->topic);
	p = put_string(p, c->subtype);
	p = put_number(p, c->created_at);
	p = put_number(p, c->encrypted != 0);
	p = put_number(p, c->authenticated != 0);
	*len_r = p - ad;
	return ad;
}

uint8_t *
body_seal(const uint8_t key[BODY_KEY_LEN], const struct body_context *c,
    const char *meta, const void *text, size_t textlen, size_t *len_r)
{
	size_t	 metalen = meta != NULL ? strlen(meta) : 0;
	size_t	 adlen, plainlen;
	uint8_t	*ad, *out, *plain;
	int	 i;

	if (metalen > UINT32_MAX || textlen > SIZE_MAX / 2)
		fatalx("body: no message is that long");
	plainlen = META_LEN + metalen + textlen;
	out = xmalloc(NONCE_LEN + plainlen + TAG_LEN);
	plain = out + NONCE_LEN;	/* encrypted in place */

	randombytes_buf(out, NONCE_LEN);
	for (i = 0; i < META_LEN; i++)
		plain[i] = metalen >> (24 - 8 * i);
	if (metalen > 0)
		memcpy(plain + META_LEN, meta, metalen);
	if (textlen > 0)
		memcpy(plain + META_LEN + metalen, text, textlen);

	ad = context_encode(c, &adlen);
	crypto_aead_xchacha20poly1305_ietf_encrypt(plain, NULL, plain,
	    plainlen, ad, adlen, NULL, out, key);
	free(ad);
	*len_r = NONCE_LEN + plainlen + TAG_LEN;
	return out;
}

/*
 * Find meta and text in what was sealed.  The buffer has a byte more than len;
 * the NUL behind meta gets its room from the length before it.
 */
static int
body_split(char *buf, size_t len, const char **text_r, size_t *textlen_r,
    const char **meta_r)
{
	size_t	 metalen = 0;
	int	 i;

	for (i = 0; i < META_LEN; i++)
		metalen = metalen << 8 | (uint8_t)buf[i];
	if (metalen > len - META_LEN)
		return -1;
	buf[len] = '\0';
	*text_r = buf + META_LEN + metalen;
	*textlen_r = len - META_LEN - metalen;
	if (metalen > 0) {
		memmove(buf + META_LEN - 1, buf + META_LEN, metalen);
		buf[META_LEN - 1 + metalen] = '\0';
	}
	if (meta_r != NULL)
		*meta_r = metalen > 0 ? buf + META_LEN - 1 : NULL;
	return 0;
}

int
body_open(const uint8_t key[BODY_KEY_LEN], const struct body_context *c,
    const uint8_t *sealed, size_t len, uint8_t **buf_r, size_t *buflen_r,
    const char **text_r, size_t *textlen_r, const char **meta_r)
{
	size_t	 adlen, buflen;
	uint8_t	*ad, *buf;
	int	 failed;

	*buf_r = NULL;
	*buflen_r = 0;
	if (len < BODY_OVERHEAD)
		return -1;
	buflen = len - NONCE_LEN - TAG_LEN + 1;
	buf = xmalloc(buflen);
	ad = context_encode(c, &adlen);
	failed = crypto_aead_xchacha20poly1305_ietf_decrypt(buf, NULL, NULL,
	    sealed + NONCE_LEN, len - NONCE_LEN, ad, adlen, sealed, key);
	free(ad);
	if (failed || body_split((char *)buf, buflen - 1, text_r, textlen_r,
	    meta_r) == -1) {
		freezero(buf, buflen);
		return -1;
	}
	*buf_r = buf;
	*buflen_r = buflen;
	return 0;
}

/* What a wrapped key is bound to. */
#define WRAP_AD_LEN	(sizeof WRAP_LABEL + OWNER_ID_LEN)

static void
wrap_encode(uint8_t ad[WRAP_AD_LEN], const uint8_t owner[OWNER_ID_LEN])
{
	put_bytes(put_bytes(ad, WRAP_LABEL, sizeof WRAP_LABEL), owner,
	    OWNER_ID_LEN);
}

void
body_wrap_key(uint8_t out[WRAPPED_LEN], const uint8_t wrap_key[BODY_KEY_LEN],
    const uint8_t owner[OWNER_ID_LEN], const uint8_t secret[KEY_SECRET_LEN])
{
	uint8_t	 ad[WRAP_AD_LEN];

	wrap_encode(ad, owner);
	randombytes_buf(out, NONCE_LEN);
	crypto_aead_xchacha20poly1305_ietf_encrypt(out + NONCE_LEN, NULL,
	    secret, KEY_SECRET_LEN, ad, sizeof ad, NULL, out, wrap_key);
}

int
body_unwrap_key(uint8_t secret_r[KEY_SECRET_LEN],
    const uint8_t wrap_key[BODY_KEY_LEN], const uint8_t owner[OWNER_ID_LEN],
    const uint8_t wrapped[WRAPPED_LEN])
{
	uint8_t	 ad[WRAP_AD_LEN];

	wrap_encode(ad, owner);
	return crypto_aead_xchacha20poly1305_ietf_decrypt(secret_r, NULL,
	    NULL, wrapped + NONCE_LEN, WRAPPED_LEN - NONCE_LEN, ad, sizeof ad,
	    wrapped, wrap_key);
}
