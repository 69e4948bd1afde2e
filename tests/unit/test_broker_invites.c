/*
 * contrib/broker/invites.c: who may join, and every reason why not, by the name
 * that the protocol has for it.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "broker_help.h"
#include "common/clock.h"
#include "common/encode.h"
#include "common/xalloc.h"
#include "contrib/broker/invites.h"
#include "scratch.h"

#define URL	"wss://mesh.example/ws"

static struct invites	*invites;
static char		 mesh_id[MEMBERS_ID_SIZE];

static int
setup(void **state)
{
	struct msg_mesh_make	ask = { .mesh = "acme", .name = "founder" };
	char			member_id[MEMBERS_ID_SIZE], err[200];

	if (help_open(state) == -1)
		return -1;
	invites = invites_new(help_db, help_members);
	memset(ask.pub, 7, sizeof ask.pub);
	assert_int_equal(invites_mesh(invites, &ask, mesh_id, member_id, err,
	    sizeof err), BROKER_OK);
	return 0;
}

static int
teardown(void **state)
{
	invites_free(&invites);
	return help_close(state);
}

static void
sql(const char *text)
{
	assert_int_equal(db_exec(help_db, text), 0);
}

/* An invite that is good for an hour: its token, to be freed. */
static char *
make(const char *mesh, enum invite_role role, int64_t uses)
{
	struct msg_invite_make	ask = { .role = role, .max_uses = uses,
				    .url = URL };
	char			err[200], *token;

	snprintf(ask.mesh, sizeof ask.mesh, "%s", mesh);
	ask.expires_at = clock_wall_ms() / 1000 + 3600;
	assert_int_equal(invites_make(invites, &ask, &token, err, sizeof err),
	    BROKER_OK);
	assert_int_equal(db_commit(help_db), 0);
	return token;
}

/* What a client posts, with the payload of the token. */
static json_t *
post(const char *token, uint8_t key)
{
	uint8_t	pub[KEY_PUBLIC_LEN];
	char	hex[2 * KEY_PUBLIC_LEN + 1];

	memset(pub, key, sizeof pub);
	return json_pack("{s:s,s:o,s:s,s:s}", "invite_token", token,
	    "invite_payload", invite_token_json(token, strlen(token)),
	    "peer_pubkey", hex_encode(hex, pub, sizeof pub),
	    "display_name", "dora");
}

/* Takes o.  why NULL: it is let in. */
static struct joined
expect(json_t *o, const char *why)
{
	struct joined	 j;
	const char	*got = invites_join(invites, o, &j);

	if (why == NULL && got != NULL)
		fail_msg("refused: %s", got);
	else if (why != NULL)
		assert_string_equal(got != NULL ? got : "let in", why);
	assert_int_equal(j.failed, 0);
	json_decref(o);
	assert_int_equal(db_commit(help_db), 0);
	return j;
}

static void
test_join(void **state)
{
	char		*token = make("acme", INVITE_MEMBER, 2);
	struct joined	 j, again;
	struct member	 m;
	uint8_t		 pub[KEY_PUBLIC_LEN];

	(void)state;
	j = expect(post(token, 1), NULL);
	assert_int_equal(j.already, 0);
	memset(pub, 1, sizeof pub);
	assert_int_equal(members_find(help_members, mesh_id, pub, &m), 1);
	assert_string_equal(m.member_id, j.member_id);
	assert_string_equal(m.name, "dora");
	assert_int_equal(members_is_admin(help_members, m.row), 0);

	/* The same key again costs nothing, and is who it was. */
	again = expect(post(token, 1), NULL);
	assert_int_equal(again.already, 1);
	assert_string_equal(again.member_id, j.member_id);
	expect(post(token, 2), NULL);
	expect(post(token, 3), "invite_exhausted");
	again = expect(post(token, 2), NULL);
	assert_int_equal(again.already, 1);
	freezero_str(token);
}

static void
test_roles(void **state)
{
	char		*token = make("acme", INVITE_ADMIN, 0);
	struct member	 m;
	uint8_t		 pub[KEY_PUBLIC_LEN];

	(void)state;
	expect(post(token, 9), NULL);
	memset(pub, 9, sizeof pub);
	assert_int_equal(members_find(help_members, mesh_id, pub, &m), 1);
	assert_int_equal(members_is_admin(help_members, m.row), 1);
	freezero_str(token);
}

