/*
 * supervisor/mesh.c: a mesh file is taken when all of it is right, and else
 * the fault is named and the file left out; what is written is read again.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/encode.h"
#include "fds.h"
#include "scratch.h"
#include "supervisor/mesh.h"

#define NOBODY	65534

static uint8_t		 pub[KEY_PUBLIC_LEN], sec[KEY_SECRET_LEN];
static struct mesh	 m;
static uint8_t		 got[KEY_SECRET_LEN];
static char		 err[512];
static int		 before;

static int
group(void **state)
{
	if (sodium_init() == -1)
		return -1;
	crypto_sign_keypair(pub, sec);
	return scratch_make(state);
}

static int
setup(void **state)
{
	scratch_clean(state);
	before = fds_count();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	mesh_clear(&m);
	return fds_count() == before ? 0 : -1;
}

/* A good one, all members that we know. */
static json_t *
good(void)
{
	char	p[2 * KEY_PUBLIC_LEN + 1], s[2 * KEY_SECRET_LEN + 1];

	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:i,s:[iii]}",
	    "meshId", "mesh-1", "memberId", "member-1", "slug", "team",
	    "name", "The Team", "displayName", "Alice",
	    "pubkey", hex_encode(p, pub, sizeof pub),
	    "secretKey", hex_encode(s, sec, sizeof sec),
	    "brokerUrl", "wss://broker.example.org/ws",
	    "joinedAt", "2026-11-23T22:05:09.754Z",
	    "owner", 1000, "users", 1001, 1002, 0);
}

/* Write o, which is taken, as name.json. */
static const char *
write_json(const char *name, json_t *o)
{
	char		*text = json_dumps(o, JSON_ENCODE_ANY);
	const char	*path;

	assert_non_null(text);
	path = scratch_write(name, 0600, text, strlen(text));
	free(text);
	json_decref(o);
	return path;
}

static int
read_file(const char *name)
{
	mesh_clear(&m);
	memset(got, 0x55, sizeof got);
	return mesh_read(scratch(name), &m, got, err, sizeof err);
}

static void
expect_file(const char *name)
{
	if (read_file(name) == -1)
		fail_msg("%s", err);
}

/* Refused, with its path and this; and no secret is left. */
static void
expect_fault(const char *name, const char *why)
{
	if (read_file(name) != -1)
		fail_msg("passed: no \"%s\"", why);
	if (strstr(err, scratch(name)) != err || strstr(err, why) == NULL)
		fail_msg("%s; not: %s", err, why);
	assert_memory_not_equal(got, sec, sizeof sec);
	assert_null(m.path);
	assert_null(strstr(err, "secretKey\":"));
}

/* The good one with another value (taken) of one member; NULL: without. */
static void
put_with(const char *member, json_t *value)
{
	json_t	*o = good();

	if (value == NULL)
		json_object_del(o, member);
	else
		assert_int_equal(json_object_set_new(o, member, value), 0);
	write_json("m.json", o);
}

static void
expect_with(const char *member, json_t *value)
{
	put_with(member, value);
	expect_file("m.json");
}

static void
expect_fault_with(const char *member, json_t *value, const char *why)
{
	put_with(member, value);
	expect_fault("m.json", why);
}

/* n times x. */
static json_t *
text(size_t n)
{
	char	buf[2048];

	memset(buf, 'x', n);
	return json_stringn(buf, n);
}

static void
test_read(void **state)
{
	(void)state;
	write_json("m.json", good());
	expect_file("m.json");
	assert_string_equal(m.path, scratch("m.json"));
	assert_string_equal(m.slug, "team");
	assert_string_equal(m.name, "The Team");
	assert_string_equal(m.mesh_id, "mesh-1");
	assert_string_equal(m.member_id, "member-1");
	assert_string_equal(m.display_name, "Alice");
	assert_memory_equal(m.pub, pub, sizeof pub);
	assert_memory_equal(got, sec, sizeof sec);
	assert_string_equal(m.url, "wss://broker.example.org/ws");
	assert_string_equal(m.host, "broker.example.org");
	assert_int_equal(m.port, 443);
	assert_true(m.tls);
	assert_false(m.embedded);
	assert_int_equal(m.owner_uid, 1000);
	assert_int_equal(m.users.n, 3);
	assert_true(m.users.v[0] == 1001 && m.users.v[2] == 0);

	/* Without the secret, which is checked all the same. */
	mesh_clear(&m);
	assert_null(m.path);
	assert_int_equal(mesh_read(scratch("m.json"), &m, NULL, err,
	    sizeof err), 0);
}

