/*
 * Memory: what a mesh remembers, and finds again by its words.
 *
 * A question is answered with what has all of its words, or else some of them,
 * best first.  Only the newest 400 of what matches are compared, so that a word
 * that everything has costs no more than others.
 */

#include "contrib/broker/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "contrib/broker/broker.h"
#include "contrib/broker/conn.h"
#include "contrib/broker/db.h"
#include "contrib/broker/frame.h"
#include "contrib/broker/quota.h"
#include "contrib/broker/reply.h"
#include "contrib/broker/tags.h"
#include "contrib/broker/words.h"

#define SCOPE_SIZE	24

struct memory {
	struct db	*db;
	sqlite3_stmt	*add, *words_add, *find, *newest, *count;
	sqlite3_stmt	*get, *words_drop, *drop;
};

static const char sql_add[] =
    "INSERT INTO memory (memory_id, mesh, scope, content, tags, member,"
    " by_name, created_at, size)"
    " VALUES (:id, :mesh, :scope, :content, :tags, :member, :name, :now,"
    " :size)";

static const char sql_find[] =
    "SELECT memory_id, content, tags, by_name, created_at"
    " FROM (SELECT rowid AS row, bm25(memory_word, 1.0, 2.0, 0.0) AS score"
    "  FROM memory_word WHERE memory_word MATCH :words"
    "  ORDER BY rowid DESC LIMIT 400)"
    " JOIN memory ON memory.id = row WHERE mesh = :mesh"
    " ORDER BY score, row DESC LIMIT :limit";

static const char sql_newest[] =
    "SELECT memory_id, content, tags, by_name, created_at FROM memory"
    " WHERE mesh = :mesh ORDER BY id DESC LIMIT :limit";

static const char sql_words_add[] =
    "INSERT INTO memory_word (rowid, content, tags, scope)"
    " SELECT id, content, tags, scope FROM memory WHERE memory_id = :id";

/* The index must be told what it had. */
static const char sql_words_drop[] =
    "INSERT INTO memory_word (memory_word, rowid, content, tags, scope)"
    " SELECT 'delete', id, content, tags, scope FROM memory WHERE id = :row";

static const char sql_get[] =
    "SELECT id FROM memory WHERE memory_id = :id AND mesh = :mesh";

static const char sql_drop[] =
    "DELETE FROM memory WHERE id = :row";

static const char sql_count[] =
    "SELECT coalesce(sum(entries), 0) FROM usage"
    " JOIN member ON member.id = usage.member"
    " WHERE member.mesh = :mesh AND service = 2";

struct memory *
memory_new(struct db *db)
{
	struct memory	*m = xcalloc(1, sizeof *m);

	m->db = db;
	m->add = db_prepare(db, sql_add);
	m->find = db_prepare(db, sql_find);
	m->newest = db_prepare(db, sql_newest);
	m->words_add = db_prepare(db, sql_words_add);
	m->words_drop = db_prepare(db, sql_words_drop);
	m->get = db_prepare(db, sql_get);
	m->drop = db_prepare(db, sql_drop);
	m->count = db_prepare(db, sql_count);
	return m;
}

void
memory_free(struct memory **mp)
{
	free(*mp);
	*mp = NULL;
}

int64_t
memory_count(struct memory *m, int64_t mesh)
{
	int64_t	 n = -1;

	db_bind_int(m->count, ":mesh", mesh);
	if (db_step(m->db, m->count) == 1)
		n = sqlite3_column_int64(m->count, 0);
	db_reset(m->count);
	return n;
}

static char *
scope_name(int64_t mesh, char out[SCOPE_SIZE])
{
	snprintf(out, SCOPE_SIZE, "m%lld", (long long)mesh);
	return out;
}

static void
add(struct conn *c, const json_t *json, const char *content,
    const char *tags)
{
	struct memory	*m = c->broker->memory;
	struct frame	*f;
	char		 id[QUEUE_ID_SIZE], scope[SCOPE_SIZE];

	queue_make_id(id);
	db_bind_text(m->add, ":id", id);
	db_bind_int(m->add, ":mesh", c->peer->mesh->row);
	db_bind_text(m->add, ":scope", scope_name(c->peer->mesh->row, scope));
	db_bind_text(m->add, ":content", content);
	db_bind_text(m->add, ":tags", tags);
	db_bind_int(m->add, ":member", c->peer->member);
	db_bind_text(m->add, ":name", c->peer->name);
	db_bind_int(m->add, ":now", clock_wall_ms());
	db_bind_int(m->add, ":size", (int64_t)(strlen(content) +
	    strlen(tags)));
	c->broker->commit_now = 1;
	if (db_write(m->db, m->add) == -1)
		return;
	db_bind_text(m->words_add, ":id", id);
	if (db_write(m->db, m->words_add) == -1)
		return;
	f = frame_new("memory_stored");
	frame_str_add(f, "id", id);
	reply_send(c, &f, json);
}

