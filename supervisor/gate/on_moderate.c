/* Kick, disconnect, ban: for who administers a mesh; its broker decides. */

#include "supervisor/gate/handlers.h"

#include <stddef.h>

#include "supervisor/gate/ask.h"
#include "supervisor/gate/gather.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"

static const struct gather_kind bans_kind = {
	.what = "list_bans",
	.list = "bans",
	.names = { "bans" },
};

/* Several, or one; nobody by mistake. */
static void
moderate_some(struct request *r, const char *what)
{
	static const char *const	 ways[] = { "target", "stale", "all" };
	json_t				*args = json_object();
	const json_t			*v;
	size_t				 i;

	for (i = 0; i < sizeof ways / sizeof *ways; i++) {
		v = json_object_get(r->body, ways[i]);
		if (v != NULL && !json_is_null(v) && !json_is_false(v))
			json_object_set(args, ways[i],
			    (json_t *)(uintptr_t)v);
	}
	if (json_object_size(args) != 1) {
		json_decref(args);
		reply_error(r, 400, "invalid_request", "Say whom: one of "
		    "'target' (a name, or a member's key or its beginning), "
		    "'stale' (true, or silent for so many ms), or 'all'.");
		return;
	}
	ask_one(r, what, args, ask_done_cb);
}

void
on_peers_kick(struct request *r)
{
	moderate_some(r, "kick");
}

void
on_peers_disconnect(struct request *r)
{
	moderate_some(r, "disconnect");
}

void
on_peers_ban(struct request *r)
{
	ask_one(r, "ban", ask_fields(r->body, "target", NULL), ask_done_cb);
}

void
on_peers_unban(struct request *r)
{
	ask_one(r, "unban", ask_fields(r->body, "target", NULL),
	    ask_done_cb);
}

void
on_peers_bans(struct request *r)
{
	gather(r, &bans_kind, NULL);
}
