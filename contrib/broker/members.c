/*
 * Meshes, their members, and the keys that messages may be sent to.
 */

#include "contrib/broker/members.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/encode.h"
#include "common/xalloc.h"
#include "contrib/broker/db.h"

#define ID_BYTES	16

struct members {
	struct db	*db;
	sqlite3_stmt	*mesh_find, *mesh_add;
	sqlite3_stmt	*member_find, *member_add, *member_name, *member_left;
	sqlite3_stmt	*admin_set, *admin_is;
	sqlite3_stmt	*key_find, *key_add_member, *key_add_session;
	sqlite3_stmt	*key_left, *key_prune;
};

static const char sql_mesh_find[] =
    "SELECT id, mesh_id FROM mesh WHERE slug = :slug";

static const char sql_mesh_add[] =
    "INSERT INTO mesh"
    " (mesh_id, slug, owner_pubkey, owner_seckey, created_at)"
    " VALUES (:mesh_id, :slug, :pubkey, :seckey, :now)";

static const char sql_member_find[] =
    "SELECT member.id, mesh.id, peer_key.id, member_id, name,"
    " revoked_at IS NOT NULL, coalesce(member.last_seen_at, 0), is_admin"
    " FROM mesh JOIN member ON member.mesh = mesh.id"
    " JOIN peer_key ON peer_key.mesh = mesh.id"
    "  AND peer_key.pubkey = member.pubkey"
    " WHERE mesh_id = :mesh_id AND member.pubkey = :pubkey";

static const char sql_member_add[] =
    "INSERT INTO member (mesh, member_id, pubkey, name, joined_at)"
    " VALUES (:mesh, :member_id, :pubkey, :name, :now)";

static const char sql_member_name[] =
    "UPDATE member SET name = :name WHERE id = :id AND name <> :name";

static const char sql_member_left[] =
    "UPDATE member SET last_seen_at = :now WHERE id = :id";

static const char sql_admin_set[] =
    "UPDATE member SET is_admin = :admin WHERE id = :id";

static const char sql_admin_is[] =
    "SELECT is_admin FROM member WHERE id = :id AND revoked_at IS NULL";

static const char sql_key_find[] =
    "SELECT peer_key.id FROM peer_key"
    " JOIN member ON member.id = peer_key.member"
    " WHERE peer_key.mesh = :mesh AND peer_key.pubkey = :pubkey"
    "  AND revoked_at IS NULL";

/* A session's key may become a member's, not the other way round. */
static const char sql_key_add_member[] =
    "INSERT INTO peer_key (mesh, pubkey, member, is_member, first_seen_at)"
    " SELECT mesh, pubkey, id, 1, joined_at FROM member"
    " WHERE mesh = :mesh AND pubkey = :pubkey"
    " ON CONFLICT (mesh, pubkey)"
    " DO UPDATE SET member = excluded.member, is_member = 1";

static const char sql_key_add_session[] =
    "INSERT INTO peer_key (mesh, pubkey, member, is_member, first_seen_at,"
    " last_seen_at) VALUES (:mesh, :pubkey, :member, 0, :now, :now)"
    " ON CONFLICT (mesh, pubkey) DO UPDATE SET member = :member,"
    "  last_seen_at = :now WHERE is_member = 0";

static const char sql_key_left[] =
    "UPDATE peer_key SET last_seen_at = :now"
    " WHERE mesh = :mesh AND pubkey = :pubkey";

/* Not while it is here, or anything is from it or for it. */
static const char sql_key_prune[] =
    "DELETE FROM peer_key WHERE id IN (SELECT id FROM peer_key AS k"
    " WHERE is_member = 0 AND last_seen_at < :before"
    "  AND NOT EXISTS (SELECT 1 FROM presence AS p"
    "   WHERE p.pubkey = k.pubkey AND p.mesh = k.mesh)"
    "  AND NOT EXISTS (SELECT 1 FROM message WHERE sender = k.id)"
    "  AND NOT EXISTS (SELECT 1 FROM message WHERE recipient = k.id)"
    "  AND NOT EXISTS (SELECT 1 FROM topic_message WHERE sender = k.id)"
    "  AND NOT EXISTS (SELECT 1 FROM scheduled WHERE sender = k.id)"
    "  AND NOT EXISTS (SELECT 1 FROM scheduled"
    "   WHERE target = lower(hex(k.pubkey)))"
    " ORDER BY last_seen_at LIMIT :limit)";

struct members *
members_new(struct db *db)
{
	struct members	*m = xcalloc(1, sizeof *m);

	m->db = db;
	m->mesh_find = db_prepare(db, sql_mesh_find);
	m->mesh_add = db_prepare(db, sql_mesh_add);
	m->member_find = db_prepare(db, sql_member_find);
	m->member_add = db_prepare(db, sql_member_add);
	m->member_name = db_prepare(db, sql_member_name);
	m->member_left = db_prepare(db, sql_member_left);
	m->admin_set = db_prepare(db, sql_admin_set);
	m->admin_is = db_prepare(db, sql_admin_is);
	m->key_find = db_prepare(db, sql_key_find);
	m->key_add_member = db_prepare(db, sql_key_add_member);
	m->key_add_session = db_prepare(db, sql_key_add_session);
	m->key_left = db_prepare(db, sql_key_left);
	m->key_prune = db_prepare(db, sql_key_prune);
	return m;
}

