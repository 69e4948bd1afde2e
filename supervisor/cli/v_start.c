/*
 * start: run the supervisor, detached, and return when the API answers.
 *
 * Starting what runs already is a success, as init scripts expect.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "supervisor/cli/api.h"
#include "supervisor/cli/runlock.h"
#include "supervisor/cli/spawn.h"
#include "supervisor/cli/verbs.h"

#define START_MAX_MS	60000
#define PROBE_MS	2000
#define AGAIN_US	100000
#define ARGS_MAX	10
#define START_GONE	(-1)

/* What a path of the API says for a version, allocated; NULL: no answer. */
static char *
version_ask(const struct cli *c, const char *path, const char *key)
{
	struct api_answer	 a;
	const char		*v;
	char			*out = NULL;

	api_call(c, "GET", path, NULL, NULL, PROBE_MS, &a);
	if (api_is_ok(&a) && (v = cli_json_str(a.json, key)) != NULL)
		out = xstrdup(v);
	api_answer_clear(&a);
	return out;
}

/* Does the API answer? */
static char *
version_probe(const struct cli *c)
{
	return version_ask(c, "/v1/version", "daemon_version");
}

/*
 * Does the supervisor?  The gate alone is no proof: it outlives a supervisor
 * that was killed by a moment.
 */
static char *
version_alive(const struct cli *c)
{
	return version_ask(c, "/v1/status", "version");
}

/* The last lines of a start, or of a start that was none. */
static int
say_running(const struct cli *c, pid_t pid, const char *version, int already)
{
	json_t	*j;

	if (c->json) {
		j = json_pack("{s:s, s:s, s:i, s:s, s:b}", "state", "running",
		    "version", version, "pid", (int)pid, "socket", c->socket,
		    "already", already);
		cli_print_json(c, j);
		json_decref(j);
	} else if (already)
		printf("meshsup %s is already running (pid %d), socket %s\n",
		    version, (int)pid, c->socket);
	else
		printf("meshsup %s is running (pid %d), socket %s\n",
		    version, (int)pid, c->socket);
	return CLI_OK;
}

/*
 * A supervisor holds the lock: wait for its API, as its own start does.  why
 * is what our own start said when it failed, NULL when there was none; the
 * holder may be that one still, on its way out.  START_GONE: without any start
 * of ours, the holder has ended: it was dying already, or its start failed.
 */
static int
start_already(const struct cli *c, struct runlock *rl, const char *why)
{
	int64_t	 deadline = clock_mono_ms() + START_MAX_MS;
	char	 err[512], *version;
	int	 rc;

	for (;;) {
		if (strcmp(rl->state, "stopping") == 0 && why == NULL)
			return cli_fail(c, "the meshsup of %s is stopping "
			    "(pid %d); start it again when it has ended",
			    c->paths.run_dir, (int)rl->pid);
		/* The gate of a start that failed may still answer. */
		if ((why == NULL || strcmp(rl->state, "running") == 0) &&
		    (version = version_alive(c)) != NULL)
			break;
		if (clock_mono_ms() >= deadline)
			return cli_fail(c, "meshsup runs (pid %d), but its "
			    "API does not answer on %s", (int)rl->pid,
			    c->socket);
		usleep(AGAIN_US);
		if (runlock_read(rl, c->paths.run_dir, err, sizeof err) == -1)
			return cli_fail(c, "%s", err);
		if (rl->held != RUNLOCK_HELD)
			return why == NULL ? START_GONE : cli_fail(c,
			    "meshsup did not start: %s", why);
	}
	rc = say_running(c, rl->pid, version, 1);
	free(version);
	return rc;
}

/* It is ready: say so. */
static int
start_done(const struct cli *c)
{
	struct runlock	 rl;
	char		 err[512], *version = version_probe(c);
	int		 rc;

	if (runlock_read(&rl, c->paths.run_dir, err, sizeof err) == -1)
		rl.pid = 0;
	rc = say_running(c, rl.pid, version != NULL ? version :
	    PACKAGE_VERSION, 0);
	free(version);
	return rc;
}

/*
 * It ended, with an error or without.  When another start was faster, ours
 * found everything locked, and what was asked for runs all the same.
 */
