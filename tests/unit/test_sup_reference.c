/*
 * supervisor/mesh_reference.c, mesh_line.c and mesh_secret(): the reference's
 * config.json is read mesh by mesh, each fault is named with its line, and the
 * file is never written.
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
#include "common/xalloc.h"
#include "fds.h"
#include "scratch.h"
#include "supervisor/mesh_impl.h"

#define MESHES	3

static uint8_t	 pub[MESHES][KEY_PUBLIC_LEN], sec[MESHES][KEY_SECRET_LEN];
static char	 seen[256], said[1024];
static int	 before;

static int
group(void **state)
{
	int	i;

	if (sodium_init() == -1)
		return -1;
	for (i = 0; i < MESHES; i++)
		crypto_sign_keypair(pub[i], sec[i]);
	return scratch_make(state);
}

static int
setup(void **state)
{
	before = fds_count();
	return scratch_clean(state);
}

static int
teardown(void **state)
{
	(void)state;
	return fds_count() == before ? 0 : -1;
}

/* One of the list: "a", "b", "c". */
static json_t *
one(int i)
{
	char	p[2 * KEY_PUBLIC_LEN + 1], s[2 * KEY_SECRET_LEN + 1];
	char	slug[2] = { (char)('a' + i), '\0' };

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}",
	    "meshId", "mesh", "memberId", "member", "slug", slug,
	    "name", "Some Mesh", "pubkey", hex_encode(p, pub[i], 32),
	    "secretKey", hex_encode(s, sec[i], 64),
	    "brokerUrl", "ws://127.0.0.1:17900/ws",
	    "joinedAt", "2026-11-23T22:46:18.005Z");
}

/* With what the reference has besides. */
static json_t *
whole(void)
{
	return json_pack("{s:[{s:s}], s:i, s:[o, o, o], s:s, s:n}",
	    "groups", "name", "g", "version", 1, "meshes", one(0), one(1),
	    one(2), "displayName", "alice", "accountId");
}

static void
put(json_t *o)
{
	char	*text = json_dumps(o, JSON_INDENT(1));

	assert_non_null(text);
	scratch_write("config.json", 0600, text, strlen(text));
	free(text);
	json_decref(o);
}

static void
each_cb(void *arg, struct mesh *m)
{
	assert_ptr_equal(arg, seen);
	assert_true(m->reference);
	assert_string_equal(m->path, scratch("config.json"));
	strcat(seen, m->slug);
	strcat(seen, m->display_name);
}

static void
fault_cb(void *arg, const char *err)
{
	assert_ptr_equal(arg, seen);
	strcat(said, err);
	strcat(said, "\n");
}

static int
each(void)
{
	seen[0] = said[0] = '\0';
	return mesh_each_reference(scratch("config.json"), each_cb, fault_cb,
	    seen);
}

/* This fault, with the file's name and this line. */
static void
expect_said(int line, const char *why)
{
	char	*want;

	xasprintf(&want, "%s:%d: %s", scratch("config.json"), line, why);
	if (strstr(said, want) != said)
		fail_msg("%s; not: %s", said, want);
	free(want);
}

static void
test_each(void **state)
{
	(void)state;
	put(whole());
	assert_int_equal(each(), 0);
	assert_string_equal(seen, "aaliceb" "alicec" "alice");
	assert_string_equal(said, "");
}

static void
test_one_fault(void **state)
{
	json_t	*o = whole(), *list = json_object_get(o, "meshes");

	(void)state;
	/* The list begins in line 8; each takes ten, brokerUrl is the 7th. */
	json_object_set_new(json_array_get(list, 1), "brokerUrl",
	    json_string("embedded"));
	put(o);
	assert_int_equal(each(), 0);
	assert_string_equal(seen, "aalice" "calice");
	expect_said(26, "mesh 2: \"brokerUrl\" must be ws://host:port/ws or "
	    "wss://");
	o = whole();
	json_array_set_new(json_object_get(o, "meshes"), 0, json_integer(7));
	json_object_del(json_array_get(json_object_get(o, "meshes"), 2),
	    "secretKey");
	put(o);
	assert_int_equal(each(), 0);
	assert_string_equal(seen, "balice");
	assert_non_null(strstr(said, "mesh 1: not an object"));
	assert_non_null(strstr(said, "mesh 3: \"pubkey\" and \"secretKey\""));
}

