/* Signals, as events. */

#include "supervisor/signals.h"

#include <event2/event.h>
#include <signal.h>

#include "supervisor/child.h"
#include "supervisor/logger.h"
#include "supervisor/reload.h"
#include "supervisor/supervisor.h"
#include "supervisor/upgrade.h"

static void
signals_stop(evutil_socket_t sig, short what, void *arg)
{
	struct supervisor	*s = arg;
	struct child		*c;

	(void)what;
	if (s->state != SUP_STOPPING) {
		log_info("%s: stopping", sig == SIGTERM ? "SIGTERM" :
		    "SIGINT");
		supervisor_stop(s);
		return;
	}
	log_info("told again to stop: at once");
	for (c = TAILQ_FIRST(&s->children); c != NULL; c = child_next(c))
		child_kill(c);
}

static void
signals_child(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	child_reap(arg);
	upgrade_reap(arg);
}

static void
signals_upgrade(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	upgrade_begin(arg, 0);
}

static void
signals_reopen(evutil_socket_t sig, short what, void *arg)
{
	struct supervisor	*s = arg;

	(void)sig;
	(void)what;
	logger_reopen(s->logger);
	log_info("log opened again");
}

static void
signals_reload(evutil_socket_t sig, short what, void *arg)
{
	signals_reopen(sig, what, arg);
	reload_later(arg);
}

static const struct {
	int			 sig;
	event_callback_fn	 cb;
} all[] = {
	{ SIGTERM, signals_stop }, { SIGINT, signals_stop },
	{ SIGCHLD, signals_child }, { SIGUSR1, signals_reopen },
	{ SIGHUP, signals_reload }, { SIGUSR2, signals_upgrade },
};
#define N_ALL	(sizeof all / sizeof all[0])

/* Hold them, or let them go. */
static void
signals_mask(int how)
{
	sigset_t	set;
	size_t		i;

	sigemptyset(&set);
	for (i = 0; i < N_ALL; i++)
		sigaddset(&set, all[i].sig);
	sigprocmask(how, &set, NULL);
}

void
signals_hold(void)
{
	signals_mask(SIG_BLOCK);
}

void
signals_release(void)
{
	signals_mask(SIG_UNBLOCK);
}

void
signals_init(struct supervisor *s)
{
	size_t	i;

	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < N_ALL; i++) {
		s->ev_sig[i] = evsignal_new(s->base, all[i].sig, all[i].cb, s);
		if (s->ev_sig[i] == NULL || evsignal_add(s->ev_sig[i], NULL) ==
		    -1)
			fatalx("signal %d: cannot watch", all[i].sig);
	}
	signals_mask(SIG_UNBLOCK);
}

void
signals_deinit(struct supervisor *s)
{
	size_t	i;

	for (i = 0; i < sizeof s->ev_sig / sizeof s->ev_sig[0]; i++) {
		if (s->ev_sig[i] != NULL)
			event_free(s->ev_sig[i]);
		s->ev_sig[i] = NULL;
	}
}
