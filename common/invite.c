/*
 * Invites: links, tokens and their signature.
 *
 * The signed string joins its parts by "|" without lengths, as those of
 * identity.c do, so a part that holds one is refused.
 */

#include "common/invite.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/encode.h"
#include "common/xalloc.h"

#define INVITE_VERSION		1
#define CANONICAL_SIZE	2048
#define JSON_SIZE	(3 * INVITE_LINK_MAX / 4)
#define DIGITS		"0123456789"
#define LETTERS		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define BASE64URL	LETTERS DIGITS "-_"
#define HEX		DIGITS "abcdefABCDEF"

_Static_assert(CANONICAL_SIZE > 3 * (INVITE_TEXT_MAX + 1) + INVITE_URL_MAX +
    2 * KEY_PUBLIC_LEN + 64, "the signed string fits");

/* ---- links ---- */

/* "host", "host:port" or "[v6]:port"; the rest in *rest_r. */
static int
host_parse(const char *p, uint16_t usual, char host[INVITE_HOST_SIZE],
    uint16_t *port_r, const char **rest_r)
{
	unsigned long	port = usual;
	size_t		n;
	int		v6 = *p == '[';

	n = strspn(p += v6, v6 ? HEX ":." : LETTERS DIGITS "._-");
	if (n == 0 || n >= INVITE_HOST_SIZE ||
	    (v6 && (p[n] != ']' || memchr(p, ':', n) == NULL)))
		return -1;
	memcpy(host, p, n);
	host[n] = '\0';
	p += n + (size_t)v6;
	if (*p == ':') {
		n = strspn(++p, DIGITS);
		port = strtoul(p, NULL, 10);
		if (n > 5 || port == 0 || port > UINT16_MAX)
			return -1;
		p += n;
	}
	*port_r = (uint16_t)port;
	*rest_r = p;
	return 0;
}

int
invite_url_parse(const char *url, char host[INVITE_HOST_SIZE],
    uint16_t *port_r, int *tls_r)
{
	char		 name[INVITE_HOST_SIZE];
	const char	*rest;
	uint16_t	 port;
	int		 tls = strncmp(url, "wss://", 6) == 0;

	if ((!tls && strncmp(url, "ws://", 5) != 0) ||
	    host_parse(url + 5 + tls, tls ? 443 : 80, name, &port,
	    &rest) == -1 || strcmp(rest, "/ws") != 0)
		return -1;
	strcpy(host, name);
	*port_r = port;
	*tls_r = tls;
	return 0;
}

/* All of it, and nothing behind. */
static int
link_token(struct invite_link *l, const char *p, size_t min)
{
	size_t	n = strspn(p, BASE64URL);

	if (n < min || n > INVITE_LINK_MAX || p[n] != '\0')
		return -1;
	l->token = p;
	l->tokenlen = n;
	return 0;
}

static int
link_code(struct invite_link *l, const char *p)
{
	size_t	n = strspn(p, BASE64URL);

	if (n == 0 || n > INVITE_CODE_MAX || p[n] != '\0')
		return -1;
	memcpy(l->code, p, n + 1);
	return 0;
}

int
invite_link_parse(struct invite_link *l, const char *s)
{
	const char	*p;

	memset(l, 0, sizeof *l);
	if (strncmp(s, "ic://join/", 10) == 0)
		return link_token(l, s + 10, 1);
	if (strncmp(s, "https://", 8) != 0)
		return link_token(l, s, INVITE_TOKEN_MIN);
	if (host_parse(s + 8, 443, l->host, &l->port, &p) == -1)
		return -1;
	if (strncmp(p, "/i/", 3) == 0)
		return link_code(l, p + 3);
	if (p[0] == '/' && strspn(p + 1, LETTERS) == 2 && p[3] == '/')
		p += 3;			/* the language of the page */
	if (strncmp(p, "/join/", 6) != 0)
		return -1;
	return link_token(l, p + 6, 1);
}

/* ---- fields ---- */

/* May it be part of the signed string? */
static int
part_ok(const char *s, size_t len)
{
	return len > 0 && utf8_valid(s, len, 1) && strlen(s) == len &&
	    strpbrk(s, "|\t\r\n") == NULL;
}

static int
get_text(const json_t *o, const char *key, char *out, size_t max)
{
	const json_t	*v = json_object_get(o, key);
	size_t		 len = json_string_length(v);

	if (!json_is_string(v) || len > max ||
	    !part_ok(json_string_value(v), len))
		return -1;
	memcpy(out, json_string_value(v), len + 1);
	return 0;
}

static int
get_hex(const json_t *o, const char *key, uint8_t *out, size_t len)
{
	const json_t	*v = json_object_get(o, key);

	return json_is_string(v) && json_string_length(v) == 2 * len ?
	    hex_decode(out, len, json_string_value(v)) : -1;
}

const char *
invite_role_name(enum invite_role role)
{
	return role == INVITE_ADMIN ? "admin" : "member";
}

int
invite_role_parse(const char *s, enum invite_role *role_r)
{
	if (strcmp(s, "admin") == 0)
		*role_r = INVITE_ADMIN;
	else if (strcmp(s, "member") == 0)
		*role_r = INVITE_MEMBER;
	else
		return -1;
	return 0;
}

