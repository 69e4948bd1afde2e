/* A store's tables in a directory of their own, and requests to it. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/encode.h"
#include "common/uuid.h"
#include "store_help.h"

char		 dir[64];
char		 path[80];
struct tables	 tables;
struct notes	 notes;
int64_t		 now;

static const uint8_t	body[] = "a body, sealed somewhere else";

int
dir_new(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/test_store.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/mesh.db", dir);
	now = T0;
	return 0;
}

int
dir_remove(void **state)
{
	static const char *const names[] = { "mesh.db", "mesh.db-wal",
	    "mesh.db-shm", "mesh.db-journal", "store.lock" };
	char	 file[128];
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(file, sizeof file, "%s/%s", dir, names[i]);
		unlink(file);
	}
	return rmdir(dir);
}

int
tables_new(void **state)
{
	return dir_new(state) == -1 ? -1 : tables_open(&tables, dir);
}

int
tables_remove(void **state)
{
	tables_close(&tables);
	notes_free(&notes);
	return dir_remove(state);
}

void
tables_reopen(void)
{
	tables_close(&tables);
	assert_int_equal(tables_open(&tables, dir), 0);
}

const uint8_t *
owner(int n)
{
	static uint8_t	ids[256][OWNER_ID_LEN];

	memset(ids[n & 255], 0xa0, OWNER_ID_LEN);
	ids[n & 255][0] = (uint8_t)n;
	ids[n & 255][1] = (uint8_t)(n >> 8);
	return ids[n & 255];
}

const char *
key(int n)
{
	static char	keys[256][HEX_KEY_SIZE];
	uint8_t		raw[KEY_PUBLIC_LEN];

	memset(raw, 0x5e, sizeof raw);
	raw[0] = (uint8_t)n;
	return hex_encode(keys[n & 255], raw, sizeof raw);
}

void
make_accept(struct msg_accept *a, int n, const char *client_id,
    const char *target)
{
	memset(a, 0, sizeof *a);
	memcpy(a->owner, owner(n), sizeof a->owner);
	memset(a->sender, 0x5e, sizeof a->sender);
	a->sender[0] = (uint8_t)n;
	uuid_v7(a->id);
	strcpy(a->mesh, "acme");
	snprintf(a->client_id, sizeof a->client_id, "%s", client_id);
	memset(a->fingerprint, 0xf1, sizeof a->fingerprint);
	snprintf(a->target, sizeof a->target, "%s", target);
	a->priority = PRIO_NEXT;
	randombytes_buf(a->nonce, sizeof a->nonce);
	randombytes_buf(a->body_id, sizeof a->body_id);
	a->body.p = body;
	a->body.len = sizeof body;
	a->payload_bytes = 5;
	a->created_at = now;
}

void
make_put(struct msg_put *p, int sender, int n)
{
	memset(p, 0, sizeof *p);
	uuid_v7(p->id);
	p->state = INBOX_MESSAGE;
	strcpy(p->recipient, key(200));
	strcpy(p->sender, key(sender));
	snprintf(p->client_id, sizeof p->client_id, "client-%d", n);
	snprintf(p->broker_id, sizeof p->broker_id, "broker-%d", n);
	p->has_nonce = 1;
	memset(p->nonce, 0x0c, sizeof p->nonce);
	memcpy(p->nonce, &n, sizeof n);
	p->priority = PRIO_NEXT;
	p->created_at = now;
	p->encrypted = p->authenticated = 1;
	p->body.p = body;
	p->body.len = sizeof body;
}

void
make_channel(struct msg_channel *ch, enum row_kind kind, int n, int member)
{
	memset(ch, 0, sizeof *ch);
	ch->peer = PEER_WORKER;
	ch->kind = kind;
	memcpy(ch->owner, owner(n), sizeof ch->owner);
	memcpy(ch->member_owner, owner(member), sizeof ch->member_owner);
	strcpy(ch->mesh, "acme");
}

void
accept_row(const struct msg_accept *a, struct msg_accepted *r)
{
	memset(r, 0, sizeof *r);
	assert_int_equal(db_begin(tables.db), 0);
	assert_int_equal(outbox_accept(tables.outbox, a, now, &notes, r),
	    OP_DONE);
	assert_int_equal(db_commit(tables.db), 0);
}

int64_t
accept_new(int n, const char *client_id, const char *target)
{
	struct msg_accept	a;
	struct msg_accepted	r;

	make_accept(&a, n, client_id, target);
	accept_row(&a, &r);
	assert_int_equal(r.result, ACCEPT_NEW);
	return r.row;
}

enum op
progress(int n, int64_t row, enum row_state s, const char *reason,
    struct msg_recorded *r)
{
	struct msg_progress	p;
	enum op			op;

	memset(&p, 0, sizeof p);
	memset(r, 0, sizeof *r);
	p.row = row;
	p.state = s;
	p.attempts = 3;
	p.next_attempt_at = s == ROW_PENDING ? now + 1000 : 0;
	strcpy(p.broker_id, s == ROW_DONE ? "broker-id" : "");
	strcpy(p.reason, reason);
	assert_int_equal(db_begin(tables.db), 0);
	op = outbox_progress(tables.outbox, owner(n), &p, now, &notes, r);
	assert_int_equal(db_commit(tables.db), 0);
	return op;
}

enum op
put(const struct msg_channel *ch, const struct msg_put *p,
    struct msg_stored *r)
{
	enum op	op;

	memset(r, 0, sizeof *r);
	assert_int_equal(db_begin(tables.db), 0);
	op = inbox_put(tables.inbox, ch, p, now, &notes, r);
	assert_int_equal(db_commit(tables.db), 0);
	return op;
}

int64_t
put_new(const struct msg_channel *ch, const struct msg_put *p)
{
	struct msg_stored	r;

	assert_int_equal(put(ch, p, &r), OP_DONE);
	assert_int_equal(r.result, PUT_NEW);
	return r.row;
}

int64_t
seen(int reader, int64_t seq)
{
	struct msg_ids	ids;
	int64_t		count;

	ids.n = 1;
	ids.v[0] = (uint64_t)seq;
	assert_int_equal(db_begin(tables.db), 0);
	assert_int_equal(reader_seen(tables.readers, owner(reader), &ids, now,
	    &count), OP_DONE);
	assert_int_equal(db_commit(tables.db), 0);
	return count;
}

int64_t
delete(int reader, int64_t seq)
{
	int64_t	count;

	assert_int_equal(db_begin(tables.db), 0);
	assert_int_equal(reader_delete(tables.readers, owner(reader), seq,
	    now, now + 1000000, &count), OP_DONE);
	assert_int_equal(db_commit(tables.db), 0);
	return count;
}

/* ---- SQL ---- */

