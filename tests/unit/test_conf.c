/*
 * conf.c: every option has its default and its range; what is wrong is named
 * with file and line, and nothing wrong passes.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/conf.h"
#include "common/log.h"
#include "scratch.h"

#define HOUR	(3600 * 1000LL)
#define DAY	(24 * HOUR)

static struct conf	 c;
static char		 err[1024];

static int
load(const char *text, size_t len)
{
	err[0] = '\0';
	memset(&c, 0x55, sizeof c);
	return conf_load(&c, scratch_write("c.conf", 0600, text, len), 1, err,
	    sizeof err);
}

static void
expect_good(const char *text)
{
	if (load(text, strlen(text)) == -1)
		fail_msg("%s: %s", text, err);
}

/* Refused, in this line, for a reason that has this in it. */
static void
expect_bad(const char *text, int line, const char *why)
{
	char	prefix[600];
	size_t	n;

	if (load(text, strlen(text)) != -1)
		fail_msg("%s: passed", text);
	n = (size_t)snprintf(prefix, sizeof prefix, "%s:%d: ",
	    scratch("c.conf"), line);
	if (strncmp(err, prefix, n) != 0 || strstr(err + n, why) == NULL)
		fail_msg("%s: %s", text, err);
}

static void
expect_defaults(void)
{
	assert_int_equal(c.log_level, LOG_LV_INFO);
	assert_string_equal(c.log_file, "");
	assert_int_equal(c.tcp_port, 0);
	assert_int_equal(c.n_allow_uids, 0);
	assert_int_equal(c.broker_enabled, CONF_AUTO);
	assert_string_equal(c.broker_listen, "127.0.0.1:0");
	assert_string_equal(c.broker_url, "");
	assert_string_equal(c.broker_tls_cert, "");
	assert_string_equal(c.broker_tls_key, "");
	assert_int_equal(c.broker_max_connections, 10000);
	assert_int_equal(c.broker_rate_limit, 0);
	assert_int_equal(c.broker_rate_burst, 10);
	assert_string_equal(c.reference_config, "auto");
	assert_string_equal(c.ca_file, "");
	assert_int_equal(c.retention_ms, 30 * DAY);
	assert_int_equal(c.max_age_ms, 7 * DAY);
	assert_int_equal(c.linger_ms, HOUR);
	assert_int_equal(c.max_sessions, 2000);
	assert_int_equal(c.max_sessions_per_uid, 1000);
}

static void
test_defaults(void **state)
{
	(void)state;
	memset(&c, 0x55, sizeof c);
	conf_init(&c);
	expect_defaults();
	expect_good("");
	expect_defaults();
	expect_good("\n# nothing\n; at all\n[daemon]\n[api]\n");
	expect_defaults();
}

static void
test_all(void **state)
{
	(void)state;
	expect_good("[daemon]\nlog_level = debug\nlog_file = /var/log/x y\n"
	    "[api]\ntcp_port = 8080\nallow_uids = 1000 1001\n"
	    "[broker]\nenabled = no\nlisten = [::1]:7000\n"
	    "url = wss://mesh.example/ws\n"
	    "tls_cert = /c.pem\ntls_key = /k.pem\nmax_connections = 5\n"
	    "rate_limit = 60\nrate_burst = 20\n"
	    "[worker]\nca_file = /ca.pem\n"
	    "[store]\nretention = 90d\nmax_age = 12h\n"
	    "[sessions]\nlinger = 15m\nmax_sessions = 3\n"
	    "max_sessions_per_uid = 2");
	assert_int_equal(c.log_level, LOG_LV_DEBUG);
	assert_string_equal(c.log_file, "/var/log/x y");
	assert_int_equal(c.tcp_port, 8080);
	assert_int_equal(c.n_allow_uids, 2);
	assert_true(c.allow_uids[0] == 1000 && c.allow_uids[1] == 1001);
	assert_int_equal(c.broker_enabled, CONF_NO);
	assert_string_equal(c.broker_listen, "[::1]:7000");
	assert_string_equal(c.broker_tls_cert, "/c.pem");
	assert_string_equal(c.broker_tls_key, "/k.pem");
	assert_string_equal(c.broker_url, "wss://mesh.example/ws");
	assert_int_equal(c.broker_max_connections, 5);
	assert_int_equal(c.broker_rate_limit, 60);
	assert_int_equal(c.broker_rate_burst, 20);
	assert_string_equal(c.ca_file, "/ca.pem");
	assert_int_equal(c.retention_ms, 90 * DAY);
	assert_int_equal(c.max_age_ms, 12 * HOUR);
	assert_int_equal(c.linger_ms, 15 * 60 * 1000);
	assert_int_equal(c.max_sessions, 3);
	assert_int_equal(c.max_sessions_per_uid, 2);
}

