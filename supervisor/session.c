/* The life of a session. */

#include "supervisor/session.h"

#include <event2/event.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/encode.h"
#include "common/xalloc.h"
#include "supervisor/address.h"
#include "supervisor/child.h"
#include "supervisor/launch.h"
#include "supervisor/member.h"
#include "supervisor/pace.h"
#include "supervisor/pair.h"
#include "supervisor/park.h"
#include "supervisor/register.h"
#include "supervisor/session_impl.h"
#include "supervisor/session_name.h"
#include "supervisor/upgrade.h"

#define SAVE_AGAIN_MS	5000
#define LINGER_UNANSWERED_MS 5000

char *
session_short(const uint8_t owner[OWNER_ID_LEN], char out[SESSION_SHORT_SIZE])
{
	return hex_encode(out, owner, (SESSION_SHORT_SIZE - 1) / 2);
}

struct session *
session_by_owner(struct supervisor *s, const uint8_t owner[OWNER_ID_LEN])
{
	struct session	*se;

	TAILQ_FOREACH(se, &s->sessions, entry)
		if (!se->dead &&
		    memcmp(se->rec.owner, owner, OWNER_ID_LEN) == 0)
			return se;
	return NULL;
}

void
session_save(struct session *se)
{
	if (!se->rec.has_key)		/* it never was there */
		return;
	if (registry_put(se->sup->registry, &se->rec) == 0) {
		event_del(se->ev_save);
		return;
	}
	log_warnx("session %s: what became of it is not in sessions.db yet",
	    se->wire_id);
	supervisor_after(se->ev_save, SAVE_AGAIN_MS);
}

static void
session_save_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	session_save(arg);
}

static void
session_owner_gone(void *arg)
{
	struct session	*se = arg;

	session_drain(se, "its process has ended");
}

/*
 * It drained for long enough.  Its worker goes first, so that nothing of what
 * is to end is under way; the store, which must have read what the worker said
 * last, is told a little later, and again until it answers.
 */
static void
session_linger_cb(evutil_socket_t fd, short what, void *arg)
{
	struct session		*se = arg;
	struct msg_end_rows	 body;

	(void)fd;
	(void)what;
	se->lingered = 1;
	supervisor_after(se->ev_linger, LINGER_AGAIN_MS);
	child_stop(se->child);
	if (child_running(se->child) || !child_is_up(se->sup->store))
		return;
	log_info("session %s: drained long enough, its rows are to end",
	    se->wire_id);
	memset(&body, 0, sizeof body);
	memcpy(body.owner, se->rec.owner, OWNER_ID_LEN);
	snprintf(body.reason, sizeof body.reason, "%s",
	    se->dismissed ? se->reason : "sender_ended");
	child_send(se->sup->store, MSG_SUP_END_ROWS, 0, &body, -1);
	supervisor_after(se->ev_linger, LINGER_UNANSWERED_MS);
}

int
on_rows_ended(void *child, struct msg *m)
{
	struct msg_owner	 body;
	struct session		*se;

	if (msg_decode(m, &body) == -1)
		return -1;
	se = session_by_owner(child_sup(child), body.owner);
	if (se != NULL && se->draining && se->lingered)
		session_end(se);
	member_rows_ended(child_sup(child), body.owner);
	return 0;
}

struct session *
session_new(struct supervisor *s, struct member *mb,
    const struct reg_session *rec)
{
	struct session	*se = xcalloc(1, sizeof *se);
	char		 name[SESSION_SHORT_SIZE];

	se->sup = s;
	se->member = mb;
	se->rec = *rec;
	se->state = CONN_REGISTERED;
	se->ev_linger = evtimer_new(s->base, session_linger_cb, se);
	se->ev_save = evtimer_new(s->base, session_save_cb, se);
	if (se->ev_linger == NULL || se->ev_save == NULL)
		fatalx("evtimer_new failed");
	tell_init_session(se);
	se->child = child_new(s, CHILD_SESSION, &session_ops, se,
	    session_short(rec->owner, name), rec->mesh);
	session_choose_wire_id(se);
	TAILQ_INSERT_TAIL(&s->sessions, se, entry);
	session_set_state(se, CONN_REGISTERED, "");	/* or it is parked */
	return se;
}

void
session_free(struct session *se)
{
	TAILQ_REMOVE(&se->sup->sessions, se, entry);
	launch_forget(se);
	child_free(&se->child);
	owner_free(&se->owner);
	event_free(se->ev_linger);
	event_free(se->ev_save);
	tell_deinit(&se->tell);
	sodium_free(se->brought);
	sodium_memzero(se, sizeof *se);
	free(se);
}

void
session_free_all(struct supervisor *s)
{
	struct session	*se;

	while ((se = TAILQ_FIRST(&s->sessions)) != NULL)
		session_free(se);
}

