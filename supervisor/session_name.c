/*
 * The name of a session towards the broker, and when its worker starts: no two
 * connect by one name, or for the same rows.
 */

#include "supervisor/session_name.h"

#include <stdio.h>
#include <string.h>

#include "common/encode.h"
#include "supervisor/child.h"
#include "supervisor/park.h"
#include "supervisor/session.h"

/* The internal id, in the form of a UUID. */
static void
session_internal_id(const struct session *se, char *out, size_t size)
{
	char	hex[2 * OWNER_ID_LEN + 1];

	hex_encode(hex, se->rec.owner, OWNER_ID_LEN);
	snprintf(out, size, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8,
	    hex + 12, hex + 16, hex + 20);
}

void
session_choose_wire_id(struct session *se)
{
	struct session	*other;
	int		 taken = !se->rec.current ||
			    !uuid_is(se->rec.session_id);

	TAILQ_FOREACH(other, &se->sup->sessions, entry)
		if (other != se && !other->dead &&
		    strcmp(other->rec.mesh, se->rec.mesh) == 0 &&
		    strcmp(other->wire_id, se->rec.session_id) == 0)
			taken = 1;
	if (taken)
		session_internal_id(se, se->wire_id, sizeof se->wire_id);
	else
		strcpy(se->wire_id, se->rec.session_id);
}

/* Are these the same session, or of the same name? */
static int
session_same_name(const struct session *a, const struct session *b)
{
	return a->rec.uid == b->rec.uid &&
	    strcmp(a->rec.mesh, b->rec.mesh) == 0 &&
	    strcmp(a->rec.session_id, b->rec.session_id) == 0;
}

void
session_start(struct session *se)
{
	struct session	*other;

	se->waits = 0;
	if (!park_session_runs(se))
		return;
	TAILQ_FOREACH(other, &se->sup->sessions, entry) {
		if (other != se && session_same_name(se, other) &&
		    child_state(other->child) == CHILD_STOPPING) {
			se->waits = 1;	/* session_let_in() will */
			return;
		}
	}
	child_start(se->child);
}

void
session_let_in(const struct session *se)
{
	struct session	*other;

	TAILQ_FOREACH(other, &se->sup->sessions, entry)
		if (other != se && !other->dead &&
		    other->waits &&
		    session_same_name(se, other))
			session_start(other);
}

void
session_restart(struct session *se)
{
	if (child_state(se->child) == CHILD_STARTING) {
		se->stale = 1;		/* session_up() comes back to it */
		return;
	}
	child_stop(se->child);
	session_start(se);
}

void
session_rename(struct session *se)
{
	char	before[sizeof se->wire_id];

	strcpy(before, se->wire_id);
	session_choose_wire_id(se);
	if (strcmp(before, se->wire_id) == 0 || !child_running(se->child))
		return;
	log_info("session %s: was %s", se->wire_id, before);
	child_stop(se->child);
	if (!se->lingered)
		child_start(se->child);
}