void
members_free(struct members **mp)
{
	free(*mp);
	*mp = NULL;
}

/* 16 random bytes, base64url without padding. */
static void
id_make(char out[MEMBERS_ID_SIZE])
{
	uint8_t	 raw[ID_BYTES];

	randombytes_buf(raw, sizeof raw);
	sodium_bin2base64(out, MEMBERS_ID_SIZE, raw, sizeof raw,
	    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static int
slug_ok(const char *slug)
{
	size_t	 len = strlen(slug);

	return len > 0 && len <= MEMBERS_SLUG_MAX && slug[strspn(slug,
	    "abcdefghijklmnopqrstuvwxyz0123456789-_.")] == '\0';
}

int
members_name_ok(const char *name)
{
	size_t	 len = strlen(name);

	return len > 0 && len <= MEMBERS_NAME_MAX &&
	    utf8_valid(name, len, 1) && strpbrk(name, "\t\r\n") == NULL;
}

/* 0 with the mesh's integer id, -1.  Sets *made_r when it is a new one. */
static int
mesh_ensure(struct members *m, const char *slug, int64_t *row_r,
    char mesh_id[MEMBERS_ID_SIZE], int *made_r)
{
	uint8_t	 pub[KEY_PUBLIC_LEN], sec[KEY_SECRET_LEN];
	int	 rc;

	db_bind_text(m->mesh_find, ":slug", slug);
	if ((rc = db_step(m->db, m->mesh_find)) == 1) {
		*row_r = sqlite3_column_int64(m->mesh_find, 0);
		snprintf(mesh_id, MEMBERS_ID_SIZE, "%s",
		    db_column_text(m->mesh_find, 1));
	}
	db_reset(m->mesh_find);
	if (rc != 0)
		return rc == 1 ? 0 : -1;

	id_make(mesh_id);
	crypto_sign_keypair(pub, sec);
	db_bind_text(m->mesh_add, ":mesh_id", mesh_id);
	db_bind_text(m->mesh_add, ":slug", slug);
	db_bind_blob(m->mesh_add, ":pubkey", pub, sizeof pub);
	db_bind_blob(m->mesh_add, ":seckey", sec, sizeof sec);
	db_bind_int(m->mesh_add, ":now", clock_wall_ms());
	rc = db_write(m->db, m->mesh_add);
	sodium_memzero(sec, sizeof sec);
	if (rc == -1)
		return -1;
	*made_r = 1;
	return mesh_ensure(m, slug, row_r, mesh_id, made_r);
}

/* The member, and its key as one that can be written to. */
static int
member_insert(struct members *m, int64_t mesh, const uint8_t *pubkey,
    const char *name)
{
	char	 member_id[MEMBERS_ID_SIZE];

	id_make(member_id);
	db_bind_int(m->member_add, ":mesh", mesh);
	db_bind_text(m->member_add, ":member_id", member_id);
	db_bind_blob(m->member_add, ":pubkey", pubkey, KEY_PUBLIC_LEN);
	db_bind_text(m->member_add, ":name", name);
	db_bind_int(m->member_add, ":now", clock_wall_ms());
	if (db_write(m->db, m->member_add) == -1)
		return -1;
	db_bind_int(m->key_add_member, ":mesh", mesh);
	db_bind_blob(m->key_add_member, ":pubkey", pubkey, KEY_PUBLIC_LEN);
	return db_write(m->db, m->key_add_member) == -1 ? -1 : 0;
}

static int
member_rename(struct members *m, int64_t member, const char *name)
{
	db_bind_int(m->member_name, ":id", member);
	db_bind_text(m->member_name, ":name", name);
	return db_write(m->db, m->member_name) == -1 ? -1 : 0;
}

static int
member_ensure(struct members *m, int64_t mesh, const char *mesh_id,
    const uint8_t *pubkey, const char *name, struct member *member)
{
	int	 rc;

	if ((rc = members_find(m, mesh_id, pubkey, member)) == 1)
		return member_rename(m, member->row, name);
	if (rc == -1 || member_insert(m, mesh, pubkey, name) == -1)
		return -1;
	return members_find(m, mesh_id, pubkey, member) == 1 ? 0 : -1;
}

int
members_add(struct members *m, const char *slug,
    const uint8_t pubkey[KEY_PUBLIC_LEN], const char *name,
    char mesh_id[MEMBERS_ID_SIZE], char member_id[MEMBERS_ID_SIZE], char *err,
    size_t errlen)
{
	struct member	 member;
	int64_t		 mesh;
	int		 made = 0;

	if (!slug_ok(slug)) {
		snprintf(err, errlen, "a mesh's name has 1 to %d of a-z 0-9 "
		    "- _ .", MEMBERS_SLUG_MAX);
		return -1;
	}
	if (!members_name_ok(name)) {
		snprintf(err, errlen, "a member's name has 1 to %d bytes of "
		    "text", MEMBERS_NAME_MAX);
		return -1;
	}
	if (mesh_ensure(m, slug, &mesh, mesh_id, &made) == -1 ||
	    member_ensure(m, mesh, mesh_id, pubkey, name, &member) == -1 ||
	    (made && members_set_admin(m, member.row, 1) == -1)) {
		snprintf(err, errlen, "the broker's file failed");
		return -1;
	}
	snprintf(member_id, MEMBERS_ID_SIZE, "%s", member.member_id);
	return 0;
}

int
members_set_admin(struct members *m, int64_t member, int is_admin)
{
	db_bind_int(m->admin_set, ":id", member);
	db_bind_int(m->admin_set, ":admin", is_admin != 0);
	return db_write(m->db, m->admin_set) == -1 ? -1 : 0;
}

int
members_is_admin(struct members *m, int64_t member)
{
	int	 rc, is_admin = 0;

	db_bind_int(m->admin_is, ":id", member);
	if ((rc = db_step(m->db, m->admin_is)) == 1)
		is_admin = sqlite3_column_int(m->admin_is, 0);
	db_reset(m->admin_is);
	return rc == -1 ? -1 : is_admin;
}

int
members_join(struct members *m, int64_t mesh, const char *mesh_id,
    const uint8_t pubkey[KEY_PUBLIC_LEN], const char *name,
    struct member *member)
{
	if (member_insert(m, mesh, pubkey, name) == -1)
		return -1;
	return members_find(m, mesh_id, pubkey, member) == 1 ? 0 : -1;
}

int
members_find(struct members *m, const char *mesh_id,
    const uint8_t pubkey[KEY_PUBLIC_LEN], struct member *member)
{
	sqlite3_stmt	*st = m->member_find;
	int		 rc;

	db_bind_text(st, ":mesh_id", mesh_id);
	db_bind_blob(st, ":pubkey", pubkey, KEY_PUBLIC_LEN);
	if ((rc = db_step(m->db, st)) == 1) {
		member->row = sqlite3_column_int64(st, 0);
		member->mesh = sqlite3_column_int64(st, 1);
		member->key = sqlite3_column_int64(st, 2);
		snprintf(member->member_id, sizeof member->member_id, "%s",
		    db_column_text(st, 3));
		snprintf(member->name, sizeof member->name, "%s",
		    db_column_text(st, 4));
		member->revoked = sqlite3_column_int(st, 5);
		member->last_seen_at = sqlite3_column_int64(st, 6);
		member->is_admin = sqlite3_column_int(st, 7);
		memcpy(member->pubkey, pubkey, sizeof member->pubkey);
	}
	db_reset(st);
	return rc;
}

/* The id of a key, whoever it belongs to now. */
int64_t
members_key(struct members *m, int64_t mesh,
    const uint8_t pubkey[KEY_PUBLIC_LEN])
{
	int64_t	 id = 0;
	int	 rc;

	db_bind_int(m->key_find, ":mesh", mesh);
	db_bind_blob(m->key_find, ":pubkey", pubkey, KEY_PUBLIC_LEN);
	if ((rc = db_step(m->db, m->key_find)) == 1)
		id = sqlite3_column_int64(m->key_find, 0);
	db_reset(m->key_find);
	return rc == -1 ? -1 : id;
}

int64_t
members_session_key(struct members *m, const struct member *member,
    const uint8_t pubkey[KEY_PUBLIC_LEN])
{
	db_bind_int(m->key_add_session, ":mesh", member->mesh);
	db_bind_blob(m->key_add_session, ":pubkey", pubkey, KEY_PUBLIC_LEN);
	db_bind_int(m->key_add_session, ":member", member->row);
	db_bind_int(m->key_add_session, ":now", clock_wall_ms());
	if (db_write(m->db, m->key_add_session) == -1)
		return -1;
	return members_key(m, member->mesh, pubkey);
}

int
members_left(struct members *m, int64_t member, int64_t now)
{
	db_bind_int(m->member_left, ":id", member);
	db_bind_int(m->member_left, ":now", now);
	return db_write(m->db, m->member_left) == -1 ? -1 : 0;
}

int
members_session_left(struct members *m, int64_t mesh,
    const uint8_t pubkey[KEY_PUBLIC_LEN], int64_t now)
{
	db_bind_int(m->key_left, ":mesh", mesh);
	db_bind_blob(m->key_left, ":pubkey", pubkey, KEY_PUBLIC_LEN);
	db_bind_int(m->key_left, ":now", now);
	return db_write(m->db, m->key_left) == -1 ? -1 : 0;
}

int
members_prune(struct members *m, int64_t now, int limit)
{
	db_bind_int(m->key_prune, ":before", now - MEMBERS_KEY_KEEP_MS);
	db_bind_int(m->key_prune, ":limit", limit);
	return db_write(m->db, m->key_prune);
}
