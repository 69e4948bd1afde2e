/* What `meshsup status` shows. */

#include "supervisor/status.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/version.h"
#include "supervisor/capacity.h"
#include "supervisor/child.h"
#include "supervisor/member.h"
#include "supervisor/session.h"

/*
 * Memory of one process in KiB: what is resident, and of that what is its own,
 * not pages of programs and libraries that others use too.  The kernel tells
 * of these two without a walk, and of any user's process.
 */
struct usage {
	json_int_t	 rss, own;
};

/* Of those that somebody is shown. */
struct status_memory {
	json_int_t	 all;		/* own ones, summed up */
	json_int_t	 sessions;	/* of workers of sessions */
	json_int_t	 n;		/* of them */
};

static struct usage
status_usage(long pid)
{
	char		path[64];
	unsigned long	size, rss = 0, shared = 0;
	json_int_t	page = sysconf(_SC_PAGESIZE) / 1024;
	FILE		*f;

	snprintf(path, sizeof path, "/proc/%ld/statm", pid);
	if (pid == 0 || (f = fopen(path, "re")) == NULL)
		return (struct usage){ 0, 0 };
	if (fscanf(f, "%lu %lu %lu", &size, &rss, &shared) != 3 ||
	    shared > rss)
		rss = shared = 0;
	fclose(f);
	return (struct usage){ (json_int_t)rss * page,
	    (json_int_t)(rss - shared) * page };
}

/* One line of the table. */
static json_t *
status_process(const struct child *c, struct status_memory *sum)
{
	struct child_info	 i;
	struct usage		 u;
	const struct session	*se;
	const struct member	*mb = NULL;
	json_t			*o;

	child_info(c, &i);
	u = status_usage(i.pid);
	sum->all += u.own;
	o = json_pack("{s:s,s:o,s:s,s:I,s:I,s:I,s:I}", "role", i.role,
	    "pid", i.pid != 0 ? json_integer(i.pid) : json_null(),
	    "state", i.state, "uptime_s", (json_int_t)(i.uptime_ms / 1000),
	    "restarts", (json_int_t)i.restarts,
	    "rss_kib", u.rss, "own_kib", u.own);
	if (i.last_exit[0] != '\0')
		json_object_set_new(o, "last_exit", json_string(i.last_exit));
	if (child_role(c) == CHILD_MEMBER)
		mb = child_arg(c);
	else if (child_role(c) == CHILD_SESSION) {
		se = child_arg(c);
		mb = se->member;
		sum->sessions += u.own;
		sum->n += u.rss > 0;
		json_object_set_new(o, "session",
		    json_string(se->rec.session_id));
		json_object_set_new(o, "name",
		    json_string(se->rec.display_name));
	}
	if (mb != NULL)
		json_object_set_new(o, "mesh", json_string(mb->mesh.slug));
	return o;
}

/* May this caller see it?  Core processes are everyone's. */
static int
status_shows(const struct child *c, const struct msg_status *q)
{
	if (q->all)
		return 1;
	if (child_role(c) == CHILD_SESSION)
		return ((struct session *)child_arg(c))->rec.uid == q->uid;
	if (child_role(c) == CHILD_MEMBER)
		return member_allows(child_arg(c), q->uid);
	return 1;
}

static json_t *
status_processes(struct supervisor *s, const struct msg_status *q,
    struct status_memory *sum)
{
	json_t		*list = json_array();
	struct usage	 u = status_usage(getpid());
	struct child	*c;

	sum->all += u.own;
	json_array_append_new(list, json_pack("{s:s,s:I,s:s,s:I,s:I,s:I,s:I}",
	    "role", "supervisor", "pid", (json_int_t)getpid(),
	    "state", s->state == SUP_RUNNING ? "running" :
	    s->state == SUP_STARTING ? "starting" : "stopping",
	    "uptime_s", (json_int_t)((clock_mono_ms() - s->started_mono) /
	    1000), "restarts", (json_int_t)0, "rss_kib", u.rss,
	    "own_kib", u.own));
	for (c = TAILQ_FIRST(&s->children); c != NULL; c = child_next(c))
		if (status_shows(c, q))
			json_array_append_new(list, status_process(c, sum));
	return list;
}

