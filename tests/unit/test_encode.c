/* encode.c: strict decoders, and UTF-8 with every way to be malformed. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/encode.h"

static void
test_hex(void **state)
{
	const uint8_t	 raw[] = { 0x00, 0x7f, 0x80, 0xff };
	uint8_t		 back[4];
	char		 out[9];

	(void)state;
	assert_string_equal(hex_encode(out, raw, sizeof raw), "007f80ff");
	assert_int_equal(hex_decode(back, 4, out), 0);
	assert_memory_equal(back, raw, 4);
	assert_string_equal(hex_encode(out, raw, 0), "");
	assert_int_equal(hex_decode(back, 0, ""), 0);
}

static void
test_hex_refused(void **state)
{
	static const char	*const bad[] = {
		"", "0", "00ff", "00ff00f", "00ff00ff0", "00ff00ff00",
		"00FF00FF", "00ff00fF", "00ff00fg", "00ff00f ", " 0ff00ff",
		"0x00ff00", "00ff00f\xb0", "00:f00ff", "00ff00f`",
	};
	uint8_t			 back[4];
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(hex_decode(back, 4, bad[i]), -1);
		assert_false(hex_is(bad[i], 8));
	}
	assert_int_equal(hex_decode(back, 4, NULL), -1);
	assert_false(hex_is(NULL, 0));
	assert_true(hex_is("00ff00ff", 8));
	assert_true(hex_is("", 0));
	assert_true(hex_is("abc", 3));
}

static void
test_base64(void **state)
{
	/* RFC 4648, section 10 */
	static const char	*const cases[][2] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" },
		{ "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
		{ "\xfb\xff\xbf", "+/+/" },
	};
	char			 out[16], back[16];
	size_t			 i, len, n;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		len = strlen(cases[i][0]);
		n = base64_size(len);
		assert_int_equal(n, strlen(cases[i][1]) + 1);
		assert_string_equal(base64_encode(out, n, cases[i][0], len),
		    cases[i][1]);
		assert_null(base64_encode(out, n - 1, cases[i][0], len));
		assert_int_equal(base64_decode(back, len, &n, cases[i][1],
		    strlen(cases[i][1])), 0);
		assert_int_equal(n, len);
		assert_memory_equal(back, cases[i][0], len);
		if (len > 0)
			assert_int_equal(base64_decode(back, len - 1, &n,
			    cases[i][1], strlen(cases[i][1])), -1);
	}
}

static void
test_base64_refused(void **state)
{
	static const char	*const bad[] = {
		"Z", "Zg", "Zg=", "Zg===", "Zm8", "Zm8==", "Zm9v=", "=", "==",
		"====", "Zg==Zg==", "Zg== ", " Zg==", "Z g==", "Zm9v\n",
		"Zm\n9v", "-_-_", "Zh==", "Zm9=", "Zm9v\xc3", "Zm.v",
	};
	char			 back[16];
	size_t			 i, n;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		if (base64_decode(back, sizeof back, &n, bad[i],
		    strlen(bad[i])) != -1)
			fail_msg("\"%s\" was taken", bad[i]);
	assert_int_equal(base64_decode(back, sizeof back, &n, "Zm9v\0", 5),
	    -1);
}

#define UTF8(s, text)	utf8_valid(s, sizeof(s) - 1, text)

