/* What a mesh remembers. */

#include "supervisor/gate/handlers.h"

#include "supervisor/gate/ask.h"
#include "supervisor/gate/gather.h"
#include "supervisor/gate/query.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"

/* Deployed brokers say "memories". */
static const struct gather_kind memory_kind = {
	.what = "recall",
	.list = "matches",
	.names = { "memories", "matches", "results" },
};

void
on_memory(struct request *r)
{
	const char	*q = query_get(&r->query, "q");

	gather(r, &memory_kind, json_pack("{s:s}", "query",
	    q != NULL ? q : ""));
}

/* Deployed brokers say "id", the reference's client waits for "memoryId". */
static void
add_cb(struct request *r, const char *mesh, const json_t *frame)
{
	json_t	*id = json_object_get(frame, "id");

	if (!json_is_string(id))
		id = json_object_get(frame, "memoryId");
	if (!json_is_string(id))
		ask_no_sense(r, mesh);
	else
		reply_json(r, 200, json_pack("{s:O, s:s}", "id", id, "mesh",
		    mesh));
}

void
on_memory_add(struct request *r)
{
	ask_one(r, "remember", ask_fields(r->body, "content", "tags", NULL),
	    add_cb);
}

static void
delete_cb(struct request *r, const char *mesh, const json_t *frame)
{
	(void)frame;
	reply_json(r, 200, json_pack("{s:b, s:s, s:s}", "ok", 1, "id", r->arg,
	    "mesh", mesh));
}

void
on_memory_delete(struct request *r)
{
	ask_one(r, "forget", json_pack("{s:s}", "memoryId", r->arg),
	    delete_cb);
}
