/* A registry for the tests. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "reg_help.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "fds.h"
#include "scratch.h"

struct registry	*r;
static char		 err[512];
static int		 before;
unsigned	 warnings;

static void
count_line(void *arg, enum log_level level, const char *msg)
{
	(void)arg;
	(void)msg;
	warnings += level <= LOG_LV_WARN;
}

void
reg_reopen(void)
{
	registry_close(&r);
	r = registry_open(scratch("s.db"), err, sizeof err);
	if (r == NULL)
		fail_msg("%s", err);
}

int
reg_setup(void **state)
{
	scratch_clean(state);
	before = fds_count();
	warnings = 0;
	log_set_sink(count_line, NULL);
	reg_reopen();
	return 0;
}

int
reg_teardown(void **state)
{
	(void)state;
	registry_close(&r);
	log_set_sink(NULL, NULL);
	return fds_count() == before ? 0 : -1;
}

struct reg_session
reg_session(unsigned n)
{
	struct reg_session	s = { .uid = 1000 + n, .caps = n,
	    .has_token = 1, .key_mode = KEY_MINT, .has_key = 1,
	    .attest_expires_at = 70 + n, .registered_at = 5000 + n,
	    .current = 1, .process = { .pid = (pid_t)(100 + n),
	    .start_time = 9000 + n } };

	memset(s.owner, (int)n, sizeof s.owner);
	memset(s.token_hash, (int)n + 1, sizeof s.token_hash);
	memset(s.token_prefix, (int)n + 2, sizeof s.token_prefix);
	memset(s.pub, (int)n + 3, sizeof s.pub);
	memset(s.wrapped, (int)n + 4, sizeof s.wrapped);
	memset(s.attest_sig, (int)n + 5, sizeof s.attest_sig);
	snprintf(s.mesh, sizeof s.mesh, "mesh%u", n);
	snprintf(s.session_id, sizeof s.session_id, "session%u", n);
	snprintf(s.display_name, sizeof s.display_name, "name%u", n);
	snprintf(s.process.boot_id, sizeof s.process.boot_id, "boot%u", n);
	snprintf(s.cwd, sizeof s.cwd, "/cwd%u", n);
	snprintf(s.role, sizeof s.role, "role%u", n);
	snprintf(s.park, sizeof s.park, "park%u", n);
	snprintf(s.groups, sizeof s.groups, "[{\"name\":\"g%u\"}]", n);
	return s;
}

int
reg_find(const struct reg_session *s, struct reg_session *got)
{
	memset(got, 0x55, sizeof *got);
	return registry_find(r, s->uid, s->mesh, s->session_id, got);
}

static struct {
	unsigned	n, stop;
	int64_t		last;
} seen;

static int
each_cb(void *arg, const struct reg_session *s)
{
	assert_ptr_equal(arg, &seen);
	assert_true(s->registered_at >= seen.last);
	seen.last = s->registered_at;
	return ++seen.n == seen.stop;
}

int
reg_each(unsigned stop, unsigned *n_r)
{
	int	ret;

	seen.n = 0;
	seen.stop = stop;
	seen.last = INT64_MIN;
	ret = registry_each(r, each_cb, &seen);
	*n_r = seen.n;
	return ret;
}
