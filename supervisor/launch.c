/*
 * Some workers at a time.  To fork and exec a thousand in one turn of the loop
 * would let nobody else come up for seconds, the gate least of all.
 */

#include "supervisor/launch.h"

#include <event2/event.h>

#include "common/log.h"
#include "supervisor/session.h"
#include "supervisor/session_name.h"

#define TURN		32	/* in one turn of the loop */
#define STARTING_MAX	128	/* that are not ready yet */
#define AGAIN_MS	2

static void
launch_some(evutil_socket_t fd, short what, void *arg)
{
	struct supervisor	*s = arg;
	struct session		*se;
	unsigned		 turn;

	(void)fd;
	(void)what;
	for (turn = 0; turn < TURN && s->starting < STARTING_MAX; turn++) {
		if ((se = TAILQ_FIRST(&s->launching)) == NULL)
			return;
		launch_forget(se);
		if (!se->dead && !se->lingered)
			session_start(se);
	}
	supervisor_after(s->ev_launch, AGAIN_MS);
}

void
launch_all(struct supervisor *s)
{
	struct session	*se;

	TAILQ_FOREACH(se, &s->sessions, entry) {
		if (!se->launching)
			TAILQ_INSERT_TAIL(&s->launching, se, launch);
		se->launching = 1;
	}
	if (s->ev_launch == NULL &&
	    (s->ev_launch = evtimer_new(s->base, launch_some, s)) == NULL)
		fatalx("evtimer_new failed");
	supervisor_after(s->ev_launch, 0);
}

void
launch_forget(struct session *se)
{
	if (se->launching)
		TAILQ_REMOVE(&se->sup->launching, se, launch);
	se->launching = 0;
}

void
launch_stop(struct supervisor *s)
{
	if (s->ev_launch != NULL)
		event_free(s->ev_launch);
	s->ev_launch = NULL;
}
