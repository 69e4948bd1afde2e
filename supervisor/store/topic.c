/*
 * Topics that owners have joined.
 *
 * How far a history is read advances only with the owner's worker, after the
 * rows that it read are committed; a join never takes it back.
 */

#include "supervisor/store/topic.h"

#include <stdlib.h>

#include "common/xalloc.h"

enum { COUNT, JOIN, READ, LEAVE, PRUNE, NSTATEMENTS };

struct topics {
	struct db	*db;
	sqlite3_stmt	*st[NSTATEMENTS];
};

static const char sql_count[] =
    "SELECT count(*) FROM topic WHERE owner = :owner AND topic <> :topic";

static const char sql_join[] =
    "INSERT INTO topic (owner, topic, name, last_message_id,"
    " last_created_at, joined_at, updated_at)"
    " VALUES (:owner, :topic, :name, :last, :created, :now, :now)"
    " ON CONFLICT (owner, topic) DO UPDATE SET name = :name,"
    "   gone_at = NULL, updated_at = :now";

static const char sql_read[] =
    "UPDATE topic SET last_message_id = :last, last_created_at = :created,"
    "   gone_at = CASE WHEN :gone THEN ifnull(gone_at, :now) END,"
    "   updated_at = :now"
    " WHERE owner = :owner AND topic = :topic";

static const char sql_leave[] =
    "DELETE FROM topic WHERE owner = :owner AND topic = :topic";

static const char sql_prune[] =
    "DELETE FROM topic WHERE NOT EXISTS ("
    " SELECT 1 FROM owner WHERE owner.owner = topic.owner)";

static const char *const sql[NSTATEMENTS] = {
	[COUNT] = sql_count,
	[JOIN] = sql_join,
	[READ] = sql_read,
	[LEAVE] = sql_leave,
	[PRUNE] = sql_prune,
};

struct topics *
topics_new(struct db *d)
{
	struct topics	*t = xcalloc(1, sizeof *t);

	t->db = d;
	db_prepare_all(d, t->st, sql, NSTATEMENTS);
	return t;
}

void
topics_free(struct topics **tp)
{
	struct topics	*t = *tp;

	*tp = NULL;
	if (t == NULL)
		return;
	db_finalize_all(t->st, NSTATEMENTS);
	free(t);
}

/* Is there room for one more?  1, 0, -1. */
static int
topic_room(struct topics *t, const uint8_t *owner, const char *topic)
{
	sqlite3_stmt	*st = t->st[COUNT];
	int64_t		 n;

	db_blob(st, ":owner", owner, OWNER_ID_LEN);
	db_text(st, ":topic", topic);
	if (db_step(t->db, st) != 1)
		return -1;
	n = sqlite3_column_int64(st, 0);
	db_reset(st);
	return n < TOPICS_MAX;
}

static enum op
topic_run(struct topics *t, sqlite3_stmt *st, struct msg_count *r)
{
	if (db_run(t->db, st) == -1)
		return OP_FAULT;
	r->result = ACCEPT_NEW;
	r->count = db_changes(t->db);
	return OP_DONE;
}

/* What a reader would leave out must not get in. */
static int
topic_sound(const struct msg_topic *m)
{
	return *m->topic != '\0' && *m->name != '\0' && db_utf8(m->topic) &&
	    db_utf8(m->name) && db_utf8(m->last_id);
}

enum op
topic_keep(struct topics *t, const uint8_t owner[OWNER_ID_LEN],
    const struct msg_topic *m, int64_t now, struct msg_count *r)
{
	sqlite3_stmt	*st = t->st[m->join ? JOIN : READ];
	int		 room;

	if (!topic_sound(m))
		return OP_NONSENSE;
	if (m->join && (room = topic_room(t, owner, m->topic)) != 1)
		return room == -1 ? OP_FAULT : OP_NONSENSE;
	db_blob(st, ":owner", owner, OWNER_ID_LEN);
	db_text(st, ":topic", m->topic);
	db_text_opt(st, ":last", m->last_id);
	if (*m->last_id != '\0')
		db_int(st, ":created", m->last_created_at);
	db_int(st, ":now", now);
	if (m->join)
		db_text(st, ":name", m->name);
	else
		db_int(st, ":gone", m->gone);
	return topic_run(t, st, r);
}

enum op
topic_leave(struct topics *t, const uint8_t owner[OWNER_ID_LEN],
    const char *topic, struct msg_count *r)
{
	sqlite3_stmt	*st = t->st[LEAVE];

	if (*topic == '\0' || !db_utf8(topic))
		return OP_NONSENSE;
	db_blob(st, ":owner", owner, OWNER_ID_LEN);
	db_text(st, ":topic", topic);
	return topic_run(t, st, r);
}

enum op
topic_prune(struct topics *t)
{
	return db_run(t->db, t->st[PRUNE]) == -1 ? OP_FAULT : OP_DONE;
}
