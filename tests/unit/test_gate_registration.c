/*
 * registration.c, presence.c: what a client may say of a session, and that a
 * key it brings is its own and attested by the mesh's member.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/encode.h"
#include "common/identity.h"
#include "common/xalloc.h"
#include "supervisor/gate/presence.h"
#include "supervisor/gate/registration.h"

#define TOKEN	"865d1d4c05bc53d2b1f8e2bf33b073368cb092b01507119eade60509b86" \
		"deb0e"
#define NOW	INT64_C(1795473802000)

static struct fault		 f;
static struct msg_register	 reg;
static char			*groups;

/* A sound registration; more (may be NULL) replaces or adds members. */
static int
parse(const char *more)
{
	json_t	*j, *m;
	int	 ret;

	j = json_pack("{s:s, s:s, s:s, s:s, s:i}", "token", TOKEN,
	    "session_id", "s1", "mesh", "acme", "display_name", "alice",
	    "pid", 4711);
	if (more != NULL) {
		m = json_loads(more, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(m);
		json_object_update(j, m);
		json_decref(m);
	}
	wipe_free(groups);
	memset(&f, 0, sizeof f);
	ret = registration_parse(j, &reg, &groups, &f);
	json_decref(j);
	return ret;
}

static void
refused(const char *more, const char *code)
{
	if (parse(more) != -1)
		fail_msg("%s was taken", more);
	assert_int_equal(f.status, 400);
	assert_string_equal(f.code, code);
	assert_null(groups);
}

static int
teardown(void **state)
{
	(void)state;
	wipe_free(groups);
	groups = NULL;
	return 0;
}

static void
least(void **state)
{
	(void)state;
	assert_int_equal(parse(NULL), 0);
	assert_string_equal(reg.session_id, "s1");
	assert_string_equal(reg.mesh, "acme");
	assert_string_equal(reg.display_name, "alice");
	assert_int_equal(reg.pid, 4711);
	assert_string_equal(reg.cwd, "");
	assert_string_equal(reg.role, "");
	assert_int_equal(reg.caps, CAP_ALL);
	assert_memory_equal(reg.token_prefix, "\x86\x5d\x1d\x4c", 4);
	assert_int_equal(reg.groups.len, 0);
	assert_null(groups);
}

static void
refusals(void **state)
{
	(void)state;
	refused("{\"token\":\"zz\"}", "invalid_token");
	refused("{\"token\":null}", "invalid_token");
	refused("{\"session_id\":\"\"}", "invalid_request");
	refused("{\"session_id\":null}", "invalid_request");
	refused("{\"session_id\":7}", "invalid_request");
	refused("{\"mesh\":\"a\\nb\"}", "invalid_request");
	refused("{\"display_name\":\"\\u001b[2J\"}", "invalid_request");
	refused("{\"pid\":0}", "invalid_request");
	refused("{\"pid\":-1}", "invalid_request");
	refused("{\"pid\":\"4711\"}", "invalid_request");
	refused("{\"pid\":4194305}", "invalid_request");
	refused("{\"pid\":1.5}", "invalid_request");
	refused("{\"cwd\":1}", "invalid_request");
	refused("{\"role\":[]}", "invalid_request");
	refused("{\"caps\":\"dm\"}", "invalid_caps");
	refused("{\"caps\":[\"dm\",\"fly\"]}", "invalid_caps");
	refused("{\"caps\":[1]}", "invalid_caps");
	refused("{\"groups\":\"@a\"}", "invalid_groups");
	refused("{\"groups\":[\"a b\"]}", "invalid_groups");
	refused("{\"groups\":[\"@\"]}", "invalid_groups");
	refused("{\"groups\":[{\"role\":\"x\"}]}", "invalid_groups");
	refused("{\"groups\":[{\"name\":\"a\",\"role\":1}]}",
	    "invalid_groups");
	refused("{\"groups\":[1]}", "invalid_groups");
}

static void
lengths(void **state)
{
	char	more[256], name[140];

	(void)state;
	memset(name, 'x', sizeof name);
	name[MSG_SESSION_ID_SIZE - 1] = '\0';
	snprintf(more, sizeof more, "{\"session_id\":\"%s\"}", name);
	assert_int_equal(parse(more), 0);
	assert_string_equal(reg.session_id, name);
	name[MSG_SESSION_ID_SIZE - 1] = 'x';
	name[MSG_SESSION_ID_SIZE] = '\0';
	snprintf(more, sizeof more, "{\"session_id\":\"%s\"}", name);
	refused(more, "invalid_request");
}

static void
caps(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"caps\":[]}"), 0);
	assert_int_equal(reg.caps, 0);
	assert_int_equal(parse("{\"caps\":[\"dm\",\"state-write\"]}"), 0);
	assert_int_equal(reg.caps, CAP_DM | CAP_STATE_WRITE);
	assert_int_equal(parse("{\"caps\":null}"), 0);
	assert_int_equal(reg.caps, CAP_ALL);
}

static void
groups_become_one_form(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"groups\":[\"@dev:lead\",\"ops\","
	    "{\"name\":\"qa/x\",\"role\":\"tester\"},{\"name\":\"@z\"}]}"), 0);
	assert_string_equal(groups, "[{\"name\":\"dev\",\"role\":\"lead\"},"
	    "{\"name\":\"ops\"},{\"name\":\"qa/x\",\"role\":\"tester\"},"
	    "{\"name\":\"z\"}]");
	assert_int_equal(reg.groups.len, strlen(groups));
	/* An empty list is said; none is not. */
	assert_int_equal(parse("{\"groups\":[]}"), 0);
	assert_string_equal(groups, "[]");
	assert_int_equal(reg.groups.len, 2);
}

/* ---- presence ---- */

