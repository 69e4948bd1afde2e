/*
 * text.c and table.c: nothing that a peer wrote does more to a terminal than
 * be read, and tables line up by what they show.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "supervisor/cli/table.h"
#include "supervisor/cli/text.h"

static void
clean_is(const char *in, enum text_kind kind, const char *want)
{
	char	*got = text_clean(in, kind);

	assert_string_equal(got, want);
	free(got);
}

static void
plain_text_stays(void **state)
{
	(void)state;
	clean_is("hello", TEXT_LINE, "hello");
	clean_is("h\xc3\xa9llo \xe4\xbd\xa0\xe5\xa5\xbd \xf0\x9f\x90\x9f",
	    TEXT_LINE,
	    "h\xc3\xa9llo \xe4\xbd\xa0\xe5\xa5\xbd \xf0\x9f\x90\x9f");
	clean_is("", TEXT_LINE, "");
	clean_is(NULL, TEXT_LINE, "");
}

static void
control_characters_become_visible(void **state)
{
	(void)state;
	clean_is("a\033[31mb", TEXT_LINE, "a\xe2\x90\x9b[31mb");
	clean_is("a\177b", TEXT_LINE, "a\xe2\x90\xa1" "b");
	clean_is("a\nb\tc\r", TEXT_LINE,
	    "a\xe2\x90\x8a" "b\xe2\x90\x89" "c\xe2\x90\x8d");
	clean_is("a\nb\tc\r\nd\re", TEXT_BLOCK, "a\nb\tc\nd\xe2\x90\x8d" "e");
	/* C1: CSI as one character, in UTF-8 and as a bare byte */
	clean_is("a\xc2\x9b" "31m", TEXT_LINE, "a\xef\xbf\xbd" "31m");
	clean_is("a\x9b" "31m", TEXT_LINE, "a\xef\xbf\xbd" "31m");
}

static void
marks_that_reorder_become_visible(void **state)
{
	static const char	*marks[] = { "\xe2\x80\xae", "\xe2\x81\xa6",
				    "\xe2\x80\x8f", "\xd8\x9c", "\xef\xbb\xbf",
				    "\xe2\x80\xa8", "\xf3\xa0\x81\x81" };
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof marks / sizeof *marks; i++)
		clean_is(marks[i], TEXT_BLOCK, "\xef\xbf\xbd");
}

static void
broken_utf8_becomes_visible(void **state)
{
	(void)state;
	clean_is("\xc0\x80", TEXT_LINE, "\xef\xbf\xbd\xef\xbf\xbd");
	clean_is("\xed\xa0\x80x", TEXT_LINE,
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx");
	clean_is("\xe4\xbd", TEXT_LINE, "\xef\xbf\xbd\xef\xbf\xbd");
	clean_is("\xc3(", TEXT_LINE, "\xef\xbf\xbd(");
}

static void
nul_inside_becomes_visible(void **state)
{
	char	*got = text_clean_n("a\0b", 3, TEXT_LINE);

	(void)state;
	assert_string_equal(got, "a\xe2\x90\x80" "b");
	free(got);
}

static void
width_counts_columns(void **state)
{
	(void)state;
	assert_int_equal(text_width("abc"), 3);
	assert_int_equal(text_width("\xc3\xa9"), 1);
	assert_int_equal(text_width("\xe4\xbd\xa0"), 2);
	assert_int_equal(text_width("e\xcc\x81"), 1);
}

static void
cut_is(const char *in, size_t width, const char *want)
{
	char	 s[64];

	strcpy(s, in);
	text_cut(s, width);
	assert_string_equal(s, want);
}

static void
cut_keeps_whole_characters(void **state)
{
	(void)state;
	cut_is("abcdef", 6, "abcdef");
	cut_is("abcdefgh", 5, "abcd\xe2\x80\xa6");
	cut_is("abcdefgh", 7, "abcdef.");
	cut_is("\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xbd\xa0", 4,
	    "\xe4\xbd\xa0\xe2\x80\xa6");
}

static void
times_and_durations(void **state)
{
	static const struct { long long s; const char *want; } cases[] = {
		{ -1, "0s" }, { 59, "59s" }, { 125, "2m 5s" },
		{ 15000, "4h 10m" }, { 284400, "3d 7h" } };
	size_t	 i;
	char	*got;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		got = text_duration(cases[i].s);
		assert_string_equal(got, cases[i].want);
		free(got);
	}
	setenv("TZ", "UTC-2", 1);
	tzset();
	got = text_time("2026-11-23T22:43:14.004Z");
	assert_string_equal(got, "2026-11-24 00:43:14");
	free(got);
	got = text_time("\033]0;x\a");
	assert_string_equal(got, "\xe2\x90\x9b]0;x\xe2\x90\x87");
	free(got);
	got = text_time(NULL);
	assert_string_equal(got, "-");
	free(got);
}

