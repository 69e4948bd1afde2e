/*
 * Stored messages.
 */

#include "contrib/broker/queue.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "contrib/broker/db.h"

struct queue {
	struct db	*db;
	int64_t		 last_seq;	/* never given twice by one process */
	sqlite3_stmt	*insert, *text, *known, *waiting, *find, *status,
			*delivered, *wipe, *prune;
};

static const char sql_last[] =
    "SELECT coalesce(max(seq), 0) FROM message";

static const char sql_insert[] =
    "INSERT INTO message (seq, message_id, sender, client_id, fingerprint,"
    " target, recipient, priority, created_at, delivered_at)"
    " VALUES (:seq, :id, :sender, :client_id, :fingerprint, :target,"
    " nullif(:recipient, 0), :priority, :now, :delivered)"
    " ON CONFLICT (sender, client_id) DO NOTHING";

static const char sql_text[] =
    "INSERT INTO message_text"
    " (seq, sender_member, sender_name, subtype, reply_to, nonce, ciphertext,"
    " size) VALUES (:seq, :member, :name, :subtype, :reply_to, :nonce,"
    " :ciphertext, :size)";

static const char sql_known[] =
    "SELECT message_id, fingerprint FROM message"
    " WHERE sender = :sender AND client_id = :client_id";

/* A reminder may be for who asked for it. */
static const char sql_waiting[] =
    "SELECT m.seq, m.message_id, m.sender, t.sender_member, k.pubkey,"
    " s.pubkey, s.member_id, t.sender_name, m.client_id, m.fingerprint,"
    " t.reply_to, t.nonce, t.ciphertext, m.created_at, t.subtype"
    " FROM message AS m INDEXED BY message_waiting"
    " JOIN message_text AS t ON t.seq = m.seq"
    " JOIN peer_key AS k ON k.id = m.sender"
    " JOIN member AS s ON s.id = t.sender_member"
    " WHERE m.recipient = :recipient AND m.priority = :priority"
    "  AND m.seq > :above"
    "  AND (m.sender <> :not_from OR t.subtype IS NOT NULL)"
    "  AND m.delivered_at IS NULL"
    " ORDER BY m.seq LIMIT :limit";

static const char sql_find[] =
    "SELECT seq, recipient FROM message"
    " WHERE message_id = :id AND delivered_at IS NULL";

/* '{' follows the last digit of base62. */
static const char sql_status[] =
    "SELECT m.message_id, m.target, m.recipient, k.pubkey, r.name,"
    " m.delivered_at"
    " FROM message AS m INDEXED BY message_id"
    " LEFT JOIN peer_key AS k ON k.id = m.recipient"
    " LEFT JOIN member AS r ON r.id = k.member"
    " WHERE m.message_id >= :id AND m.message_id < :id || '{'"
    "  AND m.sender = :sender LIMIT 2";

static const char sql_delivered[] =
    "UPDATE message SET delivered_at = :now"
    " WHERE seq = :seq AND delivered_at IS NULL";

static const char sql_wipe[] =
    "DELETE FROM message_text WHERE seq = :seq";

/* The text goes with it. */
static const char sql_prune[] =
    "DELETE FROM message WHERE seq IN"
    " (SELECT seq FROM message WHERE created_at < :before LIMIT :limit)";

static const char	*const priority_names[] = { "now", "next", "low" };

const char *
priority_name(enum priority priority)
{
	return priority_names[priority];
}

int
priority_parse(const char *name, enum priority *priority_r)
{
	int	 i;

	for (i = 0; i <= PRIORITY_MAX; i++) {
		if (strcmp(priority_names[i], name) == 0) {
			*priority_r = (enum priority)i;
			return 0;
		}
	}
	return -1;
}

struct queue *
queue_new(struct db *db)
{
	struct queue	*q = xcalloc(1, sizeof *q);
	sqlite3_stmt	*last = db_prepare(db, sql_last);

	q->db = db;
	if (db_step(db, last) != 1)
		fatalx("queue: cannot be read");
	q->last_seq = sqlite3_column_int64(last, 0);
	db_reset(last);
	q->insert = db_prepare(db, sql_insert);
	q->text = db_prepare(db, sql_text);
	q->known = db_prepare(db, sql_known);
	q->waiting = db_prepare(db, sql_waiting);
	q->find = db_prepare(db, sql_find);
	q->status = db_prepare(db, sql_status);
	q->delivered = db_prepare(db, sql_delivered);
	q->wipe = db_prepare(db, sql_wipe);
	q->prune = db_prepare(db, sql_prune);
	return q;
}