/* What the reference client leaves out, or has besides. */
static void
test_optional(void **state)
{
	(void)state;
	expect_with("name", NULL);
	assert_string_equal(m.name, "team");
	expect_with("name", json_string(""));
	assert_string_equal(m.name, "team");
	expect_with("displayName", NULL);
	assert_string_equal(m.display_name, "");
	expect_with("displayName", json_null());
	expect_with("joinedAt", NULL);
	expect_with("owner", NULL);
	assert_true(m.owner_uid == geteuid());
	expect_with("owner", json_integer(0));
	assert_int_equal(m.owner_uid, 0);
	expect_with("users", NULL);
	assert_int_equal(m.users.n, 0);
	expect_with("users", json_array());
	assert_int_equal(m.users.n, 0);
	expect_with("later", json_pack("{s:[]}", "x"));
	expect_with("brokerUrl", json_string(MESH_EMBEDDED));
	assert_true(m.embedded);
	assert_string_equal(m.host, "");
}

static void
test_strings(void **state)
{
	static const struct {
		const char	*member, *why;
		size_t		 max;
		int		 must;
	} strings[] = {
		{ "slug", "\"slug\" must be 1 to 64 of", 64, 1 },
		{ "meshId", "\"meshId\" must be a string of at most 128", 128,
		    1 },
		{ "memberId", "\"memberId\" must be a string of at most 128",
		    128, 1 },
		{ "name", "\"name\" must be a string of at most 128", 128, 0 },
		{ "displayName", "\"displayName\" must be a string of at most "
		    "128", 128, 0 },
	};
	size_t	i;

	(void)state;
	for (i = 0; i < sizeof strings / sizeof *strings; i++) {
		expect_with(strings[i].member, text(strings[i].max));
		expect_fault_with(strings[i].member, text(strings[i].max + 1),
		    strings[i].why);
		expect_fault_with(strings[i].member, json_integer(1),
		    strings[i].why);
		expect_fault_with(strings[i].member, json_array(),
		    strings[i].why);
		if (!strings[i].must)
			continue;
		expect_fault_with(strings[i].member, NULL, strings[i].why);
		expect_fault_with(strings[i].member, json_null(),
		    strings[i].why);
		expect_fault_with(strings[i].member, json_string(""),
		    strings[i].why);
	}
}

static void
test_slug(void **state)
{
	static const char	*const yes[] = { "a", "A9._-", "-", "_x",
				    "local" };
	static const char	*const no[] = { "", ".", "..", ".x", "a/b",
				    "a b", "a\n", "\xc3\xbc", "a\\", "a%" };
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof yes / sizeof *yes; i++)
		assert_true(mesh_slug_valid(yes[i]));
	for (i = 0; i < sizeof no / sizeof *no; i++)
		assert_false(mesh_slug_valid(no[i]));
	expect_fault_with("slug", json_string("../up"), "\"slug\" must be");
}

static void
test_keys(void **state)
{
	const char	*why = "\"pubkey\" and \"secretKey\" must be a pair";
	uint8_t		 p2[KEY_PUBLIC_LEN], s2[KEY_SECRET_LEN];
	char		 hex[2 * KEY_SECRET_LEN + 1];

	(void)state;
	expect_fault_with("pubkey", NULL, why);
	expect_fault_with("secretKey", NULL, why);
	expect_fault_with("pubkey", json_integer(1), why);
	expect_fault_with("secretKey", json_string(""), why);
	expect_fault_with("pubkey", text(64), why);
	hex_encode(hex, sec, sizeof sec);
	hex[126] = '\0';
	expect_fault_with("secretKey", json_string(hex), why);
	/* Of another pair; with another seed before the right half. */
	crypto_sign_keypair(p2, s2);
	expect_fault_with("pubkey", json_string(hex_encode(hex, p2,
	    sizeof p2)), why);
	expect_fault_with("secretKey", json_string(hex_encode(hex, s2,
	    sizeof s2)), why);
	memcpy(s2 + 32, sec + 32, 32);
	expect_fault_with("secretKey", json_string(hex_encode(hex, s2,
	    sizeof s2)), why);
}