static void
test_all_fault(void **state)
{
	json_t	*o = whole();

	(void)state;
	json_object_set_new(o, "version", json_integer(2));
	put(o);
	assert_int_equal(each(), -1);
	expect_said(7, "\"version\" must be 1");
	o = whole();
	json_object_set_new(o, "meshes", json_object());
	put(o);
	assert_int_equal(each(), -1);
	expect_said(8, "\"meshes\" must be a list");
	scratch_write("config.json", 0600, "{\n\"version\"}", 12);
	assert_int_equal(each(), -1);
	expect_said(2, "not a JSON object");
	put(whole());
	assert_int_equal(chmod(scratch("config.json"), 0644), 0);
	assert_int_equal(each(), -1);
	assert_non_null(strstr(said, "others can read"));
	assert_int_equal(unlink(scratch("config.json")), 0);
	assert_int_equal(each(), -1);
	assert_non_null(strstr(said, "No such file"));
	assert_string_equal(seen, "");
}

static void
test_read(void **state)
{
	uint8_t		got[KEY_SECRET_LEN];
	struct mesh	m;
	char		err[MESH_ERR_SIZE];

	(void)state;
	put(whole());
	assert_int_equal(mesh_read_reference(scratch("config.json"), "b", &m,
	    got, err, sizeof err), 0);
	assert_memory_equal(m.pub, pub[1], sizeof m.pub);
	assert_memory_equal(got, sec[1], sizeof got);
	assert_string_equal(m.name, "Some Mesh");
	assert_int_equal(m.owner_uid, geteuid());

	/* Its secret again, until it is another. */
	assert_int_equal(mesh_secret(&m, got, err, sizeof err), 0);
	assert_memory_equal(got, sec[1], sizeof got);
	memcpy(m.pub, pub[2], sizeof m.pub);
	assert_int_equal(mesh_secret(&m, got, err, sizeof err), -1);
	assert_non_null(strstr(err, "it has another key than before"));
	assert_memory_not_equal(got, sec[1], sizeof got);
	strcpy(m.slug, "z");
	assert_int_equal(mesh_secret(&m, got, err, sizeof err), -1);
	assert_non_null(strstr(err, "the mesh z is not in it any more"));
	mesh_clear(&m);
}

static void
test_line(void **state)
{
	static const char	text[] =
	    "\n{ \"x\": \"y\\\"\\\\\",\n"			/* 2 */
	    "  \"in\": {\"key\": 1},\n"				/* 3 */
	    "  \"val\": \"key\",\n"				/* 4 */
	    "  \"meshes\" : [ {\"key\": {\n"			/* 5 */
	    "    \"key\": []}}, 4,\n"				/* 6 */
	    "    {\n"						/* 7 */
	    "      \"a\": [{}, {\"key\":0}], \"{\": \"}\",\n"	/* 8 */
	    "      \"key\"\n"					/* 9 */
	    "      : 1}],\n"					/* 10 */
	    "  \"key\": 1}\n";					/* 11 */

	(void)state;
	assert_int_equal(mesh_line(text, NULL, 0, "x"), 2);
	assert_int_equal(mesh_line(text, NULL, 0, "key"), 11);
	assert_int_equal(mesh_line(text, NULL, 0, "none"), 2);
	assert_int_equal(mesh_line(text, "meshes", 0, "key"), 5);
	assert_int_equal(mesh_line(text, "meshes", 1, "key"), 9);
	assert_int_equal(mesh_line(text, "meshes", 1, "none"), 7);
	assert_int_equal(mesh_line(text, "nolist", 0, "key"), 2);
	assert_int_equal(mesh_line("", NULL, 0, "key"), 1);
}

#define TEST(t)	cmocka_unit_test_setup_teardown(t, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		TEST(test_each),
		TEST(test_one_fault),
		TEST(test_all_fault),
		TEST(test_read),
		TEST(test_line),
	};

	return cmocka_run_group_tests(tests, group, scratch_remove);
}