void
queue_free(struct queue **qp)
{
	free(*qp);
	*qp = NULL;
}

void
queue_make_id(char out[QUEUE_ID_SIZE])
{
	static const char	 digits[] =
	    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	uint8_t			 raw[QUEUE_ID_LEN + 8];
	size_t			 i, n = 0;

	/* Six bits each; 62 and 63 are drawn again, to favour no digit. */
	while (n < QUEUE_ID_LEN) {
		randombytes_buf(raw, sizeof raw);
		for (i = 0; i < sizeof raw && n < QUEUE_ID_LEN; i++)
			if ((raw[i] & 63) < 62)
				out[n++] = digits[raw[i] & 63];
	}
	out[n] = '\0';
}

/* The send that had this client id first. */
static enum queue_result
known(struct queue *q, struct message *m)
{
	enum queue_result	 result = QUEUE_FAILED;
	const void		*fingerprint;

	db_bind_int(q->known, ":sender", m->sender);
	db_bind_text(q->known, ":client_id", m->client_id);
	if (db_step(q->db, q->known) == 1) {
		snprintf(m->id, sizeof m->id, "%s",
		    db_column_text(q->known, 0));
		fingerprint = db_column_blob(q->known, 1, FINGERPRINT_LEN);
		if (fingerprint == NULL || m->fingerprint == NULL)
			result = fingerprint == m->fingerprint ?
			    QUEUE_DUPLICATE : QUEUE_REUSED;
		else
			result = memcmp(fingerprint, m->fingerprint,
			    FINGERPRINT_LEN) == 0 ?
			    QUEUE_DUPLICATE : QUEUE_REUSED;
	}
	db_reset(q->known);
	return result;
}

int64_t
queue_size(const struct message *m)
{
	return (int64_t)(strlen(m->nonce) + strlen(m->ciphertext));
}

int
queue_knows(struct queue *q, int64_t sender, const char *client_id)
{
	int	 rc;

	db_bind_int(q->known, ":sender", sender);
	db_bind_text(q->known, ":client_id", client_id);
	rc = db_step(q->db, q->known);
	db_reset(q->known);
	return rc;
}

/* How many rows it changed, or -1. */
static int
insert(struct queue *q, const struct message *m)
{
	sqlite3_stmt	*st = q->insert;

	db_bind_int(st, ":seq", m->seq);
	db_bind_text(st, ":id", m->id);
	db_bind_int(st, ":sender", m->sender);
	db_bind_text(st, ":client_id", m->client_id);
	db_bind_blob(st, ":fingerprint", m->fingerprint, FINGERPRINT_LEN);
	db_bind_text(st, ":target", m->target);
	db_bind_int(st, ":recipient", m->recipient);
	db_bind_int(st, ":priority", (int64_t)m->priority);
	db_bind_int(st, ":now", m->created_at);
	if (m->recipient == 0)
		db_bind_int(st, ":delivered", m->created_at);
	return db_write(q->db, st);
}

static enum queue_result
insert_text(struct queue *q, const struct message *m)
{
	sqlite3_stmt	*st = q->text;

	db_bind_int(st, ":seq", m->seq);
	db_bind_int(st, ":member", m->sender_member);
	db_bind_text(st, ":name", m->sender_name);
	db_bind_text(st, ":subtype", m->subtype);
	db_bind_text(st, ":reply_to", m->reply_to);
	db_bind_text(st, ":nonce", m->nonce);
	db_bind_text(st, ":ciphertext", m->ciphertext);
	db_bind_int(st, ":size", queue_size(m));
	return db_write(q->db, st) == 1 ? QUEUE_STORED : QUEUE_FAILED;
}

enum queue_result
queue_accept(struct queue *q, struct message *m)
{
	int	 multicast = m->recipient == 0;

	queue_make_id(m->id);
	m->seq = ++q->last_seq;
	if (multicast && m->client_id == NULL)
		return QUEUE_STORED;
	switch (insert(q, m)) {
	case 1:
		return multicast ? QUEUE_STORED : insert_text(q, m);
	case 0:
		return known(q, m);
	default:
		return QUEUE_FAILED;
	}
}

