/* hello and session_hello. */

#include "worker/hello.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/encode.h"
#include "worker/secret.h"

#define GROUPS_MAX	64
#define GROUP_NAME_MAX	64

/* Letters, digits, '_', '-', '/': what brokers take as a group's name. */
static int
hello_group_ok(const json_t *g)
{
	static const char	 letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789_-/";
	const char		*name, *role;

	name = json_string_value(json_object_get(g, "name"));
	role = json_string_value(json_object_get(g, "role"));
	return name != NULL && name[0] != '\0' &&
	    strlen(name) <= GROUP_NAME_MAX &&
	    strspn(name, letters) == strlen(name) &&
	    (role != NULL || json_object_get(g, "role") == NULL);
}

/* The session's groups; a list wins even when it is empty. */
static void
hello_set_groups(json_t *o, const char *text)
{
	json_t	*in, *out, *g, *one;
	size_t	 i;

	if (text == NULL)
		return;
	in = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_array(in)) {
		log_warnx("hello: the groups are no list and are left out");
		json_decref(in);
		return;
	}
	out = json_array();
	for (i = 0; i < json_array_size(in) && i < GROUPS_MAX; i++) {
		g = json_array_get(in, i);
		if (!hello_group_ok(g)) {
			log_warnx("hello: a malformed group is left out");
			continue;
		}
		one = json_object();
		json_object_set(one, "name", json_object_get(g, "name"));
		if (json_object_get(g, "role") != NULL)
			json_object_set(one, "role",
			    json_object_get(g, "role"));
		json_array_append_new(out, one);
	}
	json_object_set_new(o, "groups", out);
	json_decref(in);
}

static void
hello_set(json_t *o, const char *name, const char *value)
{
	json_object_set_new(o, name, json_string(value));
}

static void
hello_set_if(json_t *o, const char *name, const char *value)
{
	if (value[0] != '\0')
		hello_set(o, name, value);
}

static void
hello_set_sig(json_t *o, const uint8_t sig[KEY_SIG_LEN])
{
	char	hex[2 * KEY_SIG_LEN + 1];

	hello_set(o, "signature", hex_encode(hex, sig, KEY_SIG_LEN));
}

/* What both kinds have; brokers answer nothing without cwd and sessionId. */
static void
hello_set_common(json_t *o, const struct self *s, int64_t now_ms)
{
	hello_set(o, "meshId", s->mesh_id);
	hello_set_if(o, "displayName", s->display_name);
	hello_set(o, "sessionId", s->wire_session_id);
	json_object_set_new(o, "pid", json_integer((json_int_t)s->pid));
	hello_set(o, "cwd", s->cwd[0] != '\0' ? s->cwd : "/");
	hello_set_if(o, "hostname", s->hostname);
	hello_set(o, "peerType", "ai");
	hello_set_groups(o, s->groups);
	json_object_set_new(o, "timestamp", json_integer(now_ms));
}

static int
hello_member(json_t *o, const struct self *s, int64_t now_ms)
{
	uint8_t	sig[KEY_SIG_LEN];

	hello_set(o, "type", "hello");
	hello_set(o, "memberId", s->member_id);
	hello_set(o, "pubkey", s->pub_hex);
	hello_set(o, "channel", "claudemesh-daemon");
	hello_set_common(o, s, now_ms);
	if (secret_sign_hello(s->secret, sig, s->mesh_id, s->member_id,
	    now_ms) == -1)
		return -1;
	hello_set_sig(o, sig);
	return 0;
}

static int
hello_session(json_t *o, const struct self *s, const struct attestation *a,
    int64_t now_ms)
{
	json_t	*attest = json_object();
	uint8_t	 sig[KEY_SIG_LEN];

	hello_set(o, "type", "session_hello");
	hello_set(o, "parentMemberId", s->member_id);
	hello_set(o, "parentMemberPubkey", s->member_pub_hex);
	hello_set(o, "sessionPubkey", s->pub_hex);
	hello_set(attest, "sessionPubkey", s->pub_hex);
	hello_set(attest, "parentMemberPubkey", s->member_pub_hex);
	json_object_set_new(attest, "expiresAt",
	    json_integer(a->expires_at));
	hello_set_sig(attest, a->sig);
	json_object_set_new(o, "parentAttestation", attest);
	hello_set(o, "channel", "claudemesh-session");
	hello_set_if(o, "role", s->role);
	hello_set_common(o, s, now_ms);
	if (secret_sign_session_hello(s->secret, sig, s->mesh_id,
	    s->member_pub, now_ms) == -1)
		return -1;
	hello_set_sig(o, sig);
	return 0;
}

int
hello_write(struct outbuf *out, const struct self *s,
    const struct attestation *a, int64_t now_ms)
{
	json_t	*o = json_object();
	int	 ret;

	ret = s->kind == OWNER_MEMBER ? hello_member(o, s, now_ms) :
	    hello_session(o, s, a, now_ms);
	outbuf_reset(out);
	if (ret == 0)
		outbuf_add_json(out, o);
	else
		log_warnx("hello: the mesh or member id is malformed");
	json_decref(o);
	return ret;
}