/* Signed by somebody else, about any mesh. */
static char *
forge(const char *mesh)
{
	struct invite	i = { .expires_at = INT64_C(4102444800) };
	uint8_t		pub[KEY_PUBLIC_LEN], sec[KEY_SECRET_LEN];

	crypto_sign_keypair(pub, sec);
	snprintf(i.mesh_id, sizeof i.mesh_id, "%s", mesh);
	strcpy(i.slug, "acme");
	strcpy(i.url, URL);
	strcpy(i.root_key, "r");
	return invite_make(&i, sec);
}

static void
test_forged(void **state)
{
	char	*token = make("acme", INVITE_MEMBER, 1), *bad;
	json_t	*o;

	(void)state;
	o = post(token, 20);
	json_object_set_new(json_object_get(o, "invite_payload"), "role",
	    json_string("admin"));
	expect(o, "invite_bad_signature");

	bad = forge("no-such-mesh");
	expect(post(bad, 20), "mesh_not_found");
	freezero_str(bad);
	bad = forge(mesh_id);
	expect(post(bad, 20), "invite_owner_mismatch");
	freezero_str(bad);

	o = post(token, 20);
	json_object_set_new(o, "invite_token",
	    json_string("abcdefghijklmnopqrstuvwxyz"));
	expect(o, "invite_not_found");
	freezero_str(token);
}

static void
test_of_another_mesh(void **state)
{
	char	*ours = make("acme", INVITE_MEMBER, 0);
	char	*other = make("local", INVITE_MEMBER, 0);
	json_t	*o;

	(void)state;
	o = post(ours, 21);
	json_object_set_new(o, "invite_token", json_string(other));
	expect(o, "invite_mesh_mismatch");
	freezero_str(ours);
	freezero_str(other);
}

static void
test_over(void **state)
{
	char	*token = make("acme", INVITE_MEMBER, 0);

	(void)state;
	sql("UPDATE invite SET expires_at = 1");
	expect(post(token, 22), "invite_expired");
	sql("UPDATE invite SET expires_at = 4102444800");
	expect(post(token, 22), NULL);
	freezero_str(token);
}

static void
test_revoked(void **state)
{
	char	*one = make("acme", INVITE_MEMBER, 1);
	char	*more = make("acme", INVITE_MEMBER, 0);
	char	*other = make("local", INVITE_MEMBER, 0), err[200];
	int64_t	 n;

	(void)state;
	expect(post(one, 23), NULL);		/* used up: not counted */
	assert_int_equal(invites_revoke(invites, "acme", &n, err, sizeof err),
	    BROKER_OK);
	assert_int_equal(n, 1);
	expect(post(more, 24), "invite_revoked");
	expect(post(other, 24), NULL);
	assert_int_equal(invites_revoke(invites, "acme", &n, err, sizeof err),
	    BROKER_OK);
	assert_int_equal(n, 0);
	assert_int_equal(invites_revoke(invites, "none", &n, err, sizeof err),
	    BROKER_NONE);
	freezero_str(one);
	freezero_str(more);
	freezero_str(other);
}

static void
test_no_owner(void **state)
{
	char			*token = make("acme", INVITE_MEMBER, 0);
	struct msg_invite_make	 ask = { .mesh = "acme", .url = URL };
	char			*none, err[200];

	(void)state;
	sql("CREATE TEMP TABLE kept AS SELECT id, owner_seckey FROM mesh;"
	    "UPDATE mesh SET owner_seckey = x'00'");
	expect(post(token, 25), "mesh_missing_owner_key");
	assert_int_equal(invites_make(invites, &ask, &none, err, sizeof err),
	    BROKER_REFUSED);
	assert_null(none);
	sql("UPDATE mesh SET owner_seckey = (SELECT owner_seckey FROM kept"
	    " WHERE kept.id = mesh.id); DROP TABLE kept");
	expect(post(token, 25), NULL);
	freezero_str(token);
}

/* A key that others write to already is not to be taken over. */
static void
test_keys_in_use(void **state)
{
	char	*token = make("local", INVITE_MEMBER, 0);
	char	 hex[2 * KEY_PUBLIC_LEN + 1];
	json_t	*o;

	(void)state;
	o = post(token, 0);
	json_object_set_new(o, "peer_pubkey", json_string(hex_encode(hex,
	    help_pubkey(2), KEY_PUBLIC_LEN)));	/* alice's session */
	expect(o, "this key is in use in the mesh");

	o = post(token, 26);
	expect(o, NULL);
	sql("UPDATE member SET revoked_at = 1 WHERE name = 'dora'");
	expect(post(token, 26), "this key was banned from the mesh");
	sql("UPDATE member SET revoked_at = NULL");
	freezero_str(token);
}

