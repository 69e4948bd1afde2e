/*
 * paths.c: options over environment over defaults, for root and for a user.
 * geteuid() and getpwuid() are replaced, so that both can be tried by anyone.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/paths.h"
#include "common/xalloc.h"

static uid_t		 fake_uid = 1000;
static char		 fake_home[64];

uid_t
geteuid(void)
{
	return fake_uid;
}

struct passwd *
getpwuid(uid_t uid)
{
	static struct passwd	 pw;

	(void)uid;
	pw.pw_dir = fake_home;
	return *fake_home == '\0' ? NULL : &pw;
}

static char	err[256];

static int
clean(void **state)
{
	static const char	*vars[] = { "MESHSUP_CONFIG",
	    "MESHSUP_STATE_DIR", "MESHSUP_RUN_DIR", "XDG_CONFIG_HOME",
	    "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "HOME" };
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof vars / sizeof vars[0]; i++)
		unsetenv(vars[i]);
	fake_uid = 1000;
	*fake_home = '\0';
	*err = '\0';
	return 0;
}

static void
expect(const char *config, const char *state, const char *run)
{
	struct paths	 p;

	assert_int_equal(paths_find(&p, NULL, NULL, NULL, err, sizeof err), 0);
	assert_string_equal(p.config, config);
	assert_string_equal(p.state_dir, state);
	assert_string_equal(p.run_dir, run);
	assert_int_equal(p.config_named, 0);
	paths_clear(&p);
	assert_null(p.run_dir);
}

static void
root_has_system_places(void **state)
{
	(void)state;
	fake_uid = 0;
	setenv("XDG_RUNTIME_DIR", "/run/user/0", 1);
	expect("/etc/meshsup/meshsup.conf", "/var/lib/meshsup",
	    "/run/meshsup");
}

static void
user_has_xdg_places(void **state)
{
	(void)state;
	setenv("XDG_CONFIG_HOME", "/c", 1);
	setenv("XDG_STATE_HOME", "/s", 1);
	setenv("XDG_RUNTIME_DIR", "/r/", 1);
	expect("/c/meshsup/meshsup.conf", "/s/meshsup", "/r/meshsup");
}

static void
user_falls_back_to_home(void **state)
{
	(void)state;
	setenv("HOME", "/home/ada", 1);
	setenv("XDG_STATE_HOME", "relative/is/ignored", 1);
	expect("/home/ada/.config/meshsup/meshsup.conf",
	    "/home/ada/.local/state/meshsup",
	    "/home/ada/.local/state/meshsup/run");
}

static void
home_of_the_password_file(void **state)
{
	(void)state;
	strcpy(fake_home, "/home/pw");
	expect("/home/pw/.config/meshsup/meshsup.conf",
	    "/home/pw/.local/state/meshsup",
	    "/home/pw/.local/state/meshsup/run");
}

static void
no_home_is_said(void **state)
{
	struct paths	 p;

	(void)state;
	assert_int_equal(paths_find(&p, NULL, NULL, NULL, err, sizeof err),
	    -1);
	assert_non_null(strstr(err, "no home directory"));
	assert_null(p.config);
	/* Whoever names everything needs none. */
	assert_int_equal(paths_find(&p, "/c", "/s", "/r", err, sizeof err), 0);
	assert_string_equal(p.config, "/c");
	assert_int_equal(p.config_named, 1);
	paths_clear(&p);
}

static void
option_over_environment(void **state)
{
	struct paths	 p;

	(void)state;
	setenv("MESHSUP_CONFIG", "/env/c", 1);
	setenv("MESHSUP_STATE_DIR", "/env/s", 1);
	setenv("MESHSUP_RUN_DIR", "/env/r/", 1);
	assert_int_equal(paths_find(&p, NULL, "/opt/s", NULL, err,
	    sizeof err), 0);
	assert_string_equal(p.config, "/env/c");
	assert_int_equal(p.config_named, 1);
	assert_string_equal(p.state_dir, "/opt/s");
	assert_string_equal(p.run_dir, "/env/r");
	paths_clear(&p);
}

static void
default_run_follows_named_state(void **state)
{
	struct paths	 p;

	(void)state;
	setenv("HOME", "/home/ada", 1);
	assert_int_equal(paths_find(&p, NULL, "/data/m", NULL, err,
	    sizeof err), 0);
	assert_string_equal(p.run_dir, "/data/m/run");
	paths_clear(&p);
}

