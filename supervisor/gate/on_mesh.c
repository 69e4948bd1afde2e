/* Who is on a mesh, and what there is. */

#include "supervisor/gate/handlers.h"

#include "supervisor/gate/ask.h"
#include "supervisor/gate/gather.h"
#include "supervisor/gate/query.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"
#include "supervisor/gate/roster.h"

/* ?all=false: only those to talk to. */
static int
peer_take(const struct request *r, json_t *peer)
{
	struct fault	f;
	int		all;

	return query_bool(&r->query, "all", 1, &all, &f) == 0 &&
	    (all || !roster_is_control_plane(peer));
}

static const struct gather_kind peers_kind = {
	.what = "list_peers",
	.list = "peers",
	.names = { "peers" },
	.away = "roster_unavailable",
	.take = peer_take,
};

void
on_peers(struct request *r)
{
	struct fault	f;
	int		all;

	if (query_bool(&r->query, "all", 1, &all, &f) == -1)
		reply_fault(r, &f);
	else
		gather(r, &peers_kind, NULL);
}

static void
info_cb(struct request *r, const char *mesh, const json_t *frame)
{
	reply_json(r, 200, json_pack("{s:o, s:s}", "info",
	    ask_content(frame), "mesh", mesh));
}

void
on_mesh_info(struct request *r)
{
	ask_one(r, "mesh_info", NULL, info_cb);
}