static json_t *
status_meshes(struct supervisor *s, const struct msg_status *q)
{
	json_t		*list = json_array(), *o;
	struct member	*mb;

	TAILQ_FOREACH(mb, &s->members, entry) {
		if (!q->all && !member_allows(mb, q->uid))
			continue;
		o = json_pack("{s:s,s:s}", "slug", mb->mesh.slug, "state",
		    conn_state_name(mb->state));
		if (mb->reason[0] != '\0')
			json_object_set_new(o, "reason",
			    json_string(mb->reason));
		json_array_append_new(list, o);
	}
	return list;
}

/* Sessions that keep away from the broker, and why. */
static json_t *
status_parked(struct supervisor *s, const struct msg_status *q)
{
	json_t		*list = json_array();
	struct session	*se;

	TAILQ_FOREACH(se, &s->sessions, entry)
		if (!se->dead && se->state == CONN_PARKED && !se->dismissed &&
		    (q->all || se->rec.uid == q->uid))
			json_array_append_new(list, json_pack("{s:s, s:s, s:s,"
			    " s:s}", "session", se->rec.session_id, "name",
			    se->rec.display_name, "mesh", se->rec.mesh,
			    "reason", se->reason));
	return list;
}

/* How many sessions are in which state. */
static json_t *
status_sessions(struct supervisor *s, const struct msg_status *q)
{
	json_t		*o = json_object();
	struct session	*se;
	const char	*state;

	json_object_set_new(o, "open", json_integer(0));
	TAILQ_FOREACH(se, &s->sessions, entry) {
		if (se->dead || (!q->all && se->rec.uid != q->uid))
			continue;
		state = conn_state_name(se->draining ? CONN_DRAINING :
		    se->state == CONN_RECONNECTING ? CONN_CONNECTING :
		    se->state);
		json_object_set_new(o, state, json_integer(1 +
		    json_integer_value(json_object_get(o, state))));
	}
	return o;
}

/* A session costs on average what is its worker's own. */
static json_t *
status_memory(const struct status_memory *sum)
{
	return json_pack("{s:I,s:I,s:I}", "own_kib", sum->all, "sessions",
	    sum->n, "per_session_kib",
	    sum->n > 0 ? sum->sessions / sum->n : (json_int_t)0);
}

int
on_status(void *child, struct msg *m)
{
	struct supervisor	*s = child_sup(child);
	struct msg_status	 q;
	struct msg_json		 body;
	struct status_memory	 sum = { 0, 0, 0 };
	json_free_t		 free_text;
	json_t			*o, *processes;
	char			*text;

	if (msg_decode(m, &q) == -1)
		return -1;
	processes = status_processes(s, &q, &sum);
	o = json_pack("{s:s,s:s,s:I,s:I,s:o,s:o,s:o,s:o,s:o,s:o}",
	    "state", s->state == SUP_RUNNING ? "running" :
	    s->state == SUP_STARTING ? "starting" : "stopping",
	    "version", version_text(),
	    "uptime_s", (json_int_t)((clock_mono_ms() - s->started_mono) /
	    1000), "pid", (json_int_t)getpid(),
	    "processes", processes,
	    "meshes", status_meshes(s, &q),
	    "sessions", status_sessions(s, &q),
	    "parked", status_parked(s, &q),
	    "limits", capacity_json(s), "memory", status_memory(&sum));
	json_object_set_new(o, "upgrades", json_integer(s->upgrades));
	if (s->upgrade_failed[0] != '\0')
		json_object_set_new(o, "upgrade_failed",
		    json_string(s->upgrade_failed));
	if (o == NULL || (text = json_dumps(o, JSON_COMPACT)) == NULL)
		fatalx("status: out of memory");
	body.json.p = (const uint8_t *)text;
	body.json.len = strlen(text);
	child_send(child, MSG_SUP_STATUS, m->seq, &body, -1);
	json_get_alloc_funcs(NULL, &free_text);
	free_text(text);
	json_decref(o);
	return 0;
}