static uint8_t	member_pub[KEY_PUBLIC_LEN], member_sec[KEY_SECRET_LEN];
static uint8_t	session_pub[KEY_PUBLIC_LEN], session_sec[KEY_SECRET_LEN];

static json_t *
hex(const void *p, size_t len)
{
	char	buf[2 * KEY_SECRET_LEN + 1];

	return json_string(hex_encode(buf, p, len));
}

static json_t *
presence(void)
{
	return json_pack("{s:o, s:o}", "session_pubkey",
	    hex(session_pub, sizeof session_pub), "session_secret_key",
	    hex(session_sec, sizeof session_sec));
}

static json_t *
attested_by(const uint8_t *pub, const uint8_t *sec, int64_t expires_at)
{
	uint8_t	 sig[KEY_SIG_LEN];
	json_t	*j = presence();

	assert_int_equal(identity_attest_sign(sig, pub, session_pub,
	    expires_at, sec), 0);
	json_object_set_new(j, "parent_attestation",
	    json_pack("{s:o, s:o, s:I, s:o}",
	    "session_pubkey", hex(session_pub, sizeof session_pub),
	    "parent_member_pubkey", hex(pub, KEY_PUBLIC_LEN),
	    "expires_at", (json_int_t)expires_at,
	    "signature", hex(sig, sizeof sig)));
	return j;
}

static json_t *
attested(int64_t expires_at)
{
	return attested_by(member_pub, member_sec, expires_at);
}

/* Takes the reference. */
static int
present(json_t *j)
{
	int	ret;

	memset(&reg, 0, sizeof reg);
	memset(&f, 0, sizeof f);
	ret = presence_parse(j, member_pub, NOW, &reg, &f);
	json_decref(j);
	if (ret == -1) {
		assert_int_equal(f.status, 400);
		assert_string_equal(f.code, "invalid_presence");
	}
	return ret;
}

static void
minted(void **state)
{
	(void)state;
	assert_int_equal(present(NULL), 0);
	assert_int_equal(reg.key_mode, KEY_MINT);
	assert_int_equal(present(json_null()), 0);
	assert_int_equal(reg.key_mode, KEY_MINT);
	assert_int_equal(present(json_pack("{s:b}", "mint", 1)), 0);
	assert_int_equal(reg.key_mode, KEY_MINT);
	assert_int_equal(present(json_pack("{s:b}", "mint", 0)), -1);
	assert_int_equal(present(json_object()), -1);
	assert_int_equal(present(json_true()), -1);
	assert_int_equal(present(json_pack("{s:b, s:s}", "mint", 1,
	    "session_pubkey", "x")), -1);
}

static void
brought(void **state)
{
	json_t	*j;

	(void)state;
	assert_int_equal(present(presence()), 0);
	assert_int_equal(reg.key_mode, KEY_BROUGHT);
	assert_memory_equal(reg.pub, session_pub, sizeof session_pub);
	assert_memory_equal(reg.secret, session_sec, sizeof session_sec);
	assert_int_equal(reg.attest_expires_at, 0);
	/* Another's public key with one's own secret. */
	j = presence();
	json_object_set_new(j, "session_pubkey",
	    hex(member_pub, sizeof member_pub));
	assert_int_equal(present(j), -1);
	j = presence();
	json_object_set_new(j, "session_secret_key",
	    hex(session_sec, sizeof session_sec - 1));
	assert_int_equal(present(j), -1);
	j = presence();
	json_object_del(j, "session_secret_key");
	assert_int_equal(present(j), -1);
}

static json_t *
attested_with(const char *name, json_t *value)
{
	json_t	*j = attested(NOW + 3600000);

	json_object_set_new(json_object_get(j, "parent_attestation"), name,
	    value);
	return j;
}

static void
attestations(void **state)
{
	uint8_t	zero[KEY_SIG_LEN] = { 0 };

	(void)state;
	assert_int_equal(present(attested(NOW + 3600000)), 0);
	assert_int_equal(reg.attest_expires_at, NOW + 3600000);
	assert_int_equal(identity_attest_verify(reg.attest_sig, member_pub,
	    session_pub, NOW + 3600000), 0);
	assert_int_equal(present(attested(NOW + IDENTITY_TTL_MAX_MS)), 0);
	assert_int_equal(present(attested(NOW)), -1);
	assert_int_equal(present(attested(NOW + IDENTITY_TTL_MAX_MS + 1)), -1);
	assert_int_equal(present(attested_with("expires_at",
	    json_integer(NOW + 3600001))), -1);
	assert_int_equal(present(attested_with("expires_at",
	    json_string("soon"))), -1);
	assert_int_equal(present(attested_with("signature",
	    hex(zero, sizeof zero))), -1);
	assert_int_equal(present(attested_with("signature",
	    json_string("00"))), -1);
	assert_int_equal(present(attested_with("session_pubkey",
	    hex(member_pub, sizeof member_pub))), -1);
	assert_int_equal(present(attested_with("parent_member_pubkey",
	    hex(session_pub, sizeof session_pub))), -1);
	/* Well signed, but not by the member of this mesh. */
	assert_int_equal(present(attested_by(session_pub, session_sec,
	    NOW + 3600000)), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(least, teardown),
		cmocka_unit_test_teardown(refusals, teardown),
		cmocka_unit_test_teardown(lengths, teardown),
		cmocka_unit_test_teardown(caps, teardown),
		cmocka_unit_test_teardown(groups_become_one_form, teardown),
		cmocka_unit_test(minted),
		cmocka_unit_test(brought),
		cmocka_unit_test(attestations),
	};

	if (sodium_init() == -1)
		return 1;
	json_set_alloc_funcs(wipe_malloc, wipe_free);
	crypto_sign_keypair(member_pub, member_sec);
	crypto_sign_keypair(session_pub, session_sec);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
