/*
 * Messages of topics in the file.
 */

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "contrib/broker/db.h"
#include "contrib/broker/topic_rows_impl.h"

static const char sql_store[] =
    "INSERT INTO topic_message (seq, topic, message_id, sender,"
    " sender_member, sender_name, client_id, fingerprint, priority, reply_to,"
    " nonce, ciphertext, body_version, created_at, size)"
    " VALUES (:seq, :topic, :id, :sender, :member, :name, :client_id,"
    " :fingerprint, :priority, :reply_to, :nonce, :ciphertext, :version,"
    " :now, :size)";

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

void
topic_messages_prepare(struct topic_rows *t)
{
	t->store = db_prepare(t->db, sql_store);
	t->find = db_prepare(t->db, sql_find);
	t->history = db_prepare(t->db, sql_history);
	t->waiting = db_prepare(t->db, sql_waiting);
	t->prune = db_prepare(t->db, sql_prune);
}

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
	db_bind_int(st, ":size", queue_size(m));
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
