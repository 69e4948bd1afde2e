/* The state that a mesh shares: keys and values, kept by its broker. */

#include "supervisor/gate/handlers.h"

#include "supervisor/gate/ask.h"
#include "supervisor/gate/gather.h"
#include "supervisor/gate/query.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"

static const struct gather_kind state_kind = {
	.what = "list_state",
	.list = "entries",
	.names = { "entries" },
};

static void
set_or_null(json_t *o, const char *name, const json_t *from)
{
	json_t	*v = json_object_get(from, name);

	if (v == NULL)
		json_object_set_new(o, name, json_null());
	else
		json_object_set(o, name, v);
}

/* A key that nobody set has no value; brokers set none to null. */
static void
get_cb(struct request *r, const char *mesh, const json_t *frame)
{
	const char	*key = query_get(&r->query, "key");
	const json_t	*value = json_object_get(frame, "value");
	json_t		*state;

	if (value == NULL || json_is_null(value)) {
		reply_error(r, 404, "state_not_found", "Nobody on %s has set "
		    "that key: `meshsup state list` shows those that are.",
		    mesh);
		return;
	}
	state = json_pack("{s:s, s:O}", "key", key, "value", value);
	set_or_null(state, "updatedBy", frame);
	set_or_null(state, "updatedAt", frame);
	json_object_set_new(state, "mesh", json_string(mesh));
	reply_json(r, 200, json_pack("{s:o}", "state", state));
}

void
on_state(struct request *r)
{
	const char	*key = query_get(&r->query, "key");

	if (key == NULL)
		gather(r, &state_kind, NULL);
	else
		ask_one(r, "get_state", json_pack("{s:s}", "key", key),
		    get_cb);
}

static void
set_cb(struct request *r, const char *mesh, const json_t *frame)
{
	(void)frame;
	reply_json(r, 200, json_pack("{s:b, s:O, s:s}", "ok", 1, "key",
	    json_object_get(r->body, "key"), "mesh", mesh));
}

void
on_state_set(struct request *r)
{
	ask_one(r, "set_state", ask_fields(r->body, "key", "value", NULL),
	    set_cb);
}
