#ifndef CLI_CLI_H
#define CLI_CLI_H

/*
 * One run of the command: what was asked, where the daemon is, and how to
 * write.  Verbs get it and return an exit code.
 */

#include <jansson.h>

#include "common/paths.h"
#include "supervisor/cli/buf.h"
#include "supervisor/cli/opts.h"

/* Exit codes, as meshsup(1) documents them. */
enum {
	CLI_OK = 0,
	CLI_FAIL = 1,		/* refused by the daemon, or failed here */
	CLI_USAGE = 2,
	CLI_DOWN = 3,		/* the daemon is not running */
	CLI_UNKNOWN = 4,	/* status: cannot say */
	CLI_NOT_YET = 5,	/* send --wait: accepted, and not there yet */
};

struct verb;

struct cli {
	const struct verb *verb;
	struct opts	 opts;
	char		*const *raw;	/* VERB_RAW: arguments as they came */
	struct paths	 paths;
	char		*socket;	/* daemon.sock, absolute */
	int		 json;		/* print JSON */
	int		 terminal;	/* stdout is one */
	int		 color;
};

/* An option's value, NULL when absent. */
const char *cli_opt(const struct cli *, enum opt);

/*
 * The number or the time of an option, checked here so that the answer is
 * about the option.  Without the option *n_r stays.  CLI_OK, or CLI_USAGE
 * with the reason printed.
 */
int	cli_number(const struct cli *, enum opt, const char *name, long min,
	    long max, long *n_r);
int	cli_time(const struct cli *, enum opt, const char *name);

/* Append prefix and the first operand, an ID, escaped.  As above. */
int	cli_row_path(const struct cli *, struct buf *, const char *prefix);

/* A variable of the environment, NULL when it is unset or empty. */
const char *cli_env(const char *name);

/* Was the run directory named, by option or by environment? */
int	cli_run_dir_named(const struct cli *);

/*
 * "meshsup VERB: ..." on stderr, cleaned for a terminal.  cli_fail() returns
 * CLI_FAIL, cli_usage() adds where help is and returns CLI_USAGE.
 */
void	cli_warn(const struct cli *, const char *, ...)
	    __attribute__((__format__(printf, 2, 3)));
int	cli_fail(const struct cli *, const char *, ...)
	    __attribute__((__format__(printf, 2, 3)));
int	cli_usage(const struct cli *, const char *, ...)
	    __attribute__((__format__(printf, 2, 3)));

/*
 * Print a JSON value and a line end: compact, or indented and in ASCII on a
 * terminal, where a raw character could be a control sequence.
 */
void	cli_print_json(const struct cli *, const json_t *);
void	cli_print_json_line(const struct cli *, const json_t *);

/* Append it, compact. */
void	cli_json_dump(struct buf *, const json_t *);

/*
 * Members of an object: a string or NULL, a string or something in place of
 * an absent or empty one, an integer or 0.
 */
const char *cli_json_str(const json_t *, const char *key);
const char *cli_json_or(const json_t *, const char *key,
	    const char *otherwise);
long long   cli_json_int(const json_t *, const char *key);

/* Escape sequences, empty without colour.  Static. */
enum color {
	COLOR_OFF,
	COLOR_BOLD,
	COLOR_DIM,
	COLOR_RED,
	COLOR_YELLOW,
};
const char *cli_color(const struct cli *, enum color);

#endif