/* Ids of n users, from the first. */
static json_t *
ids(size_t n, json_int_t first)
{
	json_t	*a = json_array();

	for (; n > 0; n--)
		json_array_append_new(a, json_integer(first++));
	return a;
}

static void
test_people(void **state)
{
	const char	*why = "\"owner\" must be a user id, \"users\" a list";

	(void)state;
	expect_with("owner", json_integer(4294967294));
	expect_with("users", ids(MSG_UIDS_MAX, 5));
	assert_int_equal(m.users.n, MSG_UIDS_MAX);
	expect_fault_with("owner", json_integer(-1), why);
	expect_fault_with("owner", json_integer(4294967295), why);
	expect_fault_with("owner", json_integer(4294967296), why);
	expect_fault_with("owner", json_string("0"), why);
	expect_fault_with("owner", json_real(1), why);
	expect_fault_with("owner", json_null(), why);
	expect_fault_with("owner", json_false(), why);
	expect_fault_with("users", ids(MSG_UIDS_MAX + 1, 5), why);
	expect_fault_with("users", ids(2, -1), why);
	expect_fault_with("users", ids(2, 4294967294), why);
	expect_fault_with("users", json_integer(1), why);
	expect_fault_with("users", json_pack("[s]", "root"), why);
	expect_fault_with("users", json_object(), why);
}

static void
test_url_fault(void **state)
{
	(void)state;
	expect_fault_with("brokerUrl", NULL, "\"brokerUrl\" is missing");
	expect_fault_with("brokerUrl", json_integer(1),
	    "\"brokerUrl\" is missing");
	expect_fault_with("brokerUrl", json_string("http://x/ws"),
	    "\"brokerUrl\" must be ws://host:port/ws");
	expect_fault_with("brokerUrl", json_string("Embedded"),
	    "\"brokerUrl\" must be");
}

/* ---- files ---- */

static void
test_file_mode(void **state)
{
	static const mode_t	bad[] = { 0604, 0640, 0610, 0602, 0666 };
	const char		*path;
	size_t			 i;

	(void)state;
	path = write_json("m.json", good());
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(chmod(path, bad[i]), 0);
		expect_fault("m.json", "others can read the member's secret "
		    "key (mode 06");
	}
	assert_int_equal(chmod(scratch("m.json"), 0400), 0);
	expect_file("m.json");
}

static void
test_file_kind(void **state)
{
	(void)state;
	expect_fault("none.json", "No such file");
	write_json("m.json", good());
	assert_int_equal(symlink("m.json", scratch("link.json")), 0);
	expect_fault("link.json", "a symbolic link");
	assert_int_equal(mkdir(scratch("dir.json"), 0700), 0);
	expect_fault("dir.json", "not a regular file");
	assert_int_equal(mkfifo(scratch("fifo.json"), 0600), 0);
	expect_fault("fifo.json", "not a regular file");
	if (geteuid() != 0)
		return;
	assert_int_equal(chown(scratch("m.json"), NOBODY, NOBODY), 0);
	expect_fault("m.json", "it belongs to uid 65534, and must belong to "
	    "uid 0: chown it");
}

static void
put_text(const char *s)
{
	scratch_write("m.json", 0600, s, strlen(s));
}

static void
test_file_content(void **state)
{
	static char	 big[MESH_FILE_MAX + 2];
	char		*s;
	json_t		*o;

	(void)state;
	put_text("");
	expect_fault("m.json", ":1: not a JSON object");
	put_text("{\n\"slug\":\n}");
	expect_fault("m.json", ":3: not a JSON object");
	put_text("[]");
	expect_fault("m.json", ":1: not a JSON object");
	put_text("{\"slug\":\"a\",\"slug\":\"b\"}");
	expect_fault("m.json", "not a JSON object");
	put_text("{\"slug\":\"a\\u0000b\"}");
	expect_fault("m.json", "not a JSON object");
	put_text("{} {}");
	expect_fault("m.json", "not a JSON object");
	memset(big, '[', sizeof big - 1);
	big[MESH_FILE_MAX] = '\0';
	put_text(big);
	expect_fault("m.json", "not a JSON object");

	/* As large as it may be, and one byte more. */
	assert_non_null(s = json_dumps(o = good(), 0));
	json_decref(o);
	memset(big, ' ', sizeof big - 1);
	memcpy(big, s, strlen(s));
	free(s);
	big[MESH_FILE_MAX] = '\0';
	put_text(big);
	expect_file("m.json");
	big[MESH_FILE_MAX] = ' ';
	put_text(big);
	expect_fault("m.json", "File too large");
}

