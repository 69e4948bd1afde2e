/* One list of what several brokers say. */

#include "supervisor/gate/gather.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "supervisor/gate/ask.h"
#include "supervisor/gate/fault.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/member.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"
#include "supervisor/gate/scope.h"
#include "supervisor/gate/session.h"

/* One question: about which mesh, and whose worker has it. */
struct gathered {
	uint8_t		 owner[OWNER_ID_LEN];
	char		 mesh[MESH_SLUG_SIZE];
};

struct gathering {
	const struct gather_kind *kind;
	json_t		*items;		/* what has come so far */
	json_t		*missing;	/* meshes that did not tell, and why */
	size_t		 waiting;	/* for workers that were asked */
	size_t		 told;		/* by so many */
	int		 truncated;	/* a broker has more */
	struct fault	 fault;		/* why the last did not */
	size_t		 n;
	struct gathered	*asked;
};

static void
gathering_free(void *arg)
{
	struct gathering	*ga = arg;

	json_decref(ga->items);
	json_decref(ga->missing);
	free(ga->asked);
	free(ga);
}

/* Some meshes that tell are better than none; none is an error. */
static void
gathering_done(struct request *r, struct gathering *ga)
{
	json_t	*answer;

	if (ga->told == 0 && json_array_size(ga->missing) > 0) {
		reply_fault(r, &ga->fault);
		return;
	}
	answer = json_pack("{s:O}", ga->kind->list, ga->items);
	if (json_array_size(ga->missing) > 0)
		json_object_set(answer, "unavailable", ga->missing);
	if (ga->truncated)
		json_object_set_new(answer, "truncated", json_true());
	reply_json(r, 200, answer);
}

/* As the fault says. */
static void
gathering_missing(const struct request *r, struct gathering *ga,
    const struct gathered *one)
{
	struct fault	*f = &ga->fault;

	scope_fault_parked(r->gate, one->owner, f);
	if (ga->kind->away != NULL && (f->status == 502 || f->status == 503))
		f->code = ga->kind->away;
	json_array_append_new(ga->missing, json_pack("{s:s, s:s, s:s}",
	    "mesh", one->mesh, "error", f->code, "detail", f->detail));
}

/* What the broker calls its list; NULL: there is none. */
static json_t *
frame_list(const struct gather_kind *kind, const json_t *frame)
{
	json_t	*list;
	size_t	 i;

	for (i = 0; i < GATHER_NAMES && kind->names[i] != NULL; i++) {
		list = json_object_get(frame, kind->names[i]);
		if (json_is_array(list))
			return list;
	}
	return NULL;
}

/* -1: there is no list in it. */
static int
gathering_add(const struct request *r, struct gathering *ga, const char *mesh,
    const json_t *frame)
{
	json_t	*list = frame_list(ga->kind, frame), *item;
	size_t	 i;

	if (list == NULL)
		return fault_set(&ga->fault, 502, "broker_error",
		    "The broker of %s answered something else.", mesh);
	json_array_foreach(list, i, item) {
		if (!json_is_object(item) || (ga->kind->take != NULL &&
		    !ga->kind->take(r, item)))
			continue;
		json_object_set_new(item, "mesh", json_string(mesh));
		json_array_append(ga->items, item);
	}
	ga->truncated |= json_is_true(json_object_get(frame, "truncated"));
	ga->told++;
	return 0;
}

static void
gather_cb(struct request *r, void *arg, enum call_end how, const void *body)
{
	struct gathering	*ga = r->state;
	const struct gathered	*one = arg;
	json_t			*frame;

	frame = ask_read(how, body, one->mesh, &ga->fault);
	if (frame == NULL || gathering_add(r, ga, one->mesh, frame) == -1)
		gathering_missing(r, ga, one);
	json_decref(frame);
	if (--ga->waiting == 0)
		gathering_done(r, ga);
}

/* Whose worker to ask for a view; NULL: none (the operator's of a session). */
static const uint8_t *
gather_owner(const struct request *r, const struct view *v)
{
	if (r->session != NULL)
		return r->session->owner;
	return v->member != NULL ? v->member->owner : NULL;
}

static void
gather_ask(struct request *r, struct gathering *ga, const struct view *v,
    const json_t *args)
{
	const uint8_t	*owner = gather_owner(r, v);
	struct gathered	*one;

	if (owner == NULL)
		return;
	one = &ga->asked[ga->n++];
	memcpy(one->owner, owner, OWNER_ID_LEN);
	strcpy(one->mesh, v->session != NULL ? v->session->mesh : v->member->mesh);
	if (ask_worker(r, owner, ga->kind->what, args, gather_cb, one,
	    &ga->fault) == -1)
		gathering_missing(r, ga, one);
	else
		ga->waiting++;
}

void
gather(struct request *r, const struct gather_kind *kind, json_t *args)
{
	struct scope		 sc = { 0, NULL };
	struct gathering	*ga;
	struct fault		 f;
	size_t			 i;

	if (scope_find(&sc, r, query_get(&r->query, "mesh"), &f) == -1) {
		reply_fault(r, &f);
		scope_clear(&sc);
		json_decref(args);
		return;
	}
	ga = xcalloc(1, sizeof *ga);
	ga->kind = kind;
	ga->items = json_array();
	ga->missing = json_array();
	ga->asked = xcalloc(sc.n + 1, sizeof *ga->asked);
	request_keep(r, ga, gathering_free);
	for (i = 0; i < sc.n; i++)
		gather_ask(r, ga, &sc.views[i], args);
	if (ga->waiting == 0)
		gathering_done(r, ga);
	scope_clear(&sc);
	json_decref(args);
}