static void
test_malformed(void **state)
{
	static const struct {
		const char	*key, *json, *why;
	} bad[] = {
		{ "invite_token", "\"\"", "invite_token must be" },
		{ "invite_token", "7", "invite_token must be" },
		{ "invite_token", "null", "invite_token must be" },
		{ "invite_payload", "null", "invite_payload must be" },
		{ "invite_payload", "{}", "invite_payload must be" },
		{ "invite_payload", "\"x\"", "invite_payload must be" },
		{ "peer_pubkey", "\"00\"", "peer_pubkey must be" },
		{ "peer_pubkey", "[]", "peer_pubkey must be" },
		{ "display_name", "\"\"", "display_name must be" },
		{ "display_name", "\"a\\u0001\"", "display_name must be" },
		{ "display_name", "false", "display_name must be" },
	};
	char		*token = make("acme", INVITE_MEMBER, 0);
	struct joined	 j;
	const char	*why;
	json_t		*o;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		o = post(token, 27);
		json_object_set_new(o, bad[i].key, json_loads(bad[i].json,
		    JSON_DECODE_ANY, NULL));
		why = invites_join(invites, o, &j);
		assert_non_null(why);
		assert_memory_equal(why, bad[i].why, strlen(bad[i].why));
		json_object_del(o, bad[i].key);
		assert_non_null(invites_join(invites, o, &j));
		json_decref(o);
	}
	freezero_str(token);
}

/* Two that say the same are two; nothing of a token is in the file. */
static void
test_tokens(void **state)
{
	struct msg_invite_make	 ask = { .mesh = "acme", .url = URL,
				    .max_uses = 1,
				    .expires_at = INT64_C(4102444800) };
	char			*token[3], err[200];
	int			 i;
	int64_t			 at[3];

	(void)state;
	for (i = 0; i < 3; i++) {
		ask.expires_at = INT64_C(4102444800);
		assert_int_equal(invites_make(invites, &ask, &token[i], err,
		    sizeof err), BROKER_OK);
		at[i] = ask.expires_at;
	}
	assert_true(at[0] < at[1] && at[1] < at[2]);
	for (i = 0; i < 3; i++) {
		expect(post(token[i], (uint8_t)(30 + i)), NULL);
		expect(post(token[i], 40), "invite_exhausted");
		freezero_str(token[i]);
	}
	ask.url[0] = '\0';
	assert_int_equal(invites_make(invites, &ask, &token[0], err,
	    sizeof err), BROKER_REFUSED);
	strcpy(ask.mesh, "none");
	assert_int_equal(invites_make(invites, &ask, &token[0], err,
	    sizeof err), BROKER_NONE);
}

static void
test_meshes(void **state)
{
	struct msg_mesh_make	ask = { .mesh = "acme", .name = "x" };
	char			id[MEMBERS_ID_SIZE], member[MEMBERS_ID_SIZE];
	char			err[200];

	(void)state;
	assert_int_equal(invites_mesh(invites, &ask, id, member, err,
	    sizeof err), BROKER_EXISTS);
	strcpy(ask.mesh, "Acme");
	assert_int_equal(invites_mesh(invites, &ask, id, member, err,
	    sizeof err), BROKER_REFUSED);
	strcpy(ask.mesh, "second");
	ask.name[0] = '\0';
	assert_int_equal(invites_mesh(invites, &ask, id, member, err,
	    sizeof err), BROKER_REFUSED);
	strcpy(ask.name, "y");
	assert_int_equal(invites_mesh(invites, &ask, id, member, err,
	    sizeof err), BROKER_OK);
	assert_string_not_equal(id, mesh_id);
	assert_int_equal(db_commit(help_db), 0);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		T(test_join),
		T(test_roles),
		T(test_forged),
		T(test_of_another_mesh),
		T(test_over),
		T(test_revoked),
		T(test_no_owner),
		T(test_keys_in_use),
		T(test_malformed),
		T(test_tokens),
		T(test_meshes),
	};

	if (sodium_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
