/* Questions to a broker, through its worker. */

#include "supervisor/gate/ask.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/encode.h"
#include "common/xalloc.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/input.h"
#include "supervisor/gate/member.h"
#include "supervisor/gate/peers.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"
#include "supervisor/gate/scope.h"
#include "supervisor/gate/session.h"

/* Of the request. */
struct ask {
	uint8_t		 owner[OWNER_ID_LEN];
	char		 mesh[MESH_SLUG_SIZE];
	ask_cb		 cb;
};

/*
 * What a worker, or its broker, refuses with; ours is the code that a client
 * gets.  The status is the worker's.
 */
static const struct {
	const char	*code, *ours, *detail;
} refusals[] = {
	{ "ambiguous_prefix", "ambiguous_target",
	    "Several could be meant: name more of it" },
	{ "ambiguous_target", "ambiguous_target",
	    "Several could be meant: name its id" },
	{ "answer_too_large", "answer_too_large",
	    "The broker's answer is too large: ask for less" },
	{ "broker_unavailable", "unavailable", "There is no connection to its "
	    "broker now: try again in a moment" },
	{ "disk_full", "disk_full",
	    "There is no room on the disk of the daemon: free some" },
	{ "forbidden", "forbidden",
	    "Only who administers the mesh may do that" },
	{ "frame_too_large", "message_too_large", "A broker takes at most "
	    "65536 bytes at a time: make it shorter" },
	{ "invalid", "invalid_request", "The broker does not take that" },
	{ "invalid_args", "invalid_request", "The broker does not take that" },
	{ "invalid_argument", "invalid_request",
	    "The broker does not take that" },
	{ "invalid_cron", "invalid_cron",
	    "'cron' is no schedule of five fields" },
	{ "limit_exceeded", "limit_exceeded",
	    "The broker keeps no more of that: remove some first" },
	{ "not_found", "not_found", "The broker knows nothing of that name" },
	{ "store_busy", "store_busy",
	    "The store cannot write now: try again in a moment" },
	{ "too_many_groups", "too_many_groups", "A session may join and leave "
	    "256 groups: register it anew with those that it needs" },
	{ "too_many_requests", "unavailable", "Too much is asked of the "
	    "broker: try again in a moment" },
	{ "too_many_topics", "too_many_topics",
	    "Leave some topics that are not needed" },
	{ "topic_not_found", "topic_not_found",
	    "There is no such topic: `meshsup topic list` shows those there "
	    "are" },
};
#define NREFUSALS	(sizeof refusals / sizeof *refusals)

/* ---- asking ---- */

int
ask_worker(struct request *r, const uint8_t owner[OWNER_ID_LEN],
    const char *what, const json_t *args, call_cb cb, void *arg,
    struct fault *f)
{
	struct peer	*worker = peers_worker(r->gate->peers, owner);
	struct msg_ask	 ask = { .what = "" };
	char		*text = NULL;
	int		 ret;

	snprintf(ask.what, sizeof ask.what, "%s", what);
	if (args != NULL) {
		if ((text = json_dumps(args, JSON_COMPACT)) == NULL)
			return fault_set(f, 500, "internal",
			    "The question could not be written.");
		ask.args.p = (const uint8_t *)text;
		ask.args.len = strlen(text);
	}
	if (ask.args.len > MSG_ARGS_MAX)
		ret = fault_set(f, 413, "message_too_large", "A broker takes "
		    "at most 65536 bytes at a time: make it shorter.");
	else if (worker == NULL || call_worker(r, worker, MSG_GATE_ASK, &ask,
	    MSG_WRK_ANSWER, cb, arg) == -1)
		ret = fault_set(f, 503, "unavailable", "The worker that is "
		    "connected to the broker is away: try again in a moment.");
	else
		ret = 0;
	wipe_free(text);
	return ret;
}

/* ---- what comes back ---- */

/* "code", or "code: what it says". */
static int
ask_refused(const struct msg_answer *a, const char *mesh, struct fault *f)
{
	const char	*colon = strstr(a->error, ": ");
	size_t		 i, len = colon != NULL ? (size_t)(colon - a->error) :
			    strlen(a->error);
	const char	*says = colon != NULL ? colon + 2 : "";

	if (a->status == 504)
		return fault_set(f, 504, "timeout", "The broker of %s did not "
		    "answer within 2.5 s: try again; `meshsup status` says "
		    "more.", mesh);
	if (strncmp(a->error, "invalid_arg", strlen("invalid_arg")) == 0 &&
	    *says != '\0')
		return fault_set(f, 400, "invalid_request", "%s.", says);
	for (i = 0; i < NREFUSALS; i++)
		if (strncmp(refusals[i].code, a->error, len) == 0 &&
		    refusals[i].code[len] == '\0')
			return fault_set(f, (int)a->status, refusals[i].ours,
			    "%s: %s%s%s.", mesh, refusals[i].detail,
			    *says != '\0' ? ": " : "", says);
	if (a->status == 503)
		return fault_set(f, 503, "unavailable", "The broker of %s "
		    "cannot be asked now: try again in a moment.", mesh);
	return fault_set(f, 502, "broker_error", "The broker of %s refused "
	    "it: %.*s.", mesh, (int)utf8_fit(a->error, strlen(a->error), 150),
	    a->error);
}

