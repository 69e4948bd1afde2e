/*
 * Who is here, as the file knows it.
 */

#include "contrib/broker/lodging.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/encode.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "contrib/broker/db.h"
#include "contrib/broker/groups.h"
#include "contrib/broker/presence.h"

struct lodging {
	struct db	*db;
	sqlite3_stmt	*put, *put_seq, *end, *load, *prune, *past, *put_past;
};

static const char sql_put[] =
    "INSERT INTO presence (presence_id, mesh, member, kind, pubkey,"
    " session_id, name, cwd, hostname, peer_type, channel, model, groups,"
    " hello_groups, status, summary, stats, visible, profile, connected_at,"
    " left_at, topic_seq)"
    " VALUES (:id, :mesh, :member, :kind, :pubkey, :session_id, :name, :cwd,"
    " :hostname, :peer_type, :channel, :model, :groups, :hello_groups,"
    " :status, :summary, :stats, :visible, :profile, :connected_at,"
    " nullif(:left_at, 0), :topic_seq)"
    " ON CONFLICT (presence_id) DO UPDATE SET session_id = :session_id,"
    " name = :name, cwd = :cwd, hostname = :hostname,"
    " peer_type = :peer_type, channel = :channel, model = :model,"
    " groups = :groups, hello_groups = :hello_groups, status = :status,"
    " summary = :summary, stats = :stats, visible = :visible,"
    " profile = :profile, left_at = nullif(:left_at, 0)";

static const char sql_put_seq[] =
    "UPDATE presence SET topic_seq = :seq WHERE presence_id = :id";

static const char sql_end[] =
    "DELETE FROM presence WHERE presence_id = :id";

static const char sql_load[] =
    "SELECT presence_id, p.kind, p.pubkey, m.pubkey, m.member_id, p.member,"
    " p.mesh, mesh.mesh_id, session_id, p.name, cwd, hostname, peer_type,"
    " channel, model, groups, hello_groups, status, summary, stats, visible,"
    " profile, connected_at, left_at, topic_seq"
    " FROM presence AS p JOIN member AS m ON m.id = p.member"
    " JOIN mesh ON mesh.id = p.mesh"
    " WHERE m.revoked_at IS NULL ORDER BY connected_at, presence_id";

static const char sql_prune[] =
    "DELETE FROM presence WHERE member IN"
    " (SELECT id FROM member WHERE revoked_at IS NOT NULL)";

static const char sql_past[] =
    "SELECT summary, groups, stats FROM member_past WHERE member = :member";

static const char sql_put_past[] =
    "INSERT INTO member_past (member, summary, groups, stats)"
    " VALUES (:member, :summary, :groups, :stats)"
    " ON CONFLICT (member) DO UPDATE SET summary = :summary,"
    " groups = :groups, stats = :stats";

struct lodging *
lodging_new(struct db *db)
{
	struct lodging	*l = xcalloc(1, sizeof *l);

	l->db = db;
	l->put = db_prepare(db, sql_put);
	l->put_seq = db_prepare(db, sql_put_seq);
	l->end = db_prepare(db, sql_end);
	l->load = db_prepare(db, sql_load);
	l->prune = db_prepare(db, sql_prune);
	l->past = db_prepare(db, sql_past);
	l->put_past = db_prepare(db, sql_put_past);
	return l;
}

void
lodging_free(struct lodging **lp)
{
	free(*lp);
	*lp = NULL;
}

int
lodging_put(struct lodging *l, const struct peer *peer)
{
	sqlite3_stmt	*st = l->put;

	db_bind_text(st, ":id", peer->presence_id);
	db_bind_int(st, ":mesh", peer->mesh->row);
	db_bind_int(st, ":member", peer->member);
	db_bind_int(st, ":kind", peer->kind);
	db_bind_blob(st, ":pubkey", peer->key, sizeof peer->key);
	db_bind_text(st, ":session_id", peer->session_id);
	db_bind_text(st, ":name", peer->name);
	db_bind_text(st, ":cwd", peer->cwd);
	db_bind_text(st, ":hostname", peer->hostname);
	db_bind_text(st, ":peer_type", peer->peer_type);
	db_bind_text(st, ":channel", peer->channel);
	db_bind_text(st, ":model", peer->model);
	db_bind_text(st, ":groups", peer->groups);
	db_bind_text(st, ":hello_groups", peer->hello_groups);
	db_bind_int(st, ":status", peer->status);
	db_bind_text(st, ":summary", peer->summary);
	db_bind_text(st, ":stats", peer->stats);
	db_bind_int(st, ":visible", peer->visible);
	db_bind_text(st, ":profile", peer->profile);
	db_bind_int(st, ":connected_at", peer->connected_at);
	db_bind_int(st, ":left_at", peer->left_at);
	db_bind_int(st, ":topic_seq", peer->feed.kept);
	return db_write(l->db, st) == -1 ? -1 : 0;
}

