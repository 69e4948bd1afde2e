/*
 * Skills: instructions that members of a mesh share by name.
 *
 * Whoever belongs to the mesh may replace or remove any.
 */

#include "contrib/broker/skills.h"

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

struct skills {
	struct db	*db;
	sqlite3_stmt	*list, *get, *share, *drop;
};

/* A skill that somebody wants to share. */
struct skill {
	const char	*name, *description, *instructions;
	char		*tags, *manifest;	/* JSON; manifest may be NULL */
};

/* instr() has no wildcards, and of '' is 1. */
static const char sql_list[] =
    "SELECT name, description, tags, by_name, created_at FROM skill"
    " WHERE mesh = :mesh AND instr(lower(name || ' ' || description || ' '"
    "  || tags), lower(:query)) > 0 ORDER BY name";

static const char sql_get[] =
    "SELECT name, description, tags, by_name, created_at, instructions,"
    " manifest, member, size FROM skill WHERE mesh = :mesh AND name = :name";

static const char sql_share[] =
    "INSERT INTO skill (mesh, name, description, tags, instructions,"
    " manifest, member, by_name, created_at, size)"
    " VALUES (:mesh, :name, :description, :tags, :instructions, :manifest,"
    " :member, :by, :now, :size)"
    " ON CONFLICT (mesh, name) DO UPDATE SET"
    " description = excluded.description, tags = excluded.tags,"
    " instructions = excluded.instructions, manifest = excluded.manifest,"
    " member = excluded.member, by_name = excluded.by_name,"
    " created_at = excluded.created_at, size = excluded.size";

static const char sql_drop[] =
    "DELETE FROM skill WHERE mesh = :mesh AND name = :name";

struct skills *
skills_new(struct db *db)
{
	struct skills	*s = xcalloc(1, sizeof *s);

	s->db = db;
	s->list = db_prepare(db, sql_list);
	s->get = db_prepare(db, sql_get);
	s->share = db_prepare(db, sql_share);
	s->drop = db_prepare(db, sql_drop);
	return s;
}

void
skills_free(struct skills **sp)
{
	free(*sp);
	*sp = NULL;
}

static void
invalid(struct conn *c, const json_t *json, const char *message)
{
	reply_invalid(c, json, "invalid_args", message);
}

/* The first five columns. */
static void
summary_add(struct frame *f, sqlite3_stmt *st)
{
	frame_raw(f, "\"name\":", 7);
	frame_quote(f, db_column_text(st, 0));
	frame_str_add(f, "description", db_column_text(st, 1));
	frame_text_add(f, "tags", db_column_text(st, 2));
	frame_str_add(f, "author", db_column_text(st, 3));
	frame_time_add(f, "createdAt", sqlite3_column_int64(st, 4));
}

void
skills_list(struct conn *c, const json_t *json)
{
	struct skills	*s = c->broker->skills;
	const char	*query = frame_str(json, "query", SKILL_QUERY_MAX);
	struct frame	*f = frame_new("skill_list");
	unsigned	 n = 0;
	int		 rc;

	frame_raw(f, ",\"skills\":[", 11);
	db_bind_int(s->list, ":mesh", c->peer->mesh->row);
	db_bind_text(s->list, ":query", query != NULL ? query : "");
	while ((rc = db_step(s->db, s->list)) == 1 &&
	    f->len < FRAME_ANSWER_MAX) {
		frame_item(f, n++);
		summary_add(f, s->list);
		frame_end(f);
	}
	db_reset(s->list);
	reply_list(c, &f, json, rc);
}

void
skills_get(struct conn *c, const json_t *json)
{
	struct skills	*s = c->broker->skills;
	const char	*name = frame_str(json, "name", SKILL_NAME_MAX);
	struct frame	*f;
	int		 rc;

	if (name == NULL) {
		invalid(c, json, "name must be 1 to 128 bytes of text");
		return;
	}
	f = frame_new("skill_data");
	db_bind_int(s->get, ":mesh", c->peer->mesh->row);
	db_bind_text(s->get, ":name", name);
	if ((rc = db_step(s->db, s->get)) == 1) {
		frame_raw(f, ",\"skill\":{", 10);
		summary_add(f, s->get);
		frame_str_add(f, "instructions", db_column_text(s->get, 5));
		if (sqlite3_column_type(s->get, 6) == SQLITE_NULL)
			frame_null_add(f, "manifest");
		else
			frame_text_add(f, "manifest",
			    db_column_text(s->get, 6));
		frame_end(f);
	} else
		frame_null_add(f, "skill");
	db_reset(s->get);
	reply_row(c, &f, json, rc);
}

