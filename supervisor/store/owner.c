/* Whom the supervisor has ever named at the other end of a channel. */

#include "supervisor/store/owner.h"

#include <stdlib.h>

#include "common/xalloc.h"

/* A day later, seen_at is written again. */
#define SEEN_MS		(24 * 3600 * 1000LL)

struct owners {
	struct db	*db;
	sqlite3_stmt	*st_note, *st_kind, *st_prune;
};

static const char sql_note[] =
    "INSERT INTO owner (owner, kind, mesh, pub, member_owner, seen_at)"
    " VALUES (:owner, :kind, :mesh, :pub, :member, :now)"
    " ON CONFLICT (owner) DO UPDATE SET kind = :kind, mesh = :mesh,"
    "   pub = :pub, member_owner = :member, seen_at = :now"
    " WHERE kind <> :kind OR mesh <> :mesh OR pub <> :pub"
    "   OR member_owner <> :member OR abs(seen_at - :now) > :day";

static const char sql_kind[] =
    "SELECT kind FROM owner WHERE owner = :owner";

static const char sql_prune[] =
    "DELETE FROM owner WHERE seen_at < :before AND NOT EXISTS ("
    " SELECT 1 FROM outbox WHERE outbox.owner = owner.owner"
    "   AND ended_at IS NULL)";

struct owners *
owners_new(struct db *d)
{
	struct owners	*o = xcalloc(1, sizeof *o);

	o->db = d;
	o->st_note = db_prepare(d, sql_note);
	o->st_kind = db_prepare(d, sql_kind);
	o->st_prune = db_prepare(d, sql_prune);
	return o;
}

void
owners_free(struct owners **op)
{
	struct owners	*o = *op;

	*op = NULL;
	if (o == NULL)
		return;
	sqlite3_finalize(o->st_note);
	sqlite3_finalize(o->st_kind);
	sqlite3_finalize(o->st_prune);
	free(o);
}

enum op
owner_note(struct owners *o, const struct msg_channel *ch, int64_t now)
{
	sqlite3_stmt	*st = o->st_note;

	db_blob(st, ":owner", ch->owner, sizeof ch->owner);
	db_int(st, ":kind", ch->kind);
	db_text(st, ":mesh", ch->mesh);
	db_blob(st, ":pub", ch->pub, sizeof ch->pub);
	db_blob(st, ":member", ch->member_owner, sizeof ch->member_owner);
	db_int(st, ":now", now);
	db_int(st, ":day", SEEN_MS);
	return db_run(o->db, st) == -1 ? OP_FAULT : OP_DONE;
}

enum op
owner_kind(struct owners *o, const uint8_t owner[OWNER_ID_LEN],
    enum row_kind *kind_r)
{
	int	ret;

	*kind_r = OWNER_SESSION;
	db_blob(o->st_kind, ":owner", owner, OWNER_ID_LEN);
	if ((ret = db_step(o->db, o->st_kind)) == 1) {
		if (sqlite3_column_int64(o->st_kind, 0) == OWNER_MEMBER)
			*kind_r = OWNER_MEMBER;
		db_reset(o->st_kind);
	}
	return ret == -1 ? OP_FAULT : OP_DONE;
}

enum op
owner_prune(struct owners *o, int64_t before)
{
	db_int(o->st_prune, ":before", before);
	return db_run(o->db, o->st_prune) == -1 ? OP_FAULT : OP_DONE;
}
