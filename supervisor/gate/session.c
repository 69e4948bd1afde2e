/*
 * Sessions.  A token is known only as a BLAKE2b hash: it is hashed, looked up
 * in a table, and compared in constant time.
 */

#include "supervisor/gate/session.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/encode.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "supervisor/gate/caps.h"
#include "supervisor/gate/input.h"

#define BUCKETS	1024

LIST_HEAD(session_bucket, session);

struct sessions {
	struct session_list	 list;
	struct session_bucket	 by_token[BUCKETS], by_owner[BUCKETS];
};

/* Hashes and internal ids are uniform: their first bytes are a good index. */
static size_t
slot(const uint8_t *id)
{
	return ((size_t)id[0] << 8 | id[1]) % BUCKETS;
}

struct sessions *
sessions_new(void)
{
	struct sessions	*ss = xcalloc(1, sizeof *ss);

	TAILQ_INIT(&ss->list);
	return ss;
}

void
sessions_free(struct sessions **ssp)
{
	struct sessions	*ss = *ssp;
	struct session	*s;

	if (ss == NULL)
		return;
	while ((s = TAILQ_FIRST(&ss->list)) != NULL)
		sessions_remove(ss, s);
	free(ss);
	*ssp = NULL;
}

static json_t *
groups_load(const struct msg_slice *in)
{
	json_t	*groups;

	if (in->len == 0)
		return json_array();
	groups = json_loadb((const char *)in->p, in->len,
	    JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_array(groups)) {
		json_decref(groups);
		return NULL;
	}
	return groups;
}

/* What may change, and what may not, copied alike. */
static void
session_fill(struct session *s, const struct msg_session *in)
{
	memcpy(s->owner, in->owner, sizeof s->owner);
	s->uid = in->uid;
	memcpy(s->token_hash, in->token_hash, sizeof s->token_hash);
	hex_encode(s->token_prefix, in->token_prefix, sizeof in->token_prefix);
	memcpy(s->session_id, in->session_id, sizeof s->session_id);
	memcpy(s->mesh, in->mesh, sizeof s->mesh);
	memcpy(s->display_name, in->display_name, sizeof s->display_name);
	s->pid = in->pid;
	memcpy(s->cwd, in->cwd, sizeof s->cwd);
	memcpy(s->role, in->role, sizeof s->role);
	s->caps = in->caps;
	memcpy(s->pub, in->pub, sizeof s->pub);
	hex_encode(s->pub_hex, s->pub, sizeof s->pub);
	memcpy(s->member_owner, in->member_owner, sizeof s->member_owner);
	memcpy(s->member_pub, in->member_pub, sizeof s->member_pub);
	memcpy(s->body_key, in->body_key, sizeof s->body_key);
	s->state = (enum conn_state)in->state;
	memcpy(s->reason, in->reason, sizeof s->reason);
	s->registered_at = in->registered_at;
}

struct session *
sessions_put(struct sessions *ss, const struct msg_session *in)
{
	struct session	*s = sessions_find(ss, in->owner);
	json_t		*groups = groups_load(&in->groups);

	if (groups == NULL)
		return NULL;
	if (s == NULL) {
		s = xcalloc(1, sizeof *s);
		TAILQ_INSERT_TAIL(&ss->list, s, next);
		LIST_INSERT_HEAD(&ss->by_owner[slot(in->owner)], s, by_owner);
	} else
		LIST_REMOVE(s, by_token);
	session_fill(s, in);
	json_decref(s->groups);
	s->groups = groups;
	LIST_INSERT_HEAD(&ss->by_token[slot(s->token_hash)], s, by_token);
	return s;
}

void
sessions_remove(struct sessions *ss, struct session *s)
{
	TAILQ_REMOVE(&ss->list, s, next);
	LIST_REMOVE(s, by_token);
	LIST_REMOVE(s, by_owner);
	json_decref(s->groups);
	freezero(s, sizeof *s);
}

struct session *
sessions_find(struct sessions *ss, const uint8_t owner[OWNER_ID_LEN])
{
	struct session	*s;

	LIST_FOREACH(s, &ss->by_owner[slot(owner)], by_owner)
		if (memcmp(s->owner, owner, OWNER_ID_LEN) == 0)
			break;
	return s;
}

struct session *
sessions_by_hash(struct sessions *ss, const uint8_t hash[TOKEN_HASH_LEN])
{
	struct session	*s, *found = NULL;

	/* A token that has died may still stand beside the one that counts. */
	LIST_FOREACH(s, &ss->by_token[slot(hash)], by_token)
		if (sodium_memcmp(s->token_hash, hash, TOKEN_HASH_LEN) == 0 &&
		    (found == NULL || session_is_alive(s)))
			found = s;
	return found;
}

const struct session_list *
sessions_list(const struct sessions *ss)
{
	return &ss->list;
}

struct session *
sessions_by_key(const struct sessions *ss, const char *hex)
{
	struct session	*s;

	TAILQ_FOREACH(s, &ss->list, next)
		if (strcmp(s->pub_hex, hex) == 0)
			break;
	return s;
}

int
session_is_alive(const struct session *s)
{
	return s->state != CONN_DRAINING && s->state != CONN_ENDED;
}

int
token_hash(uint8_t out[TOKEN_HASH_LEN], uint8_t prefix[4], const char *token)
{
	uint8_t	raw[TOKEN_LEN];
	char	lower[TOKEN_HEX + 1];
	int	ret = -1;

	if (strlen(token) != TOKEN_HEX)
		return -1;
	input_lower(lower, token, sizeof lower);
	if (hex_decode(raw, sizeof raw, lower) == -1)
		goto out;
	if (prefix != NULL)
		memcpy(prefix, raw, 4);
	ret = crypto_generichash(out, TOKEN_HASH_LEN, raw, sizeof raw, NULL, 0);
out:
	sodium_memzero(raw, sizeof raw);
	sodium_memzero(lower, sizeof lower);
	return ret;
}

const char *
session_state(const struct session *s)
{
	return conn_state_name(s->state == CONN_RECONNECTING ?
	    CONN_CONNECTING : s->state);
}

json_t *
session_json(const struct session *s)
{
	json_t	*j;

	j = json_pack("{s:s, s:s, s:s, s:I, s:s?, s:s?, s:O, s:o, s:{s:s},"
	    " s:s, s:I, s:s}",
	    "sessionId", s->session_id, "mesh", s->mesh,
	    "displayName", s->display_name, "pid", (json_int_t)s->pid,
	    "cwd", *s->cwd != '\0' ? s->cwd : NULL,
	    "role", *s->role != '\0' ? s->role : NULL,
	    "groups", s->groups, "caps", caps_json(s->caps),
	    "presence", "sessionPubkey", s->pub_hex,
	    "state", session_state(s),
	    "registeredAt", (json_int_t)s->registered_at,
	    "token_prefix", s->token_prefix);
	if (j == NULL) {
		log_warnx("session %s: its text is not UTF-8",
		    s->token_prefix);
		return json_object();
	}
	if (*s->reason != '\0')
		json_object_set_new(j, "reason", json_string(s->reason));
	return j;
}
