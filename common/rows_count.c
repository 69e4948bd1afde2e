/*
 * How many rows there are, by state.  Counted in slices along an index, which
 * holds all that is needed, so that nobody waits for a large file.
 */

#include "common/rows.h"

#include <string.h>

#include "common/rows_impl.h"

static const char sql_open[] =
    "SELECT owner, state, seq FROM outbox"
    " WHERE ended_at IS NULL AND (owner, seq) > (:owner, :seq)"
    " ORDER BY owner, seq LIMIT :limit";

static const char sql_ended[] =
    "SELECT owner, state, seq FROM outbox"
    " WHERE ended_at IS NOT NULL"
    "   AND (owner, state, seq) > (:owner, :state, :seq)"
    " ORDER BY owner, state, seq LIMIT :limit";

/* Of all states: the index does not know which. */
static const char sql_inbox[] =
    "SELECT owner, 0, seq FROM inbox"
    " WHERE (owner, seq) > (:owner, :seq) ORDER BY owner, seq LIMIT :limit";

static const char sql_unopened[] =
    "SELECT owner, state, seq FROM inbox"
    " WHERE state IN (1, 2)"
    "   AND (owner, state, seq) > (:owner, :state, :seq)"
    " ORDER BY owner, state, seq LIMIT :limit";

static const struct {
	enum rows_slot	 slot;
	const char	*sql;
} walks[ROWS_COUNTED_N] = {
	[ROWS_COUNT_OPEN] = { ROWS_WALK_OPEN, sql_open },
	[ROWS_COUNT_ENDED] = { ROWS_WALK_ENDED, sql_ended },
	[ROWS_COUNT_INBOX] = { ROWS_WALK_INBOX, sql_inbox },
	[ROWS_COUNT_UNOPENED] = { ROWS_WALK_UNOPENED, sql_unopened },
};

int
rows_count(struct rows *r, enum rows_counted what, struct rows_walk *at,
    int limit, int64_t counts[ROWS_COUNT_STATES])
{
	struct rows_cur	 c;
	sqlite3_stmt	*st;
	int		 n = 0, ret;

	if ((st = rows_use(r, walks[what].slot, walks[what].sql)) == NULL)
		return -1;
	rows_bind_blob(st, ":owner", at->owner, sizeof at->owner);
	rows_bind_int(st, ":seq", at->seq);
	if (sqlite3_bind_parameter_index(st, ":state") != 0)
		rows_bind_int(st, ":state", at->state);
	rows_bind_int(st, ":limit", limit);
	while ((ret = rows_step(r, st)) == 1) {
		c = (struct rows_cur){ .st = st };
		cur_blob(&c, at->next, sizeof at->next);  /* owner is bound */
		at->state = cur_int(&c, 0, ROWS_COUNT_STATES - 1);
		at->seq = cur_int(&c, 1, INT64_MAX);
		if (c.bad) {
			rows_done(st);
			return -1;
		}
		counts[at->state]++;
		n++;
	}
	memcpy(at->owner, at->next, sizeof at->owner);
	return ret == -1 ? -1 : n;
}
