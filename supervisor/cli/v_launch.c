/*
 * launch: a command that is a session.  The session's process is the command's,
 * so that it ends with the command also when launch is killed; the token lies
 * in a directory of its own until then, and only the command's environment
 * names it.
 */

#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/paths.h"
#include "common/uuid.h"
#include "common/xalloc.h"
#include "supervisor/cli/api.h"
#include "supervisor/cli/command.h"
#include "supervisor/cli/form.h"
#include "supervisor/cli/verbs.h"

#define EXIT_CANNOT_RUN	126		/* as shells and env(1) say */
#define EXIT_NOT_FOUND	127
#define END_MS		2000		/* the daemon notices it by itself */

struct launch {
	struct cli	*c;
	struct token	 token;
	char		*dir;		/* ours alone; NULL: not made */
	char		*path;		/* of the token file in it */
	char		*run_dir;	/* for the command's verbs; or NULL */
	struct command	 command;
};

/* Below the user's runtime directory, else where temporary files are. */
static int
launch_make_dir(struct launch *l)
{
	const char	*runtime = cli_env("XDG_RUNTIME_DIR");
	const char	*tmp = cli_env("TMPDIR");
	const char	*base[] = { runtime, tmp, "/tmp" };
	size_t		 i;

	for (i = 0; i < sizeof base / sizeof *base; i++) {
		if (base[i] == NULL || base[i][0] != '/')
			continue;
		l->dir = paths_join(base[i], "meshsup-launch.XXXXXX");
		if (mkdtemp(l->dir) != NULL) {		/* 0700 */
			l->path = paths_join(l->dir, "token");
			return CLI_OK;
		}
		free(l->dir);
		l->dir = NULL;
	}
	return cli_fail(l->c, "cannot make a directory for the token: %s; "
	    "name one that you can write to with TMPDIR", strerror(errno));
}

static int
launch_write_token(struct launch *l)
{
	struct token_draft	 draft;
	char			 err[512];
	int			 rc;

	token_mint(&l->token);
	if (cli_opt(l->c, OPT_SESSION_ID) == NULL)
		uuid_v4(l->token.session_id);
	else if ((rc = form_session_id(l->c, &l->token)) != CLI_OK)
		return rc;
	if ((rc = launch_make_dir(l)) != CLI_OK)
		return rc;
	if (token_prepare(&draft, &l->token, l->path, err, sizeof err) == -1 ||
	    token_commit(&draft, err, sizeof err) == -1)
		return cli_fail(l->c, "%s", err);
	return CLI_OK;
}

/* The daemon that was named here is the command's, too. */
static void
launch_find_run_dir(struct launch *l)
{
	const char	*sock = cli_opt(l->c, OPT_SOCKET), *slash;

	if (sock == NULL) {
		if (cli_run_dir_named(l->c))
			l->run_dir = realpath(l->c->paths.run_dir, NULL);
		return;
	}
	slash = strrchr(l->c->socket, '/');
	if (slash == NULL || strcmp(slash + 1, PATHS_SOCKET) != 0)
		return;
	xasprintf(&l->run_dir, "%.*s", (int)(slash - l->c->socket),
	    l->c->socket);
}

/* In the child. */
static void
launch_setup_cb(void *arg)
{
	const struct launch	*l = arg;

	if (setenv("MESHSUP_TOKEN_FILE", l->path, 1) == -1 ||
	    setenv("CLAUDEMESH_IPC_TOKEN_FILE", l->path, 1) == -1 ||
	    (l->run_dir != NULL &&
	    setenv("MESHSUP_RUN_DIR", l->run_dir, 1) == -1))
		_exit(EXIT_CANNOT_RUN);
}

/* --name, else what the command is called. */
static const char *
launch_name(const struct launch *l)
{
	const char	*name = cli_opt(l->c, OPT_NAME), *slash;

	if (name != NULL)
		return name;
	name = l->c->opts.operands[0];
	slash = strrchr(name, '/');
	return slash != NULL && slash[1] != '\0' ? slash + 1 : name;
}

static int
launch_register(struct launch *l)
{
	struct api_answer	 a;
	json_t			*body;
	int			 rc;

	body = form_make(l->c, &l->token, launch_name(l), l->command.pid, &rc);
	if (body == NULL)
		return rc;
	/* ^C ends the waiting command: there is nothing to register then. */
	api_call_until(l->c, "POST", "/v1/sessions/register", NULL, body,
	    API_TIMEOUT_MS, l->command.error_fd, &a);
	json_decref(body);
	if (!api_is_ok(&a))
		rc = api_explain(l->c, &a);
	api_answer_clear(&a);
	return rc;
}

/* Its process has ended, which says the same; this says it sooner. */
static void
launch_end_session(struct launch *l)
{
	struct api_answer	 a;
	struct buf		 path = { 0 };

	buf_addf(&path, "/v1/sessions/%s", l->token.hex);
	api_call(l->c, "DELETE", path.p, NULL, NULL, END_MS, &a);
	buf_free(&path);
	api_answer_clear(&a);
}

static void
launch_clear(struct launch *l)
{
	if (l->path != NULL)
		unlink(l->path);
	if (l->dir != NULL)
		rmdir(l->dir);
	token_wipe(&l->token);
	free(l->path);
	free(l->dir);
	free(l->run_dir);
}

/* Registered; the exit code when the command could not be run. */
static int
launch_run(struct launch *l)
{
	const char	*name = l->c->opts.operands[0];
	int		 why = command_go(&l->command), status;

	if (why == 0)
		status = command_wait(&l->command);
	launch_end_session(l);
	if (why != 0) {
		cli_warn(l->c, "cannot run %s: %s", name, strerror(why));
		return why == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
	}
	launch_clear(l);
	command_end_as(&l->command, status);
}

int
v_launch(struct cli *c)
{
	struct launch	 l = { .c = c };
	int		 rc;

	if (form_caps_asked(c))
		return CLI_OK;
	if (c->opts.noperands == 0)
		return cli_usage(c, "which command?  It comes behind \"--\"");
	if ((rc = launch_write_token(&l)) != CLI_OK)
		goto out;
	launch_find_run_dir(&l);
	if (command_fork(&l.command, (char *const *)c->opts.operands,
	    launch_setup_cb, &l) == -1)
		rc = cli_fail(c, "fork: %s", strerror(errno));
	else if ((rc = launch_register(&l)) != CLI_OK)
		command_drop(&l.command);
	else
		rc = launch_run(&l);
out:
	launch_clear(&l);
	return rc;
}