/* name's values: good ones, then NULL, then bad ones, then NULL. */
static void
expect_values(const char *section, const char *name,
    const char *const *values)
{
	char	text[1024];
	int	good = 1;

	for (; good || *values != NULL; values++) {
		if (*values == NULL) {
			good = 0;
			continue;
		}
		snprintf(text, sizeof text, "[%s]\n\n%s = %s\n", section,
		    name, *values);
		if (good)
			expect_good(text);
		else
			expect_bad(text, 3, name);
	}
}

#define VALUES(section, name, ...) do { \
	static const char *const values[] = { __VA_ARGS__, NULL }; \
	expect_values(section, name, values); \
} while (0)

static void
test_ranges(void **state)
{
	(void)state;
	VALUES("daemon", "log_level", "error", "warn", "info", "debug", NULL,
	    "Info", "", "verbose", "1");
	VALUES("daemon", "log_file", "", "syslog", "stderr", "/x", NULL,
	    "x", "./x", "Syslog", "~/x");
	VALUES("api", "tcp_port", "0", "1", "65535", NULL,
	    "65536", "-1", "", "+1", "80x", "0x50", "1.5", "x",
	    "99999999999999999999");
	VALUES("api", "allow_uids", "", "0", "4294967294", "1, 2,3", "1 2",
	    NULL, "4294967295", "-1", "root", "1 x", "1;2", "1.2", "+1",
	    "18446744073709551616");
	VALUES("broker", "enabled", "yes", "no", "auto", NULL,
	    "", "true", "Yes", "1");
	VALUES("broker", "listen", "0.0.0.0:0", NULL);
	VALUES("broker", "url", "", "wss://h/ws", "ws://h:1/ws", NULL,
	    "h", "https://h/ws", "wss://h", "wss://h/", "ws://h:0/ws");
	VALUES("broker", "tls_cert", "", "/x", NULL, "x", "./x", "~/x");
	VALUES("broker", "tls_key", "", "/x", NULL, "x");
	VALUES("broker", "max_connections", "1", "1000000", NULL,
	    "0", "1000001", "", "-5");
	VALUES("broker", "rate_limit", "0", "60000", NULL, "60001", "-1", "",
	    "off");
	VALUES("broker", "rate_burst", "1", "60000", NULL, "0", "60001", "");
	VALUES("meshes", "reference_config", "auto", "none", "/x", NULL,
	    "", "x", "~/x", "Auto");
	VALUES("worker", "ca_file", "", "/x", NULL, "x");
	VALUES("store", "retention", "1h", "3650d", "3600s", NULL,
	    "3599s", "3651d", "0", "", "1", "30 d", "x");
	VALUES("store", "max_age", "60s", "1m", "365d", NULL,
	    "59s", "366d", "0", "");
	VALUES("sessions", "linger", "0", "0s", "1ms", "30d", NULL,
	    "31d", "-1s", "1", "");
	VALUES("sessions", "max_sessions", "1", "100000", NULL, "0", "100001",
	    "", "many");
	VALUES("sessions", "max_sessions_per_uid", "1", "100000", NULL, "0",
	    "100001", "");
}

static void
expect_duration(const char *s, int64_t ms)
{
	int64_t	got = -1;

	assert_int_equal(conf_duration(s, &got), 0);
	assert_int_equal(got, ms);
}

static void
test_duration(void **state)
{
	static const char	*const bad[] = { "", "s", "1", "1w", "1D", "1 s",
				    " 1s", "1s ", "-1s", "+1s", "1.5h", "1h30m",
				    "0x1s", "1000000001s",
				    "99999999999999999999s" };
	size_t			 i;
	int64_t			 ms = 4711;

	(void)state;
	expect_duration("0", 0);
	expect_duration("0d", 0);
	expect_duration("7ms", 7);
	expect_duration("90s", 90 * 1000);
	expect_duration("15m", 15 * 60 * 1000);
	expect_duration("12h", 12 * HOUR);
	expect_duration("30d", 30 * DAY);
	expect_duration("1000000000d", 1000000000 * DAY);
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		if (conf_duration(bad[i], &ms) != -1)
			fail_msg("\"%s\" passed", bad[i]);
	assert_int_equal(ms, 4711);
}

