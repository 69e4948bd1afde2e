/* token.c, token_dir.c, runlock.c: files read strictly, written whole. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/file.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/encode.h"
#include "common/paths.h"
#include "supervisor/cli/runlock.h"
#include "supervisor/cli/token.h"

#define HEX	"00112233445566778899aabbccddeeff" \
		"00112233445566778899aabbccddeeff"

static char	dir[] = "/tmp/test_cli_token.XXXXXX";
static char	path[256];
static char	err[512];

static void
file_write(const char *text)
{
	FILE	*f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fputs(text, f) == EOF, 0);
	assert_int_equal(fclose(f), 0);
}

static int
setup(void **state)
{
	(void)state;
	snprintf(path, sizeof path, "%s/a.token", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

static void
content_of_a_file(void **state)
{
	static const char	*good[] = { HEX, HEX "\n", HEX "\r\n",
				    HEX "\nid-1", HEX "\nid-1\n", HEX "\n\n" };
	static const char	*bad[] = { "", "\n", HEX "0\n", "0" HEX,
				    HEX " \n", " " HEX, HEX "\nid\nmore\n",
				    HEX "\ni d\n", "zz\n",
				    "AA112233445566778899aabbccddeeff"
				    "00112233445566778899aabbccddeeff" };
	struct token		 t;
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof good / sizeof *good; i++) {
		assert_int_equal(token_parse(&t, good[i], strlen(good[i])), 0);
		assert_string_equal(t.hex, HEX);
		assert_string_equal(t.session_id,
		    strstr(good[i], "id-1") != NULL ? "id-1" : "");
	}
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(token_parse(&t, bad[i], strlen(bad[i])), -1);
		assert_string_equal(t.hex, "");
	}
	assert_int_equal(token_parse(&t, HEX "\0x", 66), -1);
}

static void
load_tells_absent_from_broken(void **state)
{
	struct token	 t;

	(void)state;
	assert_int_equal(token_load(&t, path, err, sizeof err), 1);
	file_write(HEX "\n");
	assert_int_equal(token_load(&t, path, err, sizeof err), 0);
	file_write("something else entirely\n");
	assert_int_equal(token_load(&t, path, err, sizeof err), -1);
	assert_null(strstr(err, "something"));
	assert_int_equal(token_load(&t, dir, err, sizeof err), -1);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(token_load(&t, path, err, sizeof err), -1);
}

static void
mint_is_random_and_keeps_the_id(void **state)
{
	struct token	 a = { .session_id = "s" }, b = a;

	(void)state;
	token_mint(&a);
	token_mint(&b);
	assert_true(hex_is(a.hex, TOKEN_HEX));
	assert_string_not_equal(a.hex, b.hex);
	assert_string_equal(a.session_id, "s");
}

static void
a_draft_takes_its_place_only_when_told(void **state)
{
	struct token_draft	 d;
	struct token		 t = { HEX, "id" }, got;
	struct stat		 st;

	(void)state;
	umask(0);
	file_write(HEX "\nold\n");
	assert_int_equal(token_prepare(&d, &t, path, err, sizeof err), 0);
	assert_int_equal(token_load(&got, path, err, sizeof err), 0);
	assert_string_equal(got.session_id, "old");
	assert_int_equal(stat(d.temp, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(token_commit(&d, err, sizeof err), 0);
	assert_int_equal(token_load(&got, path, err, sizeof err), 0);
	assert_string_equal(got.session_id, "id");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void
a_dropped_draft_leaves_nothing(void **state)
{
	struct token_draft	 d;
	struct token		 t = { HEX, "" };
	char			 temp[300];

	(void)state;
	assert_int_equal(token_prepare(&d, &t, path, err, sizeof err), 0);
	snprintf(temp, sizeof temp, "%s", d.temp);
	assert_int_equal(access(temp, F_OK), 0);
	token_drop(&d);
	assert_int_equal(access(temp, F_OK), -1);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(token_prepare(&d, &t, "/nonexistent/x", err,
	    sizeof err), -1);
	token_drop(&d);
}

static void
names_of_files(void **state)
{
	static const char	*cases[][2] = { { "alice", "alice.token" },
				    { "../x", "%2E.%2Fx.token" },
				    { ".a", "%2Ea.token" },
				    { "a.b-c_D9", "a.b-c_D9.token" },
				    { "a%b c", "a%25b%20c.token" },
				    { "\xc3\xa9", "%C3%A9.token" } };
	char			 name[300];
	size_t			 i;
	char			*got;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		got = token_file_name(cases[i][0]);
		assert_string_equal(got, cases[i][1]);
		free(got);
	}
	assert_null(token_file_name(""));
	memset(name, 'n', sizeof name);
	name[260] = '\0';
	assert_null(token_file_name(name));
}

static void
directory_of_the_run(void **state)
{
	char	 sub[64], want[96], *got;

	(void)state;
	snprintf(sub, sizeof sub, "%s/run", dir);
	snprintf(want, sizeof want, "%s/tokens", sub);
	setenv("XDG_STATE_HOME", dir, 1);
	/* There is no run directory: the user's own, which is made. */
	got = token_dir(sub, 1, err, sizeof err);
	assert_non_null(got);
	assert_null(strstr(got, "/run/"));
	assert_int_equal(access(got, W_OK), 0);
	rmdir(got);
	free(got);
	/* There is one: below it. */
	assert_int_equal(mkdir(sub, 0700), 0);
	got = token_dir(sub, 1, err, sizeof err);
	assert_string_equal(got, want);
	free(got);
	/* Where others may write, tokens are not kept. */
	assert_int_equal(chmod(want, 0777), 0);
	got = token_dir(sub, 0, err, sizeof err);
	assert_string_not_equal(got, want);
	free(got);
	rmdir(want);
	rmdir(sub);
	snprintf(sub, sizeof sub, "%s/meshsup", dir);
	rmdir(sub);
}

