/* opts.c and the table of verbs: nothing is guessed, everything is said. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/cli/opts.h"
#include "supervisor/cli/verbs.h"

static const struct opt_def defs[] = {
	{ "all", NULL, "", OPT_ALL },
	{ "group", "G", "", OPT_GROUP },
	{ "name", "NAME", "", OPT_NAME },
	{ "wait", "[=WHAT]", "", OPT_WAIT },
	{ NULL, NULL, NULL, 0 }
};
static const struct opt_def *const tables[] = { defs, NULL };

static struct opts	o;
static char		err[256];

/* Words separated by blanks; "_" stands for an empty one. */
static int
parse(const char *line, enum opts_stop stop)
{
	static char	 text[512];
	char		*argv[64], *p;
	int		 argc = 0;

	opts_clear(&o);
	strcpy(text, line);
	for (p = strtok(text, " "); p != NULL; p = strtok(NULL, " "))
		argv[argc++] = strcmp(p, "_") == 0 ? p + 1 : p;
	return opts_parse(&o, tables, argc, argv, stop, err, sizeof err);
}

static void
values_and_operands_in_any_order(void **state)
{
	(void)state;
	assert_int_equal(parse("a --name x b --all --name=y - c",
	    OPTS_ANYWHERE), 7 + 1);
	assert_string_equal(o.value[OPT_NAME], "y");
	assert_non_null(o.value[OPT_ALL]);
	assert_int_equal(o.noperands, 4);
	assert_string_equal(o.operands[2], "-");
	assert_int_equal(parse("--name= x", OPTS_ANYWHERE), 2);
	assert_string_equal(o.value[OPT_NAME], "");
	assert_int_equal(parse("-h", OPTS_ANYWHERE), 1);
	assert_non_null(o.value[OPT_HELP]);
}

/* What launch runs has options of its own. */
static void
a_command_line_is_left_alone(void **state)
{
	(void)state;
	assert_int_equal(parse("--name x ls --all -- --name y",
	    OPTS_COMMAND), 7);
	assert_string_equal(o.value[OPT_NAME], "x");
	assert_null(o.value[OPT_ALL]);
	assert_int_equal(o.noperands, 5);
	assert_string_equal(o.operands[2], "--");
	assert_int_equal(parse("-- --all", OPTS_COMMAND), 2);
	assert_string_equal(o.operands[0], "--all");
}

/* A flag that may have a value does not take the word behind it. */
static void
optional_values_need_an_equals_sign(void **state)
{
	(void)state;
	assert_int_equal(parse("--wait sent", OPTS_ANYWHERE), 2);
	assert_string_equal(o.value[OPT_WAIT], "");
	assert_int_equal(o.noperands, 1);
	assert_int_equal(parse("--wait=sent x", OPTS_ANYWHERE), 2);
	assert_string_equal(o.value[OPT_WAIT], "sent");
	assert_int_equal(parse("--wait --all", OPTS_ANYWHERE), 2);
	assert_non_null(o.value[OPT_ALL]);
}

static void
two_dashes_end_options(void **state)
{
	(void)state;
	assert_int_equal(parse("-- --name -x", OPTS_ANYWHERE), 3);
	assert_int_equal(o.noperands, 2);
	assert_null(o.value[OPT_NAME]);
}

static void
stops_at_the_verb(void **state)
{
	(void)state;
	assert_int_equal(parse("--name x send --all", OPTS_BEFORE), 2);
	assert_null(o.value[OPT_ALL]);
	assert_int_equal(o.noperands, 0);
}

static void
errors_are_sentences(void **state)
{
	(void)state;
	assert_int_equal(parse("--nam x", OPTS_ANYWHERE), -1);
	assert_string_equal(err, "no option --nam here");
	assert_int_equal(parse("--name", OPTS_ANYWHERE), -1);
	assert_string_equal(err, "--name needs a value: NAME");
	assert_int_equal(parse("--all=1", OPTS_ANYWHERE), -1);
	assert_string_equal(err, "--all takes no value");
	assert_int_equal(parse("-5", OPTS_ANYWHERE), -1);
	assert_non_null(strstr(err, "after \"--\""));
	assert_int_equal(parse("--=x", OPTS_ANYWHERE), -1);
}

static void
repeated_up_to_a_limit(void **state)
{
	char	 line[512] = "";
	size_t	 i;

	(void)state;
	for (i = 0; i < OPTS_REPEAT_MAX; i++)
		strcat(line, "--group=g ");
	assert_int_equal(parse(line, 0), OPTS_REPEAT_MAX);
	assert_int_equal(o.nrepeated, OPTS_REPEAT_MAX);
	assert_string_equal(o.repeated[OPTS_REPEAT_MAX - 1], "g");
	strcat(line, "--group=g");
	assert_int_equal(parse(line, 0), -1);
}