int
lodging_put_seq(struct lodging *l, const struct peer *peer, int64_t seq)
{
	db_bind_text(l->put_seq, ":id", peer->presence_id);
	db_bind_int(l->put_seq, ":seq", seq);
	return db_write(l->db, l->put_seq) == -1 ? -1 : 0;
}

int
lodging_end(struct lodging *l, const struct peer *peer)
{
	db_bind_text(l->end, ":id", peer->presence_id);
	return db_write(l->db, l->end) == -1 ? -1 : 0;
}

/* ---- after a restart ---- */

/* A text column for keeping; NULL stays NULL. */
static char *
text_get(sqlite3_stmt *st, int column)
{
	return sqlite3_column_type(st, column) == SQLITE_NULL ? NULL :
	    xstrdup(db_column_text(st, column));
}

/* 0, or -1: the file holds what was never put there. */
static int
who_read(sqlite3_stmt *st, struct peer *peer)
{
	const void	*key, *member_key;
	int64_t		 status = sqlite3_column_int64(st, 17);

	key = db_column_blob(st, 2, KEY_PUBLIC_LEN);
	member_key = db_column_blob(st, 3, KEY_PUBLIC_LEN);
	if (key == NULL || member_key == NULL || status < 0 ||
	    status > STATUS_MAX ||
	    strlen(db_column_text(st, 0)) != QUEUE_ID_LEN)
		return -1;
	snprintf(peer->presence_id, sizeof peer->presence_id, "%s",
	    db_column_text(st, 0));
	memcpy(peer->key, key, sizeof peer->key);
	memcpy(peer->member_key, member_key, sizeof peer->member_key);
	hex_encode(peer->key_hex, peer->key, sizeof peer->key);
	hex_encode(peer->member_key_hex, peer->member_key,
	    sizeof peer->member_key);
	peer->member_id = text_get(st, 4);
	peer->member = sqlite3_column_int64(st, 5);
	peer->session_id = text_get(st, 8);
	peer->name = text_get(st, 9);
	peer->status = (enum peer_status)status;
	return 0;
}

static int
groups_read(struct peer *peer, const char *text)
{
	json_t	*list = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	int	 ok = json_is_array(list) && groups_ok(list);

	if (ok)
		groups_set(peer, list);
	json_decref(list);
	return ok ? 0 : -1;
}

static int
rest_read(sqlite3_stmt *st, struct peer *peer)
{
	if (groups_read(peer, db_column_text(st, 15)) == -1)
		return -1;
	peer->cwd = text_get(st, 10);
	peer->hostname = text_get(st, 11);
	peer->peer_type = text_get(st, 12);
	peer->channel = text_get(st, 13);
	peer->model = text_get(st, 14);
	peer->hello_groups = text_get(st, 16);
	peer->summary = text_get(st, 18);
	peer->stats = text_get(st, 19);
	peer->visible = sqlite3_column_int(st, 20) != 0;
	peer->profile = text_get(st, 21);
	peer->connected_at = sqlite3_column_int64(st, 22);
	peer->left_at = sqlite3_column_int64(st, 23);
	peer->feed.kept = peer->feed.seq = sqlite3_column_int64(st, 24);
	peer->feed.behind = 1;
	return 0;
}

int
lodging_load(struct lodging *l, void (*cb)(void *, struct peer *, int64_t,
    const char *), void *arg)
{
	sqlite3_stmt	*st = l->load;
	struct peer	*peer;
	int		 rc;

	if (db_write(l->db, l->prune) == -1)
		return -1;
	while ((rc = db_step(l->db, st)) == 1) {
		peer = peer_new(NULL, sqlite3_column_int(st, 1) ==
		    PEER_MEMBER ? PEER_MEMBER : PEER_SESSION);
		if (who_read(st, peer) == -1 || rest_read(st, peer) == -1) {
			log_warnx("a presence: not as it was stored");
			peer_free(&peer);
			continue;
		}
		cb(arg, peer, sqlite3_column_int64(st, 6),
		    db_column_text(st, 7));
	}
	db_reset(st);
	return rc;
}

/* ---- what members leave behind ---- */

int
lodging_past(struct lodging *l, int64_t member, struct past *past)
{
	int	 rc;

	memset(past, 0, sizeof *past);
	db_bind_int(l->past, ":member", member);
	if ((rc = db_step(l->db, l->past)) == 1) {
		past->summary = text_get(l->past, 0);
		past->groups = text_get(l->past, 1);
		past->stats = text_get(l->past, 2);
	}
	db_reset(l->past);
	return rc;
}

void
past_clear(struct past *past)
{
	free(past->summary);
	free(past->groups);
	free(past->stats);
	memset(past, 0, sizeof *past);
}

int
lodging_put_past(struct lodging *l, const struct peer *peer)
{
	db_bind_int(l->put_past, ":member", peer->member);
	db_bind_text(l->put_past, ":summary", peer->summary);
	db_bind_text(l->put_past, ":groups", peer->groups);
	db_bind_text(l->put_past, ":stats", peer->stats);
	return db_write(l->db, l->put_past) == -1 ? -1 : 0;
}
