/*
 * Messages for a later time: what is stored of them.
 */

#include "contrib/broker/schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "contrib/broker/cron.h"
#include "contrib/broker/db.h"
#include "contrib/broker/schedule_impl.h"

/* A clock that is set right by less than this has not gone back. */
#define BACK_MS		(5 * 60 * 1000)

static const char sql_add[] =
    "INSERT INTO scheduled (scheduled_id, mesh, member, sender, sender_name,"
    " target, message, cron, deliver_at, created_at, size)"
    " VALUES (:id, :mesh, :member, :sender, :name, :target, :message, :cron,"
    " :at, :now, :size)";

/* A session's own; on the member's connection all of the member's. */
static const char sql_list[] =
    "SELECT scheduled_id, target, message, deliver_at, created_at, cron"
    " FROM scheduled WHERE member = :member"
    "  AND (:sender = 0 OR sender = :sender) ORDER BY deliver_at, id";

static const char sql_cancel[] =
    "DELETE FROM scheduled WHERE scheduled_id = :id AND member = :member"
    "  AND (:sender = 0 OR sender = :sender)";

#define SELECT								\
    "SELECT d.id, d.mesh, d.member, d.sender, d.deliver_at,"		\
    " m.revoked_at IS NOT NULL, mesh_id, m.member_id, k.pubkey, m.pubkey,"\
    " d.sender_name, d.target, d.message, d.cron"			\
    " FROM scheduled AS d JOIN mesh ON mesh.id = d.mesh"		\
    " JOIN member AS m ON m.id = d.member"				\
    " JOIN peer_key AS k ON k.id = d.sender"

static const char sql_due[] =
    SELECT
    " WHERE d.held = 0 AND d.deliver_at <= :now"
    "  AND (:multicasts OR substr(d.target, 1, 1) NOT IN ('*', '@'))"
    " ORDER BY d.deliver_at LIMIT 1";

static const char sql_next[] =
    "SELECT min(deliver_at) FROM scheduled WHERE held = 0";

static const char sql_drop[] =
    "DELETE FROM scheduled WHERE id = :id";

static const char sql_plan[] =
    "UPDATE scheduled SET deliver_at = :at, fired_at = :now, held = 0"
    " WHERE id = :id";

static const char sql_hold[] =
    "UPDATE scheduled SET held = 1 WHERE id = :id";

static const char sql_held[] =
    SELECT
    " WHERE d.held = 1 AND d.mesh = :mesh AND d.id > :above"
    " ORDER BY d.id LIMIT 1";

static const char sql_holds[] =
    "SELECT 1 FROM scheduled WHERE held = 1 LIMIT 1";

static const char sql_ahead[] =
    "SELECT id, cron FROM scheduled"
    " WHERE cron IS NOT NULL AND fired_at > :now + :back LIMIT 1";

static const char sql_prune[] =
    "DELETE FROM scheduled WHERE held = 1 AND deliver_at < :before"
    "  AND cron IS NULL";

struct schedule *
schedule_new(struct db *db)
{
	struct schedule	*s = xcalloc(1, sizeof *s);

	s->db = db;
	s->add = db_prepare(db, sql_add);
	s->list = db_prepare(db, sql_list);
	s->cancel = db_prepare(db, sql_cancel);
	s->due = db_prepare(db, sql_due);
	s->next = db_prepare(db, sql_next);
	s->drop = db_prepare(db, sql_drop);
	s->plan = db_prepare(db, sql_plan);
	s->hold = db_prepare(db, sql_hold);
	s->held = db_prepare(db, sql_held);
	s->holds = db_prepare(db, sql_holds);
	s->ahead = db_prepare(db, sql_ahead);
	s->prune = db_prepare(db, sql_prune);
	return s;
}

void
schedule_free(struct schedule **sp)
{
	free(*sp);
	*sp = NULL;
}

int
schedule_is_multicast(const char *target)
{
	return *target == '*' || *target == '@';
}