json_t *
ask_read(enum call_end how, const struct msg_answer *a, const char *mesh,
    struct fault *f)
{
	const char	*text;
	json_t		*j = NULL;

	if (how == CALL_TIMEOUT) {
		fault_set(f, 504, "timeout", "The worker on %s did not answer "
		    "within 2.5 s: try again; `meshsup status` says more.",
		    mesh);
		return NULL;
	}
	if (how != CALL_ANSWERED) {
		fault_set(f, 503, "unavailable", "The worker on %s has ended: "
		    "try again in a moment.", mesh);
		return NULL;
	}
	if (a->status != 0) {
		ask_refused(a, mesh, f);
		return NULL;
	}
	text = (const char *)a->json.p;
	if (input_depth_ok(text, a->json.len))
		j = json_loadb(text, a->json.len, 0, NULL);
	if (json_is_object(j))
		return j;
	json_decref(j);
	fault_set(f, 502, "broker_error",
	    "The broker of %s answered something else.", mesh);
	return NULL;
}

json_t *
ask_content(const json_t *frame)
{
	json_t	*copy = json_copy((json_t *)(uintptr_t)frame);

	json_object_del(copy, "type");
	json_object_del(copy, "_reqId");
	return copy;
}

json_t *
ask_fields(const json_t *from, ...)
{
	json_t		*args = json_object(), *v;
	const char	*name;
	va_list		 ap;

	va_start(ap, from);
	while ((name = va_arg(ap, const char *)) != NULL)
		if ((v = json_object_get(from, name)) != NULL)
			json_object_set(args, name, v);
	va_end(ap);
	return args;
}

void
ask_no_sense(struct request *r, const char *mesh)
{
	reply_error(r, 502, "broker_error",
	    "The broker of %s answered something else.", mesh);
}

/* ---- one question ---- */

int
ask_mesh(const struct request *r, const char **mesh_r, struct fault *f)
{
	if (input_text(r->body, "mesh", 0, MESH_SLUG_SIZE - 1, mesh_r, f) == -1)
		return -1;
	if (*mesh_r == NULL)
		*mesh_r = query_get(&r->query, "mesh");
	return 0;
}

int
ask_whom(struct request *r, uint8_t owner[OWNER_ID_LEN],
    char mesh[MESH_SLUG_SIZE])
{
	const struct member	*m = NULL;
	const char		*named;
	struct fault		 f;
	int			 several = 0;

	if (ask_mesh(r, &named, &f) == -1 ||
	    (m = scope_member(r, named, &f, &several)) == NULL) {
		scope_reply_fault(r, &f, several);
		return -1;
	}
	memcpy(owner, r->session != NULL ? r->session->owner : m->owner,
	    OWNER_ID_LEN);
	memcpy(mesh, m->mesh, MESH_SLUG_SIZE);
	return 0;
}

static void
answered_cb(struct request *r, void *arg, enum call_end how, const void *body)
{
	struct ask	*k = arg;
	struct fault	 f;
	json_t		*frame = ask_read(how, body, k->mesh, &f);

	if (frame == NULL) {
		scope_fault_parked(r->gate, k->owner, &f);
		reply_fault(r, &f);
	} else
		k->cb(r, k->mesh, frame);
	json_decref(frame);
}

void
ask_again(struct request *r, const char *what, json_t *args, ask_cb cb)
{
	struct ask	*k = r->state;
	struct fault	 f;

	k->cb = cb;
	if (ask_worker(r, k->owner, what, args, answered_cb, k, &f) == -1) {
		scope_fault_parked(r->gate, k->owner, &f);
		reply_fault(r, &f);
	}
	json_decref(args);
}

void
ask_one(struct request *r, const char *what, json_t *args, ask_cb cb)
{
	struct ask	*k = xcalloc(1, sizeof *k);

	request_keep(r, k, free);
	if (ask_whom(r, k->owner, k->mesh) == -1) {
		json_decref(args);
		return;
	}
	r->until = clock_mono_ms() + GATE_WORKER_MS;
	ask_again(r, what, args, cb);
}

void
ask_done_cb(struct request *r, const char *mesh, const json_t *frame)
{
	json_t	*answer = ask_content(frame);

	json_object_set_new(answer, "ok", json_true());
	json_object_set_new(answer, "mesh", json_string(mesh));
	reply_json(r, 200, answer);
}
