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

struct topic_rows {
	struct db	*db;
	int64_t		 last_seq;	/* never given twice */
	sqlite3_stmt	*by_id, *by_name, *count, *add, *subscribe,
			*unsubscribe, *read, *each, *members, *subscribers,
			*store, *find, *history, *waiting, *prune;
};

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

static const char sql_store[] =
    "INSERT INTO topic_message (seq, topic, message_id, sender,"
    " sender_member, sender_name, client_id, fingerprint, priority, reply_to,"
    " nonce, ciphertext, body_version, created_at)"
    " VALUES (:seq, :topic, :id, :sender, :member, :name, :client_id,"
    " :fingerprint, :priority, :reply_to, :nonce, :ciphertext, :version,"
    " :now)";

static const char sql_find[] =
    "SELECT seq FROM topic_message WHERE message_id = :id AND topic = :topic";

#define MESSAGE								\
    "SELECT m.seq, m.message_id, m.sender, m.sender_member, k.pubkey,"	\
    " s.pubkey, s.member_id, m.sender_name, m.client_id, m.fingerprint,"\
    " m.reply_to, m.nonce, m.ciphertext, m.created_at, m.priority,"	\
    " m.body_version, t.name"						\
    " FROM topic_message AS m"						\
    " JOIN topic AS t ON t.id = m.topic"				\
    " JOIN peer_key AS k ON k.id = m.sender"				\
    " JOIN member AS s ON s.id = m.sender_member"

static const char sql_history[] =
    MESSAGE " WHERE m.topic = :topic AND m.seq < :before"
    " ORDER BY m.seq DESC LIMIT :limit";

static const char sql_waiting[] =
    MESSAGE " JOIN topic_member AS x"
    "  ON x.topic = m.topic AND x.member = :member"
    " WHERE m.seq > :above AND m.seq <= :to AND m.seq > x.joined_seq"
    "  AND m.sender <> :not_from"
    " ORDER BY m.seq LIMIT :limit";

static const char sql_prune[] =
    "DELETE FROM topic_message WHERE seq IN (SELECT seq FROM topic_message"
    " WHERE created_at < :before LIMIT :limit)";

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
	t->store = db_prepare(db, sql_store);
	t->find = db_prepare(db, sql_find);
	t->history = db_prepare(db, sql_history);
	t->waiting = db_prepare(db, sql_waiting);
	t->prune = db_prepare(db, sql_prune);
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

/* ---- messages ---- */

int
topic_store(struct topic_rows *t, int64_t topic, struct message *m)
{
	sqlite3_stmt	*st = t->store;

	m->seq = ++t->last_seq;
	db_bind_int(st, ":seq", m->seq);
	db_bind_int(st, ":topic", topic);
	db_bind_text(st, ":id", m->id);
	db_bind_int(st, ":sender", m->sender);
	db_bind_int(st, ":member", m->sender_member);
	db_bind_text(st, ":name", m->sender_name);
	db_bind_text(st, ":client_id", m->client_id);
	db_bind_blob(st, ":fingerprint", m->fingerprint, FINGERPRINT_LEN);
	db_bind_int(st, ":priority", (int64_t)m->priority);
	db_bind_text(st, ":reply_to", m->reply_to);
	db_bind_text(st, ":nonce", m->nonce);
	db_bind_text(st, ":ciphertext", m->ciphertext);
	db_bind_int(st, ":version", m->body_version);
	db_bind_int(st, ":now", m->created_at);
	return db_write(t->db, st) == -1 ? -1 : 0;
}

/* A row of MESSAGE.  -1: the file holds what was never put there. */
static int
message_read(sqlite3_stmt *st, struct message *m)
{
	const void	*key, *member_key;
	int64_t		 priority = sqlite3_column_int64(st, 14);

	memset(m, 0, sizeof *m);
	m->seq = sqlite3_column_int64(st, 0);
	key = db_column_blob(st, 4, KEY_PUBLIC_LEN);
	member_key = db_column_blob(st, 5, KEY_PUBLIC_LEN);
	if (key == NULL || member_key == NULL || priority < 0 ||
	    priority > PRIORITY_MAX)
		return -1;
	snprintf(m->id, sizeof m->id, "%s", db_column_text(st, 1));
	m->sender = sqlite3_column_int64(st, 2);
	m->sender_member = sqlite3_column_int64(st, 3);
	memcpy(m->sender_key, key, KEY_PUBLIC_LEN);
	memcpy(m->sender_member_key, member_key, KEY_PUBLIC_LEN);
	m->sender_member_id = db_column_text(st, 6);
	m->sender_name = db_column_text(st, 7);
	m->client_id = (const char *)sqlite3_column_text(st, 8);
	m->fingerprint = db_column_blob(st, 9, FINGERPRINT_LEN);
	m->reply_to = (const char *)sqlite3_column_text(st, 10);
	m->nonce = db_column_text(st, 11);
	m->ciphertext = db_column_text(st, 12);
	m->created_at = sqlite3_column_int64(st, 13);
	m->priority = (enum priority)priority;
	m->body_version = sqlite3_column_int(st, 15);
	m->topic = db_column_text(st, 16);
	return 0;
}

/* Give the rows of a statement, and reset it. */
static int
messages_each(struct topic_rows *t, sqlite3_stmt *st, int *n_r,
    topic_message_cb *cb, void *arg)
{
	struct message	 m;
	int		 rc, stop = 0;

	*n_r = 0;
	while (!stop && (rc = db_step(t->db, st)) == 1) {
		++*n_r;
		if (message_read(st, &m) == -1)
			log_warnx("topic message %lld: not as it was stored",
			    (long long)m.seq);
		else
			stop = cb(arg, &m);
	}
	db_reset(st);
	return rc == -1 ? -1 : stop;
}

int
topic_history(struct topic_rows *t, int64_t topic, const char *before,
    int limit, topic_message_cb *cb, void *arg)
{
	int64_t	 seq = INT64_MAX;
	int	 rc = 1, n;

	if (before != NULL) {
		db_bind_int(t->find, ":topic", topic);
		db_bind_text(t->find, ":id", before);
		if ((rc = db_step(t->db, t->find)) == 1)
			seq = sqlite3_column_int64(t->find, 0);
		db_reset(t->find);
	}
	if (rc != 1)
		return rc == 0 ? -2 : -1;
	db_bind_int(t->history, ":topic", topic);
	db_bind_int(t->history, ":before", seq);
	db_bind_int(t->history, ":limit", limit);
	return messages_each(t, t->history, &n, cb, arg);
}

int
topic_waiting(struct topic_rows *t, int64_t member, int64_t not_from,
    int64_t above, int64_t to, int limit, int *n_r, topic_message_cb *cb,
    void *arg)
{
	db_bind_int(t->waiting, ":member", member);
	db_bind_int(t->waiting, ":not_from", not_from);
	db_bind_int(t->waiting, ":above", above);
	db_bind_int(t->waiting, ":to", to);
	db_bind_int(t->waiting, ":limit", limit);
	return messages_each(t, t->waiting, n_r, cb, arg);
}

int
topic_prune(struct topic_rows *t, int64_t now, int limit)
{
	db_bind_int(t->prune, ":before", now - TOPIC_KEEP_MS);
	db_bind_int(t->prune, ":limit", limit);
	return db_write(t->db, t->prune);
}
