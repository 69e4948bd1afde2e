/*
 * POST /v1/meshes, /v1/meshes/{slug}/invite and /v1/meshes/join.  What is asked
 * is checked here as far as it can be; a link goes on as it is, to be read by
 * the process that joins.  Links are secrets.
 */

#include "supervisor/gate/handlers.h"

#include <sodium.h>
#include <string.h>

#include "common/invite.h"
#include "common/xalloc.h"
#include "supervisor/gate/answer.h"
#include "supervisor/gate/input.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"

#define EXPIRES_MIN_S	60
#define EXPIRES_MAX_S	(366 * 86400)
#define EXPIRES_S	(7 * 86400)
#define USES_MAX	1000000
#define JOIN_ANSWER_MS	32000		/* the supervisor takes 30 s */

/* Into a field of its size; absent: "". */
static int
get_text(struct request *r, const char *key, size_t min, char *out,
    size_t size, struct fault *f)
{
	const char	*s;

	if (input_text(r->body, key, min, size - 1, &s, f) == -1)
		return -1;
	out[0] = '\0';
	if (s != NULL)
		memcpy(out, s, strlen(s) + 1);
	return 0;
}

static int
get_number(struct request *r, const char *key, int64_t min, int64_t max,
    int64_t otherwise, int64_t *out, struct fault *f)
{
	const json_t	*v = json_object_get(r->body, key);

	*out = otherwise;
	if (v == NULL || json_is_null(v))
		return 0;
	*out = json_integer_value(v);
	if (json_is_integer(v) && *out >= min && *out <= max)
		return 0;
	return fault_set(f, 400, "invalid_request", "'%s' must be a whole "
	    "number from %lld to %lld.", key, (long long)min, (long long)max);
}

/* "Our Team" is "our-team". */
static void
slug_from_name(const char *name, char slug[MESH_SLUG_SIZE])
{
	size_t	n = 0;
	char	lower[NAME_SIZE], *p;

	input_lower(lower, name, sizeof lower);
	for (p = lower; *p != '\0' && n + 1 < MESH_SLUG_SIZE; p++) {
		if (strchr("abcdefghijklmnopqrstuvwxyz0123456789._-", *p) !=
		    NULL)
			slug[n++] = *p;
		else if (n > 0 && slug[n - 1] != '-')
			slug[n++] = '-';
	}
	while (n > 0 && slug[n - 1] == '-')
		n--;
	slug[n] = '\0';
}

void
on_mesh_create(struct request *r)
{
	struct msg_mesh_create	ask;
	struct fault		f;

	memset(&ask, 0, sizeof ask);
	if (mesh_check_no_session(r) == -1)
		return;
	if (get_text(r, "name", 1, ask.name, sizeof ask.name, &f) == -1 ||
	    get_text(r, "slug", 0, ask.mesh, sizeof ask.mesh, &f) == -1 ||
	    get_text(r, "display_name", 0, ask.display_name,
	    sizeof ask.display_name, &f) == -1) {
		reply_fault(r, &f);
		return;
	}
	if (ask.mesh[0] == '\0')
		slug_from_name(ask.name, ask.mesh);
	ask.uid = r->uid;
	ask.admin = request_is_operator(r);
	answer_ask(r, MSG_GATE_MESH_CREATE, &ask, 0);
}

static int
invite_parse(struct request *r, struct msg_mesh_invite *ask, struct fault *f)
{
	const json_t		*revoke = json_object_get(r->body, "revoke");
	enum invite_role	 role = INVITE_MEMBER;
	const char		*s;

	if (strlen(r->arg) >= sizeof ask->mesh)
		return fault_set(f, 404, "mesh_not_attached",
		    "You may use no mesh of this name: `meshsup mesh list` "
		    "lists those that you may.");
	strcpy(ask->mesh, r->arg);
	if (input_text(r->body, "role", 0, 16, &s, f) == -1 ||
	    get_number(r, "expires_in", EXPIRES_MIN_S, EXPIRES_MAX_S,
	    EXPIRES_S, &ask->expires_in, f) == -1 ||
	    get_number(r, "max_uses", 0, USES_MAX, 1, &ask->max_uses, f) ==
	    -1)
		return -1;
	if (s != NULL && invite_role_parse(s, &role) == -1)
		return fault_set(f, 400, "invalid_request",
		    "'role' is admin or member.");
	if (revoke != NULL && !json_is_boolean(revoke))
		return fault_set(f, 400, "invalid_request",
		    "'revoke' is true or false.");
	ask->role = role;
	ask->revoke = json_is_true(revoke);
	return 0;
}

void
on_mesh_invite(struct request *r)
{
	struct msg_mesh_invite	ask;
	struct fault		f;

	memset(&ask, 0, sizeof ask);
	if (mesh_check_no_session(r) == -1)
		return;
	if (invite_parse(r, &ask, &f) == -1) {
		reply_fault(r, &f);
		return;
	}
	ask.uid = r->uid;
	ask.admin = request_is_operator(r);
	answer_ask(r, MSG_GATE_MESH_INVITE, &ask, 0);
}

void
on_mesh_join(struct request *r)
{
	struct msg_mesh_join	 ask;
	struct fault		 f;
	const char		*link;

	memset(&ask, 0, sizeof ask);
	if (mesh_check_no_session(r) == -1)
		return;
	if (input_text(r->body, "invite", 1, INVITE_LINK_MAX, &link, &f) ==
	    -1 || get_text(r, "slug", 0, ask.mesh, sizeof ask.mesh, &f) ==
	    -1 || get_text(r, "display_name", 0, ask.display_name,
	    sizeof ask.display_name, &f) == -1) {
		reply_fault(r, &f);
		return;
	}
	ask.uid = r->uid;
	ask.admin = request_is_operator(r);
	ask.link.p = (const uint8_t *)link;
	ask.link.len = strlen(link);
	answer_ask(r, MSG_GATE_MESH_JOIN, &ask, JOIN_ANSWER_MS);
	if (!r->answered) {
		json_decref(r->body);	/* wiped: the link is on its way */
		r->body = NULL;
	}
}
