/*
 * The outbox, read: heads of targets for the worker, listings for the gate.
 * All but the look-ups by id go through indexes of rows that are not ended, so
 * that their cost does not grow with history.
 */

#include "common/rows.h"

#include <stdlib.h>
#include <string.h>

#include "common/encode.h"
#include "common/rows_impl.h"

#define OUT_COLS							\
	"seq, id, owner, sender, mesh, client_message_id, fingerprint,"	\
	" target, priority, reply_to, nonce, body_id, payload_bytes,"	\
	" created_at, enqueued_at, state, attempts, next_attempt_at,"	\
	" last_error, delivered_at, ended_at, aborted_at,"		\
	" broker_message_id, aborted_by, superseded_by, held"

/* One seek: the index is (owner, target, seq). */
static const char sql_target_next[] =
    "SELECT target FROM outbox"
    " WHERE owner = :owner AND target > :after"
    "   AND ended_at IS NULL AND held = 0"
    " ORDER BY target LIMIT 1";

static const char sql_target_row[] =
    "SELECT " OUT_COLS ", body FROM outbox"
    " WHERE owner = :owner AND target = :target AND seq > :after"
    "   AND ended_at IS NULL AND held = 0"
    " ORDER BY seq LIMIT 1";

static const char sql_new_since[] =
    "SELECT seq, target FROM outbox"
    " WHERE owner = :owner AND seq > :after"
    "   AND ended_at IS NULL AND held = 0"
    " ORDER BY seq LIMIT :limit";

static const char sql_has_open[] =
    "SELECT 1 FROM outbox WHERE owner = :owner AND ended_at IS NULL LIMIT 1";

static const char sql_by_id[] =
    "SELECT " OUT_COLS ", NULL FROM outbox WHERE id = :id";

static const char sql_by_id_body[] =
    "SELECT " OUT_COLS ", body FROM outbox WHERE id = :id";

static const char sql_by_client[] =
    "SELECT " OUT_COLS ", NULL FROM outbox"
    " WHERE owner = :owner AND client_message_id = :client";

/*
 * Newest first.  There is one index of open rows and one of ended rows, by
 * state; of all states, each gives its newest ones, and the newest of these
 * are taken.
 */
#define NEWEST_OPEN							\
	"SELECT seq FROM (SELECT seq FROM outbox"			\
	" WHERE owner = :owner AND ended_at IS NULL"			\
	" ORDER BY seq DESC LIMIT :limit)"
#define NEWEST_ENDED(state)						\
	"SELECT seq FROM (SELECT seq FROM outbox"			\
	" WHERE owner = :owner AND state = " state			\
	"   AND ended_at IS NOT NULL"					\
	" ORDER BY seq DESC LIMIT :limit)"

static const char sql_list[] =
    "SELECT " OUT_COLS ", NULL FROM outbox WHERE seq IN ("
    NEWEST_OPEN
    " UNION ALL " NEWEST_ENDED("2")
    " UNION ALL " NEWEST_ENDED("3")
    " UNION ALL " NEWEST_ENDED("4")
    ") ORDER BY seq DESC LIMIT :limit";

static const char sql_list_open[] =
    "SELECT " OUT_COLS ", NULL FROM outbox"
    " WHERE owner = :owner AND ended_at IS NULL AND state = :state"
    " ORDER BY seq DESC LIMIT :limit";

static const char sql_list_ended[] =
    "SELECT " OUT_COLS ", NULL FROM outbox"
    " WHERE owner = :owner AND ended_at IS NOT NULL AND state = :state"
    " ORDER BY seq DESC LIMIT :limit";

_Static_assert(ROW_PENDING == 0 && ROW_INFLIGHT == 1 && ROW_DONE == 2 &&
    ROW_DEAD == 3 && ROW_ABORTED == 4, "states are in SQL and in the file");

void
out_row_clear(struct out_row *o)
{
	free(o->body);
	memset(o, 0, sizeof *o);
}

void
out_row_context(const struct out_row *o, struct body_context *ctx,
    char sender_hex[HEX_KEY_SIZE])
{
	memset(ctx, 0, sizeof *ctx);
	memcpy(ctx->body_id, o->body_id, sizeof ctx->body_id);
	memcpy(ctx->owner, o->owner, sizeof ctx->owner);
	ctx->direction = BODY_OUT;
	ctx->mesh = o->mesh;
	ctx->sender = hex_encode(sender_hex, o->sender, sizeof o->sender);
	ctx->target = o->target;
	ctx->priority = (int)o->priority;
	ctx->reply_to = o->has_reply_to ? o->reply_to : NULL;
	ctx->created_at = o->created_at;
}

