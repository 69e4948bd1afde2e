/*
 * The new program, asked by the one that runs whether it would take over.  It
 * looks at what a start of its own would stumble over, as `meshsup check` does,
 * and changes nothing.
 */

#include "supervisor/upgrade.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/inherit.h"
#include "common/xalloc.h"
#include "supervisor/check.h"
#include "supervisor/handover.h"
#include "supervisor/keys.h"
#include "supervisor/listen.h"
#include "supervisor/logger.h"
#include "supervisor/plan.h"
#include "supervisor/registry.h"

/* To who asked, by standard error. */
static int
refuse(const char *why)
{
	dprintf(STDERR_FILENO, "%s\n", why);
	return 1;
}

static int
no_cb(void *arg, const struct reg_session *rec)
{
	(void)arg;
	(void)rec;
	return 0;
}

/* Key and registry are there, belong together, and are as we know them. */
static int
look_state(const struct paths *p, char *err, size_t errlen)
{
	uint8_t	 secret[HOST_KEY_LEN];
	char	*key = paths_join(p->state_dir, PATHS_HOST_KEY);
	char	*db = paths_join(p->state_dir, PATHS_SESSIONS);
	int	 ret = -1;

	if (keys_load(secret, key, 0, err, errlen) == 0 &&
	    registry_look(db, no_cb, NULL, err, errlen) == 0) {
		ret = 0;
		if (registry_look_host(db, secret) == 0) {
			snprintf(err, errlen, "%s belongs to another "
			    "host.key: restore both from one backup", db);
			ret = -1;
		}
	}
	sodium_memzero(secret, sizeof secret);
	free(key);
	free(db);
	return ret;
}

/* *broker_r: will there be an embedded broker? */
static int
look_meshes(const struct paths *p, const struct conf *conf, int *broker_r,
    char *err, size_t errlen)
{
	struct supervisor	*s = supervisor_new();
	struct plan		 plan;
	int			 ret;

	s->paths = *p;
	ret = plan_read(&plan, s, conf);
	if (ret == -1)
		snprintf(err, errlen, "%s", plan.why);
	*broker_r = conf->broker_enabled == CONF_YES ||
	    (conf->broker_enabled == CONF_AUTO && plan_is_embedded(&plan));
	plan_clear(&plan);
	memset(&s->paths, 0, sizeof s->paths);
	supervisor_free(&s);
	return ret;
}

/* Those that would have to be opened anew. */
static int
look_sockets(const struct handover *h, const struct conf *conf, int broker,
    char *err, size_t errlen)
{
	char	where[32];

	if (broker && (h->listen_broker == -1 ||
	    strcmp(conf->broker_listen, h->broker_listen) != 0) &&
	    listen_try(conf->broker_listen, 0, err, errlen) == -1)
		return -1;
	if (conf->tcp_port == 0 || conf->tcp_port == h->tcp_port)
		return 0;
	snprintf(where, sizeof where, "127.0.0.1:%d", (int)conf->tcp_port);
	return listen_try(where, 0, err, errlen);
}

/*
 * The programs are all of one build, or a child would not understand us; and
 * none of them would end over its files again and again.
 */
static int
look_children(const struct paths *p, const struct conf *conf, int broker,
    const char *libexec, char *err, size_t errlen)
{
	struct check	c = { .libexec = libexec, .paths = p, .conf = *conf,
			    .lenient = 1 };
	int		ret = 0;

	check_programs(&c);
	check_versions(&c);
	if (broker)
		check_tls(&c);
	if (c.n_faults > 0) {
		snprintf(err, errlen, "%s: %s", c.faults[0].file,
		    c.faults[0].text);
		ret = -1;
	}
	check_clear(&c);
	return ret;
}

static int
look_log(const struct handover *h, const struct conf *conf, char *err,
    size_t errlen)
{
	char	*file = paths_join(h->state_dir, PATHS_LOG);
	const char *where = conf->log_file[0] != '\0' ? conf->log_file : file;
	int	 ret = h->foreground ? 0 : logger_try(where);

	if (ret == -1)
		snprintf(err, errlen, "%.400s: cannot be the log: %s", where,
		    strerror(errno));
	free(file);
	return ret;
}

static int
look(struct handover *h, const char *libexec, char *err, size_t errlen)
{
	struct paths	p = { .config = h->config,
	    .config_named = (int)h->config_named, .state_dir = h->state_dir,
	    .run_dir = h->run_dir, .reference = h->reference[0] != '\0' ?
	    h->reference : NULL };
	struct conf	conf;
	int		broker;

	return conf_load(&conf, p.config, p.config_named, err, errlen) == -1 ||
	    look_log(h, &conf, err, errlen) == -1 ||
	    look_state(&p, err, errlen) == -1 ||
	    look_meshes(&p, &conf, &broker, err, errlen) == -1 ||
	    look_children(&p, &conf, broker, libexec, err, errlen) == -1 ||
	    look_sockets(h, &conf, broker, err, errlen) == -1 ? -1 : 0;
}

int
upgrade_check_main(const char *libexec)
{
	struct handover	h;
	char		err[512] = "";
	int		ret;

	ret = handover_read(&h, INHERIT_CTL_FD, err, sizeof err);
	if (ret == 0)
		ret = look(&h, libexec, err, sizeof err);
	handover_clear(&h);
	if (ret == -1)
		return refuse(err);
	dprintf(STDERR_FILENO, UPGRADE_CHECK_FINE "\n");
	return 0;
}
