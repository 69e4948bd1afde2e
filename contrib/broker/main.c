/*
 * The embedded broker: by itself, or as a child of the supervisor.
 *
 * It reads and writes its own file and serves one listening socket; it runs
 * nothing, and connects to nobody.
 */

#include <jansson.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/log.h"
#include "common/privs.h"
#include "common/xalloc.h"
#include "contrib/broker/admin.h"
#include "contrib/broker/broker.h"
#include "contrib/broker/control.h"
#include "contrib/broker/listen.h"
#include "contrib/broker/options.h"
#include "contrib/broker/server.h"
#include "contrib/broker/watch.h"

#define SPARE_FDS	512	/* files, and connections without a hello */

/* What every way of running needs, before anything comes from outside. */
static void
init_libraries(void)
{
	if (sodium_init() == -1)
		fatalx("libsodium cannot be used");
	json_set_alloc_funcs(wipe_malloc, wipe_free);
	json_object_seed(0);
	signal(SIGPIPE, SIG_IGN);
}

/* libwebsockets sizes its tables by this, so it is set both ways. */
static void
limit_descriptors(const struct options *o)
{
	struct rlimit	 rl;
	rlim_t		 want = (rlim_t)o->max_connections + SPARE_FDS;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return;
	if (rl.rlim_max != RLIM_INFINITY && rl.rlim_max < want) {
		log_warnx("only %llu descriptors for %u connections",
		    (unsigned long long)rl.rlim_max, o->max_connections);
		want = rl.rlim_max;
	}
	rl.rlim_cur = want;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		log_warn("limit of descriptors");
}

/* For whoever started it, and waits for this line. */
static void
say_ready(int listen_fd, int json)
{
	char		 host[64];
	unsigned	 port;

	if (listen_name(listen_fd, host, sizeof host, &port) == -1)
		fatal("listen: no name");
	if (json)
		printf("{\"listen\":\"%s\",\"port\":%u}\n", host, port);
	else if (strchr(host, ':') != NULL)
		printf("listening on [%s]:%u\n", host, port);
	else
		printf("listening on %s:%u\n", host, port);
	fflush(stdout);
}

static void
signal_readable(struct watch *w)
{
	struct signalfd_siginfo	 info;

	if (read(w->fd, &info, sizeof info) == (ssize_t)sizeof info)
		server_stop(w->arg);
}

/* SIGTERM and SIGINT arrive in the loop.  0 or -1. */
static int
watch_signals(struct server *s, struct watch *w)
{
	sigset_t	 set;
	int		 fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == -1 ||
	    (fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) == -1)
		return -1;
	w->readable = signal_readable;
	w->arg = s;
	return server_watch(s, w, fd);
}

/* The exit code; listen_fd is taken.  control is NULL without a supervisor. */
static int
serve(const struct options *options, int listen_fd, struct control *control,
    const struct command *command)
{
	struct broker	 b;
	struct server	*server;
	struct watch	 signals = { .fd = -1 };
	int		 code = EXIT_FAILURE;

	limit_descriptors(options);
	if (broker_open(&b, options) == -1) {
		fd_close(&listen_fd);
		return EXIT_FAILURE;
	}
	if ((server = server_new(&b)) == NULL)
		fd_close(&listen_fd);
	else if (watch_signals(server, &signals) == 0 &&
	    server_listen(server, listen_fd) == 0) {
		if (control != NULL)
			control_run(control, &b);
		else
			say_ready(listen_fd, command->json);
		server_loop(server);
		code = EXIT_SUCCESS;
	}
	server_free(&server);
	broker_close(&b);
	return code;
}

static int
run_alone(int argc, char *argv[])
{
	struct command	 command;
	char		 err[160];
	int		 fd;

	options_parse(&command, argc, argv);
	if (command.add_member != NULL)
		return admin_add_member(command.options.db,
		    command.add_member);
	fd = listen_open(command.listen, !command.allow_remote, err,
	    sizeof err);
	if (fd == -1) {
		fprintf(stderr, "broker: %s\n", err);
		return EXIT_FAILURE;
	}
	return serve(&command.options, fd, NULL, &command);
}

static int
run_supervised(void)
{
	struct options	 options;
	struct control	*control;
	int		 fd, code;

	privs_child(0);
	control = control_new(&options, &fd);
	code = serve(&options, fd, control, NULL);
	control_free(&control);
	return code;
}

int
main(int argc, char *argv[])
{
	log_init("broker");
	init_libraries();
	if (argc > 1 && strcmp(argv[1], "--supervised") == 0)
		return run_supervised();
	return run_alone(argc, argv);
}
