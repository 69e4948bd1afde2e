/*
 * log.c: every line is one line of valid JSON, whatever it is about; it is
 * written at once; errno survives; a sink cannot call itself.  write() is
 * wrapped, to count.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "common/clock.h"
#include "common/encode.h"
#include "common/log.h"

ssize_t	__wrap_write(int, const void *, size_t);
ssize_t	__real_write(int, const void *, size_t);

static int	 writes;
static size_t	 write_most = SIZE_MAX;		/* bytes a call takes */
static int	 write_error;			/* of the next call; 0: none */

ssize_t
__wrap_write(int fd, const void *buf, size_t len)
{
	writes++;
	if (write_error != 0) {
		errno = write_error;
		write_error = 0;
		return -1;
	}
	return __real_write(fd, buf, len < write_most ? len : write_most);
}

static const struct log_who	 me = { .process = "test" };

/* The one line that log_write_line() makes, as JSON; the caller decrefs. */
static json_t *
line(const struct log_who *who, enum log_level level, const char *msg)
{
	char	*buf = NULL;
	size_t	 size = 0;
	FILE	*fp;
	json_t	*v;

	assert_non_null(fp = open_memstream(&buf, &size));
	log_write_line(fp, who, level, msg);
	fclose(fp);
	assert_true(size > 0 && buf[size - 1] == '\n');
	assert_null(memchr(buf, '\n', size - 1));
	assert_true(utf8_valid(buf, size - 1, 1));
	v = json_loadb(buf, size, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(v);
	free(buf);
	return v;
}

static const char *
member(const json_t *v, const char *name)
{
	return json_string_value(json_object_get(v, name));
}

static void
test_members(void **state)
{
	const struct log_who	 who = { "worker", 4711, "7f3a0012", "local" };
	int64_t			 ms;
	json_t			*v;

	(void)state;
	v = line(&who, LOG_LV_INFO, "connected");
	assert_int_equal(json_object_size(v), 7);
	assert_int_equal(clock_parse_iso(member(v, "ts"), &ms), 0);
	assert_true(llabs(clock_wall_ms() - ms) < 60000);
	assert_string_equal(member(v, "level"), "info");
	assert_string_equal(member(v, "process"), "worker");
	assert_int_equal(json_integer_value(json_object_get(v, "pid")), 4711);
	assert_string_equal(member(v, "session"), "7f3a0012");
	assert_string_equal(member(v, "mesh"), "local");
	assert_string_equal(member(v, "msg"), "connected");
	json_decref(v);

	v = line(&me, LOG_LV_ERROR, "");
	assert_int_equal(json_object_size(v), 4);
	assert_string_equal(member(v, "level"), "error");
	assert_string_equal(member(v, "msg"), "");
	json_decref(v);
}

static void
expect_msg(const char *given, const char *kept)
{
	json_t	*v = line(&me, LOG_LV_WARN, given);

	assert_string_equal(member(v, "msg"), kept);
	json_decref(v);
}

static void
test_escapes(void **state)
{
	(void)state;
	expect_msg("a \"b\" \\ c/d", "a \"b\" \\ c/d");
	/* Control characters come back from JSON, but are not in the line. */
	expect_msg("\x1b[31m\n\t\r\b\x01\x7f", "\x1b[31m\n\t\r\b\x01\x7f");
	expect_msg("c1 \xc2\x9b.", "c1 \xc2\x9b.");
	expect_msg("\xc3\xbc\xe2\x9c\x93\xf0\x9f\x99\x82",
	    "\xc3\xbc\xe2\x9c\x93\xf0\x9f\x99\x82");
	expect_msg("a\xff" "b\xc3", "a\xef\xbf\xbd" "b\xef\xbf\xbd");
	expect_msg("\"},{\"level\":\"error", "\"},{\"level\":\"error");
}

/* Each byte as long as it can become, in every member, and still valid. */
static void
test_long(void **state)
{
	static char	 wild[2 * LOG_LINE_MAX];
	struct log_who	 who = { wild, -2147483647L, wild, wild };
	json_t		*v;

	(void)state;
	memset(wild, '\x01', sizeof wild - 1);
	v = line(&who, LOG_LV_DEBUG, wild);
	assert_int_equal(strlen(member(v, "msg")), LOG_LINE_MAX);
	json_decref(v);
	memset(wild, '\xff', sizeof wild - 1);
	v = line(&who, LOG_LV_DEBUG, wild);
	assert_int_equal(strlen(member(v, "msg")), 3 * LOG_LINE_MAX);
	json_decref(v);
}

static void
test_one_write(void **state)
{
	char	 back[256] = "";
	FILE	*fp;
	long	 len;

	(void)state;
	assert_non_null(fp = tmpfile());
	fputs("before\n", fp);		/* buffered; stays in front */
	fflush(fp);
	writes = 0;
	errno = ENOTTY;
	log_write_line(fp, &me, LOG_LV_INFO, "one");
	assert_int_equal(errno, ENOTTY);
	assert_int_equal(writes, 1);
	fseek(fp, 0, SEEK_END);
	len = ftell(fp);

	/* A file system that takes a little at a time loses nothing. */
	write_most = 7;
	write_error = EINTR;
	log_write_line(fp, &me, LOG_LV_INFO, "one");
	assert_int_equal(errno, ENOTTY);
	write_most = SIZE_MAX;
	fseek(fp, 0, SEEK_END);
	assert_int_equal(ftell(fp), 2 * len - 7);

	/* A full one loses the line, and nobody waits for it. */
	write_error = ENOSPC;
	log_write_line(fp, &me, LOG_LV_INFO, "one");
	assert_int_equal(errno, ENOTTY);
	fseek(fp, 0, SEEK_END);
	assert_int_equal(ftell(fp), 2 * len - 7);
	rewind(fp);
	assert_string_equal(fgets(back, sizeof back, fp), "before\n");
	assert_non_null(fgets(back, sizeof back, fp));
	assert_non_null(strstr(back, "\"msg\":\"one\"}\n"));
	fclose(fp);
}

static void
test_levels(void **state)
{
	static const char	*const names[] = {
		"error", "warn", "info", "debug",
	};
	int			 i;

	(void)state;
	for (i = 0; i < 4; i++) {
		assert_int_equal(log_level_parse(names[i]), i);
		assert_string_equal(log_level_name(i), names[i]);
	}
	assert_int_equal(log_level_parse("Warn"), -1);
	assert_int_equal(log_level_parse(""), -1);
	assert_int_equal(log_level_parse("warning"), -1);
}

static struct {
	int		 calls;
	enum log_level	 level;
	char		 msg[LOG_LINE_MAX + 1];
} got;

static void
catch(void *arg, enum log_level level, const char *msg)
{
	assert_ptr_equal(arg, &got);
	assert_true(strlen(msg) <= LOG_LINE_MAX);
	got.calls++;
	got.level = level;
	strcpy(got.msg, msg);
	errno = EBADF;		/* of the sink's own doing */
}

static int
sink_on(void **state)
{
	(void)state;
	memset(&got, 0, sizeof got);
	log_set_sink(catch, &got);
	log_set_level(LOG_LV_INFO);
	return 0;
}

static int
sink_off(void **state)
{
	(void)state;
	log_set_sink(NULL, NULL);
	log_set_level(LOG_LV_INFO);
	return 0;
}

static void
test_sink(void **state)
{
	(void)state;
	errno = ENOENT;
	log_warn("session %s: open", "7f3a");
	assert_int_equal(errno, ENOENT);
	assert_int_equal(got.level, LOG_LV_WARN);
	assert_string_equal(got.msg,
	    "session 7f3a: open: No such file or directory");
	log_warnx("session %s: late", "7f3a");
	assert_string_equal(got.msg, "session 7f3a: late");
	assert_int_equal(got.calls, 2);
	log_info("up");
	assert_int_equal(got.level, LOG_LV_INFO);
	assert_int_equal(got.calls, 3);

	log_debug("not asked for");
	assert_int_equal(got.calls, 3);
	log_set_level(LOG_LV_ERROR);
	log_warnx("nor that");
	assert_int_equal(got.calls, 3);
	log_set_level(LOG_LV_DEBUG);
	log_debug("this is");
	assert_int_equal(got.level, LOG_LV_DEBUG);
	assert_int_equal(got.calls, 4);
}

static void
test_sink_clean(void **state)
{
	static char	 longish[2 * LOG_LINE_MAX];

	(void)state;
	log_info("a\x1b[2J\nb\xff\xc2\x9b" "c\xc3\xbc");
	assert_string_equal(got.msg, "a?[2J?b???c\xc3\xbc");

	/* What is cut is the text, not the reason; nor half a character. */
	memset(longish, 'x', sizeof longish - 1);
	errno = ENOENT;
	log_warn("%s", longish);
	assert_int_equal(strlen(got.msg), LOG_LINE_MAX);
	assert_non_null(strstr(got.msg, "xx: No such file or directory"));
	memset(longish, 'x', LOG_LINE_MAX - 1);
	strcpy(longish + LOG_LINE_MAX - 1, "\xc3\xbc tail");
	log_info("%s", longish);
	assert_int_equal(strlen(got.msg), LOG_LINE_MAX);
	assert_true(utf8_valid(got.msg, LOG_LINE_MAX, 1));
}

static void
complain(void *arg, enum log_level level, const char *msg)
{
	(void)arg;
	(void)level;
	(void)msg;
	got.calls++;
	log_warnx("the channel is full");
}

static void
body_complain(void)
{
	log_set_sink(complain, NULL);
	log_info("one");
	log_info("two");
	if (got.calls != 2)
		_exit(2);
}

/* A sink that logs does so on stderr, and is called again afterwards. */
static void
test_sink_itself(void **state)
{
	char	 err[4096], *second;

	(void)state;
	got.calls = 0;
	assert_int_equal(child_run(body_complain, err, sizeof err), 0);
	assert_non_null(second = strchr(err, '\n'));
	assert_non_null(strstr(err, "\"msg\":\"the channel is full\"}\n{"));
	assert_non_null(strstr(second, "the channel is full"));
	assert_null(strstr(err, "one"));
}

static void
body_fatal(void)
{
	errno = EACCES;
	fatal("%s: open", "host.key");
}

static void
body_fatalx(void)
{
	log_set_level(LOG_LV_ERROR);	/* there is nothing more silent */
	fatalx("config: line %d", 3);
}

static void
test_fatal(void **state)
{
	char	 err[4096];

	(void)state;
	assert_int_equal(child_run(body_fatal, err, sizeof err), 1);
	assert_non_null(strstr(err, "\"level\":\"error\",\"process\":\"test\","
	    "\"msg\":\"host.key: open: Permission denied\"}\n"));
	assert_int_equal(child_run(body_fatalx, err, sizeof err), 1);
	assert_non_null(strstr(err, "\"msg\":\"config: line 3\"}\n"));
}

static void
body_nameless(void)
{
	log_init(NULL);
	log_info("x");
}

static void
test_nameless(void **state)
{
	char	 err[4096];

	(void)state;
	assert_int_equal(child_run(body_nameless, err, sizeof err), 0);
	assert_non_null(strstr(err, "test_log\",\"msg\":\"x\"}\n"));
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_one_write),
		cmocka_unit_test(test_levels),
		cmocka_unit_test_setup_teardown(test_sink, sink_on, sink_off),
		cmocka_unit_test_setup_teardown(test_sink_clean, sink_on,
		    sink_off),
		cmocka_unit_test(test_sink_itself),
		cmocka_unit_test(test_fatal),
		cmocka_unit_test(test_nameless),
	};

	log_init("test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
