/*
 * State: what a mesh agrees on, JSON values by name.
 *
 * Whoever belongs to the mesh may set anything; the others are told.
 */

#include "contrib/broker/state.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "contrib/broker/announce.h"
#include "contrib/broker/broker.h"
#include "contrib/broker/conn.h"
#include "contrib/broker/db.h"
#include "contrib/broker/frame.h"
#include "contrib/broker/quota.h"
#include "contrib/broker/reply.h"

struct state {
	struct db	*db;
	sqlite3_stmt	*get, *list, *set;
};

static const char sql_get[] =
    "SELECT key, value, by_name, updated_at, member, size FROM state"
    " WHERE mesh = :mesh AND key = :key";

static const char sql_list[] =
    "SELECT key, value, by_name, updated_at FROM state"
    " WHERE mesh = :mesh ORDER BY key";

static const char sql_set[] =
    "INSERT INTO state (mesh, key, value, member, by_name, updated_at, size)"
    " VALUES (:mesh, :key, :value, :member, :name, :now, :size)"
    " ON CONFLICT (mesh, key) DO UPDATE SET value = excluded.value,"
    " member = excluded.member, by_name = excluded.by_name,"
    " updated_at = excluded.updated_at, size = excluded.size";

struct state *
state_new(struct db *db)
{
	struct state	*s = xcalloc(1, sizeof *s);

	s->db = db;
	s->get = db_prepare(db, sql_get);
	s->list = db_prepare(db, sql_list);
	s->set = db_prepare(db, sql_set);
	return s;
}

void
state_free(struct state **sp)
{
	free(*sp);
	*sp = NULL;
}

/* The first four columns, without the brace before and behind them. */
static void
entry_add(struct frame *f, sqlite3_stmt *st)
{
	frame_raw(f, "\"key\":", 6);
	frame_quote(f, db_column_text(st, 0));
	frame_text_add(f, "value", db_column_text(st, 1));
	frame_str_add(f, "updatedBy", db_column_text(st, 2));
	frame_time_add(f, "updatedAt", sqlite3_column_int64(st, 3));
}

static void
bad(struct conn *c, const json_t *json, const char *message)
{
	reply_invalid(c, json, "invalid_args", message);
}

void
state_get(struct conn *c, const json_t *json)
{
	struct state	*s = c->broker->state;
	const char	*key = frame_str(json, "key", STATE_KEY_MAX);
	struct frame	*f;
	int		 rc;

	if (key == NULL) {
		bad(c, json, "key must be 1 to 256 bytes of text");
		return;
	}
	f = frame_new("state_result");
	db_bind_int(s->get, ":mesh", c->peer->mesh->row);
	db_bind_text(s->get, ":key", key);
	if ((rc = db_step(s->db, s->get)) == 1) {
		frame_raw(f, ",", 1);
		entry_add(f, s->get);
	} else {
		frame_str_add(f, "key", key);
		frame_null_add(f, "value");
		frame_str_add(f, "updatedBy", "");
		frame_str_add(f, "updatedAt", "");
	}
	db_reset(s->get);
	reply_row(c, &f, json, rc);
}

void
state_list(struct conn *c, const json_t *json)
{
	struct state	*s = c->broker->state;
	struct frame	*f = frame_new("state_list");
	unsigned	 n = 0;
	int		 rc;

	frame_raw(f, ",\"entries\":[", 12);
	db_bind_int(s->list, ":mesh", c->peer->mesh->row);
	while ((rc = db_step(s->db, s->list)) == 1 &&
	    f->len < FRAME_ANSWER_MAX) {
		frame_item(f, n++);
		entry_add(f, s->list);
		frame_end(f);
	}
	db_reset(s->list);
	reply_list(c, &f, json, rc);
}

/* What of this key counts for this member already, or -1: nothing does. */
static int64_t
own_size(struct state *s, const struct peer *peer, const char *key)
{
	int64_t	 size = -1;

	db_bind_int(s->get, ":mesh", peer->mesh->row);
	db_bind_text(s->get, ":key", key);
	if (db_step(s->db, s->get) == 1 &&
	    sqlite3_column_int64(s->get, 4) == peer->member)
		size = sqlite3_column_int64(s->get, 5);
	db_reset(s->get);
	return size;
}

/* A key that is one's own already may stay as long as it is.  1, 0, -1. */
static int
may_set(struct conn *c, const char *key, int64_t size)
{
	int64_t	 own = own_size(c->broker->state, c->peer, key);

	if (own != -1 && size <= own)
		return 1;
	return quota_allows(c->broker->quota, c->peer->member, SERVICE_STATE,
	    own != -1 ? size - own : size);
}

static void
tell(struct conn *c, const char *key, const char *value)
{
	struct frame	*f = frame_new("state_change");

	frame_str_add(f, "key", key);
	frame_text_add(f, "value", value);
	frame_str_add(f, "updatedBy", c->peer->name);
	frame_end(f);
	announce_others(c->peer, f);
	frame_unref(&f);
}

static void
set(struct conn *c, const char *key, const char *value)
{
	struct state	*s = c->broker->state;
	sqlite3_stmt	*st = s->set;

	db_bind_int(st, ":mesh", c->peer->mesh->row);
	db_bind_text(st, ":key", key);
	db_bind_text(st, ":value", value);
	db_bind_int(st, ":member", c->peer->member);
	db_bind_text(st, ":name", c->peer->name);
	db_bind_int(st, ":now", clock_wall_ms());
	db_bind_int(st, ":size", (int64_t)(strlen(key) + strlen(value)));
	c->broker->commit_now = 1;
	if (db_write(s->db, st) == 1)
		tell(c, key, value);
}

void
state_set(struct conn *c, const json_t *json)
{
	const char	*key = frame_str(json, "key", STATE_KEY_MAX);
	const json_t	*value = json_object_get(json, "value");
	char		*text;
	size_t		 len;

	if (value == NULL || json_is_null(value))
		return;
	text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	len = text != NULL ? strlen(text) : 0;
	if (key == NULL)
		bad(c, json, "key must be 1 to 256 bytes of text");
	else if (len == 0 || len > STATE_VALUE_MAX)
		bad(c, json, "value must be at most 16384 bytes");
	else switch (may_set(c, key, (int64_t)(strlen(key) + len))) {
	case 1:
		set(c, key, text);
		break;
	case 0:
		reply_full(c, json);
		break;
	default:
		break;		/* the loop closes it */
	}
	wipe_free(text);
}
