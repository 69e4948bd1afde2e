/* GET /v1/version, /v1/health, /v1/status: what runs here. */

#include "supervisor/gate/handlers.h"

#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/version.h"
#include "supervisor/gate/call.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/member.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"
#include "supervisor/gate/session.h"

#define IPC_API		"v1"
#define SCHEMA_VERSION	1

static const char *const features[] = { "version", "health", "status",
    "sessions", "send", "inbox", "outbox", "events", "peers", "presence",
    "state", "memory", "skills", "topics", "groups", "profile", "schedule",
    "meshes", "reload", "upgrade" };

void
on_version(struct request *r)
{
	json_t	*list = json_array();
	size_t	 i;

	for (i = 0; i < sizeof features / sizeof *features; i++)
		json_array_append_new(list, json_string(features[i]));
	reply_json(r, 200, json_pack("{s:s, s:s, s:o, s:i}",
	    "daemon_version", version_text(), "ipc_api", IPC_API,
	    "ipc_features", list, "schema_version", SCHEMA_VERSION));
}

/* Of two members of one mesh the worse one counts: open only if all are. */
static json_t *
health_brokers(const struct request *r)
{
	struct gate	*g = r->gate;
	json_t		*brokers = json_object();
	struct member	*m;
	const char	*was;

	TAILQ_FOREACH(m, members_list(g->members), next) {
		if (!request_is_operator(r) && !member_has_user(m, r->uid))
			continue;
		was = json_string_value(json_object_get(brokers, m->mesh));
		if (was == NULL || strcmp(was, "open") == 0)
			json_object_set_new(brokers, m->mesh,
			    json_string(member_status(m)));
	}
	return brokers;
}

static void
count(json_t *counts, const char *name)
{
	json_int_t	n = json_integer_value(json_object_get(counts, name));

	json_object_set_new(counts, name, json_integer(n + 1));
}

static json_t *
health_sessions(const struct request *r)
{
	struct gate	*g = r->gate;
	json_t		*counts = json_pack("{s:i, s:i}", "total", 0,
			    "open", 0);
	struct session	*s;

	TAILQ_FOREACH(s, sessions_list(g->sessions), next) {
		if (!request_is_operator(r) && s->uid != r->uid)
			continue;
		count(counts, "total");
		count(counts, conn_state_name(s->state == CONN_RECONNECTING ?
		    CONN_CONNECTING : s->state));
	}
	return counts;
}

/* Who keeps away from the broker until a person resumes it, and why. */
static json_t *
health_parked(const struct request *r)
{
	json_t		*list = json_array();
	struct member	*m;
	struct session	*s;

	TAILQ_FOREACH(m, members_list(r->gate->members), next)
		if (m->state == CONN_PARKED && (request_is_operator(r) ||
		    member_has_user(m, r->uid)))
			json_array_append_new(list, json_pack("{s:s, s:s}",
			    "mesh", m->mesh, "reason", m->reason));
	TAILQ_FOREACH(s, sessions_list(r->gate->sessions), next)
		if (s->state == CONN_PARKED && (request_is_operator(r) ||
		    s->uid == r->uid))
			json_array_append_new(list, json_pack("{s:s, s:s,"
			    " s:s, s:s}", "mesh", s->mesh, "session",
			    s->session_id, "name", s->display_name,
			    "reason", s->reason));
	return list;
}

void
on_health(struct request *r)
{
	struct gate	*g = r->gate;
	int64_t		 up = clock_wall_ms() - g->started_at;

	reply_json(r, 200, json_pack("{s:b, s:I, s:o, s:o, s:o, s:I}", "ok", 1,
	    "pid", (json_int_t)g->supervisor_pid,
	    "brokers", health_brokers(r), "sessions", health_sessions(r),
	    "parked", health_parked(r),
	    "uptime_s", (json_int_t)(up > 0 ? up / 1000 : 0)));
}

static void
status_cb(struct request *r, void *arg, enum call_end how,
    const void *body)
{
	const struct msg_json	*status = body;

	(void)arg;
	if (how != CALL_ANSWERED) {
		reply_unanswered(r, how == CALL_TIMEOUT, "supervisor");
		return;
	}
	reply_text(r, 200, status->json.p, status->json.len);
}

void
on_status(struct request *r)
{
	struct msg_status	 ask;

	memset(&ask, 0, sizeof ask);
	ask.uid = r->uid;
	ask.all = request_is_operator(r);
	if (call_supervisor(r, MSG_GATE_STATUS, &ask, MSG_SUP_STATUS,
	    status_cb) == -1)
		reply_unanswered(r, 0, "supervisor");
}
