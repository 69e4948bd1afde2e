/* Reload: which options count at once. */

#include <stdio.h>
#include <string.h>

#include "supervisor/capacity.h"
#include "supervisor/child.h"
#include "supervisor/reload_impl.h"
#include "supervisor/tell.h"

/* The others are part of how a process was set up, or of a socket. */
static const struct {
	const char	*section, *name;
} live[] = {
	{ "api", "allow_uids" },
	{ "broker", "enabled" },
	{ "daemon", "log_level" },
	{ "meshes", "reference_config" },
	{ "sessions", "linger" },
	{ "sessions", "max_sessions" },
	{ "sessions", "max_sessions_per_uid" },
};

static int
is_live(const struct supervisor *s, const char *section, const char *name)
{
	size_t	i;

	for (i = 0; i < sizeof live / sizeof *live; i++)
		if (strcmp(live[i].section, section) == 0 &&
		    strcmp(live[i].name, name) == 0)
			return 1;
	/* It has not been started with any of these. */
	return strcmp(section, "broker") == 0 && s->broker == NULL;
}

static void
take_cb(void *arg, const char *section, const char *name)
{
	struct reload		*r = arg;
	struct supervisor	*s = r->sup;

	if (is_live(s, section, name)) {
		conf_take(&s->conf, &r->conf, section, name);
		reload_say(r->applied, "%s.%s", section, name);
	} else
		reload_say(r->needs_restart, "%s.%s", section, name);
}

void
reload_take_conf(struct reload *r)
{
	const struct conf	before = r->sup->conf;

	conf_differ(&before, &r->conf, take_cb, r);
}

static void
tell_log_level(struct supervisor *s)
{
	struct msg_log_level	 body = { .level = s->conf.log_level };
	struct child		*c;

	log_set_level((enum log_level)s->conf.log_level);
	for (c = TAILQ_FIRST(&s->children); c != NULL; c = child_next(c))
		if (child_state(c) & (CHILD_STARTING | CHILD_UP))
			child_send(c, MSG_SUP_LOG_LEVEL, 0, &body, -1);
}

void
reload_tell_conf(struct reload *r, const struct conf *before)
{
	struct supervisor	*s = r->sup;

	if (s->conf.log_level != before->log_level)
		tell_log_level(s);
	if (s->conf.max_sessions != before->max_sessions)
		capacity_raise(s);
	if (s->conf.n_allow_uids != before->n_allow_uids ||
	    memcmp(s->conf.allow_uids, before->allow_uids,
	    sizeof before->allow_uids) != 0)
		tell_allowed(s);
	if (s->broker != NULL && (s->conf.broker_enabled == CONF_NO ||
	    (s->conf.broker_enabled == CONF_AUTO &&
	    !plan_is_embedded(&r->plan))))
		reload_say(r->needs_restart, "the embedded broker, which is "
		    "not needed any more, ends only then");
}