/* A row of sql_waiting.  -1: the file holds what was never put there. */
static int
message_read(sqlite3_stmt *st, struct message *m)
{
	const void	*key, *member_key;

	m->seq = sqlite3_column_int64(st, 0);
	m->target = m->topic = NULL;
	snprintf(m->id, sizeof m->id, "%s", db_column_text(st, 1));
	m->sender = sqlite3_column_int64(st, 2);
	m->sender_member = sqlite3_column_int64(st, 3);
	key = db_column_blob(st, 4, KEY_PUBLIC_LEN);
	member_key = db_column_blob(st, 5, KEY_PUBLIC_LEN);
	if (key == NULL || member_key == NULL || strlen(m->id) != QUEUE_ID_LEN)
		return -1;
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
	m->subtype = (const char *)sqlite3_column_text(st, 14);
	return 0;
}

int
queue_waiting(struct queue *q, int64_t recipient, enum priority priority,
    int64_t *above, int64_t not_from, int limit,
    int (*cb)(void *, const struct message *), void *arg)
{
	sqlite3_stmt	*st = q->waiting;
	struct message	 m;
	int		 n = 0, rc;

	db_bind_int(st, ":recipient", recipient);
	db_bind_int(st, ":priority", (int64_t)priority);
	db_bind_int(st, ":above", *above);
	db_bind_int(st, ":not_from", not_from);
	db_bind_int(st, ":limit", limit);
	while ((rc = db_step(q->db, st)) == 1) {
		n++;
		m.recipient = recipient;
		m.priority = priority;
		if (message_read(st, &m) == -1)
			log_warnx("message %lld: not as it was stored",
			    (long long)m.seq);
		else if (cb(arg, &m))
			break;
		*above = m.seq;
	}
	db_reset(st);
	return rc == -1 ? -1 : n;
}

int
queue_find(struct queue *q, const char *id, int64_t *seq_r,
    int64_t *recipient_r)
{
	int	 rc;

	db_bind_text(q->find, ":id", id);
	if ((rc = db_step(q->db, q->find)) == 1) {
		*seq_r = sqlite3_column_int64(q->find, 0);
		*recipient_r = sqlite3_column_int64(q->find, 1);
	}
	db_reset(q->find);
	return rc;
}

/* A row of sql_status.  -1: the file holds what was never put there. */
static int
status_read(sqlite3_stmt *st, struct queue_status *s)
{
	const void	*key = db_column_blob(st, 3, KEY_PUBLIC_LEN);

	memset(s, 0, sizeof *s);
	snprintf(s->id, sizeof s->id, "%s", db_column_text(st, 0));
	snprintf(s->target, sizeof s->target, "%s", db_column_text(st, 1));
	s->recipient = sqlite3_column_int64(st, 2);
	snprintf(s->recipient_name, sizeof s->recipient_name, "%s",
	    db_column_text(st, 4));
	s->delivered_at = sqlite3_column_int64(st, 5);
	if (s->recipient == 0)
		return 0;
	if (key == NULL)
		return -1;
	memcpy(s->recipient_key, key, KEY_PUBLIC_LEN);
	return 0;
}

int
queue_status(struct queue *q, int64_t sender, const char *id,
    struct queue_status *s)
{
	int	 n = 0, rc;

	db_bind_text(q->status, ":id", id);
	db_bind_int(q->status, ":sender", sender);
	while ((rc = db_step(q->db, q->status)) == 1)
		if (n++ == 0 && (rc = status_read(q->status, s)) == -1)
			break;
	db_reset(q->status);
	return rc == -1 ? -1 : n;
}

int
queue_delivered(struct queue *q, int64_t seq, int64_t now)
{
	db_bind_int(q->delivered, ":seq", seq);
	db_bind_int(q->delivered, ":now", now);
	if (db_write(q->db, q->delivered) == -1)
		return -1;
	db_bind_int(q->wipe, ":seq", seq);
	return db_write(q->db, q->wipe) == -1 ? -1 : 0;
}

int
queue_prune(struct queue *q, int64_t now, int limit)
{
	db_bind_int(q->prune, ":before", now - QUEUE_KEEP_MS);
	db_bind_int(q->prune, ":limit", limit);
	return db_write(q->db, q->prune);
}
