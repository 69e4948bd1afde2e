/* The API on one screen. */

#include "supervisor/gate/route.h"

#include <event2/http.h>
#include <stdlib.h>
#include <string.h>

#include "common/msg.h"
#include "supervisor/gate/handlers.h"
#include "supervisor/gate/query.h"

static const struct route routes[] = {
	{ EVHTTP_REQ_GET, "/v1/version", ROUTE_OPEN, 0, on_version },
	{ EVHTTP_REQ_GET, "/v1/health", ROUTE_OPEN, 0, on_health },
	{ EVHTTP_REQ_GET, "/v1/status", 0, 0, on_status },
	{ EVHTTP_REQ_GET, "/metrics", 0, 0, on_metrics },

	{ EVHTTP_REQ_POST, "/v1/sessions/register",
	    ROUTE_BODY | ROUTE_NEW, 0, on_register },
	{ EVHTTP_REQ_GET, "/v1/sessions", 0, 0, on_sessions },
	{ EVHTTP_REQ_GET, "/v1/sessions/me", 0, 0, on_session_me },
	{ EVHTTP_REQ_DELETE, "/v1/sessions/{}", 0, 0, on_session_delete },
	{ EVHTTP_REQ_POST, "/v1/sessions/{}/resume", 0, 0,
	    on_session_resume },
	{ EVHTTP_REQ_POST, "/v1/presence/pause", ROUTE_BODY_MAY, 0,
	    on_presence_pause },
	{ EVHTTP_REQ_POST, "/v1/presence/resume", ROUTE_BODY_MAY, 0,
	    on_presence_resume },

	/* on_send() asks for dm or broadcast, by target. */
	{ EVHTTP_REQ_POST, "/v1/send", ROUTE_BODY | ROUTE_NEW, 0, on_send },
	{ EVHTTP_REQ_GET, "/v1/send/{}", ROUTE_WAIT, 0, on_sent },
	{ EVHTTP_REQ_GET, "/v1/inbox", 0, 0, on_inbox },
	{ EVHTTP_REQ_DELETE, "/v1/inbox", 0, 0, on_inbox_flush },
	{ EVHTTP_REQ_DELETE, "/v1/inbox/{}", 0, 0, on_inbox_delete },
	{ EVHTTP_REQ_POST, "/v1/inbox/seen", ROUTE_BODY, 0, on_inbox_seen },
	{ EVHTTP_REQ_GET, "/v1/outbox", 0, 0, on_outbox },
	{ EVHTTP_REQ_GET, "/v1/outbox/{}", 0, 0, on_outbox_row },
	/* on_outbox_requeue() asks for dm or broadcast, by target. */
	{ EVHTTP_REQ_POST, "/v1/outbox/requeue",
	    ROUTE_BODY | ROUTE_NEW, 0, on_outbox_requeue },
	{ EVHTTP_REQ_POST, "/v1/outbox/hold", ROUTE_BODY, 0, on_outbox_hold },
	{ EVHTTP_REQ_POST, "/v1/outbox/release", ROUTE_BODY, 0,
	    on_outbox_release },
	{ EVHTTP_REQ_POST, "/v1/outbox/abort", ROUTE_BODY, 0,
	    on_outbox_abort },
	{ EVHTTP_REQ_GET, "/v1/events", ROUTE_STREAM, 0, on_events },

	{ EVHTTP_REQ_POST, "/v1/meshes", ROUTE_BODY, 0, on_mesh_create },
	{ EVHTTP_REQ_POST, "/v1/meshes/join", ROUTE_BODY, 0, on_mesh_join },
	{ EVHTTP_REQ_POST, "/v1/meshes/{}/invite", ROUTE_BODY, 0,
	    on_mesh_invite },

	{ EVHTTP_REQ_GET, "/v1/peers", 0, 0, on_peers },
	{ EVHTTP_REQ_POST, "/v1/peers/kick", ROUTE_BODY, CAP_KICK,
	    on_peers_kick },
	{ EVHTTP_REQ_POST, "/v1/peers/disconnect", ROUTE_BODY, CAP_KICK,
	    on_peers_disconnect },
	{ EVHTTP_REQ_POST, "/v1/peers/ban", ROUTE_BODY, CAP_BAN,
	    on_peers_ban },
	{ EVHTTP_REQ_POST, "/v1/peers/unban", ROUTE_BODY, CAP_BAN,
	    on_peers_unban },
	{ EVHTTP_REQ_GET, "/v1/peers/bans", 0, CAP_BAN, on_peers_bans },
	{ EVHTTP_REQ_GET, "/v1/mesh_info", 0, 0, on_mesh_info },
	{ EVHTTP_REQ_GET, "/v1/state", 0, CAP_STATE_READ, on_state },
	{ EVHTTP_REQ_POST, "/v1/state", ROUTE_BODY, CAP_STATE_WRITE,
	    on_state_set },
	{ EVHTTP_REQ_GET, "/v1/memory", 0, CAP_STATE_READ, on_memory },
	{ EVHTTP_REQ_POST, "/v1/memory", ROUTE_BODY, CAP_STATE_WRITE,
	    on_memory_add },
	{ EVHTTP_REQ_DELETE, "/v1/memory/{}", 0, CAP_STATE_WRITE,
	    on_memory_delete },
	{ EVHTTP_REQ_GET, "/v1/skills", 0, 0, on_skills },
	{ EVHTTP_REQ_GET, "/v1/skills/{}", 0, 0, on_skill },
	{ EVHTTP_REQ_PUT, "/v1/skills/{}", ROUTE_BODY, CAP_SERVICE_DEPLOY,
	    on_skill_share },
	{ EVHTTP_REQ_DELETE, "/v1/skills/{}", 0, CAP_SERVICE_DEPLOY,
	    on_skill_remove },
	{ EVHTTP_REQ_GET, "/v1/topics", 0, 0, on_topics },
	{ EVHTTP_REQ_POST, "/v1/topics", ROUTE_BODY, 0, on_topic_create },
	{ EVHTTP_REQ_POST, "/v1/topics/{}/join", ROUTE_BODY_MAY, 0,
	    on_topic_join },
	{ EVHTTP_REQ_POST, "/v1/topics/{}/leave", ROUTE_BODY_MAY, 0,
	    on_topic_leave },
	{ EVHTTP_REQ_POST, "/v1/topics/{}/read", ROUTE_BODY_MAY, 0,
	    on_topic_read },
	{ EVHTTP_REQ_GET, "/v1/topics/{}/members", 0, 0, on_topic_members },
	{ EVHTTP_REQ_GET, "/v1/topics/{}/history", 0, 0, on_topic_history },
	{ EVHTTP_REQ_POST, "/v1/groups/{}/join", ROUTE_BODY_MAY,
	    CAP_PROFILE_WRITE, on_group_join },
	{ EVHTTP_REQ_POST, "/v1/groups/{}/leave", ROUTE_BODY_MAY,
	    CAP_PROFILE_WRITE, on_group_leave },
	{ EVHTTP_REQ_POST, "/v1/profile", ROUTE_BODY, CAP_PROFILE_WRITE,
	    on_profile },
	/* on_schedule() asks for dm or broadcast, by target. */
	{ EVHTTP_REQ_GET, "/v1/schedule", 0, 0, on_scheduled },
	{ EVHTTP_REQ_POST, "/v1/schedule", ROUTE_BODY, 0, on_schedule },
	{ EVHTTP_REQ_DELETE, "/v1/schedule/{}", 0, 0, on_schedule_cancel },

	{ EVHTTP_REQ_GET, "/v1/meshes", 0, 0, on_meshes },
	{ EVHTTP_REQ_DELETE, "/v1/meshes/{}", 0, 0, on_mesh_leave },
	{ EVHTTP_REQ_POST, "/v1/reload", 0, 0, on_reload },
	{ EVHTTP_REQ_POST, "/v1/upgrade", 0, 0, on_upgrade },
};

