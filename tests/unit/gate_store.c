/*
 * The store of the gate's world: a few lines of SQL over the real schema.  What
 * a store promises is tested elsewhere; here it is only asked.
 */

#define PROCESS_STORE			/* for its schema */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "gate_world.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/body.h"
#include "common/channel.h"
#include "common/clock.h"
#include "supervisor/store/schema.h"

/* ---- the database ---- */

static void
sql_run(struct world *w, const char *sql)
{
	char	*err = NULL;

	if (sqlite3_exec(w->db, sql, NULL, NULL, &err) != SQLITE_OK)
		fail_msg("%s: %s", sql, err);
}

void
world_db_make(struct world *w)
{
	char	path[128], *sql;
	int	v;

	snprintf(path, sizeof path, "%s/mesh.db", w->dir);
	assert_int_equal(sqlite3_open(path, &w->db), SQLITE_OK);
	sql_run(w, "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF");
	for (v = 1; schema_step(v) != NULL; v++)
		sql_run(w, schema_step(v));
	sql = sqlite3_mprintf("INSERT INTO meta VALUES (1, %Q, 1)",
	    WORLD_EPOCH);
	sql_run(w, sql);
	sqlite3_free(sql);
}

int64_t
world_number(struct world *w, const char *sql)
{
	sqlite3_stmt	*st;
	int64_t		 n;

	assert_int_equal(sqlite3_prepare_v2(w->db, sql, -1, &st, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return n;
}

static void
bind_blob(sqlite3_stmt *st, int i, const void *p, size_t len)
{
	sqlite3_bind_blob(st, i, p, (int)len, SQLITE_TRANSIENT);
}

static void
bind_text(sqlite3_stmt *st, int i, const char *s)
{
	if (s != NULL)
		sqlite3_bind_text(st, i, s, -1, SQLITE_TRANSIENT);
}

int64_t
world_deliver(struct world *w, const struct person *to, const char *text,
    char *id)
{
	struct body_context	 ctx;
	struct msg_rows		 rows;
	sqlite3_stmt		*st;
	char			 uuid[UUID_SIZE], sender[HEX_KEY_SIZE];
	uint8_t			*body;
	size_t			 len;

	memset(&ctx, 0, sizeof ctx);
	memset(sender, 'e', sizeof sender);
	sender[64] = '\0';
	randombytes_buf(ctx.body_id, sizeof ctx.body_id);
	ctx.direction = BODY_IN;
	ctx.mesh = to->mesh;
	memcpy(ctx.owner, to->owner, sizeof ctx.owner);
	ctx.sender = sender;
	ctx.recipient = to->hex;
	ctx.recipient_kind = to->is_member ? "member" : "session";
	ctx.priority = PRIO_NEXT;
	ctx.created_at = 1795473802000;
	ctx.encrypted = ctx.authenticated = 1;
	body = body_seal(to->body_key, &ctx, NULL, text, strlen(text), &len);
	uuid_v7(uuid);
	assert_int_equal(sqlite3_prepare_v2(w->db, "INSERT INTO inbox (id,"
	    " owner, kind, state, mesh, recipient, sender,"
	    " client_message_id, priority, created_at, received_at,"
	    " encrypted, authenticated, body_id, body) VALUES"
	    " (?, ?, ?, 0, ?, ?, ?, ?, 1, 1795473802000, ?, 1, 1, ?, ?)", -1,
	    &st, NULL), SQLITE_OK);
	bind_text(st, 1, uuid);
	bind_blob(st, 2, to->owner, sizeof to->owner);
	sqlite3_bind_int(st, 3, to->is_member ? OWNER_MEMBER : OWNER_SESSION);
	bind_text(st, 4, to->mesh);
	bind_text(st, 5, to->hex);
	bind_text(st, 6, sender);
	bind_text(st, 7, uuid);
	sqlite3_bind_int64(st, 8, clock_wall_ms());
	bind_blob(st, 9, ctx.body_id, sizeof ctx.body_id);
	bind_blob(st, 10, body, len);
	assert_int_equal(sqlite3_step(st), SQLITE_DONE);
	sqlite3_finalize(st);
	free(body);
	if (id != NULL)
		memcpy(id, uuid, sizeof uuid);
	memset(&rows, 0, sizeof rows);
	memcpy(rows.owner, to->owner, sizeof rows.owner);
	rows.seq = sqlite3_last_insert_rowid(w->db);
	if (w->store != NULL)
		assert_int_equal(msg_send(w->store, MSG_STORE_ROWS, 0, &rows,
		    -1), 0);
	return rows.seq;
}

/* ---- the store ---- */

static void
accept_fill(struct world *w, const struct msg_accept *a,
    struct msg_accepted *out)
{
	sqlite3_stmt	*st;

	assert_int_equal(sqlite3_prepare_v2(w->db, "SELECT seq, id, state,"
	    " fingerprint, target, broker_message_id, last_error FROM outbox"
	    " WHERE owner = ? AND client_message_id = ?", -1, &st, NULL),
	    SQLITE_OK);
	bind_blob(st, 1, a->owner, sizeof a->owner);
	bind_text(st, 2, a->client_id);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	out->row = sqlite3_column_int64(st, 0);
	strcpy(out->id, (const char *)sqlite3_column_text(st, 1));
	out->state = sqlite3_column_int64(st, 2);
	memcpy(out->fingerprint, sqlite3_column_blob(st, 3), FINGERPRINT_LEN);
	strcpy(out->target, (const char *)sqlite3_column_text(st, 4));
	if (sqlite3_column_text(st, 5) != NULL)
		strcpy(out->broker_id, (const char *)sqlite3_column_text(st,
		    5));
	if (sqlite3_column_text(st, 6) != NULL)
		strcpy(out->reason, (const char *)sqlite3_column_text(st, 6));
	sqlite3_finalize(st);
}

static void
on_accept(struct world *w, struct msg *m)
{
	struct msg_accept	 a;
	struct msg_accepted	 out;
	sqlite3_stmt		*st;

	assert_int_equal(msg_decode(m, &a), 0);
	w->accepts++;
	w->last_accept = a;
	if (w->hold)
		return;
	memset(&out, 0, sizeof out);
	out.result = w->accept;
	if (w->accept != ACCEPT_NEW && w->accept != ACCEPT_KNOWN)
		goto answer;
	assert_int_equal(sqlite3_prepare_v2(w->db, "INSERT OR IGNORE INTO"
	    " outbox (id, owner, sender, mesh, client_message_id, fingerprint,"
	    " target, priority, reply_to, nonce, body_id, payload_bytes,"
	    " created_at, enqueued_at, body) VALUES"
	    " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", -1, &st, NULL),
	    SQLITE_OK);
	bind_text(st, 1, a.id);
	bind_blob(st, 2, a.owner, sizeof a.owner);
	bind_blob(st, 3, a.sender, sizeof a.sender);
	bind_text(st, 4, a.mesh);
	bind_text(st, 5, a.client_id);
	bind_blob(st, 6, a.fingerprint, sizeof a.fingerprint);
	bind_text(st, 7, a.target);
	sqlite3_bind_int64(st, 8, a.priority);
	bind_text(st, 9, a.has_reply_to ? a.reply_to : NULL);
	bind_blob(st, 10, a.nonce, sizeof a.nonce);
	bind_blob(st, 11, a.body_id, sizeof a.body_id);
	sqlite3_bind_int64(st, 12, a.payload_bytes);
	sqlite3_bind_int64(st, 13, a.created_at);
	sqlite3_bind_int64(st, 14, a.created_at);
	bind_blob(st, 15, a.body.p, a.body.len);
	assert_int_equal(sqlite3_step(st), SQLITE_DONE);
	sqlite3_finalize(st);
	out.result = sqlite3_changes(w->db) > 0 ? ACCEPT_NEW : ACCEPT_KNOWN;
	accept_fill(w, &a, &out);
answer:
	assert_int_equal(msg_send(w->store, MSG_STORE_ACCEPTED, m->seq, &out,
	    -1), 0);
}

/* Of owners' own rows only; readers of a member's row are the store's test. */
static void
on_seen(struct world *w, struct msg *m)
{
	struct msg_seen		 s;
	struct msg_count	 out = { ACCEPT_NEW, 0 };
	char			*sql;
	uint32_t		 i;

	assert_int_equal(msg_decode(m, &s), 0);
	w->seens++;
	if (w->hold)
		return;
	for (i = 0; i < s.rows.n; i++) {
		sql = sqlite3_mprintf("UPDATE inbox SET seen_at = 1795473803000"
		    " WHERE seq = %lld AND seen_at IS NULL",
		    (long long)s.rows.v[i]);
		sql_run(w, sql);
		sqlite3_free(sql);
		out.count += sqlite3_changes(w->db);
	}
	assert_int_equal(msg_send(w->store, MSG_STORE_SEEN, m->seq, &out, -1),
	    0);
}

/* Results as the store gives them, without a worker that might refuse. */
static void
on_operate(struct world *w, struct msg *m)
{
	static const char *const sets[] = { "held = 1", "held = 0",
	    "state = 4, ended_at = 5, aborted_at = 5, aborted_by = %Q" };
	static struct msg_operated	 out;
	char				*set, *sql;
	uint32_t			 i;

	assert_int_equal(msg_decode(m, &w->last_operate), 0);
	w->operates++;
	if (w->hold)
		return;
	out.rows = out.results = w->last_operate.rows;
	set = sqlite3_mprintf(sets[w->last_operate.operation],
	    w->last_operate.by);
	for (i = 0; i < out.rows.n; i++) {
		out.results.v[i] = (uint64_t)w->operate;
		if (w->operate != OPERATE_OK)
			continue;
		sql = sqlite3_mprintf("UPDATE outbox SET %s WHERE seq = %lld"
		    " AND ended_at IS NULL", set,
		    (long long)out.rows.v[i]);
		sql_run(w, sql);
		sqlite3_free(sql);
		if (sqlite3_changes(w->db) == 0)
			out.results.v[i] = OPERATE_ENDED;
	}
	sqlite3_free(set);
	assert_int_equal(msg_send(w->store, MSG_STORE_OPERATED, m->seq, &out,
	    -1), 0);
}

static void
requeue_insert(struct world *w, const struct msg_requeue *q)
{
	sqlite3_stmt	*st;

	assert_int_equal(sqlite3_prepare_v2(w->db, "INSERT INTO outbox (id,"
	    " owner, sender, mesh, client_message_id, fingerprint, target,"
	    " priority, reply_to, nonce, body_id, payload_bytes, created_at,"
	    " enqueued_at, body) SELECT ?, owner, sender, mesh, ?,"
	    " ifnull(?, fingerprint), ifnull(?, target), priority, reply_to,"
	    " ifnull(?, nonce), ifnull(?, body_id), payload_bytes,"
	    " created_at, 7, ifnull(?, body) FROM outbox WHERE seq = ?", -1,
	    &st, NULL), SQLITE_OK);
	bind_text(st, 1, q->id);
	bind_text(st, 2, q->client_id);
	if (q->has_to) {
		bind_blob(st, 3, q->fingerprint, sizeof q->fingerprint);
		bind_text(st, 4, q->target);
		bind_blob(st, 5, q->nonce, sizeof q->nonce);
		bind_blob(st, 6, q->body_id, sizeof q->body_id);
		bind_blob(st, 7, q->body.p, q->body.len);
	}
	sqlite3_bind_int64(st, 8, q->row);
	assert_int_equal(sqlite3_step(st), SQLITE_DONE);
	sqlite3_finalize(st);
}

static void
on_requeue(struct world *w, struct msg *m)
{
	struct msg_requeued	 out = { w->operate, ROW_DONE, 0 };
	char			*sql;

	assert_int_equal(msg_decode(m, &w->last_requeue), 0);
	w->requeues++;
	if (w->hold)
		return;
	if (w->operate == OPERATE_OK) {
		requeue_insert(w, &w->last_requeue);
		out.row = sqlite3_last_insert_rowid(w->db);
		sql = sqlite3_mprintf("UPDATE outbox SET state = 4, ended_at ="
		    " 5, aborted_at = 5, aborted_by = %Q, superseded_by = %Q"
		    " WHERE seq = %lld", w->last_requeue.by,
		    w->last_requeue.id, (long long)w->last_requeue.row);
		sql_run(w, sql);
		sqlite3_free(sql);
	}
	assert_int_equal(msg_send(w->store, MSG_STORE_REQUEUED, m->seq, &out,
	    -1), 0);
}

/* Of owners' own rows only, as on_seen(). */
static void
on_delete(struct world *w, struct msg *m)
{
	struct msg_seen		*s = &w->last_delete;
	struct msg_count	 out = { w->accept, 0 };
	char			*sql;
	uint32_t		 i;

	assert_int_equal(msg_decode(m, s), 0);
	w->deletes++;
	if (w->hold)
		return;
	for (i = 0; w->accept == ACCEPT_NEW && i < s->rows.n; i++) {
		sql = sqlite3_mprintf("DELETE FROM inbox WHERE seq = %lld",
		    (long long)s->rows.v[i]);
		sql_run(w, sql);
		sqlite3_free(sql);
		out.count += sqlite3_changes(w->db);
	}
	assert_int_equal(msg_send(w->store, MSG_STORE_DELETED, m->seq, &out,
	    -1), 0);
}

void
world_store_msg(struct world *w, struct msg *m)
{
	if (m->type == MSG_GATE_ACCEPT)
		on_accept(w, m);
	else if (m->type == MSG_GATE_SEEN)
		on_seen(w, m);
	else if (m->type == MSG_GATE_OPERATE)
		on_operate(w, m);
	else if (m->type == MSG_GATE_REQUEUE)
		on_requeue(w, m);
	else if (m->type == MSG_GATE_DELETE)
		on_delete(w, m);
	else
		fail_msg("the store was told %s", msg_name(m->type));
}
