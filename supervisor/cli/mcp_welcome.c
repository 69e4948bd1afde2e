/*
 * The welcome.  Three questions, one after the other; what cannot be answered
 * just now is said to be unknown.
 */

#include "supervisor/cli/mcp_welcome.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "supervisor/cli/mcp.h"
#include "supervisor/cli/mcp_ask.h"
#include "supervisor/cli/mcp_events.h"
#include "supervisor/cli/mcp_marks.h"

#define DELAY_MS	3000
#define AGAIN_MS	100	/* to look whether events come */
#define INBOX_MAX	1000

enum step {
	STEP_NONE,		/* the host is not ready */
	STEP_DUE,
	STEP_ME,
	STEP_PEERS,
	STEP_INBOX,
	STEP_DONE,
};

struct mcp_welcome {
	struct mcp	*m;
	enum step	 step;
	int64_t		 at;
	struct mcp_ask	*ask;
	json_t		*me;
	json_t		*peers;
	json_t		*unread;
	int		 more;
};

struct mcp_welcome *
mcp_welcome_new(struct mcp *m)
{
	struct mcp_welcome	*w = xcalloc(1, sizeof *w);

	w->m = m;
	return w;
}

static void
answers_forget(struct mcp_welcome *w)
{
	json_decref(w->me);
	json_decref(w->peers);
	json_decref(w->unread);
	w->me = w->peers = w->unread = NULL;
}

void
mcp_welcome_free(struct mcp_welcome **wp)
{
	if (*wp == NULL)
		return;
	mcp_ask_drop(&(*wp)->ask);
	answers_forget(*wp);
	free(*wp);
	*wp = NULL;
}

void
mcp_welcome_due(struct mcp_welcome *w)
{
	if (w->step != STEP_NONE)
		return;
	w->step = STEP_DUE;
	w->at = clock_mono_ms() + DELAY_MS;
}

/* ---- questions ---- */

/* Others: not ourselves. */
static json_t *
others(const json_t *peers, const char *self)
{
	json_t	*list, *p;
	size_t	 i;

	if (!json_is_array(peers))
		return NULL;
	list = json_array();
	json_array_foreach(peers, i, p) {
		if (strcmp(cli_json_or(p, "pubkey", ""), self) != 0)
			json_array_append(list, p);
	}
	return list;
}

/* What was shown a moment ago is not unread. */
static json_t *
not_shown(const struct mcp *m, const json_t *items)
{
	json_t	*list, *item;
	size_t	 i;

	if (!json_is_array(items))
		return NULL;
	list = json_array();
	json_array_foreach(items, i, item) {
		if (!mcp_marks_has(m->marks, cli_json_or(item, "id", "")))
			json_array_append(list, item);
	}
	return list;
}

static void
say_welcome(struct mcp_welcome *w)
{
	struct buf	 text = { 0 };
	json_t		*meta;

	meta = mcp_welcome_text(w->me, w->m->mesh, w->peers, w->unread,
	    w->more, &text);
	mcp_notify(w->m, text.p, meta);
	buf_free(&text);
	answers_forget(w);
	w->step = STEP_DONE;
}

static void	ask_next(struct mcp_welcome *);

static void
on_answer(void *arg, struct api_answer *a)
{
	struct mcp_welcome	*w = arg;
	const json_t		*items;

	w->ask = NULL;
	switch (w->step) {
	case STEP_ME:
		w->me = json_incref(json_object_get(a->json, "session"));
		mcp_set_self(w->m, w->me);
		break;
	case STEP_PEERS:
		w->peers = others(json_object_get(a->json, "peers"),
		    w->m->self);
		break;
	case STEP_INBOX:
		items = json_object_get(a->json, "items");
		w->more = json_array_size(items) == INBOX_MAX ||
		    json_is_true(json_object_get(a->json, "truncated"));
		w->unread = not_shown(w->m, items);
		say_welcome(w);
		return;
	default:
		return;
	}
	ask_next(w);
}

static void
ask_next(struct mcp_welcome *w)
{
	struct buf	 path = { 0 };

	w->step++;
	if (w->step == STEP_ME && token_hex(&w->m->token) == NULL)
		w->step++;
	if (w->step == STEP_ME)
		buf_adds(&path, "/v1/sessions/me");
	else if (w->step == STEP_PEERS)
		buf_adds(&path, "/v1/peers?all=false");
	else
		buf_addf(&path, "/v1/inbox?unread_only=true&mark_seen=false&"
		    "limit=%d", INBOX_MAX);
	mcp_add_mesh(w->m, &path);
	w->ask = mcp_ask(w->m, "GET", path.p, NULL, MCP_ASK_AGAIN,
	    API_TIMEOUT_MS, on_answer, w);
	buf_free(&path);
}

/* ---- for the loop ---- */

void
mcp_welcome_prepare(const struct mcp_welcome *w, struct pollset *ps)
{
	if (w->step == STEP_DUE && !w->m->ending)
		pollset_until(ps, w->at);
}

void
mcp_welcome_step(struct mcp_welcome *w)
{
	int64_t	 now = clock_mono_ms();

	if (w->step != STEP_DUE || w->m->ending || now < w->at)
		return;
	/* What comes from then on is told by itself, the rest is unread. */
	if (mcp_events_were_open(w->m->events) && !mcp_out_is_full(w->m->out))
		ask_next(w);
	else
		w->at = now + AGAIN_MS;
}
