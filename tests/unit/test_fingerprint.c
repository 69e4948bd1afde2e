/*
 * fingerprint.c, and canon.c below it, against the reference implementation;
 * and that every part counts, in its place.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/canon.h"
#include "common/encode.h"
#include "common/fingerprint.h"
#include "common/xalloc.h"
#include "vectors.h"

/* The body of a case: as a string, or as [string, times]. */
static char *
body_of(const json_t *v)
{
	const json_t	*repeat = json_object_get(v, "body_repeat");
	const char	*unit;
	char		*s;
	size_t		 i, n, len;

	if (repeat == NULL)
		return xstrdup(vectors_string(v, "body"));
	unit = json_string_value(json_array_get(repeat, 0));
	n = json_number_value(json_array_get(repeat, 1));
	len = strlen(unit);
	s = xcalloc(n * len + 1, 1);
	for (i = 0; i < n; i++)
		memcpy(s + i * len, unit, len);
	return s;
}

static void
expect_case(const json_t *v)
{
	const json_t	*meta = json_object_get(v, "meta");
	const char	*canonical = vectors_string(v, "meta_canonical_json");
	char		*body = body_of(v), *dumped = NULL;
	char		 hex[2 * FINGERPRINT_LEN + 1];
	uint8_t		 out[FINGERPRINT_LEN];

	assert_int_equal(vectors_integer(v, "envelope_version"), 1);
	if (meta != NULL) {
		assert_non_null(dumped = canon_dump(meta));
		assert_string_equal(dumped, canonical);
	} else
		assert_string_equal("", canonical);
	fingerprint_compute(out, vectors_string(v, "destination_kind"),
	    vectors_string(v, "destination_ref"),
	    json_string_value(json_object_get(v, "reply_to_id")),
	    vectors_string(v, "priority"), dumped, body, strlen(body));
	assert_string_equal(hex_encode(hex, out, sizeof out),
	    vectors_string(v, "fingerprint_hex"));
	hex[16] = '\0';
	assert_string_equal(hex, vectors_string(v, "fingerprint_prefix"));
	free(dumped);
	free(body);
}

static void
test_vectors(void **state)
{
	const json_t	*cases;
	json_t		*file;
	size_t		 i;

	(void)state;
	assert_non_null(file = vectors_load());
	cases = json_object_get(file, "request_fingerprints");
	assert_true(json_array_size(cases) >= 9);
	for (i = 0; i < json_array_size(cases); i++)
		expect_case(json_array_get(cases, i));
	json_decref(file);
}

/* Requests that differ in one part, or in where one ends. */
static void
test_parts(void **state)
{
	static const struct {
		const char	*kind, *ref, *reply_to, *priority, *meta;
		const char	*body;
	} cases[] = {
		{ "dm", "ref", NULL, "next", NULL, "body" },
		{ "topic", "ref", NULL, "next", NULL, "body" },
		{ "dm", "re", NULL, "next", NULL, "body" },
		{ "dm", "ref", "r", "next", NULL, "body" },
		{ "dm", "refr", NULL, "next", NULL, "body" },
		{ "dm", "ref", NULL, "now", NULL, "body" },
		{ "dm", "ref", NULL, "next", "{}", "body" },
		{ "dm", "ref", NULL, "next", NULL, "Body" },
		{ "dm", "ref", NULL, "next", NULL, "" },
	};
	enum { N = sizeof cases / sizeof *cases };
	uint8_t			 out[N][FINGERPRINT_LEN];
	uint8_t			 absent[FINGERPRINT_LEN];
	size_t			 i, j;

	(void)state;
	for (i = 0; i < N; i++) {
		fingerprint_compute(out[i], cases[i].kind, cases[i].ref,
		    cases[i].reply_to, cases[i].priority, cases[i].meta,
		    cases[i].body, strlen(cases[i].body));
		for (j = 0; j < i; j++)
			assert_memory_not_equal(out[i], out[j],
			    FINGERPRINT_LEN);
	}
	/* Absent is empty, as the reference has it. */
	fingerprint_compute(absent, "dm", "ref", "", "next", "", "body", 4);
	assert_memory_equal(absent, out[0], FINGERPRINT_LEN);
	/* A body is bytes. */
	fingerprint_compute(absent, "dm", "ref", NULL, "next", NULL,
	    "body\0x", 6);
	assert_memory_not_equal(absent, out[0], FINGERPRINT_LEN);
}

static void
expect_destination(const char *to, const char *kind, const char *ref)
{
	const char	*k = NULL, *r = NULL;

	fingerprint_destination(to, &k, &r);
	assert_string_equal(k, kind);
	assert_string_equal(r, ref);
}

static void
test_destination(void **state)
{
	(void)state;
	expect_destination("@deploys", "topic", "deploys");
	expect_destination("@all", "topic", "all");
	expect_destination("@", "topic", "");
	expect_destination("@@x", "topic", "@x");
	expect_destination("*", "topic", "*");
	expect_destination("**", "dm", "**");
	expect_destination("#general", "dm", "#general");
	expect_destination("Mou", "dm", "Mou");
	expect_destination("", "dm", "");
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_destination),
	};

	if (sodium_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
