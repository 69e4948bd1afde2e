/*
 * The meshsup command: verbs over the local API.  It runs as whoever calls it,
 * speaks HTTP over the daemon's Unix socket, and opens no database.
 */

#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/paths.h"
#include "common/xalloc.h"
#include "supervisor/cli/text.h"
#include "supervisor/cli/verbs.h"

/* A closed descriptor 0, 1 or 2 would be taken by the next file opened. */
static void
stdio_open(void)
{
	int	 fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

/* What the process is made of, before anything is read. */
static void
setup(struct cli *c)
{
	log_init("meshsup");
	stdio_open();
	signal(SIGPIPE, SIG_DFL);
	if (sodium_init() == -1)
		fatalx("libsodium does not start");
	/* Answers hold message bodies, requests hold tokens. */
	json_set_alloc_funcs(wipe_malloc, wipe_free);
	c->terminal = isatty(STDOUT_FILENO);
	text_init(c->terminal || isatty(STDERR_FILENO));
}

/* Read the options before the verb.  Returns how many words, or -1. */
static int
options_before(struct cli *c, int argc, char *argv[])
{
	const struct opt_def	*tables[OPTS_TABLES_MAX + 1];
	char			 err[256];
	int			 n;

	verb_tables(NULL, tables);
	n = opts_parse(&c->opts, tables, argc, argv, OPTS_BEFORE, err,
	    sizeof err);
	if (n == -1)
		cli_usage(c, "%s", err);
	return n;
}

/* Was an option given before the verb that the verb does not take? */
static const char *
option_misplaced(const struct cli *c)
{
	const struct opt_def	*all[OPTS_TABLES_MAX + 1];
	const struct opt_def	*own[OPTS_TABLES_MAX + 1], *d;
	size_t			 i;

	verb_tables(NULL, all);
	verb_tables(c->verb, own);
	for (i = 0; all[i] != NULL; i++) {
		for (d = all[i]; d->name != NULL; d++) {
			if (cli_opt(c, d->id) != NULL &&
			    !opts_has(own, d->id))
				return d->name;
		}
	}
	return NULL;
}

/* Colours: asked for, or a terminal that shows them to somebody who wants. */
static int
color_choose(struct cli *c)
{
	const char	*when = cli_opt(c, OPT_COLOR);
	const char	*term = cli_env("TERM");

	if (when == NULL || strcmp(when, "auto") == 0)
		c->color = c->terminal && cli_env("NO_COLOR") == NULL &&
		    term != NULL && strcmp(term, "dumb") != 0;
	else if (strcmp(when, "always") == 0)
		c->color = 1;
	else if (strcmp(when, "never") != 0)
		return -1;
	return 0;
}

/* Where everything is: the socket by name, else below the run directory. */
static int
places_find(struct cli *c)
{
	const char	*path = cli_opt(c, OPT_SOCKET);
	const char	*name = PATHS_SOCKET;
	char		 err[512];

	if (cli_opt(c, OPT_ADMIN) != NULL) {
		name = PATHS_ADMIN;
		if (path != NULL)
			return cli_usage(c, "either --admin or --socket");
	}
	if (paths_find(&c->paths, cli_opt(c, OPT_CONFIG),
	    cli_opt(c, OPT_STATE_DIR), cli_opt(c, OPT_RUN_DIR), err,
	    sizeof err) == -1)
		return cli_fail(c, "%s", err);
	c->socket = path != NULL ? xstrdup(path) :
	    paths_join(c->paths.run_dir, name);
	return CLI_OK;
}

/* The verb with its options read: run it. */
static int
verb_run(struct cli *c)
{
	const struct verb	*v = c->verb;
	const char		*name;
	int			 rc;

	if (cli_opt(c, OPT_HELP) != NULL) {
		verb_print(v);
		return CLI_OK;
	}
	if ((name = option_misplaced(c)) != NULL)
		return cli_usage(c, "it takes no --%s", name);
	if (color_choose(c) == -1)
		return cli_usage(c, "--color is auto, always or never");
	if (c->opts.noperands < v->min || c->opts.noperands > v->max)
		return cli_usage(c, *v->operands != '\0' ?
		    "it takes %s" : "it takes no operands", v->operands);
	c->json = cli_opt(c, OPT_JSON) != NULL;
	if ((v->flags & VERB_PLACE) && (rc = places_find(c)) != CLI_OK)
		return rc;
	return v->run(c);
}

/* Find the verb in argv and read what follows it. */
static int
verb_dispatch(struct cli *c, int argc, char *argv[])
{
	const struct opt_def	*tables[OPTS_TABLES_MAX + 1];
	const char		*second = argc > 1 ? argv[1] : NULL;
	char			 err[256];
	int			 words;

	c->verb = verb_find(argv[0], second, &words);
	if (c->verb == NULL && words == 1) {
		if (second != NULL && (strcmp(second, "--help") == 0 ||
		    strcmp(second, "-h") == 0)) {
			verbs_print_group(argv[0]);
			return CLI_OK;
		}
		cli_warn(c, "%s needs a verb of its own: meshsup help %s "
		    "lists them", argv[0], argv[0]);
		return CLI_USAGE;
	}
	if (c->verb == NULL)
		return cli_usage(c, "no verb %s", argv[0]);
	c->raw = argv + words;
	if (c->verb->flags & VERB_RAW)
		return c->verb->run(c);
	verb_tables(c->verb, tables);
	if (opts_parse(&c->opts, tables, argc - words, argv + words,
	    c->verb->flags & VERB_COMMAND ? OPTS_COMMAND : OPTS_ANYWHERE, err,
	    sizeof err) == -1)
		return cli_usage(c, "%s", err);
	return verb_run(c);
}

int
main(int argc, char *argv[])
{
	struct cli	 c = { 0 };
	int		 n, rc;

	setup(&c);
	if ((n = options_before(&c, argc - 1, argv + 1)) == -1)
		rc = CLI_USAGE;
	else if (cli_opt(&c, OPT_VERSION) != NULL) {
		c.json = cli_opt(&c, OPT_JSON) != NULL;
		rc = v_version(&c);
	} else if (n < argc - 1)
		rc = verb_dispatch(&c, argc - 1 - n, argv + 1 + n);
	else if (cli_opt(&c, OPT_HELP) != NULL) {
		verbs_print();
		rc = CLI_OK;
	} else
		rc = cli_usage(&c, "a verb is missing");
	if ((fflush(stdout) == EOF || ferror(stdout)) && rc == CLI_OK)
		rc = cli_fail(&c, "cannot write the output");
	paths_clear(&c.paths);
	free(c.socket);
	opts_clear(&c.opts);
	return rc;
}
