/*
 * Some workers at a time.  To fork and exec a thousand in one turn of the loop
 * would let nobody else come up for seconds, the gate least of all.
 */

#include "supervisor/launch.h"

#include <event2/event.h>

#include "common/log.h"
#include "supervisor/child.h"
#include "supervisor/session.h"
#include "supervisor/session_name.h"

#define TURN		8	/* in one turn of the loop */
#define STARTING_MAX	32	/* that are not ready yet */
#define AGAIN_MS	2

/* How many workers are on their way up. */
static unsigned
launch_starting(const struct supervisor *s)
{
	const struct session	*se;
	unsigned		 n = 0;

	TAILQ_FOREACH(se, &s->sessions, entry)
		n += child_state(se->child) == CHILD_STARTING;
	return n;
}

static void
launch_some(evutil_socket_t fd, short what, void *arg)
{
	struct supervisor	*s = arg;
	struct session		*se;
	unsigned		 n = launch_starting(s), turn = 0;

	(void)fd;
	(void)what;
	TAILQ_FOREACH(se, &s->sessions, entry) {
		if (!se->launch || se->dead || se->lingered)
			continue;
		if (turn == TURN || n + turn >= STARTING_MAX) {
			supervisor_after(s->ev_launch, AGAIN_MS);
			return;
		}
		se->launch = 0;
		turn += child_state(se->child) == CHILD_DOWN;
		session_start(se);
	}
	launch_stop(s);
}

void
launch_all(struct supervisor *s)
{
	struct session	*se;

	TAILQ_FOREACH(se, &s->sessions, entry)
		se->launch = 1;
	if (s->ev_launch == NULL &&
	    (s->ev_launch = evtimer_new(s->base, launch_some, s)) == NULL)
		fatalx("evtimer_new failed");
	supervisor_after(s->ev_launch, 0);
}

void
launch_stop(struct supervisor *s)
{
	if (s->ev_launch != NULL)
		event_free(s->ev_launch);
	s->ev_launch = NULL;
}