static const struct {
	int		 method;
	const char	*name;
} methods[] = {
	{ EVHTTP_REQ_GET, "GET" },
	{ EVHTTP_REQ_POST, "POST" },
	{ EVHTTP_REQ_PUT, "PUT" },
	{ EVHTTP_REQ_DELETE, "DELETE" },
};

const struct route *
route_next(const struct route *r)
{
	r = r == NULL ? routes : r + 1;
	return r < routes + sizeof routes / sizeof *routes ? r : NULL;
}

/* *arg_r, *len_r: what stands at {}, not decoded; NULL: there is no {}. */
static int
path_match(const char *pattern, const char *path, const char **arg_r,
    size_t *len_r)
{
	const char	*hole = strstr(pattern, "{}");
	size_t		 before;

	*arg_r = NULL;
	*len_r = 0;
	if (hole == NULL)
		return strcmp(pattern, path) == 0;
	before = (size_t)(hole - pattern);
	if (strncmp(pattern, path, before) != 0)
		return 0;
	*arg_r = path + before;
	*len_r = strcspn(*arg_r, "/");
	return *len_r > 0 && strcmp(*arg_r + *len_r, hole + 2) == 0;
}

static void
allow_add(char allow[ROUTE_ALLOW_SIZE], int method)
{
	size_t	i, len = strlen(allow);

	for (i = 0; i < sizeof methods / sizeof *methods; i++) {
		if (methods[i].method != method)
			continue;
		if (len > 0)
			strncat(allow, ", ", ROUTE_ALLOW_SIZE - len - 1);
		strncat(allow, methods[i].name,
		    ROUTE_ALLOW_SIZE - strlen(allow) - 1);
	}
}

/* Is it a path without a {}?  Then it is no segment at one, either. */
static int
path_is_literal(const char *path)
{
	size_t	i;

	for (i = 0; i < sizeof routes / sizeof *routes; i++)
		if (strcmp(routes[i].path, path) == 0)
			return 1;
	return 0;
}

const struct route *
route_find(int method, const char *path, char **arg_r,
    char allow[ROUTE_ALLOW_SIZE])
{
	const char	*arg;
	size_t		 i, len;
	int		 literal = path_is_literal(path);

	*arg_r = NULL;
	*allow = '\0';
	for (i = 0; i < sizeof routes / sizeof *routes; i++) {
		if (!path_match(routes[i].path, path, &arg, &len) ||
		    (arg != NULL && literal))
			continue;
		if (routes[i].method != method) {
			allow_add(allow, routes[i].method);
			continue;
		}
		if (arg != NULL && (*arg_r = query_decode(arg, len)) == NULL)
			continue;		/* no path of ours */
		*allow = '\0';
		return &routes[i];
	}
	return NULL;
}
