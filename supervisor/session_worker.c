/* A session's worker: its set-up, its state, its end. */

#include "supervisor/session.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "supervisor/address.h"
#include "supervisor/child.h"
#include "supervisor/crash.h"
#include "supervisor/member.h"
#include "supervisor/pace.h"
#include "supervisor/pair.h"
#include "supervisor/park.h"
#include "supervisor/register.h"
#include "supervisor/session_impl.h"
#include "supervisor/session_name.h"

#define ATTEST_AGAIN_MS	1000

/* First message to its worker: identity and keys. */
static void
session_setup(struct child *c)
{
	struct session		*se = child_arg(c);
	struct supervisor	*s = se->sup;
	struct msg_setup_worker	 w;

	session_choose_wire_id(se);
	se->stale = 0;
	memset(&w, 0, sizeof w);
	member_fill_setup(se->member, &w);
	w.kind = OWNER_SESSION;
	memcpy(w.owner, se->rec.owner, OWNER_ID_LEN);
	strcpy(w.display_name, se->rec.display_name);
	strcpy(w.wire_session_id, se->wire_id);
	w.pid = (uint64_t)se->rec.process.pid;
	strcpy(w.cwd, se->rec.cwd[0] != '\0' ? se->rec.cwd : "/");
	strcpy(w.role, se->rec.role);
	w.groups.p = (const uint8_t *)se->rec.groups;
	w.groups.len = strlen(se->rec.groups);
	body_derive_key(w.body_key, s->host_key, "body", se->rec.owner);
	body_derive_key(w.wrap_key, s->host_key, "wrap", se->rec.owner);
	if (se->rec.has_key) {
		w.key_mode = KEY_WRAPPED;
		memcpy(w.wrapped, se->rec.wrapped, WRAPPED_LEN);
	} else if (se->brought != NULL) {
		w.key_mode = KEY_BROUGHT;
		memcpy(w.secret, se->brought, KEY_SECRET_LEN);
	} else
		w.key_mode = KEY_MINT;
	w.attest_expires_at = se->rec.attest_expires_at;
	memcpy(w.attest_sig, se->rec.attest_sig, KEY_SIG_LEN);
	w.parked = park_of_session(se) != NULL;
	child_send(c, MSG_SUP_SETUP_WORKER, 0, &w, -1);
	sodium_memzero(&w, sizeof w);
	session_set_state(se, CONN_STARTING, "");
}

/* Its worker is, and who registered it is told. */
static void
session_ready(struct session *se)
{
	child_set_up(se->child);
	if (child_state(se->child) != CHILD_UP)
		tell_session(se);	/* before the token is used */
	register_answer_session(se, REGISTER_OK, "");
}

int
on_worker_ready(void *child, struct msg *m)
{
	struct session		*se;
	struct msg_wrk_ready	 body;

	if (msg_decode(m, &body) == -1)
		return -1;
	if (child_role(child) == CHILD_MEMBER) {
		child_set_up(child);
		return 0;
	}
	se = child_arg(child);
	if ((se->rec.has_key || se->rec.key_mode == KEY_BROUGHT) &&
	    memcmp(se->rec.pub, body.pub, KEY_PUBLIC_LEN) != 0) {
		log_warnx("session %s: its worker came with another key",
		    se->wire_id);
		return -1;
	}
	sodium_free(se->brought);
	se->brought = NULL;
	/* It is kept as it was: there is nothing new to be synced. */
	if (se->kept && se->rec.has_key) {
		session_ready(se);
		return 0;
	}
	memcpy(se->rec.pub, body.pub, KEY_PUBLIC_LEN);
	memcpy(se->rec.wrapped, body.wrapped, WRAPPED_LEN);
	se->rec.has_key = 1;
	if (!se->dead && registry_put(se->sup->registry, &se->rec) == 0)
		se->kept = 1;
	else if (!se->dead && !se->kept) {
		register_answer_session(se, REGISTER_FAILED, "the session "
		    "cannot be kept in sessions.db; see the log");
		se->dead = 1;
		child_stop(child);
		return 0;
	}
	session_ready(se);
	return 0;
}

static void
session_up(struct child *c)
{
	struct session	*se = child_arg(c);

	session_set_state(se, CONN_CONNECTING, "");
	tell_session(se);		/* before its channel */
	pace_up(se->member->pace, c);
	pair_up(c);
	if (se->draining)
		child_send(c, MSG_SUP_DRAIN, 0, NULL, -1);
	if (se->stale)
		session_restart(se);
	else if (se->wants_attest)
		member_attest(se->member, se);
}

static void
session_down(struct child *c)
{
	struct session		*se = child_arg(c);
	struct child_info	 info;
	char			 why[REASON_SIZE];

	address_forget(c);
	pace_forget(se->member->pace, c);
	session_let_in(se);
	se->wants_attest = 0;		/* its next worker asks again */
	if (!se->rec.has_key && !se->dead) {
		register_answer_session(se, REGISTER_FAILED, "its worker did "
		    "not start; see the log");
		se->dead = 1;
		child_stop(c);
	}
	if (se->dead) {
		session_free(se);
		return;
	}
	if (se->lingered) {
		supervisor_after(se->ev_linger, LINGER_AGAIN_MS);
		return;
	}
	child_info(c, &info);
	if (info.crash_loop) {
		log_warnx("session %s: its worker died %d times, too often",
		    se->wire_id, CRASH_DEATHS);
		child_stop(c);
		park_crash_reason(c, why);
		park_session(se, why);
		/* As one that is parked so when it registers. */
		register_answer_session(se, REGISTER_OK, "");
	} else
		session_set_state(se, CONN_CONNECTING, "");
}

/* A worker of the member's may be the first to hear that all are banned. */
static void
worker_is_parked(struct child *c, const struct msg_wrk_state *s)
{
	struct session	*se = child_arg(c);

	if (child_role(c) == CHILD_MEMBER)
		park_member(child_arg(c), s->reason, (int)s->whole);
	else if (s->whole)
		park_member(se->member, s->reason, 1);
	else
		park_session(se, s->reason);
}

int
on_worker_state(void *child, struct msg *m)
{
	struct msg_wrk_state	body;

	if (msg_decode(m, &body) == -1 || (body.state != CONN_CONNECTING &&
	    body.state != CONN_OPEN && body.state != CONN_PARKED &&
	    body.state != CONN_RECONNECTING))
		return -1;
	if (body.state == CONN_PARKED)
		worker_is_parked(child, &body);
	else if (child_role(child) == CHILD_MEMBER)
		member_set_state(child_arg(child), (enum conn_state)body.state,
		    body.reason);
	else
		session_set_state(child_arg(child),
		    (enum conn_state)body.state, body.reason);
	return 0;
}

int
on_need_attest(void *child, struct msg *m)
{
	struct session	*se = child_arg(child);

	int64_t		 now = clock_mono_ms();

	if (child_role(child) != CHILD_SESSION || msg_decode(m, NULL) == -1)
		return -1;
	/* Nobody keeps its member's worker busy. */
	if (se->wants_attest && now - se->attest_ms < ATTEST_AGAIN_MS)
		return 0;
	se->attest_ms = now;
	member_attest(se->member, se);
	return 0;
}

const struct child_ops session_ops = {
	session_setup, session_up, session_down
};