static void
test_utf8(void **state)
{
	(void)state;
	assert_true(UTF8("", 1));
	assert_true(UTF8("plain\tone\r\ntwo", 1));
	assert_true(UTF8("\xc2\xa0 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf "
	    "\xee\x80\x80 \xef\xbf\xbf \xf0\x90\x80\x80 \xf4\x8f\xbf\xbf", 1));
	assert_false(UTF8("\x80", 0));		/* continuation alone */
	assert_false(UTF8("\xbf", 0));
	assert_false(UTF8("\xc3", 0));		/* early ends */
	assert_false(UTF8("\xe2\x82", 0));
	assert_false(UTF8("\xf0\x9f\x99", 0));
	assert_false(UTF8("\xc3(", 0));
	assert_false(UTF8("\xe2\x82(", 0));
	assert_false(UTF8("\xe2(\xa1", 0));
	assert_false(UTF8("\xf0\x9f\x99(", 0));
	assert_false(UTF8("\xc0\x80", 0));	/* long forms */
	assert_false(UTF8("\xc1\xbf", 0));
	assert_false(UTF8("\xe0\x9f\xbf", 0));
	assert_false(UTF8("\xf0\x8f\xbf\xbf", 0));
	assert_false(UTF8("\xed\xa0\x80", 0));	/* surrogates */
	assert_false(UTF8("\xed\xbf\xbf", 0));
	assert_false(UTF8("\xf4\x90\x80\x80", 0));	/* above U+10FFFF */
	assert_false(UTF8("\xf5\x80\x80\x80", 0));
	assert_false(UTF8("\xff", 0));
	assert_false(UTF8("ok\xfe", 0));
}

static void
test_utf8_text(void **state)
{
	(void)state;
	assert_true(UTF8("\0\x1b\x7f\xc2\x80\xc2\x9f", 0));
	assert_false(UTF8("a\0b", 1));
	assert_false(UTF8("\x1b[31m", 1));
	assert_false(UTF8("\x0b", 1));
	assert_false(UTF8("\x1f", 1));
	assert_false(UTF8("\x7f", 1));
	assert_false(UTF8("\xc2\x80", 1));
	assert_false(UTF8("\xc2\x9f", 1));
	assert_true(UTF8(" ~\xc2\xa0", 1));
}

static void
test_utf8_next(void **state)
{
	uint32_t	 cp = 0;

	(void)state;
	assert_int_equal(utf8_next("A", 1, &cp), 1);
	assert_int_equal(cp, 'A');
	assert_int_equal(utf8_next("\xc3\xbc", 2, &cp), 2);
	assert_int_equal(cp, 0xfc);
	assert_int_equal(utf8_next("\xe2\x9c\x93", 3, &cp), 3);
	assert_int_equal(cp, 0x2713);
	assert_int_equal(utf8_next("\xf0\x9f\x99\x82", 4, &cp), 4);
	assert_int_equal(cp, 0x1f642);
	assert_int_equal(utf8_next("\xf0\x9f\x99\x82", 3, &cp), 0);
	assert_int_equal(utf8_next("", 0, &cp), 0);
}

#define E	"\xe2\x82\xac"

static void
test_utf8_cut(void **state)
{
	static const struct {
		const char	*cut, *is;
	} t[] = {
		{ "", "" }, { "a", "a" }, { E, E }, { "a" E, "a" E },
		{ "a\xe2", "a" }, { "a\xe2\x82", "a" }, { "\xe2\x82", "" },
		{ E "\xf0\x9f\x99", E }, { "\xf0\x9f\x99\x82",
		    "\xf0\x9f\x99\x82" }, { "\x82", "\x82" },
	};
	char	text[16];
	size_t	i;

	(void)state;
	for (i = 0; i < sizeof t / sizeof *t; i++) {
		snprintf(text, sizeof text, "%s", t[i].cut);
		utf8_trim(text);
		assert_string_equal(text, t[i].is);
	}
	assert_int_equal(utf8_fit("a" E "b", 5, 9), 5);
	assert_int_equal(utf8_fit("a" E "b", 5, 5), 5);
	assert_int_equal(utf8_fit("a" E "b", 5, 4), 4);
	assert_int_equal(utf8_fit("a" E "b", 5, 3), 1);
	assert_int_equal(utf8_fit("a" E "b", 5, 2), 1);
	assert_int_equal(utf8_fit("a" E "b", 5, 1), 1);
	assert_int_equal(utf8_fit(E, 3, 2), 0);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_hex_refused),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_base64_refused),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_utf8_text),
		cmocka_unit_test(test_utf8_next),
		cmocka_unit_test(test_utf8_cut),
	};

	if (sodium_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
