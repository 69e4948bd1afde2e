/* Messages that are to be marked as seen. */

#include "supervisor/cli/mcp_marks.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "supervisor/cli/mcp.h"
#include "supervisor/cli/mcp_ask.h"

#define MANY		1000
#define AT_ONCE		500	/* the daemon takes 1,000 */
#define AGAIN_MS	1000

struct mark {
	char		*row;
	uint64_t	 pos;
};

struct mcp_marks {
	struct mcp	*m;
	struct mark	*list;		/* oldest first */
	size_t		 n, room;
	struct mcp_ask	*ask;		/* about the first asked of them */
	size_t		 asked;
	int64_t		 at;		/* when to ask again */
};

struct mcp_marks *
mcp_marks_new(struct mcp *m)
{
	struct mcp_marks	*k = xcalloc(1, sizeof *k);

	k->m = m;
	return k;
}

static void
drop_first(struct mcp_marks *k, size_t n)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		free(k->list[i].row);
	k->n -= n;
	memmove(k->list, k->list + n, k->n * sizeof *k->list);
}

void
mcp_marks_free(struct mcp_marks **kp)
{
	if (*kp == NULL)
		return;
	mcp_ask_drop(&(*kp)->ask);
	if ((*kp)->n > 0)
		drop_first(*kp, (*kp)->n);
	free((*kp)->list);
	free(*kp);
	*kp = NULL;
}

void
mcp_marks_add(struct mcp_marks *k, const char *row, uint64_t pos)
{
	if (k->n == k->room) {
		k->room = k->room > 0 ? 2 * k->room : 64;
		k->list = xreallocarray(k->list, k->room, sizeof *k->list);
	}
	k->list[k->n].row = xstrdup(row);
	k->list[k->n++].pos = pos;
}

int
mcp_marks_has(const struct mcp_marks *k, const char *row)
{
	size_t	 i;

	for (i = 0; i < k->n; i++) {
		if (strcmp(k->list[i].row, row) == 0)
			return 1;
	}
	return 0;
}

size_t
mcp_marks_count(const struct mcp_marks *k)
{
	return k->n;
}

int
mcp_marks_are_many(const struct mcp_marks *k)
{
	return k->n >= MANY;
}

int
mcp_marks_are_due(const struct mcp_marks *k)
{
	return k->n > 0 && k->list[0].pos <= mcp_out_written(k->m->out);
}

/* Those that are gone by now are no fault: the daemon ignores them. */
static void
on_answer(void *arg, struct api_answer *a)
{
	struct mcp_marks	*k = arg;

	k->ask = NULL;
	if (api_is_ok(a))
		drop_first(k, k->asked);
	else if (api_is_passing(a) || k->m->ending)
		k->at = clock_mono_ms() + AGAIN_MS;
	else {
		cli_warn(k->m->c, "messages that were shown stay unread:");
		api_explain(k->m->c, a);
		drop_first(k, k->asked);
	}
}

void
mcp_marks_prepare(const struct mcp_marks *k, struct pollset *ps)
{
	if (k->ask == NULL && mcp_marks_are_due(k))
		pollset_until(ps, k->at);
}

void
mcp_marks_step(struct mcp_marks *k)
{
	uint64_t	 written = mcp_out_written(k->m->out);
	json_t		*body, *ids;

	if (k->ask != NULL || !mcp_marks_are_due(k) ||
	    clock_mono_ms() < k->at)
		return;
	ids = json_array();
	for (k->asked = 0; k->asked < k->n && k->asked < AT_ONCE &&
	    k->list[k->asked].pos <= written; k->asked++)
		json_array_append_new(ids,
		    json_string(k->list[k->asked].row));
	body = json_pack("{s:o}", "ids", ids);
	k->ask = mcp_ask(k->m, "POST", "/v1/inbox/seen", body, MCP_ASK_AGAIN,
	    API_TIMEOUT_MS, on_answer, k);
	json_decref(body);
}
