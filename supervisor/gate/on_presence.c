/*
 * Pause and resume: the session that asks, or, without one, the meshes of
 * which the caller is the owner, with all of their sessions.
 */

#include "supervisor/gate/handlers.h"

#include <string.h>

#include "supervisor/gate/answer.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/input.h"
#include "supervisor/gate/member.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"
#include "supervisor/gate/scope.h"
#include "supervisor/gate/session.h"

static void
presence_fill(struct msg_presence *ask, const struct request *r, int pause)
{
	memset(ask, 0, sizeof *ask);
	ask->uid = r->uid;
	ask->all = request_is_operator(r);
	ask->pause = pause;
}

static void
presence_of_session(struct msg_presence *ask, const struct session *s)
{
	ask->kind = OWNER_SESSION;
	memcpy(ask->owner, s->owner, sizeof ask->owner);
}

/* -1: refused, as the fault says. */
static int
presence_whose(struct msg_presence *ask, const struct request *r,
    struct fault *f)
{
	const char	*mesh = NULL;
	struct scope	 sc;
	int		 ret;

	if (input_text(r->body, "mesh", 0, MESH_SLUG_SIZE - 1, &mesh, f) ==
	    -1)
		return -1;
	ret = scope_find(&sc, r, mesh, f);
	scope_clear(&sc);
	if (ret == -1)
		return -1;
	ask->kind = OWNER_MEMBER;
	if (r->session != NULL)
		presence_of_session(ask, r->session);
	else if (mesh != NULL)
		strcpy(ask->mesh, mesh);
	return 0;
}

static void
presence_ask(struct request *r, int pause)
{
	struct msg_presence	ask;
	struct fault		f;

	presence_fill(&ask, r, pause);
	if (presence_whose(&ask, r, &f) == -1)
		reply_fault(r, &f);
	else
		answer_ask(r, MSG_GATE_PRESENCE, &ask, 0);
}

void
on_presence_pause(struct request *r)
{
	presence_ask(r, 1);
}

void
on_presence_resume(struct request *r)
{
	presence_ask(r, 0);
}

/*
 * Is it the session of this id or key?  One that was replaced has only a key.
 * To a session no other is known.
 */
static int
session_is(const struct request *r, const struct session *s)
{
	return (request_is_operator(r) || s->uid == r->uid) &&
	    (r->session == NULL || r->session == s) &&
	    (strcmp(s->session_id, r->arg) == 0 ||
	    strcmp(s->pub_hex, r->arg) == 0);
}

void
on_session_resume(struct request *r)
{
	struct msg_presence	 ask;
	struct session		*s, *found = NULL;
	size_t			 n = 0;

	TAILQ_FOREACH(s, sessions_list(r->gate->sessions), next) {
		if (!session_is(r, s))
			continue;
		n++;
		if (found == NULL || session_is_alive(s))
			found = s;
	}
	if (n == 0)
		reply_error(r, 404, "session_not_found", "You have no such "
		    "session: `meshsup session list` shows them.");
	else if (n > 1 && strcmp(found->pub_hex, r->arg) != 0)
		reply_error(r, 409, "ambiguous_session", "Several sessions "
		    "have this id: name the one that is meant by its key.");
	else {
		presence_fill(&ask, r, 0);
		presence_of_session(&ask, found);
		answer_ask(r, MSG_GATE_PRESENCE, &ask, 0);
	}
}
