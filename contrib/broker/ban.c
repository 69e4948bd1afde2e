/*
 * An admin shuts a member out of its mesh.
 *
 * A ban is in the file: the member's hello is refused, and nothing can be sent
 * to its keys.
 */

#include "contrib/broker/ban.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/encode.h"
#include "common/xalloc.h"
#include "contrib/broker/arrive.h"
#include "contrib/broker/broker.h"
#include "contrib/broker/conn.h"
#include "contrib/broker/db.h"
#include "contrib/broker/frame.h"
#include "contrib/broker/kick.h"
#include "contrib/broker/members.h"
#include "contrib/broker/queue.h"
#include "contrib/broker/reply.h"

struct bans {
	struct db	*db;
	sqlite3_stmt	*find, *set, *list;
};

struct banned {
	int64_t	 member;		/* row; 0: nobody */
	char	 name[MEMBERS_NAME_MAX + 1];
	int	 several;
};

/* A key or the beginning of one only where :prefix has the length of it. */
static const char sql_find[] =
    "SELECT id, name FROM member WHERE mesh = :mesh"
    "  AND (revoked_at IS NOT NULL) = :banned"
    "  AND (name = :target OR id = :id"
    "   OR substr(lower(hex(pubkey)), 1, :prefix) = :target) LIMIT 2";

static const char sql_set[] =
    "UPDATE member SET revoked_at = :at WHERE id = :id";

static const char sql_list[] =
    "SELECT name, pubkey, revoked_at FROM member"
    " WHERE mesh = :mesh AND revoked_at IS NOT NULL ORDER BY revoked_at, id";

struct bans *
bans_new(struct db *db)
{
	struct bans	*b = xcalloc(1, sizeof *b);

	b->db = db;
	b->find = db_prepare(db, sql_find);
	b->set = db_prepare(db, sql_set);
	b->list = db_prepare(db, sql_list);
	return b;
}

void
bans_free(struct bans **bp)
{
	free(*bp);
	*bp = NULL;
}

/* A session's display name, where it is that of one member only, names it. */
static int64_t
member_here(const struct mesh *mesh, const char *name)
{
	const struct peer	*peer;
	int64_t			 member = 0;

	TAILQ_FOREACH(peer, &mesh->peers, entry) {
		if (strcmp(peer->name, name) != 0)
			continue;
		if (member != 0 && member != peer->member)
			return -1;
		member = peer->member;
	}
	return member;
}

/* 0 or -1: the file failed. */
static int
find(struct conn *c, const char *target, int banned, struct banned *found)
{
	struct bans	*b = c->broker->bans;
	sqlite3_stmt	*st = b->find;
	size_t		 len = strlen(target);
	int64_t		 here = member_here(c->peer->mesh, target);
	int		 rc, n = 0;

	memset(found, 0, sizeof *found);
	db_bind_int(st, ":mesh", c->peer->mesh->row);
	db_bind_int(st, ":banned", banned);
	db_bind_text(st, ":target", target);
	db_bind_int(st, ":id", here > 0 ? here : 0);
	db_bind_int(st, ":prefix", len >= KICK_PREFIX_MIN ? (int64_t)len : 0);
	while ((rc = db_step(b->db, st)) == 1) {
		found->member = sqlite3_column_int64(st, 0);
		strncpy(found->name, db_column_text(st, 1),
		    MEMBERS_NAME_MAX);
		n++;
	}
	db_reset(st);
	found->several = n > 1 || here == -1;
	return rc == -1 ? -1 : 0;
}

/* Whom a request is about.  0, or -1 after an answer. */
static int
member_parse(struct conn *c, const json_t *json, int banned,
    struct banned *found)
{
	const char	*target = frame_str(json, "target", QUEUE_TARGET_MAX);

	if (kick_allowed(c, json) == -1)
		return -1;
	if (target == NULL) {
		reply_error(c, json, "invalid", "target must be a member's "
		    "name or key, or at least 8 digits of its key");
		return -1;
	}
	if (find(c, target, banned, found) == -1)
		return -1;	/* the loop closes it */
	if (found->several)
		reply_error(c, json, "invalid",
		    "several members are called so; use a key");
	else if (found->member == 0)
		reply_error(c, json, "not_found", banned ?
		    "no banned member is called so" :
		    "no member of the mesh is called so");
	else
		return 0;
	return -1;
}

/* Everything of it that is here. */
static void
close_all(struct broker *b, struct mesh *mesh, int64_t member)
{
	struct peer	*peer, *next;

	for (peer = TAILQ_FIRST(&mesh->peers); peer != NULL; peer = next) {
		next = TAILQ_NEXT(peer, entry);
		if (peer->member == member)
			dismiss(b, peer, CLOSE_BANNED, "banned");
	}
}

/* at 0: let it in again. */
static int
set(struct conn *c, int64_t member, int64_t at)
{
	struct bans	*b = c->broker->bans;

	db_bind_int(b->set, ":id", member);
	if (at != 0)
		db_bind_int(b->set, ":at", at);
	c->broker->commit_now = 1;
	return db_write(b->db, b->set) == -1 ? -1 : 0;
}

void
ban_ban(struct conn *c, const json_t *json)
{
	struct banned	 who;
	struct frame	*f;

	if (member_parse(c, json, 0, &who) == -1)
		return;
	if (who.member == c->peer->member) {
		reply_error(c, json, "invalid", "that is your own member");
		return;
	}
	if (set(c, who.member, clock_wall_ms()) == -1)
		return;
	close_all(c->broker, c->peer->mesh, who.member);
	f = frame_new("ban_ack");
	frame_str_add(f, "banned", who.name);
	reply_send(c, &f, json);
}

void
ban_unban(struct conn *c, const json_t *json)
{
	struct banned	 who;
	struct frame	*f;

	if (member_parse(c, json, 1, &who) == -1 ||
	    set(c, who.member, 0) == -1)
		return;
	f = frame_new("unban_ack");
	frame_str_add(f, "unbanned", who.name);
	reply_send(c, &f, json);
}

void
ban_list(struct conn *c, const json_t *json)
{
	struct bans	*b = c->broker->bans;
	struct frame	*f = frame_new("list_bans_result");
	char		 hex[2 * KEY_PUBLIC_LEN + 1];
	const void	*key;
	unsigned	 n = 0;
	int		 rc;

	frame_raw(f, ",\"bans\":[", 9);
	db_bind_int(b->list, ":mesh", c->peer->mesh->row);
	while ((rc = db_step(b->db, b->list)) == 1 &&
	    f->len < FRAME_ANSWER_MAX) {
		if ((key = db_column_blob(b->list, 1, KEY_PUBLIC_LEN)) == NULL)
			continue;
		frame_item(f, n++);
		frame_raw(f, "\"name\":", 7);
		frame_quote(f, db_column_text(b->list, 0));
		frame_str_add(f, "pubkey", hex_encode(hex, key,
		    KEY_PUBLIC_LEN));
		frame_time_add(f, "revokedAt",
		    sqlite3_column_int64(b->list, 2));
		frame_end(f);
	}
	db_reset(b->list);
	reply_list(c, &f, json, rc);
}