static void
quoted_for_a_shell(void **state)
{
	static const char	*cases[][2] = { { "/a/b.token", "/a/b.token" },
				    { "", "''" }, { "a b", "'a b'" },
				    { "it's", "'it'\\''s'" },
				    { "$(x)", "'$(x)'" } };
	size_t			 i;
	char			*got;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		got = text_quote(cases[i][0]);
		assert_string_equal(got, cases[i][1]);
		free(got);
	}
}

static void
table_lines_up(void **state)
{
	static const char *const heads[] = { "NAME", ">N", "LAST", NULL };
	struct table		*t = table_new(heads);
	char			*text = NULL;
	size_t			 len;
	FILE			*f = open_memstream(&text, &len);

	(void)state;
	assert_non_null(f);
	table_add(t, "\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xbd\xa0");
	table_addf(t, "%d", 7);
	table_add(t, "x");
	table_add(t, "a\033[2J");
	table_addf(t, "%d", 1234);
	table_add(t, NULL);
	table_end(&t, f, 0, "nothing");
	fclose(f);
	assert_string_equal(text,
	    "NAME       N  LAST\n"
	    "\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xbd\xa0     7  x\n"
	    "a\xe2\x90\x9b[2J   1234  -\n");
	free(text);
	assert_null(t);
}

static void
table_of_nothing_says_so(void **state)
{
	static const char *const heads[] = { "NAME", NULL };
	struct table		*t = table_new(heads);
	char			*text = NULL;
	size_t			 len;
	FILE			*f = open_memstream(&text, &len);

	(void)state;
	assert_non_null(f);
	table_end(&t, f, 1, "no names");
	fclose(f);
	assert_string_equal(text, "no names\n");
	free(text);
}

/* Only the line end of the format itself is one. */
static void
printed_lines_are_clean(void **state)
{
	char	 got[64] = "";
	FILE	*f = tmpfile();
	int	 saved = dup(STDOUT_FILENO);

	(void)state;
	assert_non_null(f);
	fflush(stdout);
	dup2(fileno(f), STDOUT_FILENO);
	text_printf("%s %d\n", "a\n\033", 7);
	text_printf("%s", "b\n");
	text_printf("\n");
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	rewind(f);
	assert_true(fread(got, 1, sizeof got - 1, f) > 0);
	fclose(f);
	assert_string_equal(got, "a\xe2\x90\x8a\xe2\x90\x9b 7\n"
	    "b\xe2\x90\x8a\n");
}

/* Last: it changes how everything is written from then on. */
static void
other_locale_gets_ascii(void **state)
{
	(void)state;
	setenv("LC_ALL", "C", 1);
	text_init(1);
	clean_is("h\xc3\xa9\033[1m", TEXT_LINE, "h??[1m");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_text_stays),
		cmocka_unit_test(control_characters_become_visible),
		cmocka_unit_test(marks_that_reorder_become_visible),
		cmocka_unit_test(broken_utf8_becomes_visible),
		cmocka_unit_test(nul_inside_becomes_visible),
		cmocka_unit_test(width_counts_columns),
		cmocka_unit_test(cut_keeps_whole_characters),
		cmocka_unit_test(times_and_durations),
		cmocka_unit_test(quoted_for_a_shell),
		cmocka_unit_test(table_lines_up),
		cmocka_unit_test(table_of_nothing_says_so),
		cmocka_unit_test(printed_lines_are_clean),
		cmocka_unit_test(other_locale_gets_ascii),
	};

	setenv("LC_ALL", "C.UTF-8", 1);
	text_init(1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