static int
start_failed(const struct cli *c, const char *said, const char *log)
{
	struct runlock	 rl;
	char		 err[512], why[2048];

	if (access(log, F_OK) == 0)
		snprintf(why, sizeof why, "%s (log: %s)", said, log);
	else
		snprintf(why, sizeof why, "%s", said);
	if (runlock_read(&rl, c->paths.run_dir, err, sizeof err) == 0 &&
	    rl.held == RUNLOCK_HELD)
		return start_already(c, &rl, why);
	return cli_fail(c, "meshsup did not start: %s", why);
}

/* Report how a start ended. */
static int
start_wait(const struct cli *c, int fd)
{
	char	 text[1024], *log;
	int	 rc = CLI_FAIL;

	log = paths_join(c->paths.state_dir, PATHS_LOG);
	switch (spawn_wait(fd, START_MAX_MS, text, sizeof text)) {
	case SPAWN_READY:
		rc = start_done(c);
		break;
	case SPAWN_ERROR:
		rc = start_failed(c, text, log);
		break;
	case SPAWN_DIED:
		rc = start_failed(c, "it ended before it was ready; meshsup "
		    "start --foreground shows more", log);
		break;
	case SPAWN_LATE:
		cli_warn(c, "meshsup is not ready after %d s; it goes on "
		    "starting (its log: %s); end it with: meshsup stop",
		    START_MAX_MS / 1000, log);
		break;
	}
	free(log);
	return rc;
}

/*
 * The supervisor's arguments.  A configuration that nobody named and that is
 * not there is not passed: the supervisor would take it as named, and miss it.
 */
static void
args_fill(const struct cli *c, char *program, char *argv[ARGS_MAX])
{
	size_t	 n = 0;

	argv[n++] = program;
	if (c->paths.config_named || access(c->paths.config, F_OK) == 0) {
		argv[n++] = (char *)(uintptr_t)"--config";
		argv[n++] = c->paths.config;
	}
	argv[n++] = (char *)(uintptr_t)"--state-dir";
	argv[n++] = c->paths.state_dir;
	argv[n++] = (char *)(uintptr_t)"--run-dir";
	argv[n++] = c->paths.run_dir;
	if (cli_opt(c, OPT_FOREGROUND) != NULL)
		argv[n++] = (char *)(uintptr_t)"--foreground";
	argv[n] = NULL;
}

/* In the background, unless one runs already. */
static int
start_detached(const struct cli *c, char *const argv[])
{
	struct runlock	 rl;
	char		 err[512];
	int		 fd, rc;

	if (runlock_read(&rl, c->paths.run_dir, err, sizeof err) == -1)
		return cli_fail(c, "%s", err);
	if (rl.held == RUNLOCK_HELD &&
	    (rc = start_already(c, &rl, NULL)) != START_GONE)
		return rc;
	if ((fd = spawn_detached(argv, err, sizeof err)) == -1)
		return cli_fail(c, "%s", err);
	rc = start_wait(c, fd);
	close(fd);
	return rc;
}

int
v_start(struct cli *c)
{
	char	*argv[ARGS_MAX], *program;
	int	 rc;

	program = spawn_find("supervisor");
	args_fill(c, program, argv);
	if (cli_opt(c, OPT_FOREGROUND) != NULL) {
		execv(program, argv);
		rc = cli_fail(c, "cannot run %s: %s", program,
		    strerror(errno));
	} else
		rc = start_detached(c, argv);
	free(program);
	return rc;
}

/*
 * The supervisor's program looks itself: it knows what it would read.  It finds
 * the places by the same options and environment.
 */
int
v_check(struct cli *c)
{
	static const struct {
		enum opt	 id;
		const char	*name;
	} places[] = {
		{ OPT_CONFIG, "--config" },
		{ OPT_STATE_DIR, "--state-dir" },
		{ OPT_RUN_DIR, "--run-dir" },
	};
	char	*argv[ARGS_MAX], *program = spawn_find("supervisor");
	size_t	 n = 0, i;
	int	 rc;

	argv[n++] = program;
	argv[n++] = (char *)(uintptr_t)"--check";
	if (c->json)
		argv[n++] = (char *)(uintptr_t)"--json";
	for (i = 0; i < sizeof places / sizeof *places; i++) {
		if (cli_opt(c, places[i].id) == NULL)
			continue;
		argv[n++] = (char *)(uintptr_t)places[i].name;
		argv[n++] = (char *)(uintptr_t)cli_opt(c, places[i].id);
	}
	argv[n] = NULL;
	execv(program, argv);
	rc = cli_fail(c, "cannot run %s: %s", program, strerror(errno));
	free(program);
	return rc;
}