static void
relative_becomes_absolute(void **state)
{
	struct paths	 p;
	char		*cwd = getcwd(NULL, 0), *want;

	(void)state;
	assert_non_null(cwd);
	assert_int_equal(paths_find(&p, "a.conf", "b", "/r", err, sizeof err),
	    0);
	want = paths_join(cwd, "a.conf");
	assert_string_equal(p.config, want);
	free(want);
	want = paths_join(cwd, "b");
	assert_string_equal(p.state_dir, want);
	free(want);
	free(cwd);
	paths_clear(&p);
}

static void
empty_option_is_refused(void **state)
{
	struct paths	 p;

	(void)state;
	assert_int_equal(paths_find(&p, "/c", "/s", "", err, sizeof err), -1);
	assert_non_null(strstr(err, "run directory"));
	/* An empty variable counts as unset. */
	setenv("MESHSUP_RUN_DIR", "", 1);
	setenv("XDG_RUNTIME_DIR", "/x", 1);
	assert_int_equal(paths_find(&p, "/c", "/s", NULL, err, sizeof err), 0);
	assert_string_equal(p.run_dir, "/x/meshsup");
	paths_clear(&p);
}

/* "/" + 95 + "/daemon.sock" + NUL is 109: one more than sun_path has. */
static void
socket_path_has_a_limit(void **state)
{
	struct paths	 p;
	char		 dir[128];

	(void)state;
	memset(dir, 'd', sizeof dir);
	dir[0] = '/';
	dir[96] = '\0';
	assert_int_equal(paths_find(&p, "/c", "/s", dir, err, sizeof err), -1);
	assert_non_null(strstr(err, " 1 bytes too long"));
	dir[95] = '\0';
	assert_int_equal(paths_find(&p, "/c", "/s", dir, err, sizeof err), 0);
	paths_clear(&p);
}

static void
expect_reference(const char *state_dir, const char *want)
{
	struct paths	 p;

	assert_int_equal(paths_find(&p, NULL, state_dir, "/r", err,
	    sizeof err), 0);
	if (want == NULL)
		assert_null(p.reference);
	else
		assert_string_equal(p.reference, want);
	paths_clear(&p);
}

/* Only a user's own daemon, in its usual places, takes its meshes. */
static void
reference_of_a_user_only(void **state)
{
	(void)state;
	setenv("HOME", "/home/ada", 1);
	expect_reference(NULL, "/home/ada/.claudemesh/config.json");
	expect_reference("/s", NULL);
	setenv("MESHSUP_STATE_DIR", "/s", 1);
	expect_reference(NULL, NULL);
	unsetenv("MESHSUP_STATE_DIR");
	fake_uid = 0;
	expect_reference(NULL, NULL);
	fake_uid = 1000;
	unsetenv("HOME");
	setenv("XDG_CONFIG_HOME", "/c", 1);
	setenv("XDG_STATE_HOME", "/s", 1);
	expect_reference(NULL, NULL);
}

static void
join_does_not_double_slashes(void **state)
{
	static const char	*cases[][3] = { { "/a", "b", "/a/b" },
	    { "/", "b", "/b" }, { "/a/", "b", "/a/b" } };
	size_t			 i;
	char			*got;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		got = paths_join(cases[i][0], cases[i][1]);
		assert_string_equal(got, cases[i][2]);
		free(got);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(root_has_system_places, clean),
		cmocka_unit_test_setup(user_has_xdg_places, clean),
		cmocka_unit_test_setup(user_falls_back_to_home, clean),
		cmocka_unit_test_setup(home_of_the_password_file, clean),
		cmocka_unit_test_setup(no_home_is_said, clean),
		cmocka_unit_test_setup(option_over_environment, clean),
		cmocka_unit_test_setup(default_run_follows_named_state, clean),
		cmocka_unit_test_setup(relative_becomes_absolute, clean),
		cmocka_unit_test_setup(empty_option_is_refused, clean),
		cmocka_unit_test_setup(socket_path_has_a_limit, clean),
		cmocka_unit_test_setup(reference_of_a_user_only, clean),
		cmocka_unit_test_setup(join_does_not_double_slashes, clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
