/*
 * What there is in a mesh, in one answer.
 */

#include "contrib/broker/info.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "contrib/broker/broker.h"
#include "contrib/broker/conn.h"
#include "contrib/broker/db.h"
#include "contrib/broker/frame.h"
#include "contrib/broker/groups.h"
#include "contrib/broker/memory.h"
#include "contrib/broker/reply.h"

struct info {
	struct db	*db;
	sqlite3_stmt	*slug, *keys, *counts;
};

static const char sql_slug[] =
    "SELECT slug FROM mesh WHERE id = :mesh";

static const char sql_keys[] =
    "SELECT key FROM state WHERE mesh = :mesh ORDER BY key";

static const char sql_counts[] =
    "SELECT (SELECT count(*) FROM member WHERE mesh = :mesh"
    "  AND revoked_at IS NULL),"
    " (SELECT count(*) FROM skill WHERE mesh = :mesh),"
    " (SELECT count(*) FROM topic WHERE mesh = :mesh)";

struct info *
info_new(struct db *db)
{
	struct info	*i = xcalloc(1, sizeof *i);

	i->db = db;
	i->slug = db_prepare(db, sql_slug);
	i->keys = db_prepare(db, sql_keys);
	i->counts = db_prepare(db, sql_counts);
	return i;
}

void
info_free(struct info **ip)
{
	free(*ip);
	*ip = NULL;
}

static void
slug_add(struct info *i, int64_t mesh, struct frame *f)
{
	db_bind_int(i->slug, ":mesh", mesh);
	frame_str_add(f, "mesh", db_step(i->db, i->slug) == 1 ?
	    db_column_text(i->slug, 0) : "");
	db_reset(i->slug);
}

static void
item_add(struct frame *f, const char *text, unsigned index)
{
	if (index > 0)
		frame_raw(f, ",", 1);
	frame_quote(f, text);
}

static void
groups_add(const struct mesh *mesh, struct frame *f)
{
	struct link	*l;
	size_t		 i;
	unsigned	 n = 0;

	frame_raw(f, ",\"groups\":[", 11);
	for (i = 0; i < mesh->groups.nslots; i++)
		for (l = mesh->groups.slots[i]; l != NULL &&
		    f->len < FRAME_ANSWER_MAX; l = l->next)
			item_add(f, table_entry(l, struct group, link)->name,
			    n++);
	frame_raw(f, "]", 1);
}

static void
keys_add(struct info *i, int64_t mesh, struct frame *f)
{
	unsigned	 n = 0;

	frame_raw(f, ",\"stateKeys\":[", 14);
	db_bind_int(i->keys, ":mesh", mesh);
	while (db_step(i->db, i->keys) == 1 && f->len < FRAME_ANSWER_MAX)
		item_add(f, db_column_text(i->keys, 0), n++);
	db_reset(i->keys);
	frame_raw(f, "]", 1);
}

static void
counts_add(struct info *i, int64_t mesh, struct frame *f)
{
	db_bind_int(i->counts, ":mesh", mesh);
	if (db_step(i->db, i->counts) == 1) {
		frame_int_add(f, "memberCount",
		    sqlite3_column_int64(i->counts, 0));
		frame_int_add(f, "skillCount",
		    sqlite3_column_int64(i->counts, 1));
		frame_int_add(f, "topicCount",
		    sqlite3_column_int64(i->counts, 2));
	}
	db_reset(i->counts);
}

void
info_ask(struct conn *c, const json_t *json)
{
	struct info		*i = c->broker->info;
	const struct mesh	*mesh = c->peer->mesh;
	struct frame		*f = frame_new("mesh_info_result");

	slug_add(i, mesh->row, f);
	frame_int_add(f, "peers", mesh->npeers);
	groups_add(mesh, f);
	keys_add(i, mesh->row, f);
	frame_int_add(f, "memoryCount",
	    memory_count(c->broker->memory, mesh->row));
	counts_add(i, mesh->row, f);
	frame_str_add(f, "yourName", c->peer->name);
	frame_text_add(f, "yourGroups", c->peer->groups);
	reply_row(c, &f, json, db_failed(c->broker->db) ? -1 : 0);
}
