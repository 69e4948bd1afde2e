/* Reload, from reading to the answer. */

#include "supervisor/reload.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/answer.h"
#include "supervisor/child.h"
#include "supervisor/core.h"
#include "supervisor/notify.h"
#include "supervisor/reload_impl.h"

void
reload_say(json_t *list, const char *fmt, ...)
{
	char	text[MESH_ERR_SIZE];
	va_list	ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (json_array_append_new(list, json_string(text)) == -1)
		json_array_append_new(list, json_string("what cannot be said "
		    "in UTF-8: see the log"));
}

/* Everything is read before anything is done. */
static void
reload_read(struct reload *r)
{
	struct supervisor	*s = r->sup;
	char			 err[MESH_ERR_SIZE];
	struct conf		 conf = s->conf;
	int			 bad;

	bad = conf_load(&r->conf, s->paths.config, s->paths.config_named, err,
	    sizeof err);
	if (bad)			/* its meshes as they were named */
		r->conf = conf;
	(void)plan_read(&r->plan, s, &r->conf);
	if (bad)
		plan_fault(&r->plan, "%s", err);
}

/* The members that are new, and a broker for those that need one. */
static int
reload_try(struct reload *r)
{
	struct supervisor	*s = r->sup;
	struct conf		 before = s->conf;
	char			 err[MESH_ERR_SIZE];

	reload_match(r);
	if (reload_prepare(r) == -1)
		return -1;
	reload_take_conf(r);
	if (s->broker == NULL && (s->conf.broker_enabled == CONF_YES ||
	    plan_is_embedded(&r->plan)) &&
	    core_need_broker(s, err, sizeof err) == -1) {
		plan_fault(&r->plan, "%s", err);
		s->conf = before;
		return -1;
	}
	reload_tell_conf(r, &before);
	reload_meshes(r);
	return 0;
}

static void
reload_log(const json_t *list, const char *what)
{
	const json_t	*one;
	size_t		 i;

	json_array_foreach(list, i, one)
		log_info("reload: %s%s", what, json_string_value(one));
}

json_t *
reload_run(struct supervisor *s)
{
	struct reload	 r = { .sup = s };
	json_t		*faults = json_array();
	size_t		 i;
	int		 ok = 0;

	r.applied = json_array();
	r.needs_restart = json_array();
	if (s->state != SUP_RUNNING)
		plan_fault(&r.plan, "meshsup is starting or stopping: try "
		    "again in a moment");
	else {
		notify_reloading(s->notify);
		reload_read(&r);
		ok = r.plan.n_faults == 0 && reload_try(&r) == 0;
	}
	if (!ok) {			/* nothing was */
		json_array_clear(r.applied);
		json_array_clear(r.needs_restart);
	}
	for (i = 0; i < r.plan.n_faults; i++) {
		log_warnx("reload: %s", r.plan.faults[i]);
		reload_say(faults, "%s", r.plan.faults[i]);
	}
	reload_log(r.applied, "");
	reload_log(r.needs_restart, "needs a restart: ");
	log_info("reload: %s", ok ? "done" : "nothing was changed");
	if (s->state == SUP_RUNNING)
		notify_say(s->notify, "READY=1");
	plan_clear(&r.plan);
	return json_pack("{s:b, s:o, s:o, s:o}", "ok", ok, "applied",
	    r.applied, "needs_restart", r.needs_restart, "faults", faults);
}

void
reload_later(struct supervisor *s)
{
	/* What an upgrade executes reads everything anyway. */
	s->reload_due = s->state == SUP_STARTING ||
	    s->state == SUP_UPGRADING;
	if (!s->reload_due)
		json_decref(reload_run(s));
}

int
on_reload(void *child, struct msg *m)
{
	struct supervisor	*s = child_sup(child);
	struct msg_status	 q;

	if (msg_decode(m, &q) == -1)
		return -1;
	if (!q.all && q.uid != geteuid())
		answer_error(s, m->seq, 403, "not_daemon_owner", "Only the "
		    "owner of the daemon may reload it.");
	else {
		log_info("reload: asked by uid %llu",
		    (unsigned long long)q.uid);
		answer_json(s, m->seq, reload_run(s));
	}
	return 0;
}