/* The row under the statement.  -1: it is not sound; nothing to free then. */
static int
out_row_read(sqlite3_stmt *st, struct out_row *o)
{
	struct rows_cur	c = { .st = st };

	memset(o, 0, sizeof *o);
	o->seq = cur_int(&c, 1, INT64_MAX);
	cur_text(&c, o->id, sizeof o->id);
	cur_blob(&c, o->owner, sizeof o->owner);
	cur_blob(&c, o->sender, sizeof o->sender);
	cur_text(&c, o->mesh, sizeof o->mesh);
	cur_text(&c, o->client_id, sizeof o->client_id);
	cur_blob(&c, o->fingerprint, sizeof o->fingerprint);
	cur_text(&c, o->target, sizeof o->target);
	o->priority = (enum row_priority)cur_int(&c, 0, ROW_PRIORITY_MAX);
	o->has_reply_to = cur_text_opt(&c, o->reply_to, sizeof o->reply_to);
	cur_blob(&c, o->nonce, sizeof o->nonce);
	cur_blob(&c, o->body_id, sizeof o->body_id);
	o->payload_bytes = cur_int(&c, 0, ROW_BODY_MAX);
	o->created_at = cur_int(&c, 0, INT64_MAX);
	o->enqueued_at = cur_int(&c, 0, INT64_MAX);
	o->state = (enum row_state)cur_int(&c, 0, ROW_STATE_MAX);
	o->attempts = cur_int(&c, 0, INT64_MAX);
	o->next_attempt_at = cur_int(&c, 0, INT64_MAX);
	cur_text_opt(&c, o->last_error, sizeof o->last_error);
	o->delivered_at = cur_time(&c);
	o->ended_at = cur_time(&c);
	o->aborted_at = cur_time(&c);
	cur_text_opt(&c, o->broker_id, sizeof o->broker_id);
	cur_text_opt(&c, o->aborted_by, sizeof o->aborted_by);
	cur_text_opt(&c, o->superseded_by, sizeof o->superseded_by);
	o->held = (int)cur_int(&c, 0, 1);
	cur_body(&c, &o->body, &o->bodylen);
	if (!c.bad && uuid_is(o->id))
		return 0;
	out_row_clear(o);
	return -1;
}

/* The one row that the bound statement finds.  1, 0, -1. */
static int
out_row_one(struct rows *r, sqlite3_stmt *st, struct out_row *o)
{
	int	ret;

	if ((ret = rows_step(r, st)) != 1)
		return ret;
	if (out_row_read(st, o) == -1) {
		rows_skipped(r, "outbox", sqlite3_column_int64(st, 0));
		ret = 0;
	}
	rows_done(st);
	return ret;
}

int
rows_target_next(struct rows *r, const uint8_t owner[OWNER_ID_LEN],
    const char *after, char target_r[TARGET_SIZE])
{
	char		 from[TARGET_SIZE];
	sqlite3_stmt	*st;
	struct rows_cur	 c = { 0 };
	int		 ret;

	/* A target that is not sound ends the walk, not the worker. */
	if ((st = rows_use(r, ROWS_TARGET_NEXT, sql_target_next)) == NULL)
		return -1;
	strncpy(from, after, sizeof from - 1);
	from[sizeof from - 1] = '\0';
	rows_bind_blob(st, ":owner", owner, OWNER_ID_LEN);
	rows_bind_text(st, ":after", from);
	if ((ret = rows_step(r, st)) != 1)
		return ret;
	c.st = st;
	cur_text(&c, target_r, TARGET_SIZE);
	rows_done(st);
	if (!c.bad)
		return 1;
	rows_skipped(r, "outbox", 0);
	return 0;
}

int
rows_target_row(struct rows *r, const uint8_t owner[OWNER_ID_LEN],
    const char *target, int64_t after, struct out_row *o)
{
	sqlite3_stmt	*st;
	int		 ret;

	if ((st = rows_use(r, ROWS_TARGET_ROW, sql_target_row)) == NULL)
		return -1;
	for (;;) {
		rows_bind_blob(st, ":owner", owner, OWNER_ID_LEN);
		rows_bind_text(st, ":target", target);
		rows_bind_int(st, ":after", after);
		if ((ret = rows_step(r, st)) != 1)
			return ret;
		ret = out_row_read(st, o);
		after = sqlite3_column_int64(st, 0);
		rows_done(st);
		if (ret == 0)
			return 1;
		rows_skipped(r, "outbox", after);
	}
}

