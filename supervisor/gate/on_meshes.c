/*
 * Meshes: which there are, and leaving one; reloading what says so, and
 * upgrading.  The supervisor does it; it trusts us about who asks.
 */

#include "supervisor/gate/handlers.h"

#include <stdio.h>
#include <string.h>

#include "supervisor/gate/answer.h"
#include "supervisor/gate/call.h"
#include "supervisor/gate/fault.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/member.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"
#include "supervisor/gate/scope.h"
#include "supervisor/gate/session.h"

#define UPGRADE_MS	20000	/* the new program may look for 10 s */

int
mesh_check_no_session(struct request *r)
{
	if (r->session == NULL)
		return 0;
	reply_error(r, 403, "not_for_sessions", "Meshes are made, joined, "
	    "invited to and left by users: leave the session's token out.");
	return -1;
}

static json_t *
mesh_json(const struct member *m)
{
	json_t	*o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}",
		    "slug", m->mesh, "name", m->name, "meshId", m->mesh_id,
		    "pubkey", m->pub_hex, "brokerUrl", m->broker_url,
		    "state", member_status(m));

	if (m->reason[0] != '\0')
		json_object_set_new(o, "reason", json_string(m->reason));
	return o;
}

/* One for each member that the caller may use; the operator sees all. */
void
on_meshes(struct request *r)
{
	struct scope	 sc = { 0, NULL };
	struct fault	 f;
	json_t		*list;
	size_t		 i;

	if (scope_find(&sc, r, NULL, &f) == -1) {
		reply_fault(r, &f);
		scope_clear(&sc);
		return;
	}
	list = json_array();
	for (i = 0; i < sc.n; i++)
		if (sc.views[i].member != NULL)
			json_array_append_new(list,
			    mesh_json(sc.views[i].member));
	scope_clear(&sc);
	reply_json(r, 200, json_pack("{s:o}", "meshes", list));
}

void
on_mesh_leave(struct request *r)
{
	struct msg_leave	ask;

	memset(&ask, 0, sizeof ask);
	if (mesh_check_no_session(r) == -1)
		return;
	if (strlen(r->arg) >= sizeof ask.slug) {
		reply_error(r, 404, "mesh_not_attached", "You may use no mesh "
		    "of that name: `meshsup mesh list` lists those that you "
		    "may.");
		return;
	}
	ask.uid = r->uid;
	ask.all = request_is_operator(r);
	strcpy(ask.slug, r->arg);
	answer_ask(r, MSG_GATE_LEAVE, &ask, 0);
}

/* What was not done is an error, with all that a done one says. */
static void
reload_refused(struct request *r, json_t *o)
{
	const json_t	*faults = json_object_get(o, "faults");
	const char	*first = json_string_value(json_array_get(faults, 0));

	reply_error_with(r, o, 422, "reload_failed", "Nothing was changed: "
	    "%s%s", first != NULL ? first : "see the log",
	    json_array_size(faults) > 1 ? ", and more." : ".");
}

static void
reload_cb(struct request *r, void *arg, enum call_end how, const void *body)
{
	const struct msg_answer	*a = body;
	json_t			*o;

	if (how != CALL_ANSWERED || a->status != 0) {
		answer_cb(r, arg, how, body);
		return;
	}
	o = json_loadb((const char *)a->json.p, a->json.len, 0, NULL);
	if (o == NULL || json_is_true(json_object_get(o, "ok")))
		reply_json(r, 200, o);
	else
		reload_refused(r, o);
}

/* Is it the daemon's owner who asks?  -1, and answered: no. */
static int
owner_check(struct request *r, const char *what, struct msg_status *ask)
{
	memset(ask, 0, sizeof *ask);
	if (!request_is_operator(r) &&
	    (r->session != NULL || r->uid != r->gate->owner_uid)) {
		reply_error(r, 403, "not_daemon_owner", "Only the owner of the "
		    "daemon may %s it, and no session.", what);
		return -1;
	}
	ask->uid = r->uid;
	ask->all = request_is_operator(r);
	return 0;
}

void
on_reload(struct request *r)
{
	struct msg_status	ask;

	if (owner_check(r, "reload", &ask) == 0 &&
	    call_supervisor(r, MSG_GATE_RELOAD, &ask, MSG_SUP_ANSWER,
	    reload_cb) == -1)
		reply_unanswered(r, 0, "supervisor");
}

void
on_upgrade(struct request *r)
{
	struct msg_status	ask;

	if (owner_check(r, "upgrade", &ask) == 0)
		answer_ask(r, MSG_GATE_UPGRADE, &ask, UPGRADE_MS);
}
