/*
 * upgrade: the daemon executes the program that is installed now in its place.
 * Over when the new one answers.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "supervisor/cli/api.h"
#include "supervisor/cli/runlock.h"
#include "supervisor/cli/verbs.h"

#define ASK_MS		25000	/* the new program looks first */
#define WAIT_MS		60000	/* until it answers */
#define PROBE_MS	10000
#define AGAIN_US	20000

/* What the daemon says of itself now; 0, or -1: it does not. */
static int
status_ask(const struct cli *c, struct api_answer *a)
{
	api_call(c, "GET", "/v1/status", NULL, NULL, PROBE_MS, a);
	if (api_is_ok(a))
		return 0;
	api_answer_clear(a);
	return -1;
}

static int
upgrade_done(const struct cli *c, const char *from, const json_t *status)
{
	const char	*to = cli_json_or(status, "version", "?");
	json_t		*j;

	if (c->json) {
		j = json_pack("{s:b, s:s, s:s, s:I}", "ok", 1, "from", from,
		    "version", to, "pid",
		    (json_int_t)cli_json_int(status, "pid"));
		cli_print_json(c, j);
		json_decref(j);
	} else
		printf("meshsup %s runs in the place of %s (pid %lld)\n", to,
		    from, cli_json_int(status, "pid"));
	return CLI_OK;
}

/*
 * Nobody holds the lock, which an upgrade never lets go of.  Of a socket that
 * was named, its lock is not known.
 */
static int
upgrade_ended(const struct cli *c)
{
	struct runlock	 rl;
	char		 err[512], *own = paths_join(c->paths.run_dir,
			    PATHS_SOCKET);
	int		 ended = strcmp(own, c->socket) == 0 &&
			    runlock_read(&rl, c->paths.run_dir, err,
			    sizeof err) == 0 && rl.held != RUNLOCK_HELD;

	free(own);
	return ended;
}

/* 1: over, and *rc_r is how. */
static int
upgrade_look(const struct cli *c, const char *from, long long before,
    int *rc_r)
{
	struct api_answer	 a;
	const char		*failed;
	int			 over = 1;

	if (status_ask(c, &a) == -1) {
		if (!upgrade_ended(c))
			return 0;
		*rc_r = cli_fail(c, "meshsup has ended in the upgrade: its "
		    "log says why; `meshsup start` starts it");
		return 1;
	}
	failed = cli_json_str(a.json, "upgrade_failed");
	if (cli_json_int(a.json, "upgrades") > before)
		*rc_r = upgrade_done(c, from, a.json);
	else if (failed != NULL)
		*rc_r = cli_fail(c, "%s; the old one runs on", failed);
	else
		over = 0;
	api_answer_clear(&a);
	return over;
}

/* It takes over: until it answers. */
static int
upgrade_wait(const struct cli *c, const json_t *said)
{
	const char	*from = cli_json_or(said, "version", "?");
	int64_t		 end = clock_mono_ms() + WAIT_MS;
	int		 rc;

	do {
		if (upgrade_look(c, from, cli_json_int(said, "upgrades"),
		    &rc))
			return rc;
		usleep(AGAIN_US);
	} while (clock_mono_ms() < end);
	return cli_fail(c, "the new one does not answer within %d s: its log "
	    "says why", WAIT_MS / 1000);
}

int
v_upgrade(struct cli *c)
{
	struct api_answer	 a;
	int			 rc;

	api_call(c, "POST", "/v1/upgrade", NULL, NULL, ASK_MS, &a);
	rc = api_is_ok(&a) ? upgrade_wait(c, a.json) : api_refused(c, &a);
	api_answer_clear(&a);
	return rc;
}
