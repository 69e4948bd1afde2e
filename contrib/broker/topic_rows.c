/*
 * Topics in the file.
 */

#include "contrib/broker/topic_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "contrib/broker/db.h"
#include "contrib/broker/topic_rows_impl.h"

/*
 * Also of rows that were pruned, and of those that were rolled back: somebody
 * may count from there.
 */
static const char sql_last[] =
    "SELECT max(coalesce((SELECT seq FROM sqlite_sequence"
    "  WHERE name = 'topic_message'), 0),"
    " coalesce((SELECT max(topic_seq) FROM presence), 0),"
    " coalesce((SELECT max(joined_seq) FROM topic_member), 0))";

static const char sql_by_id[] =
    "SELECT id, topic_id, name, visibility FROM topic"
    " WHERE topic_id = :id AND mesh = :mesh";

static const char sql_by_name[] =
    "SELECT id, topic_id, name, visibility FROM topic"
    " WHERE mesh = :mesh AND name = :name";

static const char sql_count[] =
    "SELECT count(*) FROM topic WHERE mesh = :mesh";

static const char sql_add[] =
    "INSERT INTO topic (mesh, topic_id, name, description, visibility,"
    " created_by, created_at)"
    " VALUES (:mesh, :id, :name, :description, :visibility, :member, :now)";

static const char sql_subscribe[] =
    "INSERT INTO topic_member (topic, member, role, joined_at, joined_seq)"
    " VALUES (:topic, :member, :role, :now, :seq)"
    " ON CONFLICT (topic, member) DO NOTHING";

static const char sql_unsubscribe[] =
    "DELETE FROM topic_member WHERE topic = :topic AND member = :member";

static const char sql_read[] =
    "UPDATE topic_member SET last_read_at = :now"
    " WHERE topic = :topic AND member = :member";

static const char sql_each[] =
    "SELECT topic_id, name, description, visibility,"
    " (SELECT count(*) FROM topic_member JOIN member"
    "  ON member.id = topic_member.member"
    "  WHERE topic = topic.id AND revoked_at IS NULL), created_at"
    " FROM topic WHERE mesh = :mesh ORDER BY name";

static const char sql_members[] =
    "SELECT member_id, pubkey, name, role, topic_member.joined_at,"
    " last_read_at"
    " FROM topic_member JOIN member ON member.id = topic_member.member"
    " WHERE topic = :topic AND revoked_at IS NULL"
    " ORDER BY topic_member.joined_at, member.id";

static const char sql_subscribers[] =
    "SELECT member FROM topic_member WHERE topic = :topic ORDER BY member";

struct topic_rows *
topic_rows_new(struct db *db)
{
	struct topic_rows	*t = xcalloc(1, sizeof *t);
	sqlite3_stmt		*last = db_prepare(db, sql_last);

	t->db = db;
	if (db_step(db, last) != 1)
		fatalx("topics: cannot be read");
	t->last_seq = sqlite3_column_int64(last, 0);
	db_reset(last);
	t->by_id = db_prepare(db, sql_by_id);
	t->by_name = db_prepare(db, sql_by_name);
	t->count = db_prepare(db, sql_count);
	t->add = db_prepare(db, sql_add);
	t->subscribe = db_prepare(db, sql_subscribe);
	t->unsubscribe = db_prepare(db, sql_unsubscribe);
	t->read = db_prepare(db, sql_read);
	t->each = db_prepare(db, sql_each);
	t->members = db_prepare(db, sql_members);
	t->subscribers = db_prepare(db, sql_subscribers);
	topic_messages_prepare(t);
	return t;
}

void
topic_rows_free(struct topic_rows **tp)
{
	free(*tp);
	*tp = NULL;
}

int64_t
topic_rows_last(const struct topic_rows *t)
{
	return t->last_seq;
}

/* ---- topics ---- */

static int
topic_get(struct topic_rows *t, sqlite3_stmt *st, struct topic *topic)
{
	int	 rc;

	if ((rc = db_step(t->db, st)) == 1) {
		topic->row = sqlite3_column_int64(st, 0);
		snprintf(topic->id, sizeof topic->id, "%s",
		    db_column_text(st, 1));
		snprintf(topic->name, sizeof topic->name, "%s",
		    db_column_text(st, 2));
		snprintf(topic->visibility, sizeof topic->visibility, "%s",
		    db_column_text(st, 3));
	}
	db_reset(st);
	return rc;
}

int
topic_by_id(struct topic_rows *t, int64_t mesh, const char *id,
    struct topic *topic)
{
	db_bind_int(t->by_id, ":mesh", mesh);
	db_bind_text(t->by_id, ":id", id);
	return topic_get(t, t->by_id, topic);
}

int
topic_by_name(struct topic_rows *t, int64_t mesh, const char *id_or_name,
    struct topic *topic)
{
	int	 rc;