static void
test_uids(void **state)
{
	char	text[2048] = "[api]\n";
	int	i;

	(void)state;
	expect_good("[api]\nallow_uids = 1 2\nallow_uids = 3\n");
	assert_int_equal(c.n_allow_uids, 3);
	assert_true(c.allow_uids[2] == 3);
	for (i = 0; i < CONF_UIDS_MAX; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text),
		    "allow_uids = %d\n", 1000 + i);
	expect_good(text);
	assert_int_equal(c.n_allow_uids, CONF_UIDS_MAX);
	assert_true(c.allow_uids[CONF_UIDS_MAX - 1] ==
	    1000 + CONF_UIDS_MAX - 1);
	strcat(text, "allow_uids = 1\n");
	expect_bad(text, 2 + CONF_UIDS_MAX, "allow_uids");
}

static void
test_unknown(void **state)
{
	(void)state;
	expect_bad("[api]\nport = 80\n", 2, "no option \"port\" in section "
	    "[api]");
	expect_bad("[daemon]\ntcp_port = 80\n", 2, "no option \"tcp_port\"");
	expect_bad("tcp_port = 80\n", 1, "section []");
	expect_bad("\n[apis]\n", 2, "no section [apis]");
	expect_bad("[]\n", 1, "no section []");
	expect_bad("[API]\ntcp_port = 80\n", 1, "no section [API]");
}

static void
test_lines(void **state)
{
	(void)state;
	expect_bad("[api]\ntcp_port\n", 2, "neither");
	expect_bad("[api\ntcp_port = 1\n", 1, "neither");
	expect_bad("hello world\n", 1, "neither");
	/* The first one counts, whichever of the two it is. */
	expect_bad("[api]\nnonsense\ntcp_port = x\n", 2, "neither");
	expect_bad("[api]\ntcp_port = x\nnonsense\n", 2, "tcp_port");
	expect_bad("[api]\ntcp_port = x\n[nope]\n", 2, "tcp_port");
	expect_bad("[nope]\nnonsense\n", 1, "[nope]");
	expect_bad("[api]\ntcp_port = 1\n\ntcp_port = 1\n", 4,
	    "tcp_port: is set in line 2 already");
}

/* What is usual in such files. */
static void
test_forms(void **state)
{
	(void)state;
	expect_good("\xef\xbb\xbf[api]\r\ntcp_port=81\r\n");
	assert_int_equal(c.tcp_port, 81);
	expect_good("  [daemon]\n\tlog_level: warn ; quiet\n"
	    "\tlog_file = stderr\n# more\n");
	assert_int_equal(c.log_level, LOG_LV_WARN);
	assert_string_equal(c.log_file, "stderr");
}

/* A line is taken whole or refused, never cut. */
static void
test_long(void **state)
{
	char	text[2048], path[CONF_STR_SIZE];
	size_t	n;

	(void)state;
	memset(path, 'x', sizeof path);
	path[0] = '/';
	for (n = 100; n < 400; n++) {
		snprintf(text, sizeof text, "[worker]\nca_file=%.*s\n"
		    "[api]\ntcp_port = 1\n", (int)n, path);
		if (load(text, strlen(text)) == -1)
			break;
		assert_int_equal(strlen(c.ca_file), n);
		assert_int_equal(c.tcp_port, 1);
	}
	assert_in_range(n, 180, CONF_STR_SIZE);
	expect_bad(text, 2, "longer than");
	/* What is behind the limit is no line of its own. */
	snprintf(text, sizeof text, "# %300s\n[api]\ntcp_port = x\n", "y");
	expect_bad(text, 1, "longer than");
	snprintf(text, sizeof text, "# %.*s tcp_port = 5\n", 197, path);
	expect_bad(text, 1, "longer than");
}

static void
test_not_text(void **state)
{
	static const char	nul[] = "[api]\ntcp_port = 1\0x\n";

	(void)state;
	assert_int_equal(load(nul, sizeof nul - 1), -1);
	assert_non_null(strstr(err, "c.conf:2: "));
	assert_int_equal(load(nul, 19), -1);
	assert_non_null(strstr(err, "c.conf:2: "));
}

static void
test_files(void **state)
{
	const char	*none = scratch("none.conf");

	(void)state;
	memset(&c, 0x55, sizeof c);
	assert_int_equal(conf_load(&c, none, 0, err, sizeof err), 0);
	expect_defaults();
	assert_int_equal(conf_load(&c, none, 1, err, sizeof err), -1);
	assert_non_null(strstr(err, "none.conf: No such file"));
	assert_int_equal(conf_load(&c, scratch("no/x.conf"), 1, err,
	    sizeof err), -1);
	assert_int_equal(conf_load(&c, scratch(""), 0, err, sizeof err), -1);
	assert_non_null(strstr(err, "Is a directory"));
	if (geteuid() == 0)		/* may read anything */
		return;
	scratch_write("locked.conf", 0, "", 0);
	assert_int_equal(conf_load(&c, scratch("locked.conf"), 0, err,
	    sizeof err), -1);
	assert_non_null(strstr(err, "locked.conf: Permission denied"));
}

