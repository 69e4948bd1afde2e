/* Keys, mesh files and the hello of a bare session. */

#include "tests/bench/member.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/encode.h"
#include "common/log.h"
#include "common/uuid.h"

void
key_new(struct key *k)
{
	if (crypto_sign_keypair(k->pub, k->sec) != 0)
		fatalx("no key pair");
	hex_encode(k->hex, k->pub, sizeof k->pub);
}

/* Text of an object that may be NULL, which it takes. */
static char *
text_of(json_t *o)
{
	char	*text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;

	if (text == NULL)
		fatalx("json: no memory, or text that is none");
	json_decref(o);
	return text;
}

char *
member_file(const struct member *m, int port)
{
	char	sec[2 * KEY_SECRET_LEN + 1], url[64];

	snprintf(url, sizeof url, "ws://127.0.0.1:%d/ws", port);
	hex_encode(sec, m->key.sec, sizeof m->key.sec);
	return text_of(json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}",
	    "meshId", m->mesh_id, "memberId", m->member_id, "slug", m->slug,
	    "name", m->slug, "displayName", "bench", "pubkey", m->key.hex,
	    "secretKey", sec, "brokerUrl", url, "joinedAt",
	    "2026-01-01T00:00:00.000Z"));
}

int
member_read(struct member *m, const char *path)
{
	json_t		*o = json_load_file(path, 0, NULL);
	const char	*mesh, *member, *slug, *sec;
	int		 ret = -1;

	if (o != NULL && json_unpack(o, "{s:s,s:s,s:s,s:s}", "meshId", &mesh,
	    "memberId", &member, "slug", &slug, "secretKey", &sec) == 0 &&
	    hex_decode(m->key.sec, sizeof m->key.sec, sec) == 0) {
		crypto_sign_ed25519_sk_to_pk(m->key.pub, m->key.sec);
		hex_encode(m->key.hex, m->key.pub, sizeof m->key.pub);
		snprintf(m->mesh_id, sizeof m->mesh_id, "%s", mesh);
		snprintf(m->member_id, sizeof m->member_id, "%s", member);
		snprintf(m->slug, sizeof m->slug, "%s", slug);
		ret = 0;
	}
	json_decref(o);
	return ret;
}

char *
member_session_hello(const struct member *m, const struct key *k,
    const char *name)
{
	int64_t	 now = clock_wall_ms(), expires = now + IDENTITY_TTL_MS;
	uint8_t	 attest[KEY_SIG_LEN], hello[KEY_SIG_LEN];
	char	 a[2 * KEY_SIG_LEN + 1], h[2 * KEY_SIG_LEN + 1];
	char	 id[UUID_SIZE];

	if (identity_attest_sign(attest, m->key.pub, k->pub, expires,
	    m->key.sec) == -1 || identity_session_hello_sign(hello,
	    m->mesh_id, m->key.pub, k->pub, now, k->sec) == -1)
		fatalx("hello cannot be signed");
	hex_encode(a, attest, sizeof attest);
	hex_encode(h, hello, sizeof hello);
	return text_of(json_pack("{s:s,s:s,s:s,s:s,s:s,s:{s:s,s:s,s:I,s:s},"
	    "s:s,s:s,s:i,s:s,s:s,s:s,s:I,s:s}",
	    "type", "session_hello", "meshId", m->mesh_id, "parentMemberId",
	    m->member_id, "parentMemberPubkey", m->key.hex, "sessionPubkey",
	    k->hex, "parentAttestation", "sessionPubkey", k->hex,
	    "parentMemberPubkey", m->key.hex, "expiresAt", (json_int_t)expires,
	    "signature", a, "displayName", name, "sessionId", uuid_v4(id),
	    "pid", (int)getpid(), "cwd", "/", "peerType", "ai", "channel",
	    "claudemesh-session", "timestamp", (json_int_t)now, "signature",
	    h));
}
