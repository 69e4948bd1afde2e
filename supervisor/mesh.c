/* Meshes: their names, their brokers' URLs, and what a file says of one. */

#include "supervisor/mesh.h"

#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/encode.h"
#include "supervisor/mesh_impl.h"

int
mesh_slug_valid(const char *s)
{
	size_t	n = strspn(s, "abcdefghijklmnopqrstuvwxyz"
		    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	return n > 0 && n < MESH_SLUG_SIZE && s[n] == '\0' && s[0] != '.';
}

int
mesh_parse_url(const char *url, char host[MSG_HOST_SIZE], uint16_t *port_r,
    int *tls_r)
{
	return invite_url_parse(url, host, port_r, tls_r);
}

/* A string member into a buffer; must: it may not be absent or empty. */
static int
mesh_string(const json_t *o, const char *key, char *buf, size_t size, int must)
{
	const json_t	*v = json_object_get(o, key);
	size_t		 n;

	buf[0] = '\0';
	if (v == NULL || json_is_null(v))
		return must ? -1 : 0;
	n = json_string_length(v);
	if (!json_is_string(v) || n >= size || (must && n == 0) ||
	    strlen(json_string_value(v)) != n)
		return -1;
	memcpy(buf, json_string_value(v), n + 1);
	return 0;
}

static int
mesh_uid(const json_t *v, uint64_t *uid_r)
{
	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
	    json_integer_value(v) >= UINT32_MAX)	/* (uid_t)-1: nobody */
		return -1;
	*uid_r = (uint64_t)json_integer_value(v);
	return 0;
}

/* Whom it belongs to, and who else may use it. */
static int
mesh_people(const json_t *o, struct mesh *m, uid_t file_uid)
{
	const json_t	*v, *users = json_object_get(o, "users");
	size_t		 i;

	m->owner_uid = file_uid;
	if ((v = json_object_get(o, "owner")) != NULL &&
	    mesh_uid(v, &m->owner_uid) == -1)
		return -1;
	if (users == NULL)
		return 0;
	if (!json_is_array(users) || json_array_size(users) > MSG_UIDS_MAX)
		return -1;
	json_array_foreach(users, i, v)
		if (mesh_uid(v, &m->users.v[m->users.n++]) == -1)
			return -1;
	return 0;
}

/* The member's key pair, checked. */
static int
mesh_keys(const json_t *o, struct mesh *m, uint8_t secret_r[KEY_SECRET_LEN])
{
	uint8_t		 secret[KEY_SECRET_LEN];
	const char	*pub = json_string_value(json_object_get(o, "pubkey"));
	const char	*sec = json_string_value(json_object_get(o,
			    "secretKey"));
	int		 ret = -1;

	if (pub != NULL && sec != NULL &&
	    hex_decode(m->pub, KEY_PUBLIC_LEN, pub) == 0 &&
	    hex_decode(secret, KEY_SECRET_LEN, sec) == 0 &&
	    identity_keypair_check(m->pub, secret) == 0) {
		if (secret_r != NULL)
			memcpy(secret_r, secret, KEY_SECRET_LEN);
		ret = 0;
	}
	sodium_memzero(secret, sizeof secret);
	return ret;
}

/* Name the member at fault, and what it must be. */
static int
mesh_fault(struct mesh_fault *f, const char *key, const char *why)
{
	f->key = key;
	f->why = why;
	return -1;
}

/* Where its broker is. */
static int
mesh_broker(const json_t *o, struct mesh *m, struct mesh_fault *f)
{
	if (mesh_string(o, "brokerUrl", m->url, sizeof m->url, 1) == -1)
		return mesh_fault(f, "brokerUrl", "\"brokerUrl\" is missing");
	if (!m->reference && strcmp(m->url, MESH_EMBEDDED) == 0)
		m->embedded = 1;
	else if (mesh_parse_url(m->url, m->host, &m->port, &m->tls) == -1)
		return mesh_fault(f, "brokerUrl", m->reference ?
		    "\"brokerUrl\" must be ws://host:port/ws or "
		    "wss://host:port/ws" :
		    "\"brokerUrl\" must be ws://host:port/ws, "
		    "wss://host:port/ws or \"embedded\"");
	return 0;
}

int
mesh_fill(const json_t *o, struct mesh *m, uid_t file_uid,
    uint8_t secret_r[KEY_SECRET_LEN], struct mesh_fault *f)
{
	if (mesh_string(o, "slug", m->slug, sizeof m->slug, 1) == -1 ||
	    !mesh_slug_valid(m->slug))
		return mesh_fault(f, "slug", "\"slug\" must be 1 to 64 of "
		    "A-Z a-z 0-9 . _ -");
	if (mesh_string(o, "meshId", m->mesh_id, sizeof m->mesh_id, 1) == -1)
		return mesh_fault(f, "meshId", "\"meshId\" must be a string "
		    "of at most 128 bytes");
	if (mesh_string(o, "memberId", m->member_id, sizeof m->member_id, 1) ==
	    -1)
		return mesh_fault(f, "memberId", "\"memberId\" must be a "
		    "string of at most 128 bytes");
	if (mesh_string(o, "name", m->name, sizeof m->name, 0) == -1)
		return mesh_fault(f, "name", "\"name\" must be a string of "
		    "at most 128 bytes");
	if (mesh_string(o, "displayName", m->display_name,
	    sizeof m->display_name, 0) == -1)
		return mesh_fault(f, "displayName", "\"displayName\" must be "
		    "a string of at most 128 bytes");
	if (mesh_people(o, m, file_uid) == -1)
		return mesh_fault(f, json_object_get(o, "users") != NULL ?
		    "users" : "owner", "\"owner\" must be a user id, "
		    "\"users\" a list of them");
	if (mesh_broker(o, m, f) == -1)
		return -1;
	if (mesh_keys(o, m, secret_r) == -1)
		return mesh_fault(f, "secretKey", "\"pubkey\" and "
		    "\"secretKey\" must be a pair of ed25519 keys in "
		    "lower-case hex (64 and 128 digits)");
	if (m->name[0] == '\0')
		strcpy(m->name, m->slug);
	return 0;
}

int
mesh_same_url(const struct mesh *a, const struct mesh *b)
{
	return a->embedded == b->embedded && strcmp(a->url, b->url) == 0;
}

void
mesh_clear(struct mesh *m)
{
	free(m->path);
	m->path = NULL;
}