static char	differing[256];

static void
differ_cb(void *arg, const char *section, const char *name)
{
	assert_ptr_equal(arg, differing);
	strcat(strcat(strcat(strcat(differing, section), "."), name), " ");
}

static void
expect_differing(const struct conf *a, const struct conf *b, const char *names)
{
	differing[0] = '\0';
	conf_differ(a, b, differ_cb, differing);
	assert_string_equal(differing, names);
}

/* One option after the other, of every type. */
static void
test_differ(void **state)
{
	static const char	text[] = "[daemon]\nlog_level = debug\n"
	    "log_file = /x\n[api]\nallow_uids = 1 2\n[broker]\n"
	    "enabled = yes\n[meshes]\nreference_config = none\n"
	    "[sessions]\nlinger = 5m\n";
	struct conf		other;

	(void)state;
	conf_init(&other);
	expect_good(text);
	expect_differing(&other, &other, "");
	expect_differing(&other, &c, "daemon.log_level daemon.log_file "
	    "api.allow_uids broker.enabled meshes.reference_config "
	    "sessions.linger ");
	conf_take(&other, &c, "api", "allow_uids");
	assert_int_equal(other.n_allow_uids, 2);
	assert_true(other.allow_uids[0] == 1 && other.allow_uids[1] == 2);
	conf_take(&other, &c, "daemon", "log_file");
	assert_string_equal(other.log_file, "/x");
	conf_take(&other, &c, "sessions", "linger");
	conf_take(&other, &c, "no", "such");
	expect_differing(&c, &other, "daemon.log_level broker.enabled "
	    "meshes.reference_config ");
	c.allow_uids[1] = 3;
	c.log_level = other.log_level;
	expect_differing(&c, &other, "api.allow_uids broker.enabled "
	    "meshes.reference_config ");
}

static char	faults[8][CONF_FAULT_SIZE];
static size_t	n_faults;

static void
fault_cb(void *arg, const char *text)
{
	assert_ptr_equal(arg, &n_faults);
	assert_true(n_faults < 8);
	snprintf(faults[n_faults++], CONF_FAULT_SIZE, "%s", text);
}

/* Not only the first; of each line one. */
static void
test_every_fault(void **state)
{
	static const char	text[] = "[daemon]\nlog_level = loud\n"
	    "what\nfoo = 1\n[nowhere]\nx = 1\n[open\n[api]\n"
	    "tcp_port = 5\ntcp_port = 6\n";
	static const int	lines[] = { 2, 3, 4, 5, 6, 7, 10 };
	char			want[600];
	size_t			i;

	(void)state;
	n_faults = 0;
	assert_int_equal(conf_load_all(&c, scratch_write("c.conf", 0600, text,
	    sizeof text - 1), 1, fault_cb, &n_faults), -1);
	assert_int_equal(n_faults, sizeof lines / sizeof *lines);
	for (i = 0; i < n_faults; i++) {
		snprintf(want, sizeof want, "%s:%d: ", scratch("c.conf"),
		    lines[i]);
		if (strncmp(faults[i], want, strlen(want)) != 0)
			fail_msg("%s, not %s", faults[i], want);
	}
	n_faults = 0;
	assert_int_equal(conf_load_all(&c, scratch_write("c.conf", 0600,
	    "[api]\ntcp_port = 5\n", 19), 1, fault_cb, &n_faults), 0);
	assert_int_equal(n_faults, 0);
	assert_int_equal(c.tcp_port, 5);
	assert_int_equal(conf_load_all(&c, scratch("none"), 0, fault_cb,
	    &n_faults), 0);
	assert_int_equal(conf_load_all(&c, scratch("none"), 1, fault_cb,
	    &n_faults), -1);
	assert_int_equal(n_faults, 1);
}

static void
test_where(void **state)
{
	const char	*path = scratch_write("c.conf", 0600, "[api]\n\n"
			    "tcp_port = 5\n[broker]\nlisten = x\n", 40);

	(void)state;
	assert_int_equal(conf_where(path, "api", "tcp_port"), 3);
	assert_int_equal(conf_where(path, "broker", "listen"), 5);
	assert_int_equal(conf_where(path, "broker", "url"), 0);
	assert_int_equal(conf_where(scratch("none"), "api", "tcp_port"), 0);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_every_fault),
		cmocka_unit_test(test_where),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_uids),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_not_text),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_differ),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
