/* What is handed over, and the exec. */

#include "supervisor/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/inherit.h"
#include "common/version.h"
#include "common/xalloc.h"
#include "supervisor/handover.h"
#include "supervisor/member.h"
#include "supervisor/notify.h"
#include "supervisor/owner.h"
#include "supervisor/session.h"

static int
text_put(char *to, size_t size, const char *from)
{
	if (strlen(from) >= size) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(to, from);
	return 0;
}

static int
fill_places(struct handover *h, const struct supervisor *s)
{
	const struct paths	*p = &s->paths;

	h->config_named = p->config_named != 0;
	return text_put(h->config, sizeof h->config, p->config) == -1 ||
	    text_put(h->state_dir, sizeof h->state_dir, p->state_dir) == -1 ||
	    text_put(h->run_dir, sizeof h->run_dir, p->run_dir) == -1 ||
	    (p->reference != NULL && text_put(h->reference,
	    sizeof h->reference, p->reference) == -1) ? -1 : 0;
}

static void
fill_sockets(struct handover *h, const struct supervisor *s)
{
	h->state_lock = s->state_lock;
	h->run_lock = s->run_lock;
	h->listen_unix = s->listen_unix;
	h->listen_admin = s->listen_admin;
	h->listen_tcp = s->listen_tcp;
	h->listen_broker = s->listen_broker;
	h->given_unix = s->given_unix != 0;
	h->given_admin = s->given_admin != 0;
	h->tcp_port = (uint32_t)s->conf.tcp_port;
	strcpy(h->broker_listen, s->conf.broker_listen);
	strcpy(h->broker_host, s->broker_host);
	h->broker_port = s->broker_port;
}

/* At the moment when they still are. */
void
upgrade_note_open(struct supervisor *s)
{
	struct session	*se;
	struct member	*mb;

	TAILQ_FOREACH(se, &s->sessions, entry)
		se->was_open = se->state == CONN_OPEN;
	TAILQ_FOREACH(mb, &s->members, entry)
		mb->was_open = mb->state == CONN_OPEN;
}

static void
fill_lists(struct handover *h, const struct supervisor *s)
{
	const struct session	*se;
	const struct member	*mb;
	uint32_t		 n = 0;
	int			 fd;

	TAILQ_FOREACH(se, &s->sessions, entry)
		n++;
	TAILQ_FOREACH(mb, &s->members, entry)
		n++;
	h->owners = xcalloc(n + 1u, sizeof *h->owners);
	h->open = xcalloc(n + 1u, sizeof *h->open);
	TAILQ_FOREACH(se, &s->sessions, entry) {
		if (se->was_open)
			memcpy(h->open[h->n_open++], se->rec.owner,
			    OWNER_ID_LEN);
		if (se->owner == NULL || (fd = owner_fd(se->owner)) == -1)
			continue;
		memcpy(h->owners[h->n_owners].owner, se->rec.owner,
		    OWNER_ID_LEN);
		h->owners[h->n_owners++].pidfd = fd;
	}
	TAILQ_FOREACH(mb, &s->members, entry)
		if (mb->was_open)
			memcpy(h->open[h->n_open++], mb->owner, OWNER_ID_LEN);
}

static int
fill(struct handover *h, const struct supervisor *s)
{
	memset(h, 0, sizeof *h);
	snprintf(h->version, sizeof h->version, "%s", version_text());
	h->proto = (uint32_t)version_proto();
	h->foreground = s->foreground != 0;
	h->started_at = s->started_at;
	h->started_mono = s->started_mono;
	h->upgrades = s->upgrades;
	fill_sockets(h, s);
	if (fill_places(h, s) == -1)
		return -1;
	fill_lists(h, s);
	return 0;
}

int
upgrade_state(struct supervisor *s)
{
	struct handover	h;
	int		fd = fill(&h, s) == -1 ? -1 : handover_write(&h);

	handover_clear(&h);
	return fd;
}

/* Whether they survive the exec. */
static int
keep(const struct handover *h, int on)
{
	const int32_t	fds[] = { h->state_lock, h->run_lock, h->listen_unix,
			    h->listen_admin, h->listen_tcp, h->listen_broker };
	uint32_t	i;
	int		ret = 0;

	for (i = 0; i < sizeof fds / sizeof *fds; i++)
		if (fds[i] != -1 && fd_cloexec(fds[i], !on) == -1)
			ret = -1;
	for (i = 0; i < h->n_owners; i++)
		if (fd_cloexec(h->owners[i].pidfd, !on) == -1)
			ret = -1;
	return ret;
}

void
upgrade_exec(struct supervisor *s, const char *path)
{
	struct handover	 h;
	struct notify	*n;
	char		 number[16];
	int		 fd = -1, saved;

	if (fill(&h, s) == 0 && (fd = handover_write(&h)) != -1 &&
	    keep(&h, 1) == 0 && fd_cloexec(fd, 0) == 0) {
		snprintf(number, sizeof number, "%d", fd);
		setenv(INHERIT_HANDOVER_ENV, number, 1);
		notify_export(s->notify);
		execv(path, s->argv);
	}
	saved = errno;
	unsetenv(INHERIT_HANDOVER_ENV);
	n = notify_take();
	notify_free(&n);
	(void)keep(&h, 0);
	fd_close(&fd);
	handover_clear(&h);
	errno = saved;
}
