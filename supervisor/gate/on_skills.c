/* Skills that the members of a mesh share. */

#include "supervisor/gate/handlers.h"

#include <string.h>

#include "supervisor/gate/ask.h"
#include "supervisor/gate/gather.h"
#include "supervisor/gate/query.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"

static const struct gather_kind skills_kind = {
	.what = "list_skills",
	.list = "skills",
	.names = { "skills" },
};

void
on_skills(struct request *r)
{
	const char	*query = query_get(&r->query, "query");
	json_t		*args = NULL;

	if (query != NULL && *query != '\0')
		args = json_pack("{s:s}", "query", query);
	gather(r, &skills_kind, args);
}

static void
skill_not_found(struct request *r, const char *mesh)
{
	reply_error(r, 404, "skill_not_found", "Nobody on %s shares a skill "
	    "of that name: `meshsup skill list` shows those there are.",
	    mesh);
}

static void
get_cb(struct request *r, const char *mesh, const json_t *frame)
{
	const json_t	*skill = json_object_get(frame, "skill");
	json_t		*copy;

	if (skill == NULL || json_is_null(skill)) {
		skill_not_found(r, mesh);
		return;
	}
	if (!json_is_object(skill)) {
		ask_no_sense(r, mesh);
		return;
	}
	copy = json_copy((json_t *)(uintptr_t)skill);
	json_object_set_new(copy, "mesh", json_string(mesh));
	reply_json(r, 200, json_pack("{s:o}", "skill", copy));
}

void
on_skill(struct request *r)
{
	ask_one(r, "get_skill", json_pack("{s:s}", "name", r->arg), get_cb);
}

/* Sharing and removing are answered alike. */
static void
changed_cb(struct request *r, const char *mesh, const json_t *frame)
{
	const char	*action;

	action = json_string_value(json_object_get(frame, "action"));
	if (action != NULL && strcmp(action, "not_found") == 0)
		skill_not_found(r, mesh);
	else
		reply_json(r, 200, json_pack("{s:b, s:s, s:s}", "ok", 1,
		    "name", r->arg, "mesh", mesh));
}

void
on_skill_share(struct request *r)
{
	json_t	*args = ask_fields(r->body, "description", "instructions",
		    "tags", "manifest", NULL);

	json_object_set_new(args, "name", json_string(r->arg));
	ask_one(r, "share_skill", args, changed_cb);
}

void
on_skill_remove(struct request *r)
{
	ask_one(r, "remove_skill", json_pack("{s:s}", "name", r->arg),
	    changed_cb);
}