static void
text_of_the_lock(void **state)
{
	/* The second was written over "12345 starting\n" just now. */
	static const char	*good[] = { "12 running\n",
				    "12 running\ning\n" };
	static const char	*bad[] = { "", "12", "12 running",
				    "x running\n", "-5 running\n",
				    "1 running\n", "12 Running\n",
				    "99999999999 running\n",
				    "12 averyveryverylongstate\n" };
	struct runlock		 rl;
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof good / sizeof *good; i++) {
		assert_int_equal(runlock_parse(&rl, good[i],
		    strlen(good[i])), 0);
		assert_int_equal(rl.pid, 12);
		assert_string_equal(rl.state, "running");
	}
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(runlock_parse(&rl, bad[i], strlen(bad[i])),
		    -1);
		assert_int_equal(rl.pid, 0);
		assert_string_equal(rl.state, "");
	}
}

static void
lock_held_left_and_free(void **state)
{
	struct runlock	 rl;
	char		 text[64], pidfile[128];
	int		 fd;

	(void)state;
	snprintf(path, sizeof path, "%s/%s", dir, PATHS_RUN_LOCK);
	snprintf(pidfile, sizeof pidfile, "%s/%s", dir, PATHS_PID);
	assert_int_equal(runlock_read(&rl, dir, err, sizeof err), 0);
	assert_int_equal(rl.held, RUNLOCK_FREE);
	snprintf(text, sizeof text, "%d stopping\n", (int)getpid());
	file_write(text);
	assert_int_equal(runlock_read(&rl, dir, err, sizeof err), 0);
	assert_int_equal(rl.held, RUNLOCK_FREE);
	assert_int_equal(rl.pid, 0);
	assert_true((fd = open(path, O_RDWR)) != -1);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(symlink("/", pidfile), 0);
	assert_int_equal(runlock_read(&rl, dir, err, sizeof err), 0);
	assert_int_equal(rl.held, RUNLOCK_HELD);
	assert_int_equal(rl.pid, getpid());
	assert_string_equal(rl.state, "stopping");
	close(fd);
	assert_int_equal(runlock_read(&rl, dir, err, sizeof err), 0);
	assert_int_equal(rl.held, RUNLOCK_LEFT);
	assert_int_equal(unlink(pidfile), 0);
	assert_int_equal(runlock_read(&rl, "/proc/self/mem", err,
	    sizeof err), 0);
	assert_int_equal(rl.held, RUNLOCK_FREE);
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(content_of_a_file),
		TEST(load_tells_absent_from_broken),
		TEST(mint_is_random_and_keeps_the_id),
		TEST(a_draft_takes_its_place_only_when_told),
		TEST(a_dropped_draft_leaves_nothing),
		TEST(names_of_files),
		TEST(directory_of_the_run),
		TEST(text_of_the_lock),
		TEST(lock_held_left_and_free),
	};
	int	 r;

	if (sodium_init() == -1 || mkdtemp(dir) == NULL)
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(dir);
	return r;
}