static void
acknowledge(struct conn *c, const json_t *json, const char *name,
    const char *action)
{
	struct frame	*f = frame_new("skill_ack");

	frame_str_add(f, "name", name);
	frame_str_add(f, "action", action);
	reply_send(c, &f, json);
}

static int64_t
skill_size(const struct skill *k)
{
	return (int64_t)(strlen(k->name) + strlen(k->description) +
	    strlen(k->instructions) + strlen(k->tags) +
	    (k->manifest != NULL ? strlen(k->manifest) : 0));
}

/* One's own of that name may stay as long as it is.  1, 0, -1. */
static int
may_share(struct conn *c, const struct skill *k)
{
	struct skills	*s = c->broker->skills;
	int64_t		 own = -1, size = skill_size(k);

	db_bind_int(s->get, ":mesh", c->peer->mesh->row);
	db_bind_text(s->get, ":name", k->name);
	if (db_step(s->db, s->get) == 1 &&
	    sqlite3_column_int64(s->get, 7) == c->peer->member)
		own = sqlite3_column_int64(s->get, 8);
	db_reset(s->get);
	if (own != -1 && size <= own)
		return 1;
	return quota_allows(c->broker->quota, c->peer->member, SERVICE_SKILL,
	    own != -1 ? size - own : size);
}

static void
share(struct conn *c, const json_t *json, const struct skill *k)
{
	struct skills	*s = c->broker->skills;
	sqlite3_stmt	*st = s->share;

	db_bind_int(st, ":mesh", c->peer->mesh->row);
	db_bind_text(st, ":name", k->name);
	db_bind_text(st, ":description", k->description);
	db_bind_text(st, ":tags", k->tags);
	db_bind_text(st, ":instructions", k->instructions);
	db_bind_text(st, ":manifest", k->manifest);
	db_bind_int(st, ":member", c->peer->member);
	db_bind_text(st, ":by", c->peer->name);
	db_bind_int(st, ":now", clock_wall_ms());
	db_bind_int(st, ":size", skill_size(k));
	c->broker->commit_now = 1;
	if (db_write(s->db, st) != -1)
		acknowledge(c, json, k->name, "shared");
}

/* What is wrong with it, or NULL.  Free tags and manifest in either case. */
static const char *
skill_parse(struct skill *k, const json_t *json)
{
	const json_t	*manifest = json_object_get(json, "manifest");

	memset(k, 0, sizeof *k);
	k->name = frame_str(json, "name", SKILL_NAME_MAX);
	k->description = frame_str_or_empty(json, "description",
	    SKILL_DESCRIPTION_MAX, NULL);
	k->instructions = frame_str_or_empty(json, "instructions",
	    SKILL_INSTRUCTIONS_MAX, NULL);
	k->tags = tags_text(json);
	if (manifest != NULL && !json_is_null(manifest))
		k->manifest = json_dumps(manifest, JSON_ENCODE_ANY |
		    JSON_COMPACT);
	if (k->name == NULL)
		return "name must be 1 to 128 bytes of text";
	if (k->description == NULL)
		return "description must be text of at most 4096 bytes";
	if (k->instructions == NULL)
		return "instructions must be text of at most 49152 bytes";
	if (k->tags == NULL)
		return "tags must be at most 32 texts of at most 64 bytes";
	if (k->manifest != NULL && strlen(k->manifest) > SKILL_MANIFEST_MAX)
		return "manifest must be JSON of at most 16384 bytes";
	return NULL;
}

void
skills_share(struct conn *c, const json_t *json)
{
	struct skill	 k;
	const char	*wrong = skill_parse(&k, json);

	if (wrong != NULL)
		invalid(c, json, wrong);
	else switch (may_share(c, &k)) {
	case 1:
		share(c, json, &k);
		break;
	case 0:
		reply_full(c, json);
		break;
	default:
		break;		/* the loop closes it */
	}
	wipe_free(k.tags);
	wipe_free(k.manifest);
}

void
skills_remove(struct conn *c, const json_t *json)
{
	struct skills	*s = c->broker->skills;
	const char	*name = frame_str(json, "name", SKILL_NAME_MAX);
	int		 n;

	if (name == NULL) {
		invalid(c, json, "name must be 1 to 128 bytes of text");
		return;
	}
	db_bind_int(s->drop, ":mesh", c->peer->mesh->row);
	db_bind_text(s->drop, ":name", name);
	c->broker->commit_now = 1;
	if ((n = db_write(s->db, s->drop)) != -1)
		acknowledge(c, json, name, n > 0 ? "removed" : "not_found");
}