/* ---- all of a directory ---- */

static char	 slugs[64];
static unsigned	 faults;

static void
each_cb(void *arg, struct mesh *each)
{
	size_t	used = strlen(slugs);

	assert_ptr_equal(arg, slugs);
	assert_non_null(each->path);
	if (snprintf(slugs + used, sizeof slugs - used, "%s", each->slug) >=
	    (int)(sizeof slugs - used))
		fail_msg("too many: %s", slugs);
}

static void
fault_cb(void *arg, const char *why)
{
	assert_ptr_equal(arg, slugs);
	snprintf(err, sizeof err, "%s", why);
	faults++;
}

static int
each(const char *dir)
{
	slugs[0] = '\0';
	faults = 0;
	return mesh_each(scratch(dir), each_cb, fault_cb, slugs);
}

static void
put_slug(const char *name, const char *slug)
{
	json_t	*o = good();

	json_object_set_new(o, "slug", json_string(slug));
	write_json(name, o);
}

static void
test_each(void **state)
{
	(void)state;
	assert_int_equal(each(""), 0);
	assert_string_equal(slugs, "");
	put_slug("c.json", "c");
	put_slug("a.json", "a");
	put_slug("b.json", "b");
	put_slug(".hidden.json", "x");
	put_slug("d.json.new", "x");
	put_slug("d.jso", "x");
	put_slug(".json", "x");
	assert_int_equal(each(""), 0);
	assert_string_equal(slugs, "abc");
	assert_int_equal(faults, 0);

	/* One with a fault does not stand in the way of the others. */
	put_slug("b.json", "no slug");
	assert_int_equal(symlink("a.json", scratch("e.json")), 0);
	assert_int_equal(each(""), 0);
	assert_string_equal(slugs, "ac");
	assert_int_equal(faults, 2);

	assert_int_equal(each("none"), -1);
	assert_int_equal(each("a.json"), -1);
}

/* ---- write ---- */

static void
test_write(void **state)
{
	struct mesh	w;
	mode_t		old;

	(void)state;
	write_json("m.json", good());
	expect_file("m.json");
	w = m;
	memset(&m, 0, sizeof m);
	free(w.path);
	w.path = strdup(scratch("w.json"));
	old = umask(0);
	assert_int_equal(mesh_write(&w, sec, err, sizeof err), 0);
	umask(old);
	assert_int_equal(scratch_mode("w.json"), 0600);
	expect_file("w.json");
	assert_string_equal(m.slug, w.slug);
	assert_string_equal(m.name, w.name);
	assert_string_equal(m.mesh_id, w.mesh_id);
	assert_string_equal(m.member_id, w.member_id);
	assert_string_equal(m.display_name, w.display_name);
	assert_string_equal(m.url, w.url);
	assert_memory_equal(m.pub, pub, sizeof pub);
	assert_memory_equal(got, sec, sizeof sec);
	assert_true(m.owner_uid == w.owner_uid && m.users.n == w.users.n);
	assert_memory_equal(m.users.v, w.users.v, 3 * sizeof w.users.v[0]);

	/* Not text: said, and the file stays as it was. */
	strcpy(w.name, "\xff");
	assert_int_equal(mesh_write(&w, sec, err, sizeof err), -1);
	assert_non_null(strstr(err, "w.json: cannot encode it"));
	expect_file("w.json");
	strcpy(w.name, "x");
	free(w.path);
	w.path = strdup(scratch("none/w.json"));
	assert_int_equal(mesh_write(&w, sec, err, sizeof err), -1);
	assert_non_null(strstr(err, "none/w.json: No such file"));
	mesh_clear(&w);
}

#define TEST(t)	cmocka_unit_test_setup_teardown(t, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		TEST(test_read),
		TEST(test_optional),
		TEST(test_strings),
		TEST(test_slug),
		TEST(test_keys),
		TEST(test_people),
		TEST(test_url_fault),
		TEST(test_file_mode),
		TEST(test_file_kind),
		TEST(test_file_content),
		TEST(test_each),
		TEST(test_write),
	};

	return cmocka_run_group_tests(tests, group, scratch_remove);
}