int
rows_new_since(struct rows *r, const uint8_t owner[OWNER_ID_LEN],
    int64_t *after, int limit,
    void (*cb)(void *arg, int64_t seq, const char *target), void *arg)
{
	char		 target[TARGET_SIZE];
	sqlite3_stmt	*st;
	struct rows_cur	 c;
	int64_t		 seq;
	int		 n = 0, ret;

	if ((st = rows_use(r, ROWS_NEW_SINCE, sql_new_since)) == NULL)
		return -1;
	rows_bind_blob(st, ":owner", owner, OWNER_ID_LEN);
	rows_bind_int(st, ":after", *after);
	rows_bind_int(st, ":limit", limit);
	while ((ret = rows_step(r, st)) == 1) {
		memset(&c, 0, sizeof c);
		c.st = st;
		seq = cur_int(&c, 1, INT64_MAX);
		cur_text(&c, target, sizeof target);
		*after = sqlite3_column_int64(st, 0);
		n++;
		if (c.bad)
			rows_skipped(r, "outbox", *after);
		else
			cb(arg, seq, target);
	}
	return ret == -1 ? -1 : n;
}

int
rows_has_open(struct rows *r, const uint8_t owner[OWNER_ID_LEN])
{
	sqlite3_stmt	*st;
	int		 ret;

	if ((st = rows_use(r, ROWS_HAS_OPEN, sql_has_open)) == NULL)
		return -1;
	rows_bind_blob(st, ":owner", owner, OWNER_ID_LEN);
	ret = rows_step(r, st);
	rows_done(st);
	return ret;
}

int
rows_out_by_id(struct rows *r, const char *id, int body, struct out_row *o)
{
	sqlite3_stmt	*st;

	st = body ? rows_use(r, ROWS_OUT_BY_ID_BODY, sql_by_id_body) :
	    rows_use(r, ROWS_OUT_BY_ID, sql_by_id);
	if (st == NULL)
		return -1;
	rows_bind_text(st, ":id", id);
	return out_row_one(r, st, o);
}

int
rows_out_by_client_id(struct rows *r, const uint8_t owner[OWNER_ID_LEN],
    const char *client_id, struct out_row *o)
{
	sqlite3_stmt	*st;

	if ((st = rows_use(r, ROWS_OUT_BY_CLIENT, sql_by_client)) == NULL)
		return -1;
	rows_bind_blob(st, ":owner", owner, OWNER_ID_LEN);
	rows_bind_text(st, ":client", client_id);
	return out_row_one(r, st, o);
}

/* The listing for a state, or for all; bound but for its limit and owner. */
static sqlite3_stmt *
out_list_use(struct rows *r, int state)
{
	sqlite3_stmt	*st;

	if (state < 0)
		return rows_use(r, ROWS_OUT_LIST, sql_list);
	st = state >= ROW_DONE ?
	    rows_use(r, ROWS_OUT_LIST_ENDED, sql_list_ended) :
	    rows_use(r, ROWS_OUT_LIST_OPEN, sql_list_open);
	if (st != NULL)
		rows_bind_int(st, ":state", state);
	return st;
}

int
rows_out_list(struct rows *r, const uint8_t owner[OWNER_ID_LEN], int state,
    int limit, int (*cb)(void *arg, const struct out_row *), void *arg)
{
	struct out_row	 o;
	sqlite3_stmt	*st;
	int		 n = 0, ret = 0, stop = 0;

	if ((st = out_list_use(r, state)) == NULL)
		return -1;
	rows_bind_blob(st, ":owner", owner, OWNER_ID_LEN);
	rows_bind_int(st, ":limit", limit);
	while (!stop && (ret = rows_step(r, st)) == 1) {
		if (out_row_read(st, &o) == -1) {
			rows_skipped(r, "outbox",
			    sqlite3_column_int64(st, 0));
			continue;
		}
		n++;
		stop = cb(arg, &o);
		out_row_clear(&o);
	}
	if (stop)
		rows_done(st);
	else if (ret == -1)
		return -1;
	return n;
}
