/*
 * The command line of a broker that runs by itself.
 */

#include "contrib/broker/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "contrib/broker/rate.h"

#define EXIT_USAGE	2
#define SECONDS_MAX	86400

enum {
	OPT_ACK_ONLY = 256, OPT_ADD_MEMBER, OPT_CLAIM, OPT_DB, OPT_GRACE,
	OPT_HELLO, OPT_HELP, OPT_JSON, OPT_LISTEN, OPT_LOG_LEVEL, OPT_MAX,
	OPT_PING, OPT_RATE, OPT_RATE_BURST, OPT_REMOTE, OPT_TLS_CERT,
	OPT_TLS_KEY, OPT_VERSION,
};

static const struct option long_options[] = {
	{ "ack-only",		no_argument,		NULL, OPT_ACK_ONLY },
	{ "add-member",		required_argument,	NULL, OPT_ADD_MEMBER },
	{ "allow-remote",	no_argument,		NULL, OPT_REMOTE },
	{ "claim-time",		required_argument,	NULL, OPT_CLAIM },
	{ "db",			required_argument,	NULL, OPT_DB },
	{ "grace-time",		required_argument,	NULL, OPT_GRACE },
	{ "hello-time",		required_argument,	NULL, OPT_HELLO },
	{ "help",		no_argument,		NULL, OPT_HELP },
	{ "json",		no_argument,		NULL, OPT_JSON },
	{ "listen",		required_argument,	NULL, OPT_LISTEN },
	{ "log-level",		required_argument,	NULL, OPT_LOG_LEVEL },
	{ "max-connections",	required_argument,	NULL, OPT_MAX },
	{ "ping-time",		required_argument,	NULL, OPT_PING },
	{ "rate-burst",		required_argument,	NULL, OPT_RATE_BURST },
	{ "rate-limit",		required_argument,	NULL, OPT_RATE },
	{ "tls-cert",		required_argument,	NULL, OPT_TLS_CERT },
	{ "tls-key",		required_argument,	NULL, OPT_TLS_KEY },
	{ "version",		no_argument,		NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 }
};

static const char help[] =
    "usage: broker --listen ADDRESS:PORT --db FILE [OPTION ...]\n"
    "       broker --db FILE --add-member MESH:PUBKEY:NAME\n"
    "\n"
    "A broker for meshes of encrypted sessions, with a file of its own.\n"
    "\n"
    "  --listen ADDRESS:PORT  where to listen; port 0 is any.  Prints\n"
    "                         \"listening on ADDRESS:PORT\" when it does\n"
    "  --db FILE              SQLite file, made when it is not there\n"
    "  --allow-remote         allow an ADDRESS other hosts can reach\n"
    "  --tls-cert FILE        serve wss with this certificate chain (PEM)\n"
    "  --tls-key FILE         and its key\n"
    "  --max-connections N    of one mesh, and of all (default 10000)\n"
    "  --rate-limit N         messages a minute that a member may send, its\n"
    "                         sessions together (default: no limit)\n"
    "  --rate-burst N         of them at once, after a pause (default 10)\n"
    "  --json                 say where it listens as JSON\n"
    "  --log-level LEVEL      error, warn, info (default), debug\n"
    "\n"
    "  --add-member MESH:PUBKEY:NAME\n"
    "                         make the mesh and the member if they are not\n"
    "                         there, and print their ids; PUBKEY is 64 hex\n"
    "                         digits.  Also while a broker serves the file\n"
    "\n"
    "  --claim-time SECONDS   until an unacknowledged push is repeated (30)\n"
    "  --grace-time SECONDS   until a peer whose connection ended has left (90)\n"
    "  --hello-time SECONDS   until a connection must have said hello (10)\n"
    "  --ping-time SECONDS    between pings; without a pong for 2.5 times\n"
    "                         that a connection is dropped (30)\n"
    "  --ack-only             for benchmarks of clients: acknowledge every\n"
    "                         send, and neither store nor deliver it\n"
    "\n"
    "Log lines are JSON on stderr.  SIGTERM and SIGINT end it.\n";

static void
usage(const char *what)
{
	fprintf(stderr, "broker: %s; try --help\n", what);
	exit(EXIT_USAGE);
}

static long
number(const char *name, const char *text, long max)
{
	char	*end;
	long	 n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || n < 1 || n > max) {
		fprintf(stderr, "broker: --%s: a number from 1 to %ld\n", name,
		    max);
		exit(EXIT_USAGE);
	}
	return n;
}

static int64_t
seconds(const char *name, const char *text)
{
	return number(name, text, SECONDS_MAX) * 1000LL;
}

static void
log_level(const char *name)
{
	int	 level = log_level_parse(name);

	if (level == -1)
		usage("--log-level: error, warn, info or debug");
	log_set_level((enum log_level)level);
}

static void
take(struct command *c, int option, const char *value)
{
	struct options	*o = &c->options;

	switch (option) {
	case OPT_ACK_ONLY:	o->ack_only = 1; break;
	case OPT_ADD_MEMBER:	c->add_member = value; break;
	case OPT_REMOTE:	c->allow_remote = 1; break;
	case OPT_CLAIM:
		o->claim_ms = seconds("claim-time", value);
		break;
	case OPT_DB:		o->db = value; break;
	case OPT_GRACE:
		o->grace_ms = seconds("grace-time", value);
		break;
	case OPT_HELLO:
		o->hello_ms = seconds("hello-time", value);
		break;
	case OPT_JSON:		c->json = 1; break;
	case OPT_LISTEN:	c->listen = value; break;
	case OPT_LOG_LEVEL:	log_level(value); break;
	case OPT_MAX:
		o->max_connections = (unsigned)number("max-connections", value,
		    1000000);
		break;
	case OPT_PING:
		o->ping_ms = seconds("ping-time", value);
		break;
	case OPT_RATE:
		o->rate_limit = (unsigned)number("rate-limit", value,
		    RATE_PER_MINUTE_MAX);
		break;
	case OPT_RATE_BURST:
		o->rate_burst = (unsigned)number("rate-burst", value,
		    RATE_BURST_MAX);
		break;
	case OPT_TLS_CERT:	o->tls_cert = value; break;
	case OPT_TLS_KEY:	o->tls_key = value; break;
	case OPT_HELP:
		fputs(help, stdout);
		exit(0);
	case OPT_VERSION:
		puts("broker " PACKAGE_VERSION);
		exit(0);
	default:
		usage("what is that?");		/* getopt has said */
	}
}

void
options_parse(struct command *c, int argc, char *argv[])
{
	int	 option;

	memset(c, 0, sizeof *c);
	options_defaults(&c->options);
	while ((option = getopt_long(argc, argv, "", long_options,
	    NULL)) != -1)
		take(c, option, optarg);
	if (optind < argc)
		usage("too many arguments");
	if (c->options.db == NULL)
		usage("--db is missing");
	if ((c->listen == NULL) == (c->add_member == NULL))
		usage("either --listen or --add-member");
	if ((c->options.tls_cert == NULL) != (c->options.tls_key == NULL))
		usage("--tls-cert and --tls-key go together");
}
