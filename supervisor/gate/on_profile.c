/*
 * What others see of a presence: status, summary, visibility, profile, stats,
 * and its groups.  The worker says it again to a broker that has forgotten.
 */

#include "supervisor/gate/handlers.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "supervisor/gate/ask.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/input.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"

/* ---- profile ---- */

/* What may be set, by which question; all of one question are together. */
static const struct {
	const char	*name, *what;
	json_type	 type;		/* JSON_TRUE: a boolean */
	const char	*must;		/* what it must be */
} attributes[] = {
	{ "summary", "set_summary", JSON_STRING, "text" },
	{ "status", "set_status", JSON_STRING,
	    "'idle', 'working' or 'dnd'" },
	{ "visible", "set_visible", JSON_TRUE, "true or false" },
	{ "stats", "set_stats", JSON_OBJECT, "an object" },
	{ "avatar", "set_profile", JSON_STRING, "text" },
	{ "title", "set_profile", JSON_STRING, "text" },
	{ "bio", "set_profile", JSON_STRING, "text" },
	{ "capabilities", "set_profile", JSON_ARRAY, "a list of texts" },
};
#define NATTRIBUTES	(sizeof attributes / sizeof *attributes)

struct profile {
	uint8_t		 owner[OWNER_ID_LEN];
	char		 mesh[MESH_SLUG_SIZE];
	unsigned	 waiting;
	unsigned	 applied;	/* bits, of attributes */
	int		 failed;
	struct fault	 fault;		/* of the first that failed */
};

static const json_t *
profile_value(const struct request *r, size_t i)
{
	const json_t	*v = json_object_get(r->body, attributes[i].name);

	return json_is_null(v) ? NULL : v;
}

/* All before anything is set.  -1: as the fault says. */
static int
profile_check(const struct request *r, struct fault *f)
{
	const json_t	*v;
	size_t		 i, n = 0;

	for (i = 0; i < NATTRIBUTES; i++) {
		if ((v = profile_value(r, i)) == NULL)
			continue;
		if (attributes[i].type == JSON_TRUE ? !json_is_boolean(v) :
		    json_typeof(v) != attributes[i].type)
			return fault_set(f, 400, "invalid_request",
			    "'%s' must be %s.", attributes[i].name,
			    attributes[i].must);
		n++;
	}
	if (n == 0)
		return fault_set(f, 400, "invalid_request", "Say what to set: "
		    "'summary', 'status', 'visible', 'avatar', 'title', "
		    "'bio', 'capabilities' or 'stats'.");
	return 0;
}

static void
profile_done(struct request *r, struct profile *p)
{
	json_t	*more, *names = json_array();
	size_t	 i;

	for (i = 0; i < NATTRIBUTES; i++)
		if (p->applied & 1u << i)
			json_array_append_new(names,
			    json_string(attributes[i].name));
	more = json_pack("{s:o, s:[s]}", "applied", names, "meshes", p->mesh);
	if (p->failed) {
		reply_error_with(r, more, p->fault.status, p->fault.code,
		    "%s", p->fault.detail);
		return;
	}
	json_object_set_new(more, "ok", json_true());
	reply_json(r, 200, more);
}

static void
profile_applied(const struct request *r, struct profile *p, const char *what)
{
	size_t	i;

	for (i = 0; i < NATTRIBUTES; i++)
		if (strcmp(attributes[i].what, what) == 0 &&
		    profile_value(r, i) != NULL)
			p->applied |= 1u << i;
}

static void
profile_failed(struct profile *p, const struct fault *f)
{
	if (!p->failed)
		p->fault = *f;
	p->failed = 1;
}

static void
profile_cb(struct request *r, void *arg, enum call_end how, const void *body)
{
	struct profile	*p = r->state;
	const char	*what = arg;
	struct fault	 f;
	json_t		*frame = ask_read(how, body, p->mesh, &f);

	if (frame != NULL)
		profile_applied(r, p, what);
	else
		profile_failed(p, &f);
	json_decref(frame);
	if (--p->waiting == 0)
		profile_done(r, p);
}

/* The question that begins with this attribute. */
static void
profile_ask(struct request *r, struct profile *p, const char *what)
{
	json_t		*args = json_object();
	struct fault	 f;
	size_t		 i;

	for (i = 0; i < NATTRIBUTES; i++)
		if (strcmp(attributes[i].what, what) == 0 &&
		    profile_value(r, i) != NULL)
			json_object_set(args, attributes[i].name,
			    (json_t *)(uintptr_t)profile_value(r, i));
	if (json_object_size(args) > 0) {
		if (ask_worker(r, p->owner, what, args, profile_cb,
		    (void *)(uintptr_t)what, &f) == -1)
			profile_failed(p, &f);
		else
			p->waiting++;
	}
	json_decref(args);
}

void
on_profile(struct request *r)
{
	struct profile	*p;
	struct fault	 f;
	size_t		 i;

	if (profile_check(r, &f) == -1) {
		reply_fault(r, &f);
		return;
	}
	p = xcalloc(1, sizeof *p);
	request_keep(r, p, free);
	if (ask_whom(r, p->owner, p->mesh) == -1)
		return;
	r->until = clock_mono_ms() + GATE_WORKER_MS;
	for (i = 0; i < NATTRIBUTES; i++)
		if (i == 0 || strcmp(attributes[i].what,
		    attributes[i - 1].what) != 0)
			profile_ask(r, p, attributes[i].what);
	if (p->waiting == 0)
		profile_done(r, p);
}

/* ---- groups ---- */

static void
group_cb(struct request *r, const char *mesh, const json_t *frame)
{
	const char	*name = r->arg;

	(void)frame;
	reply_json(r, 200, json_pack("{s:b, s:s, s:s}", "ok", 1, "group",
	    *name == '@' ? name + 1 : name, "mesh", mesh));
}

/* '@' before a name is for people. */
static void
group_ask(struct request *r, const char *what, json_t *args)
{
	const char	*name = *r->arg == '@' ? r->arg + 1 : r->arg;

	if (!input_group_ok(name, strlen(name))) {
		json_decref(args);
		reply_error(r, 400, "invalid_groups", "A group's name has "
		    "letters, digits, '_', '-' and '/'.");
		return;
	}
	json_object_set_new(args, "name", json_string(name));
	ask_one(r, what, args, group_cb);
}

void
on_group_join(struct request *r)
{
	group_ask(r, "join_group", ask_fields(r->body, "role", NULL));
}

void
on_group_leave(struct request *r)
{
	group_ask(r, "leave_group", json_object());
}