static void
numbers_in_range(void **state)
{
	static const char	*bad[] = { "", "0", "11", "x", "5x", " 5",
				    "-5", "+5", "99999999999999999999" };
	size_t			 i;
	long			 n;

	(void)state;
	assert_int_equal(opts_number("n", "10", 1, 10, &n, err, sizeof err),
	    0);
	assert_int_equal(n, 10);
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(opts_number("n", bad[i], 1, 10, &n, err,
		    sizeof err), -1);
}

static void
spans_have_a_unit_and_an_end(void **state)
{
	static const char	*bad[] = { "", "m", "30", "0m", "-1m", "+1m",
				    " 1m", "1 m", "1mm", "1M", "1w", "1.5h",
				    "25h", "99999999999999999999s" };
	size_t			 i;
	long			 s;

	(void)state;
	assert_int_equal(opts_span("90s", 86400, &s), 0);
	assert_int_equal(s, 90);
	assert_int_equal(opts_span("30m", 86400, &s), 0);
	assert_int_equal(s, 1800);
	assert_int_equal(opts_span("24h", 86400, &s), 0);
	assert_int_equal(s, 86400);
	assert_int_equal(opts_span("1d", 86400, &s), 0);
	assert_int_equal(s, 86400);
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(opts_span(bad[i], 86400, &s), -1);
}

/* Beside inbox there are verbs that begin with it; of state there is none. */
static void
services_have_verbs(void **state)
{
	static const char	*pairs[][2] = { { "state", "get" },
				    { "memory", "search" }, { "skill",
				    "share" }, { "topic", "history" },
				    { "group", "join" }, { "profile",
				    "status" }, { "peers", "kick" },
				    { "schedule", "add" }, { "mesh",
				    "info" } };
	const struct opt_def	*t[OPTS_TABLES_MAX + 1];
	const struct verb	*v;
	size_t			 i;
	int			 words;

	(void)state;
	for (i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		v = verb_find(pairs[i][0], pairs[i][1], &words);
		assert_non_null(v);
		assert_int_equal(words, 2);
		verb_tables(v, t);
		assert_true(opts_has(t, OPT_MESH));
		assert_true(opts_has(t, OPT_JSON));
		assert_true(opts_has(t, OPT_AS));
	}
	assert_ptr_equal(verb_find("peers", "--all", &words)->run, v_peers);
	assert_int_equal(words, 1);
	assert_null(verb_find("state", NULL, &words));
}

static void
verbs_of_one_word_and_of_two(void **state)
{
	const struct verb	*v;
	int			 words;

	(void)state;
	v = verb_find("send", "x", &words);
	assert_non_null(v);
	assert_int_equal(words, 1);
	v = verb_find("session", "end", &words);
	assert_non_null(v);
	assert_int_equal(words, 2);
	assert_ptr_equal(v->run, v_session_end);
	v = verb_find("inbox", "flush", &words);
	assert_int_equal(words, 2);
	assert_ptr_equal(v->run, v_inbox_flush);
	v = verb_find("inbox", "flu", &words);
	assert_int_equal(words, 1);
	assert_ptr_equal(v->run, v_inbox);
	assert_null(verb_find("session", "en", &words));
	assert_int_equal(words, 1);
	assert_null(verb_find("session", NULL, &words));
	assert_int_equal(words, 1);
	assert_null(verb_find("sess", "end", &words));
	assert_int_equal(words, 0);
	assert_null(verb_find("", NULL, &words));
}

/* An option of a verb that a common one hides could never be given. */
static void
no_option_twice_in_a_verb(void **state)
{
	const struct opt_def	*t[OPTS_TABLES_MAX + 1], *d, *e;
	const struct verb	*v = NULL;
	size_t			 i, j;

	(void)state;
	while ((v = verb_next(v)) != NULL) {
		verb_tables(v, t);
		for (i = 0; t[i] != NULL; i++) {
			for (d = t[i]; d->name != NULL; d++) {
				for (j = 0; t[j] != NULL; j++) {
					for (e = t[j]; e->name != NULL; e++)
						assert_true(d == e ||
						    strcmp(d->name, e->name));
				}
			}
		}
		assert_true(i <= OPTS_TABLES_MAX);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_and_operands_in_any_order),
		cmocka_unit_test(a_command_line_is_left_alone),
		cmocka_unit_test(optional_values_need_an_equals_sign),
		cmocka_unit_test(two_dashes_end_options),
		cmocka_unit_test(stops_at_the_verb),
		cmocka_unit_test(errors_are_sentences),
		cmocka_unit_test(repeated_up_to_a_limit),
		cmocka_unit_test(numbers_in_range),
		cmocka_unit_test(spans_have_a_unit_and_an_end),
		cmocka_unit_test(services_have_verbs),
		cmocka_unit_test(verbs_of_one_word_and_of_two),
		cmocka_unit_test(no_option_twice_in_a_verb),
	};
	int	 r = cmocka_run_group_tests(tests, NULL, NULL);

	opts_clear(&o);
	return r;
}
