/*
 * GET /v1/peers: asked of the session's own worker, or of the members' when
 * there is no session, each of which asks its broker.
 */

#include "supervisor/gate/handlers.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "supervisor/gate/call.h"
#include "supervisor/gate/fault.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/member.h"
#include "supervisor/gate/peers.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"
#include "supervisor/gate/roster.h"
#include "supervisor/gate/scope.h"
#include "supervisor/gate/session.h"

struct roster {
	json_t		*peers;		/* what has come so far */
	json_t		*missing;	/* meshes that did not tell, and why */
	size_t		 waiting;	/* for workers that were asked */
	size_t		 told;		/* by so many */
	int		 all;		/* with control-plane rows */
	struct fault	 fault;		/* why the last did not */
	size_t		 n;
	char		 (*meshes)[MESH_SLUG_SIZE];	/* of each question */
};

static void
roster_free(void *arg)
{
	struct roster	*ro = arg;

	json_decref(ro->peers);
	json_decref(ro->missing);
	free(ro->meshes);
	free(ro);
}

/* Some meshes that tell are better than none; none is an error. */
static void
roster_done(struct request *r, struct roster *ro)
{
	json_t	*answer;

	if (ro->told == 0 && json_array_size(ro->missing) > 0) {
		reply_fault(r, &ro->fault);
		return;
	}
	answer = json_pack("{s:O}", "peers", ro->peers);
	if (json_array_size(ro->missing) > 0)
		json_object_set(answer, "unavailable", ro->missing);
	reply_json(r, 200, answer);
}

static void
roster_missing(struct roster *ro, const char *mesh, int status,
    const char *why)
{
	if (status == 504)
		fault_set(&ro->fault, 504, "timeout", "Mesh %s: %s: try "
		    "again; `meshsup status` says more.", mesh, why);
	else
		fault_set(&ro->fault, status == 502 ? 502 : 503,
		    "roster_unavailable", "Mesh %s: %s: try again in a moment.",
		    mesh, why);
	json_array_append_new(ro->missing, json_pack("{s:s, s:s, s:s}",
	    "mesh", mesh, "error", ro->fault.code, "detail",
	    ro->fault.detail));
}

/* The broker's peers_list.  -1: it is none. */
static int
roster_add(struct roster *ro, const char *mesh, const struct msg_slice *frame)
{
	json_t	*list = roster_peers(frame), *peer;
	size_t	 i;

	if (list == NULL)
		return -1;
	json_array_foreach(list, i, peer) {
		if (!ro->all && roster_is_control_plane(peer))
			continue;
		json_object_set_new(peer, "mesh", json_string(mesh));
		json_array_append(ro->peers, peer);
	}
	json_decref(list);
	ro->told++;
	return 0;
}

static void
peers_cb(struct request *r, void *arg, enum call_end how, const void *body)
{
	const struct msg_answer	*a = body;
	const char		*mesh = arg;
	struct roster		*ro = r->state;

	if (how == CALL_TIMEOUT)
		roster_missing(ro, mesh, 504,
		    "the worker did not answer within 2.5 s");
	else if (how != CALL_ANSWERED)
		roster_missing(ro, mesh, 503, "the worker has ended");
	else if (a->status == 504)
		roster_missing(ro, mesh, 504,
		    "the broker did not answer within 2.5 s");
	else if (a->status != 0)
		roster_missing(ro, mesh, 503,
		    "there is no connection to its broker now");
	else if (roster_add(ro, mesh, &a->json) == -1)
		roster_missing(ro, mesh, 502,
		    "the broker's answer is no list of peers");
	if (--ro->waiting == 0)
		roster_done(r, ro);
}

/* Whose worker to ask for a view; NULL: none (the operator's of a session). */
static const uint8_t *
roster_owner(const struct request *r, const struct view *v)
{
	if (r->session != NULL)
		return r->session->owner;
	return v->member != NULL ? v->member->owner : NULL;
}

static void
roster_ask(struct request *r, struct roster *ro, const struct view *v)
{
	static const struct msg_ask	 ask = { .what = "list_peers" };
	const uint8_t			*owner = roster_owner(r, v);
	struct peer			*worker;
	char				*mesh;

	if (owner == NULL)
		return;
	mesh = ro->meshes[ro->n++];
	strcpy(mesh, v->session != NULL ? v->session->mesh : v->member->mesh);
	worker = peers_worker(r->gate->peers, owner);
	if (worker == NULL || call_worker(r, worker, MSG_GATE_ASK, &ask,
	    MSG_WRK_ANSWER, peers_cb, mesh) == -1)
		roster_missing(ro, mesh, 503, "its worker is away");
	else
		ro->waiting++;
}

void
on_peers(struct request *r)
{
	struct scope	 sc = { 0, NULL };
	struct fault	 f;
	struct roster	*ro;
	size_t		 i;
	int		 all;

	if (query_bool(&r->query, "all", 1, &all, &f) == -1 ||
	    scope_find(&sc, r, query_get(&r->query, "mesh"), &f) == -1) {
		reply_fault(r, &f);
		scope_clear(&sc);
		return;
	}
	ro = xcalloc(1, sizeof *ro);
	ro->peers = json_array();
	ro->missing = json_array();
	ro->all = all;
	ro->meshes = xcalloc(sc.n + 1, sizeof *ro->meshes);
	request_keep(r, ro, roster_free);
	for (i = 0; i < sc.n; i++)
		roster_ask(r, ro, &sc.views[i]);
	if (ro->waiting == 0)
		roster_done(r, ro);
	scope_clear(&sc);
}
