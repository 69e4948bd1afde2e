/*
 * supervisor/keys.c: the host key is made once, for nobody else to read, and
 * never instead of one that was there.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>

#include <string.h>
#include <unistd.h>

#include "fds.h"
#include "scratch.h"
#include "supervisor/keys.h"

#define NOBODY	65534

static uint8_t	 key[HOST_KEY_LEN];
static char	 err[512];
static int	 before;

static int
setup(void **state)
{
	scratch_clean(state);
	memset(key, 0, sizeof key);
	err[0] = '\0';
	before = fds_count();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	return fds_count() == before ? 0 : -1;
}

static int
load(int may_make)
{
	return keys_load(key, scratch("host.key"), may_make, err, sizeof err);
}

static void
expect_refused(const char *why)
{
	static const uint8_t	none[HOST_KEY_LEN];

	memset(key, 0, sizeof key);
	assert_int_equal(load(1), -1);
	assert_non_null(strstr(err, "host.key: "));
	if (strstr(err, why) == NULL)
		fail_msg("%s", err);
	assert_memory_equal(key, none, sizeof none);
}

static void
test_make(void **state)
{
	static const uint8_t	none[HOST_KEY_LEN];
	uint8_t			first[HOST_KEY_LEN];
	mode_t			old = umask(0);

	(void)state;
	assert_int_equal(load(1), 0);
	umask(old);
	assert_int_equal(scratch_mode("host.key"), 0600);
	assert_int_equal(scratch_count(), 1);
	assert_memory_not_equal(key, none, sizeof none);
	memcpy(first, key, sizeof first);

	/* The same one from then on, whether it could be made or not. */
	memset(key, 0, sizeof key);
	assert_int_equal(load(0), 0);
	assert_memory_equal(key, first, sizeof first);
	memset(key, 0, sizeof key);
	assert_int_equal(load(1), 0);
	assert_memory_equal(key, first, sizeof first);

	unlink(scratch("host.key"));
	assert_int_equal(load(1), 0);
	assert_memory_not_equal(key, first, sizeof first);
}

static void
test_missing(void **state)
{
	(void)state;
	assert_int_equal(load(0), -1);
	assert_non_null(strstr(err, "host.key: No such file"));
	assert_non_null(strstr(err, "restore it from a backup"));
	assert_int_equal(scratch_count(), 0);
	assert_int_equal(keys_load(key, scratch("no/host.key"), 1, err,
	    sizeof err), -1);
	assert_non_null(strstr(err, "cannot make the host key"));
}

static void
test_mode(void **state)
{
	static const mode_t	bad[] = { 0601, 0602, 0604, 0610, 0620, 0640,
				    0660, 0666, 0644 };
	static const mode_t	good[] = { 0400, 0600, 0700 };
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		scratch_write("host.key", bad[i], err, HOST_KEY_LEN);
		expect_refused("chmod 600 it");
	}
	for (i = 0; i < sizeof good / sizeof *good; i++) {
		scratch_write("host.key", good[i], err, HOST_KEY_LEN);
		assert_int_equal(load(0), 0);
		assert_memory_equal(key, err, sizeof key);
	}
}

static void
test_size(void **state)
{
	(void)state;
	scratch_write("host.key", 0600, err, 0);
	expect_refused("not a host key of 32 bytes");
	scratch_write("host.key", 0600, err, HOST_KEY_LEN - 1);
	expect_refused("not a host key of 32 bytes");
	scratch_write("host.key", 0600, err, HOST_KEY_LEN + 1);
	expect_refused("not a host key of 32 bytes");
}

static void
test_kind(void **state)
{
	(void)state;
	scratch_write("other", 0600, err, HOST_KEY_LEN);
	assert_int_equal(symlink("other", scratch("host.key")), 0);
	expect_refused("not a regular file of ours");
	unlink(scratch("host.key"));
	assert_int_equal(symlink("nowhere", scratch("host.key")), 0);
	expect_refused("not a regular file of ours");
	unlink(scratch("host.key"));
	assert_int_equal(mkdir(scratch("host.key"), 0700), 0);
	expect_refused("not a regular file of ours");
	rmdir(scratch("host.key"));
	assert_int_equal(mkfifo(scratch("host.key"), 0600), 0);
	expect_refused("not a regular file of ours");
}

static void
test_owner(void **state)
{
	const char	*path;

	(void)state;
	if (geteuid() != 0)
		skip();
	path = scratch_write("host.key", 0600, err, HOST_KEY_LEN);
	assert_int_equal(chown(path, NOBODY, NOBODY), 0);
	expect_refused("not a regular file of ours");
}

#define TEST(t)	cmocka_unit_test_setup_teardown(t, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		TEST(test_make),
		TEST(test_missing),
		TEST(test_mode),
		TEST(test_size),
		TEST(test_kind),
		TEST(test_owner),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