/* A row of sql_due.  -1: the file holds what was never put there. */
static int
scheduled_read(sqlite3_stmt *st, struct scheduled *d)
{
	const void	*key = db_column_blob(st, 8, KEY_PUBLIC_LEN);
	const void	*member_key = db_column_blob(st, 9, KEY_PUBLIC_LEN);

	memset(d, 0, sizeof *d);
	d->id = sqlite3_column_int64(st, 0);
	d->mesh = sqlite3_column_int64(st, 1);
	d->member = sqlite3_column_int64(st, 2);
	d->sender = sqlite3_column_int64(st, 3);
	d->deliver_at = sqlite3_column_int64(st, 4);
	d->revoked = sqlite3_column_int(st, 5);
	snprintf(d->mesh_id, sizeof d->mesh_id, "%s", db_column_text(st, 6));
	snprintf(d->member_id, sizeof d->member_id, "%s",
	    db_column_text(st, 7));
	snprintf(d->sender_name, sizeof d->sender_name, "%s",
	    db_column_text(st, 10));
	snprintf(d->target, sizeof d->target, "%s", db_column_text(st, 11));
	if (key == NULL || member_key == NULL)
		return -1;
	memcpy(d->sender_key, key, KEY_PUBLIC_LEN);
	memcpy(d->member_key, member_key, KEY_PUBLIC_LEN);
	d->message = xstrdup(db_column_text(st, 12));
	if (sqlite3_column_type(st, 13) != SQLITE_NULL)
		d->cron = xstrdup(db_column_text(st, 13));
	return 0;
}

static int
scheduled_step(struct schedule *s, sqlite3_stmt *st, struct scheduled *d)
{
	int	 rc;

	if ((rc = db_step(s->db, st)) == 1 && scheduled_read(st, d) == -1)
		rc = -1;
	db_reset(st);
	return rc;
}

int
schedule_due(struct schedule *s, int64_t now, int multicasts,
    struct scheduled *d)
{
	db_bind_int(s->due, ":now", now);
	db_bind_int(s->due, ":multicasts", multicasts);
	return scheduled_step(s, s->due, d);
}

void
scheduled_clear(struct scheduled *d)
{
	freezero_str(d->message);
	free(d->cron);
	d->message = d->cron = NULL;
}

int64_t
schedule_next(struct schedule *s)
{
	int64_t	 at = INT64_MAX;

	if (db_step(s->db, s->next) == 1 &&
	    sqlite3_column_type(s->next, 0) != SQLITE_NULL)
		at = sqlite3_column_int64(s->next, 0);
	db_reset(s->next);
	return at;
}

/* When it comes next, from now on: times that were missed do not pile up. */
static int
plan(struct schedule *s, int64_t id, const char *cron, int64_t now,
    int fired)
{
	struct cron	 c;
	int64_t		 at = -1;

	if (cron != NULL && cron_parse(&c, cron) == 0)
		at = cron_next(&c, now);
	if (at == -1) {
		db_bind_int(s->drop, ":id", id);
		return db_write(s->db, s->drop) == -1 ? -1 : 0;
	}
	db_bind_int(s->plan, ":id", id);
	db_bind_int(s->plan, ":at", at);
	if (fired)
		db_bind_int(s->plan, ":now", now);
	return db_write(s->db, s->plan) == -1 ? -1 : 0;
}

int
schedule_done(struct schedule *s, const struct scheduled *d, int64_t now)
{
	return plan(s, d->id, d->cron, now, 1);
}

int
schedule_hold(struct schedule *s, const struct scheduled *d)
{
	db_bind_int(s->hold, ":id", d->id);
	return db_write(s->db, s->hold) == -1 ? -1 : 0;
}

int
schedule_held(struct schedule *s, int64_t mesh, int64_t above,
    struct scheduled *d)
{
	db_bind_int(s->held, ":mesh", mesh);
	db_bind_int(s->held, ":above", above);
	return scheduled_step(s, s->held, d);
}

int
schedule_holds(struct schedule *s)
{
	int	 rc = db_step(s->db, s->holds);

	db_reset(s->holds);
	return rc == 1;
}

int
schedule_replan(struct schedule *s, int64_t now)
{
	char	*cron;
	int64_t	 id;
	int	 rc;

	for (;;) {
		db_bind_int(s->ahead, ":now", now);
		db_bind_int(s->ahead, ":back", BACK_MS);
		if ((rc = db_step(s->db, s->ahead)) != 1)
			break;
		id = sqlite3_column_int64(s->ahead, 0);
		cron = xstrdup(db_column_text(s->ahead, 1));
		db_reset(s->ahead);
		rc = plan(s, id, cron, now, 0);
		free(cron);
		if (rc == -1)
			return -1;
	}
	db_reset(s->ahead);
	return rc;
}

int
schedule_prune(struct schedule *s, int64_t now)
{
	db_bind_int(s->prune, ":before", now - QUEUE_KEEP_MS);
	return db_write(s->db, s->prune) == -1 ? -1 : 0;
}