void
session_watch_owner(struct session *se)
{
	owner_free(&se->owner);
	se->owner = owner_adopt(se->sup->base, &se->rec.process,
	    upgrade_pidfd(se->sup, se->rec.owner), session_owner_gone, se);
}

/* One of the registry. */
static int
session_load_cb(void *arg, const struct reg_session *rec)
{
	struct supervisor	*s = arg;
	struct member		*mb;
	struct session		*se;

	if (rec->ended_at != 0 || !rec->has_key)
		return 0;
	if ((mb = member_find(s, rec->mesh, rec->uid)) == NULL) {
		log_warnx("session %s of uid %llu: mesh %s is not attached "
		    "any more, left out", rec->session_id,
		    (unsigned long long)rec->uid, rec->mesh);
		return 0;
	}
	se = session_new(s, mb, rec);
	se->kept = 1;
	if (rec->has_token && owner_alive(&rec->process)) {
		log_info("session %s: is back, process %ld", se->wire_id,
		    (long)rec->process.pid);
		session_watch_owner(se);
	} else
		session_drain(se, "its process ended while we were away");
	return 0;
}

int
session_load(struct supervisor *s, char *err, size_t errlen)
{
	if (registry_each(s->registry, session_load_cb, s) == 0)
		return 0;
	snprintf(err, errlen, "sessions.db is damaged: restore it from a "
	    "backup, or move it away: sessions then have to register again");
	return -1;
}

void
session_revive(struct session *se)
{
	se->draining = se->lingered = se->dismissed = 0;
	event_del(se->ev_linger);
	event_del(se->ev_save);
	session_watch_owner(se);
}

void
session_set_state(struct session *se, enum conn_state state,
    const char *reason)
{
	const char	*why = park_of_session(se);

	if (why != NULL) {
		state = CONN_PARKED;
		reason = why;
	}
	if (se->dismissed || (se->state == state &&
	    strcmp(se->reason, reason) == 0))
		return;
	se->state = state;
	snprintf(se->reason, sizeof se->reason, "%s", reason);
	tell_session_state(se);
}

void
session_drain(struct session *se, const char *why)
{
	if (se->draining || se->dead)
		return;
	log_info("session %s: draining, %s", se->wire_id, why);
	se->draining = 1;
	se->rec.has_token = 0;
	owner_free(&se->owner);
	session_save(se);
	tell_session(se);
	se->lingered = 0;
	supervisor_after(se->ev_linger, se->sup->conf.linger_ms);
	if (child_is_up(se->child))
		child_send(se->child, MSG_SUP_DRAIN, 0, NULL, -1);
}

void
session_dismiss(struct session *se, const char *reason)
{
	if (se->dead || se->dismissed)
		return;
	register_answer_session(se, REGISTER_FAILED, "its mesh is not served "
	    "any more");
	snprintf(se->reason, sizeof se->reason, "%s", reason);
	se->dismissed = 1;
	if (se->draining)
		tell_session(se);
	else
		session_drain(se, reason);
	se->lingered = 1;
	supervisor_after(se->ev_linger, 0);
}

void
session_move(struct session *se, struct member *mb)
{
	if (se->member == mb)
		return;
	pace_forget(se->member->pace, se->child);
	se->member = mb;
	if (se->rec.attest_expires_at != 0) {	/* the other member's */
		se->rec.attest_expires_at = 0;
		memset(se->rec.attest_sig, 0, sizeof se->rec.attest_sig);
		session_save(se);
	}
	session_set_state(se, CONN_CONNECTING, "");
	if (!se->lingered)
		session_restart(se);
	tell_session(se);
}

int
on_drained(void *child, struct msg *m)
{
	struct session	*se = child_arg(child);

	if (child_role(child) != CHILD_SESSION || msg_decode(m, NULL) == -1)
		return -1;
	if (se->draining)		/* else it has come back meanwhile */
		session_end(se);
	return 0;
}

void
session_end(struct session *se)
{
	struct msg_owner	body;

	if (se->dead)
		return;
	log_info("session %s: ended", se->wire_id);
	se->rec.ended_at = clock_wall_ms();
	se->rec.park[0] = '\0';		/* registered anew, it is free */
	if (registry_put(se->sup->registry, &se->rec) == -1)
		log_warnx("session %s: its end is not in sessions.db",
		    se->wire_id);
	memcpy(body.owner, se->rec.owner, OWNER_ID_LEN);
	if (child_is_up(se->sup->gate))
		child_send(se->sup->gate, MSG_SUP_SESSION_GONE, 0, &body, -1);
	event_del(se->ev_linger);
	event_del(se->ev_save);
	se->dead = 1;
	if (child_running(se->child))
		child_stop(se->child);	/* session_down() frees it */
	else
		session_free(se);
}