	if ((rc = topic_by_id(t, mesh, id_or_name, topic)) != 0)
		return rc;
	db_bind_int(t->by_name, ":mesh", mesh);
	db_bind_text(t->by_name, ":name", id_or_name);
	return topic_get(t, t->by_name, topic);
}

int64_t
topic_count(struct topic_rows *t, int64_t mesh)
{
	int64_t	 n = -1;

	db_bind_int(t->count, ":mesh", mesh);
	if (db_step(t->db, t->count) == 1)
		n = sqlite3_column_int64(t->count, 0);
	db_reset(t->count);
	return n;
}

int
topic_add(struct topic_rows *t, int64_t mesh, int64_t member,
    const char *description, struct topic *topic)
{
	queue_make_id(topic->id);
	db_bind_int(t->add, ":mesh", mesh);
	db_bind_text(t->add, ":id", topic->id);
	db_bind_text(t->add, ":name", topic->name);
	db_bind_text(t->add, ":description", description);
	db_bind_text(t->add, ":visibility", topic->visibility);
	db_bind_int(t->add, ":member", member);
	db_bind_int(t->add, ":now", clock_wall_ms());
	if (db_write(t->db, t->add) == -1 ||
	    topic_by_id(t, mesh, topic->id, topic) != 1)
		return -1;
	return topic_subscribe(t, topic->row, member, "lead");
}

int
topic_each(struct topic_rows *t, int64_t mesh, topic_info_cb *cb, void *arg)
{
	sqlite3_stmt		*st = t->each;
	struct topic_info	 info;
	int			 rc, stop = 0;

	db_bind_int(st, ":mesh", mesh);
	while (!stop && (rc = db_step(t->db, st)) == 1) {
		info.id = db_column_text(st, 0);
		info.name = db_column_text(st, 1);
		info.description = (const char *)sqlite3_column_text(st, 2);
		info.visibility = db_column_text(st, 3);
		info.members = sqlite3_column_int64(st, 4);
		info.created_at = sqlite3_column_int64(st, 5);
		stop = cb(arg, &info);
	}
	db_reset(st);
	return rc == -1 ? -1 : stop;
}

/* ---- who subscribes ---- */

int
topic_subscribe(struct topic_rows *t, int64_t topic, int64_t member,
    const char *role)
{
	db_bind_int(t->subscribe, ":topic", topic);
	db_bind_int(t->subscribe, ":member", member);
	db_bind_text(t->subscribe, ":role", role);
	db_bind_int(t->subscribe, ":now", clock_wall_ms());
	db_bind_int(t->subscribe, ":seq", t->last_seq);
	return db_write(t->db, t->subscribe) == -1 ? -1 : 0;
}

int
topic_unsubscribe(struct topic_rows *t, int64_t topic, int64_t member)
{
	db_bind_int(t->unsubscribe, ":topic", topic);
	db_bind_int(t->unsubscribe, ":member", member);
	return db_write(t->db, t->unsubscribe) == -1 ? -1 : 0;
}

int
topic_read(struct topic_rows *t, int64_t topic, int64_t member, int64_t now)
{
	db_bind_int(t->read, ":topic", topic);
	db_bind_int(t->read, ":member", member);
	db_bind_int(t->read, ":now", now);
	return db_write(t->db, t->read) == -1 ? -1 : 0;
}

int
topic_each_member(struct topic_rows *t, int64_t topic, topic_member_cb *cb,
    void *arg)
{
	sqlite3_stmt		*st = t->members;
	struct topic_member	 m;
	const void		*key;
	int			 rc, stop = 0;

	db_bind_int(st, ":topic", topic);
	while (!stop && (rc = db_step(t->db, st)) == 1) {
		m.member_id = db_column_text(st, 0);
		if ((key = db_column_blob(st, 1, KEY_PUBLIC_LEN)) == NULL)
			continue;
		memcpy(m.pubkey, key, sizeof m.pubkey);
		m.name = db_column_text(st, 2);
		m.role = db_column_text(st, 3);
		m.joined_at = sqlite3_column_int64(st, 4);
		m.last_read_at = sqlite3_column_int64(st, 5);
		stop = cb(arg, &m);
	}
	db_reset(st);
	return rc == -1 ? -1 : stop;
}

int
topic_subscribers(struct topic_rows *t, int64_t topic, int64_t **members_r)
{
	sqlite3_stmt	*st = t->subscribers;
	int64_t		*members = NULL;
	size_t		 n = 0, cap = 0;
	int		 rc;

	db_bind_int(st, ":topic", topic);
	while ((rc = db_step(t->db, st)) == 1) {
		if (n == cap) {
			cap = cap != 0 ? 2 * cap : 64;
			members = xreallocarray(members, cap, sizeof *members);
		}
		members[n++] = sqlite3_column_int64(st, 0);
	}
	db_reset(st);
	*members_r = members;
	return rc == -1 ? -1 : (int)n;
}