static sqlite3 *
sql_open(void)
{
	sqlite3	*s;

	assert_int_equal(sqlite3_open(path, &s), SQLITE_OK);
	sqlite3_busy_timeout(s, 2000);
	return s;
}

void
sql_run(const char *sql)
{
	sqlite3	*s = sql_open();
	char	*err = NULL;

	if (sqlite3_exec(s, sql, NULL, NULL, &err) != SQLITE_OK)
		fail_msg("%s: %s", sql, err);
	sqlite3_close(s);
}

int64_t
sql_int(const char *sql)
{
	sqlite3		*s = sql_open();
	sqlite3_stmt	*st;
	int64_t		 v;

	if (sqlite3_prepare_v2(s, sql, -1, &st, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(s));
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	v = sqlite3_column_type(st, 0) == SQLITE_NULL ? -1 :
	    sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(s);
	return v;
}

char *
sql_text(const char *sql)
{
	sqlite3		*s = sql_open();
	sqlite3_stmt	*st;
	char		*text;

	if (sqlite3_prepare_v2(s, sql, -1, &st, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(s));
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	assert_non_null(sqlite3_column_text(st, 0));
	text = strdup((const char *)sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	sqlite3_close(s);
	return text;
}

const char *
sql_plan(const char *sql)
{
	static char	 plan[4096];
	sqlite3		*s = sql_open();
	sqlite3_stmt	*st;
	char		*explain;
	size_t		 len = 0;

	explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);
	if (sqlite3_prepare_v2(s, explain, -1, &st, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(s));
	*plan = '\0';
	while (sqlite3_step(st) == SQLITE_ROW && len < sizeof plan)
		len += (size_t)snprintf(plan + len, sizeof plan - len, "%s\n",
		    (const char *)sqlite3_column_text(st, 3));
	sqlite3_finalize(st);
	sqlite3_free(explain);
	sqlite3_close(s);
	return plan;
}