void
memory_remember(struct conn *c, const json_t *json)
{
	const char	*content = frame_str(json, "content",
			    MEMORY_CONTENT_MAX);
	char		*tags = tags_text(json);

	if (content == NULL)
		reply_invalid(c, json, "invalid_args",
		    "content must be 1 to 32768 bytes of text");
	else if (tags == NULL)
		reply_invalid(c, json, "invalid_args",
		    "tags must be at most 32 texts of at most 64 bytes");
	else switch (quota_allows(c->broker->quota, c->peer->member,
	    SERVICE_MEMORY, (int64_t)(strlen(content) + strlen(tags)))) {
	case 1:
		add(c, json, content, tags);
		break;
	case 0:
		reply_full(c, json);
		break;
	default:
		break;		/* the loop closes it */
	}
	wipe_free(tags);
}

/* Add what a statement finds to a list.  How many, or -1. */
static int
found_add(struct memory *m, sqlite3_stmt *st, struct frame *f)
{
	unsigned	 n = 0;
	int		 rc;

	while ((rc = db_step(m->db, st)) == 1) {
		frame_item(f, n++);
		frame_raw(f, "\"id\":", 5);
		frame_quote(f, db_column_text(st, 0));
		frame_str_add(f, "content", db_column_text(st, 1));
		frame_text_add(f, "tags", db_column_text(st, 2));
		frame_str_add(f, "rememberedBy", db_column_text(st, 3));
		frame_time_add(f, "rememberedAt", sqlite3_column_int64(st, 4));
		frame_end(f);
	}
	db_reset(st);
	return rc == -1 ? -1 : (int)n;
}

/* What has all or some of the words.  How many, or -1. */
static int
find(struct conn *c, struct frame *f, const char *text, int all)
{
	struct memory	*m = c->broker->memory;
	char		 words[WORDS_SIZE], scope[SCOPE_SIZE];
	char		 query[WORDS_SIZE + 64];

	words_query(text, all, words);
	snprintf(query, sizeof query,
	    "scope : %s AND {content tags} : (%s)",
	    scope_name(c->peer->mesh->row, scope), words);
	db_bind_text(m->find, ":words", query);
	db_bind_int(m->find, ":mesh", c->peer->mesh->row);
	db_bind_int(m->find, ":limit", MEMORY_FOUND_MAX);
	return found_add(m, m->find, f);
}

static int
newest(struct conn *c, struct frame *f)
{
	struct memory	*m = c->broker->memory;

	db_bind_int(m->newest, ":mesh", c->peer->mesh->row);
	db_bind_int(m->newest, ":limit", MEMORY_FOUND_MAX);
	return found_add(m, m->newest, f);
}

/* A question without any word is one for what is new. */
void
memory_recall(struct conn *c, const json_t *json)
{
	const char	*text = frame_str_or_empty(json, "query", FRAME_MAX,
			    NULL);
	struct frame	*f;
	char		 words[WORDS_SIZE];
	int		 n;

	if (text == NULL) {
		reply_invalid(c, json, "invalid_args", "query must be text");
		return;
	}
	f = frame_new("memory_results");
	frame_raw(f, ",\"memories\":[", 13);
	if (words_query(text, 1, words) == 0)
		n = newest(c, f);
	else if ((n = find(c, f, text, 1)) == 0)
		n = find(c, f, text, 0);
	frame_raw(f, "]", 1);
	reply_row(c, &f, json, n);
}

/* 0 or -1.  Forgetting what is not known is done already. */
static int
drop(struct memory *m, int64_t mesh, const char *id)
{
	int64_t	 row = 0;
	int	 rc;

	db_bind_text(m->get, ":id", id);
	db_bind_int(m->get, ":mesh", mesh);
	if ((rc = db_step(m->db, m->get)) == 1)
		row = sqlite3_column_int64(m->get, 0);
	db_reset(m->get);
	if (rc != 1)
		return rc;
	db_bind_int(m->words_drop, ":row", row);
	db_bind_int(m->drop, ":row", row);
	if (db_write(m->db, m->words_drop) == -1)
		return -1;
	return db_write(m->db, m->drop) == -1 ? -1 : 0;
}

void
memory_forget(struct conn *c, const json_t *json)
{
	struct memory	*m = c->broker->memory;
	const char	*id = frame_str(json, "memoryId", QUEUE_ID_LEN);

	if (id == NULL) {
		reply_invalid(c, json, "invalid_args",
		    "memoryId must be the id of a memory");
		return;
	}
	c->broker->commit_now = 1;
	if (drop(m, c->peer->mesh->row, id) != -1)
		reply_ack(c, json);
}
