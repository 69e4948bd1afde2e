/*
 * msbench: the figures of a meshsup that is installed.
 *
 *	msbench [option...] --meshsup PROGRAM --dir DIR BENCH...
 *	msbench print [--json]
 *
 * A bench writes its results as JSON lines, `print` makes a table of them.
 * tests/bench/run is how people call it.
 */

#include <getopt.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "tests/bench/bench.h"
#include "tests/bench/result.h"
#include "tests/bench/ws.h"

#define EXIT_USAGE	2

static const struct {
	const char	*name;
	void		 (*run)(const struct bench *);
} benches[] = {
	{ "accept", accept_bench },
	{ "drain", drain_bench },
	{ "e2e", e2e_bench },
	{ "memory", memory_bench },
	{ "backlog", backlog_bench },
	{ "ended", ended_bench },
	{ "thousand", thousand_bench },
};
#define BENCHES	(sizeof benches / sizeof benches[0])

enum { OPT_MESHSUP = 256, OPT_DIR, OPT_RUNS, OPT_MS, OPT_ROWS, OPT_BACKLOG,
    OPT_ENDED, OPT_WORKERS, OPT_MESSAGES, OPT_SESSIONS, OPT_IDLE };

static const struct option long_options[] = {
	{ "meshsup",	required_argument,	NULL, OPT_MESHSUP },
	{ "dir",	required_argument,	NULL, OPT_DIR },
	{ "runs",	required_argument,	NULL, OPT_RUNS },
	{ "ms",		required_argument,	NULL, OPT_MS },
	{ "rows",	required_argument,	NULL, OPT_ROWS },
	{ "backlog",	required_argument,	NULL, OPT_BACKLOG },
	{ "ended",	required_argument,	NULL, OPT_ENDED },
	{ "workers",	required_argument,	NULL, OPT_WORKERS },
	{ "messages",	required_argument,	NULL, OPT_MESSAGES },
	{ "sessions",	required_argument,	NULL, OPT_SESSIONS },
	{ "idle",	required_argument,	NULL, OPT_IDLE },
	{ NULL, 0, NULL, 0 }
};

void
bench_note(const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static unsigned
number(const char *text, unsigned min, unsigned max)
{
	char		*end;
	unsigned long	 n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || n < min || n > max) {
		fprintf(stderr, "msbench: %s: a number from %u to %u\n", text,
		    min, max);
		exit(EXIT_USAGE);
	}
	return (unsigned)n;
}

static void
option_take(struct bench *b, int option, const char *value)
{
	switch (option) {
	case OPT_MESHSUP:	b->meshsup = value; break;
	case OPT_DIR:		b->dir = value; break;
	case OPT_RUNS:
		b->runs = number(value, 1, RESULT_RUNS_MAX);
		break;
	case OPT_MS:		b->ms = (int)number(value, 10, 600000); break;
	case OPT_ROWS:		b->rows = number(value, 100, 10000000); break;
	case OPT_BACKLOG:	b->backlog = number(value, 1, 10000000); break;
	case OPT_ENDED:		b->ended = number(value, 1, 10000000); break;
	case OPT_WORKERS:
		b->workers = number(value, 2, RESULT_RUNS_MAX);
		break;
	case OPT_MESSAGES:	b->messages = number(value, 1, 1000000); break;
	case OPT_SESSIONS:	b->sessions = number(value, 2, 1000); break;
	case OPT_IDLE:		b->idle = number(value, 1, 3600); break;
	default:
		exit(EXIT_USAGE);	/* getopt has said why */
	}
}

/* A bare client that stays until it is killed: "msbench hold PORT". */
static void __attribute__((__noreturn__))
hold(const char *port)
{
	struct ws	w;

	ws_open(&w, (int)number(port, 1, 65535));
	puts("up");
	fflush(stdout);
	for (;;)
		pause();
}

static void
bench_run(const struct bench *b, const char *name)
{
	size_t	i;

	for (i = 0; i < BENCHES; i++)
		if (strcmp(benches[i].name, name) == 0) {
			benches[i].run(b);
			return;
		}
	fprintf(stderr, "msbench: no bench \"%s\"; there are:", name);
	for (i = 0; i < BENCHES; i++)
		fprintf(stderr, " %s", benches[i].name);
	fputc('\n', stderr);
	exit(EXIT_USAGE);
}

int
main(int argc, char *argv[])
{
	struct bench	b = { .runs = 3, .ms = 1000, .rows = 20000,
			    .backlog = 100000, .ended = 200000, .workers = 10,
			    .messages = 300, .sessions = 1000, .idle = 60 };
	int		option;

	log_init("msbench");
	if (argc == 3 && strcmp(argv[1], "hold") == 0)
		hold(argv[2]);		/* does not return */
	if (argc >= 2 && strcmp(argv[1], "print") == 0)
		return results_print(argc == 3 &&
		    strcmp(argv[2], "--json") == 0) == 0 ? 0 : EXIT_FAILURE;
	while ((option = getopt_long(argc, argv, "", long_options,
	    NULL)) != -1)
		option_take(&b, option, optarg);
	if (b.meshsup == NULL || b.dir == NULL || optind == argc) {
		fputs("usage: msbench [option...] --meshsup PROGRAM --dir DIR "
		    "BENCH...\n       msbench print [--json]\n", stderr);
		return EXIT_USAGE;
	}
	if (sodium_init() == -1)
		fatalx("libsodium does not start");
	for (; optind < argc; optind++)
		bench_run(&b, argv[optind]);
	return 0;
}