int
invite_from_json(struct invite *i, const json_t *o)
{
	const json_t	*v = json_object_get(o, "v");
	const json_t	*at = json_object_get(o, "expires_at");
	const json_t	*role = json_object_get(o, "role");

	memset(i, 0, sizeof *i);
	if (!json_is_integer(v) || json_integer_value(v) != INVITE_VERSION ||
	    !json_is_integer(at) || json_integer_value(at) < 0 ||
	    json_integer_value(at) > INT64_MAX / 1000 ||
	    !json_is_string(role) ||
	    json_string_length(role) != strlen(json_string_value(role)) ||
	    invite_role_parse(json_string_value(role), &i->role) == -1)
		return -1;
	i->expires_at = json_integer_value(at);
	if (get_text(o, "mesh_id", i->mesh_id, INVITE_TEXT_MAX) == -1 ||
	    get_text(o, "mesh_slug", i->slug, INVITE_TEXT_MAX) == -1 ||
	    get_text(o, "broker_url", i->url, INVITE_URL_MAX) == -1 ||
	    get_text(o, "mesh_root_key", i->root_key, INVITE_TEXT_MAX) ==
	    -1 || get_hex(o, "owner_pubkey", i->owner, sizeof i->owner) ==
	    -1 || get_hex(o, "signature", i->sig, sizeof i->sig) == -1)
		return -1;
	return 0;
}

/* ---- signature ---- */

/* Its length. */
static size_t
canonical(char out[CANONICAL_SIZE], const struct invite *i)
{
	char	owner[2 * KEY_PUBLIC_LEN + 1];

	return (size_t)snprintf(out, CANONICAL_SIZE,
	    "%d|%s|%s|%s|%" PRId64 "|%s|%s|%s", INVITE_VERSION, i->mesh_id,
	    i->slug, i->url, i->expires_at, i->root_key, invite_role_name(i->role),
	    hex_encode(owner, i->owner, sizeof i->owner));
}

int
invite_verify(const struct invite *i)
{
	char	s[CANONICAL_SIZE];
	size_t	len = canonical(s, i);
	int	ret;

	ret = crypto_sign_verify_detached(i->sig, (const uint8_t *)s, len,
	    i->owner);
	sodium_memzero(s, sizeof s);
	return ret;
}

int
invite_is_expired(const struct invite *i, int64_t now)
{
	return i->expires_at * 1000 <= now;
}

/* ---- tokens ---- */

json_t *
invite_token_json(const char *token, size_t len)
{
	uint8_t		*raw;
	const char	*end;
	json_t		*o = NULL;
	size_t		 n;

	if (len == 0 || len > INVITE_LINK_MAX)
		return NULL;
	raw = xmalloc(JSON_SIZE);
	if (sodium_base642bin(raw, JSON_SIZE, token, len, NULL, &n, &end,
	    sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
	    end == token + len)
		o = json_loadb((const char *)raw, n, JSON_REJECT_DUPLICATES,
		    NULL);
	freezero(raw, JSON_SIZE);
	if (!json_is_object(o)) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static char *
token_encode(const struct invite *i)
{
	char	 owner[2 * KEY_PUBLIC_LEN + 1], sig[2 * KEY_SIG_LEN + 1];
	char	*text, *token;
	json_t	*o;
	size_t	 len, size;

	o = json_pack("{s:i,s:s,s:s,s:s,s:I,s:s,s:s,s:s,s:s}", "v",
	    INVITE_VERSION, "mesh_id", i->mesh_id, "mesh_slug", i->slug,
	    "broker_url", i->url, "expires_at", (json_int_t)i->expires_at,
	    "mesh_root_key", i->root_key, "role", invite_role_name(i->role), "owner_pubkey",
	    hex_encode(owner, i->owner, sizeof i->owner), "signature",
	    hex_encode(sig, i->sig, sizeof i->sig));
	if (o == NULL || (len = json_dumpb(o, NULL, 0, JSON_COMPACT)) == 0) {
		json_decref(o);
		return NULL;
	}
	text = xmalloc(len);
	json_dumpb(o, text, len, JSON_COMPACT);
	json_decref(o);
	size = sodium_base64_encoded_len(len,
	    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	token = xmalloc(size);
	sodium_bin2base64(token, size, (const uint8_t *)text, len,
	    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	freezero(text, len);
	return token;
}

char *
invite_make(struct invite *i, const uint8_t owner_sec[KEY_SECRET_LEN])
{
	char	s[CANONICAL_SIZE];

	if (!part_ok(i->mesh_id, strlen(i->mesh_id)) ||
	    !part_ok(i->slug, strlen(i->slug)) ||
	    !part_ok(i->url, strlen(i->url)) || i->expires_at < 0 ||
	    !part_ok(i->root_key, strlen(i->root_key)))
		return NULL;
	crypto_sign_ed25519_sk_to_pk(i->owner, owner_sec);
	crypto_sign_detached(i->sig, NULL, (const uint8_t *)s,
	    canonical(s, i), owner_sec);
	sodium_memzero(s, sizeof s);
	return token_encode(i);
}
