/* Sends under way, and who follows whom. */

#include "supervisor/gate/sends.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"

struct sends {
	void		(*again_cb)(struct send *);
	struct send_list leaders;
	struct send_list orphans;	/* whose leader is gone */
	struct event	*ev_again;
};

static void
send_put(struct send *sd, struct send_list *in)
{
	if (sd->in != NULL)
		TAILQ_REMOVE(sd->in, sd, next);
	if ((sd->in = in) != NULL)
		TAILQ_INSERT_TAIL(in, sd, next);
}

static void
again_event(evutil_socket_t fd, short what, void *arg)
{
	struct sends	*ss = arg;
	struct send	*sd;

	(void)fd;
	(void)what;
	while ((sd = TAILQ_FIRST(&ss->orphans)) != NULL) {
		send_put(sd, NULL);
		ss->again_cb(sd);
	}
}

struct sends *
sends_new(struct gate *g, void (*again_cb)(struct send *))
{
	struct sends	*ss = xcalloc(1, sizeof *ss);

	ss->again_cb = again_cb;
	TAILQ_INIT(&ss->leaders);
	TAILQ_INIT(&ss->orphans);
	if ((ss->ev_again = event_new(g->base, -1, 0, again_event, ss)) ==
	    NULL)
		fatalx("event_new failed");
	return ss;
}

/* After every request has ended. */
void
sends_free(struct sends **ssp)
{
	struct sends	*ss = *ssp;

	if (ss == NULL)
		return;
	event_free(ss->ev_again);
	free(ss);
	*ssp = NULL;
}

/* With its request; who followed it must not wait for ever. */
static void
send_free(void *arg)
{
	struct send	*sd = arg, *f;

	send_put(sd, NULL);
	while ((f = TAILQ_FIRST(&sd->followers)) != NULL) {
		send_put(f, &sd->all->orphans);
		event_active(sd->all->ev_again, EV_TIMEOUT, 0);
	}
	resolve_clear(&sd->resolve);
	sending_clear(&sd->s);
	free(sd);
}

struct send *
send_new(struct request *r)
{
	struct send	*sd = xcalloc(1, sizeof *sd);

	sd->all = r->gate->sends;
	sd->req = r;
	TAILQ_INIT(&sd->followers);
	request_keep(r, sd, send_free);
	return sd;
}

int
send_enter(struct send *sd)
{
	struct send	*lead;

	TAILQ_FOREACH(lead, &sd->all->leaders, next) {
		if (memcmp(lead->owner, sd->owner, sizeof sd->owner) != 0 ||
		    strcmp(lead->client_id, sd->client_id) != 0)
			continue;
		send_put(sd, &lead->followers);
		return 1;
	}
	send_put(sd, &sd->all->leaders);
	return 0;
}

void
send_row(struct send *sd, const struct msg_accepted *row)
{
	struct send	*f;

	send_put(sd, NULL);
	send_reply_row(sd, row);
	while ((f = TAILQ_FIRST(&sd->followers)) != NULL) {
		send_put(f, NULL);
		send_reply_row(f, row);
	}
}

/* The id is not taken: one that says something else may yet take it. */
void
send_refused(struct send *sd, const struct fault *f, json_t *more)
{
	struct send	*other;

	send_put(sd, NULL);
	reply_error_with(sd->req, json_copy(more), f->status, f->code, "%s",
	    f->detail);
	while ((other = TAILQ_FIRST(&sd->followers)) != NULL) {
		if (memcmp(other->fingerprint, sd->fingerprint,
		    FINGERPRINT_LEN) == 0) {
			send_put(other, NULL);
			reply_error_with(other->req, json_copy(more),
			    f->status, f->code, "%s", f->detail);
		} else {
			send_put(other, &sd->all->orphans);
			event_active(sd->all->ev_again, EV_TIMEOUT, 0);
		}
	}
	json_decref(more);
}
