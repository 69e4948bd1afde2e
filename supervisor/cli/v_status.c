/*
 * status: what runs, from the API; when that does not answer, what the lock
 * file says.  Exit codes are those of the LSB.
 */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "supervisor/cli/api.h"
#include "supervisor/cli/runlock.h"
#include "supervisor/cli/table.h"
#include "supervisor/cli/text.h"
#include "supervisor/cli/verbs.h"

#define STATUS_MS	5000
#define AGAIN_MS	100

static void
print_processes(const struct cli *c, const json_t *list)
{
	static const char *const heads[] = { "PROCESS", ">PID", "STATE",
				    ">UPTIME", ">RESTARTS", ">RSS", "SESSION",
				    "MESH", NULL };
	struct table		*t = table_new(heads);
	const json_t		*p;
	char			*up;
	size_t			 i;

	json_array_foreach(list, i, p) {
		up = text_duration(cli_json_int(p, "uptime_s"));
		table_add(t, cli_json_str(p, "role"));
		table_addf(t, "%lld", cli_json_int(p, "pid"));
		table_add(t, cli_json_str(p, "state"));
		table_add(t, up);
		table_addf(t, "%lld", cli_json_int(p, "restarts"));
		table_addf(t, "%.1f MiB",
		    (double)cli_json_int(p, "rss_kib") / 1024);
		table_add(t, cli_json_str(p, "session"));
		table_add(t, cli_json_str(p, "mesh"));
		free(up);
	}
	table_end(&t, stdout, c->color, "no processes");
}

static void
print_meshes(const struct cli *c, const json_t *list)
{
	static const char *const heads[] = { "MESH", "STATE", "REASON", NULL };
	struct table		*t = table_new(heads);
	const json_t		*m;
	size_t			 i;

	json_array_foreach(list, i, m) {
		table_add(t, cli_json_str(m, "slug"));
		table_add(t, cli_json_str(m, "state"));
		table_add(t, cli_json_str(m, "reason"));
	}
	fputs("\n", stdout);
	table_end(&t, stdout, c->color, "no meshes");
}

/* "sessions: 2 open, 1 connecting" */
static void
print_sessions(json_t *counts)
{
	const char	*state, *sep = " ";
	json_t		*n;

	fputs("\nsessions:", stdout);
	json_object_foreach(counts, state, n) {
		if (json_integer_value(n) == 0)
			continue;
		text_printf("%s%lld %s", sep,
		    (long long)json_integer_value(n), state);
		sep = ", ";
	}
	fputs(*sep == ' ' ? " none\n" : "\n", stdout);
}

/* "parked: alice on acme: kicked" */
static void
print_parked(const json_t *list)
{
	const json_t	*s;
	size_t		 i;

	json_array_foreach(list, i, s)
		text_printf("parked: %s on %s: %s\n", cli_json_or(s, "name",
		    "?"), cli_json_or(s, "mesh", "?"),
		    cli_json_or(s, "reason", "?"));
}

/* What it all costs, and whether the kernel allows what was configured. */
static void
print_room(const json_t *j)
{
	const json_t	*memory = json_object_get(j, "memory");
	const json_t	*limits = json_object_get(j, "limits");

	if (memory != NULL) {
		text_printf("memory: %.1f MiB",
		    (double)cli_json_int(memory, "own_kib") / 1024);
		if (cli_json_int(memory, "sessions") > 0)
			text_printf(", %.1f MiB of each session's worker",
			    (double)cli_json_int(memory, "per_session_kib") /
			    1024);
		fputs("\n", stdout);
	}
	if (limits != NULL && cli_json_int(limits, "sessions") <
	    cli_json_int(limits, "max_sessions"))
		text_printf("sessions: no more than %lld, as meshsup may open "
		    "only %lld files\n", cli_json_int(limits, "sessions"),
		    cli_json_int(limits, "open_files"));
}

static void
print_status(const struct cli *c, const json_t *j)
{
	char	*up = text_duration(cli_json_int(j, "uptime_s"));

	text_printf("meshsup %s is %s (pid %lld), up %s\n",
	    cli_json_or(j, "version", "?"), cli_json_or(j, "state", "?"),
	    cli_json_int(j, "pid"), up);
	free(up);
	fputs("\n", stdout);
	print_processes(c, json_object_get(j, "processes"));
	if (json_array_size(json_object_get(j, "meshes")) > 0)
		print_meshes(c, json_object_get(j, "meshes"));
	if (json_is_object(json_object_get(j, "sessions")))
		print_sessions(json_object_get(j, "sessions"));
	print_parked(json_object_get(j, "parked"));
	print_room(j);
}

/* A state without the API's object. */
static int
say_state(const struct cli *c, int rc, const char *state, pid_t pid,
    const char *text)
{
	json_t	*j;

	if (c->json) {
		j = json_pack("{s:s}", "state", state);
		if (pid != 0)
			json_object_set_new(j, "pid", json_integer(pid));
		cli_print_json(c, j);
		json_decref(j);
	} else if (pid != 0)
		printf("meshsup is %s (pid %d)%s\n", state, (int)pid, text);
	else
		printf("meshsup is %s%s\n", state, text);
	return rc;
}

/* The API does not answer: is there a process at all? */
static int
status_by_lock(const struct cli *c, const struct api_answer *a)
{
	struct runlock	 rl;
	char		 err[512];

	if (runlock_read(&rl, c->paths.run_dir, err, sizeof err) == -1) {
		cli_warn(c, "%s; and %s", a->err, err);
		return CLI_UNKNOWN;
	}
	if (rl.held == RUNLOCK_FREE)
		return say_state(c, CLI_DOWN, "stopped", 0, "");
	if (rl.held == RUNLOCK_LEFT)
		return say_state(c, CLI_FAIL, "stopped", 0,
		    ": it ended without cleaning up");
	if (strcmp(rl.state, "starting") == 0 ||
	    strcmp(rl.state, "stopping") == 0)
		return say_state(c, CLI_OK, rl.state, rl.pid, "");
	cli_warn(c, "the API does not answer: %s", a->err);
	return say_state(c, CLI_UNKNOWN, "running", rl.pid, "");
}

/* Ask again while a gate that was replaced drops the connection. */
static void
status_get(const struct cli *c, struct api_answer *a)
{
	int64_t	 deadline = clock_mono_ms() + STATUS_MS;

	for (;;) {
		api_call(c, "GET", "/v1/status", NULL, NULL, STATUS_MS, a);
		if (a->result != CLIENT_LOST || clock_mono_ms() >= deadline)
			return;
		api_answer_clear(a);
		poll(NULL, 0, AGAIN_MS);
	}
}

int
v_status(struct cli *c)
{
	struct api_answer	 a;
	int			 rc = CLI_OK;

	status_get(c, &a);
	if (api_is_ok(&a)) {
		if (c->json)
			cli_print_json(c, a.json);
		else
			print_status(c, a.json);
	} else if (a.result == CLIENT_DENIED || a.result == CLIENT_OK) {
		api_refused(c, &a);
		rc = CLI_UNKNOWN;
	} else if (cli_opt(c, OPT_SOCKET) == NULL)
		rc = status_by_lock(c, &a);
	else if (a.result == CLIENT_DOWN)
		rc = say_state(c, CLI_DOWN, "stopped", 0, "");
	else {
		cli_warn(c, "%s", a.err);
		rc = CLI_UNKNOWN;
	}
	api_answer_clear(&a);
	return rc;
}
