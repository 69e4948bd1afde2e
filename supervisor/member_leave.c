/*
 * A member that is not served any more.  What it and its sessions had to send
 * ends with a reason, and it is freed when nobody needs it: its worker is gone,
 * its sessions have ended, and the store has answered.
 */

#include "supervisor/member_impl.h"

#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/child.h"
#include "supervisor/pace.h"
#include "supervisor/session.h"
#include "supervisor/session_name.h"

#define AGAIN_MS	200	/* until its worker is gone */
#define UNANSWERED_MS	5000

static int
member_has_sessions(const struct member *mb)
{
	struct session	*se;

	TAILQ_FOREACH(se, &mb->sup->sessions, entry)
		if (se->member == mb)
			return 1;
	return 0;
}

/*
 * Step by step.  Its worker goes first, so that nothing of what is to end is
 * under way; then the rows of the member itself end, unless the mesh has come
 * back with the same key: then they are its again.  It is freed from here
 * only, where nobody holds it or its child.
 */
static void
member_leave_cb(evutil_socket_t fd, short what, void *arg)
{
	struct member		*mb = arg;
	struct supervisor	*s = mb->sup;
	struct msg_end_rows	 body;

	(void)fd;
	(void)what;
	supervisor_after(mb->ev_leave, AGAIN_MS);
	if (child_running(mb->child))
		return;
	if (mb->rows_ended || member_by_owner(s, mb->owner) != NULL) {
		if (member_has_sessions(mb) || (mb->add_seq != 0 &&
		    child_is_up(s->broker)))
			return;
		log_debug("mesh %s: its member is gone", mb->mesh.slug);
		TAILQ_REMOVE(&s->leaving, mb, entry);
		member_free(mb);
		return;
	}
	if (!child_is_up(s->store))
		return;
	memset(&body, 0, sizeof body);
	memcpy(body.owner, mb->owner, OWNER_ID_LEN);
	snprintf(body.reason, sizeof body.reason, "%s", mb->reason);
	child_send(s->store, MSG_SUP_END_ROWS, 0, &body, -1);
	supervisor_after(mb->ev_leave, UNANSWERED_MS);
}

void
member_rows_ended(struct supervisor *s, const uint8_t owner[OWNER_ID_LEN])
{
	struct member	*mb;

	TAILQ_FOREACH(mb, &s->leaving, entry) {
		if (memcmp(mb->owner, owner, OWNER_ID_LEN) != 0)
			continue;
		mb->rows_ended = 1;
		supervisor_after(mb->ev_leave, 0);
	}
}

/* Nobody finds it any more; the gate forgets it. */
static void
member_detach(struct member *mb, const char *reason)
{
	struct supervisor	*s = mb->sup;

	TAILQ_REMOVE(&s->members, mb, entry);
	TAILQ_INSERT_TAIL(&s->leaving, mb, entry);
	mb->gone = 1;
	mb->state = CONN_ENDED;
	snprintf(mb->reason, sizeof mb->reason, "%s", reason);
	tell_member_gone(mb);
	mb->ev_leave = evtimer_new(s->base, member_leave_cb, mb);
	if (mb->ev_leave == NULL)
		fatalx("evtimer_new failed");
	child_stop(mb->child);
	supervisor_after(mb->ev_leave, AGAIN_MS);
}

void
member_remove(struct member *mb, const char *reason)
{
	struct supervisor	*s = mb->sup;
	struct session		*se, *next;

	log_info("mesh %s: removed, %s", mb->mesh.slug, reason);
	for (se = TAILQ_FIRST(&s->sessions); se != NULL; se = next) {
		next = TAILQ_NEXT(se, entry);
		if (se->member == mb)
			session_dismiss(se, reason);
	}
	member_detach(mb, reason);
}

void
member_replace(struct member *old, struct member *mb)
{
	struct supervisor	*s = old->sup;
	struct session		*se;

	log_info("mesh %s: has another key now", mb->mesh.slug);
	member_detach(old, MEMBER_KEY_CHANGED);
	member_attach(mb);
	TAILQ_FOREACH(se, &s->sessions, entry)
		if (se->member == old && !se->dead && !se->dismissed)
			session_move(se, mb);
}
