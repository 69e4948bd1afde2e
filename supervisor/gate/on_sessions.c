/* Sessions: register, end, list.  The supervisor keeps them; we check. */

#include "supervisor/gate/handlers.h"

#include <sodium.h>
#include <string.h>

#include "common/clock.h"
#include "common/encode.h"
#include "common/xalloc.h"
#include "supervisor/gate/call.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/member.h"
#include "supervisor/gate/presence.h"
#include "supervisor/gate/registration.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"
#include "supervisor/gate/scope.h"
#include "supervisor/gate/session.h"

/* What the supervisor's refusals are in HTTP. */
static const struct {
	int		 status;
	const char	*code, *detail;
} refusals[] = {
	/* This one the supervisor says only when its members just changed. */
	[REGISTER_MESH_NOT_ATTACHED] = { 404, "mesh_not_attached",
	    "You may use no mesh of that name: `meshsup status` lists those "
	    "that you may." },
	[REGISTER_PID_NOT_YOURS] = { 400, "pid_not_yours",
	    "'pid' must be a running process of your own." },
	[REGISTER_TOKEN_IN_USE] = { 409, "token_in_use",
	    "Another session has this token: make a random one for each." },
	[REGISTER_CAPS_WIDER] = { 409, "caps_wider",
	    "The session was registered with fewer capabilities, or the one "
	    "that asks has fewer, and neither can widen them: leave 'caps' "
	    "out." },
	[REGISTER_TOO_MANY] = { 429, "max_sessions",
	    "There may be no more sessions: end some." },
	[REGISTER_TOO_MANY_OF_UID] = { 429, "max_sessions_per_uid",
	    "You may have no more sessions: end some." },
	[REGISTER_TOO_MANY_FILES] = { 429, "max_open_files",
	    "meshsup may not open enough files for more sessions." },
	[REGISTER_FAILED] = { 503, "registration_failed",
	    "The session could not be started: try again; the log says why." },
};

static void
register_refuse(struct request *r, const struct msg_registered *a)
{
	int		 status = refusals[a->result].status;
	const char	*code = refusals[a->result].code;
	const char	*detail = *a->detail != '\0' ? a->detail :
			    refusals[a->result].detail;

	if (status == 429)
		reply_error_with(r, json_pack("{s:I}", "limit",
		    (json_int_t)a->limit), status, code, "%s", detail);
	else
		reply_error(r, status, code, "%s", detail);
}

static void
register_cb(struct request *r, void *arg, enum call_end how,
    const void *body)
{
	const struct msg_registered	*a = body;
	char				 hex[HEX_KEY_SIZE];

	(void)arg;
	if (how != CALL_ANSWERED) {
		reply_unanswered(r, how == CALL_TIMEOUT, "supervisor");
		return;
	}
	if (a->result != REGISTER_OK) {
		register_refuse(r, a);
		return;
	}
	hex_encode(hex, a->pub, sizeof a->pub);
	reply_json(r, 200, json_pack("{s:b, s:I, s:b, s:s}", "ok", 1,
	    "registered_at", (json_int_t)a->registered_at,
	    "presence_accepted", 1, "session_pubkey", hex));
}

/* -1: refused, as the fault says. */
static int
register_ask(struct request *r, struct msg_register *ask, struct fault *f,
    int *several_r)
{
	struct member	*m;

	ask->uid = r->uid;
	ask->caps_most = r->session != NULL ? r->session->caps : CAP_ALL;
	m = scope_member_of(r->gate, r->uid, *ask->mesh != '\0' ? ask->mesh :
	    NULL, f, several_r);
	if (m == NULL)
		return -1;
	memcpy(ask->mesh, m->mesh, sizeof ask->mesh);
	if (presence_parse(json_object_get(r->body, "presence"), m->pub,
	    clock_wall_ms(), ask, f) == -1)
		return -1;
	json_decref(r->body);		/* the secret key that was brought */
	r->body = NULL;
	if (call_supervisor(r, MSG_GATE_REGISTER, ask, MSG_SUP_REGISTERED,
	    register_cb) == -1)
		reply_unanswered(r, 0, "supervisor");
	return 0;
}

void
on_register(struct request *r)
{
	struct msg_register	 ask;
	struct fault		 f;
	char			*groups;
	int			 several = 0;

	if (registration_parse(r->body, &ask, &groups, &f) == -1 ||
	    register_ask(r, &ask, &f, &several) == -1)
		scope_reply_fault(r, &f, several);
	sodium_memzero(&ask, sizeof ask);
	wipe_free(groups);
}

static void
end_cb(struct request *r, void *arg, enum call_end how, const void *body)
{
	const struct msg_ended	*a = body;
	char			 prefix[9];
	json_t			*more;

	(void)arg;
	if (how != CALL_ANSWERED) {
		reply_unanswered(r, how == CALL_TIMEOUT, "supervisor");
		return;
	}
	memcpy(prefix, r->arg, 8);
	prefix[8] = '\0';
	if (a->found) {
		reply_json(r, 200, json_pack("{s:b, s:s}", "ok", 1,
		    "token_prefix", prefix));
		return;
	}
	more = json_pack("{s:b, s:s}", "ok", 0, "token_prefix", prefix);
	reply_error_with(r, more, 404, "session_not_found",
	    "No session of yours has this token.");
}

void
on_session_delete(struct request *r)
{
	struct msg_end	ask;

	memset(&ask, 0, sizeof ask);
	ask.uid = r->uid;
	if (token_hash(ask.token_hash, NULL, r->arg) == -1) {
		reply_error(r, 400, "invalid_token",
		    "A token has 64 hex digits.");
		return;
	}
	if (call_supervisor(r, MSG_GATE_END, &ask, MSG_SUP_ENDED,
	    end_cb) == -1)
		reply_unanswered(r, 0, "supervisor");
}

void
on_session_me(struct request *r)
{
	if (r->session == NULL) {
		reply_error(r, 401, "session_required", "Send the session's "
		    "token in 'Authorization: ClaudeMesh-Session'.");
		return;
	}
	reply_json(r, 200, json_pack("{s:o}", "session",
	    session_json(r->session)));
}

void
on_sessions(struct request *r)
{
	json_t		*list = json_array();
	struct session	*s;

	TAILQ_FOREACH(s, sessions_list(r->gate->sessions), next)
		if (s->uid == r->uid || request_is_operator(r))
			json_array_append_new(list, session_json(s));
	reply_json(r, 200, json_pack("{s:o}", "sessions", list));
}
