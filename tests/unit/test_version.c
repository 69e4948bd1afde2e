/*
 * version.c: what build a program is can be asked of itself and of its file,
 * and a file that is none of ours says nothing.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/msg.h"
#include "common/version.h"
#include "scratch.h"

static char	text[VERSION_TEXT_SIZE];
static int	proto;

static void
test_own(void **state)
{
	(void)state;
	assert_string_equal(version_text(), PACKAGE_VERSION);
	assert_int_equal(version_proto(), MSG_PROTO);
}

static void
test_own_file(void **state)
{
	(void)state;
	/* The texts of test_files() begin alike; only the mark goes on. */
	assert_int_equal(version_of_file("/proc/self/exe", text, sizeof text,
	    &proto), 0);
	assert_string_equal(text, PACKAGE_VERSION);
	assert_int_equal(proto, MSG_PROTO);
}

static void
expect(const void *p, size_t len, const char *version, int number)
{
	const char	*path = scratch_write("prog", 0700, p, len);

	if (version == NULL) {
		errno = 0;
		assert_int_equal(version_of_file(path, text, sizeof text,
		    &proto), -1);
		assert_int_equal(errno, ENOEXEC);
		return;
	}
	assert_int_equal(version_of_file(path, text, sizeof text, &proto), 0);
	assert_string_equal(text, version);
	assert_int_equal(proto, number);
}

static void
test_files(void **state)
{
	char	buf[256];
	size_t	n;

	(void)state;
	n = (size_t)snprintf(buf, sizeof buf, "xx%s9.8.7-rc1 protocol 42",
	    "@(#)meshsup ");
	expect(buf, n + 1, "9.8.7-rc1", 42);
	expect(buf, n, NULL, 0);		/* it does not end */
	expect("", 0, NULL, 0);
	expect("\177ELF and so on", 14, NULL, 0);
	n = (size_t)snprintf(buf, sizeof buf, "%s protocol 42",
	    "@(#)meshsup");
	expect(buf, n + 1, NULL, 0);		/* no version */
	n = (size_t)snprintf(buf, sizeof buf, "%s1.0 protocol x",
	    "@(#)meshsup ");
	expect(buf, n + 1, NULL, 0);
	n = (size_t)snprintf(buf, sizeof buf, "%s1.0 protocol -1",
	    "@(#)meshsup ");
	expect(buf, n + 1, NULL, 0);
	errno = 0;
	assert_int_equal(version_of_file(scratch("none"), text, sizeof text,
	    &proto), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(mkdir(scratch("d"), 0700), 0);
	assert_int_equal(version_of_file(scratch("d"), text, sizeof text,
	    &proto), -1);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(test_own, scratch_clean),
		cmocka_unit_test_setup(test_own_file, scratch_clean),
		cmocka_unit_test_setup(test_files, scratch_clean),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
