/*
 * Invites.
 *
 * A token is kept as its hash only: the file of the broker does not let anyone
 * in who reads it.  Two invites that say the same would be the same token,
 * since the signature has nothing random in it; the later one then expires a
 * second later.
 */

#include "contrib/broker/invites.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/encode.h"
#include "common/xalloc.h"
#include "contrib/broker/db.h"

#define HASH_LEN	32
#define ROOT_KEY_BYTES	32
#define SAME_MAX	64	/* invites that say the same */

struct invites {
	struct db	*db;
	struct members	*members;
	sqlite3_stmt	*mesh_there, *mesh_slug, *mesh_id, *root_add;
	sqlite3_stmt	*add, *find, *use, *revoke;
};

/* What a mesh has for its invites. */
struct mesh_keys {
	int64_t		 row;
	int		 has_owner;
	char		 mesh_id[MEMBERS_ID_SIZE];
	uint8_t		 owner[KEY_PUBLIC_LEN];
	uint8_t		 secret[KEY_SECRET_LEN];
	char		 root_key[INVITE_TEXT_MAX + 1];
};

struct invite_row {
	int64_t		 row, mesh;
	enum invite_role role;
	int64_t		 expires_at;	/* s */
	int		 revoked, exhausted;
};

static const char sql_mesh_there[] =
    "SELECT 1 FROM mesh WHERE slug = :slug";

#define MESH_COLUMNS \
    "id, mesh_id, owner_pubkey, owner_seckey, coalesce(root_key, '')"

static const char sql_mesh_slug[] =
    "SELECT " MESH_COLUMNS " FROM mesh WHERE slug = :slug";

static const char sql_mesh_id[] =
    "SELECT " MESH_COLUMNS " FROM mesh WHERE mesh_id = :mesh_id";

static const char sql_root_add[] =
    "UPDATE mesh SET root_key = :root_key WHERE id = :mesh";

static const char sql_add[] =
    "INSERT INTO invite"
    " (mesh, token_hash, role, expires_at, max_uses, created_at)"
    " VALUES (:mesh, :hash, :role, :expires_at, :max_uses, :now)"
    " ON CONFLICT (token_hash) DO NOTHING";

static const char sql_find[] =
    "SELECT id, mesh, role, expires_at, revoked_at IS NOT NULL,"
    " max_uses > 0 AND uses >= max_uses"
    " FROM invite WHERE token_hash = :hash";

static const char sql_use[] =
    "UPDATE invite SET uses = uses + 1 WHERE id = :id";

static const char sql_revoke[] =
    "UPDATE invite SET revoked_at = :now WHERE mesh = :mesh"
    " AND revoked_at IS NULL AND expires_at > :seconds"
    " AND (max_uses = 0 OR uses < max_uses)";

struct invites *
invites_new(struct db *db, struct members *members)
{
	struct invites	*iv = xcalloc(1, sizeof *iv);

	iv->db = db;
	iv->members = members;
	iv->mesh_there = db_prepare(db, sql_mesh_there);
	iv->mesh_slug = db_prepare(db, sql_mesh_slug);
	iv->mesh_id = db_prepare(db, sql_mesh_id);
	iv->root_add = db_prepare(db, sql_root_add);
	iv->add = db_prepare(db, sql_add);
	iv->find = db_prepare(db, sql_find);
	iv->use = db_prepare(db, sql_use);
	iv->revoke = db_prepare(db, sql_revoke);
	return iv;
}

void
invites_free(struct invites **ivp)
{
	free(*ivp);
	*ivp = NULL;
}

enum broker_result
invites_failed(char *err, size_t errlen)
{
	snprintf(err, errlen, "the broker's file failed");
	return BROKER_FAILED;
}

static void
token_hash(uint8_t out[HASH_LEN], const char *token, size_t len)
{
	crypto_generichash(out, HASH_LEN, (const uint8_t *)token, len, NULL,
	    0);
}

/* ---- meshes ---- */

enum broker_result
invites_mesh(struct invites *iv, const struct msg_mesh_make *ask,
    char mesh_id[MEMBERS_ID_SIZE], char member_id[MEMBERS_ID_SIZE], char *err,
    size_t errlen)
{
	int	 rc;

	db_bind_text(iv->mesh_there, ":slug", ask->mesh);
	rc = db_step(iv->db, iv->mesh_there);
	db_reset(iv->mesh_there);
	if (rc == -1)
		return invites_failed(err, errlen);
	if (rc == 1) {
		snprintf(err, errlen, "the broker has a mesh %s", ask->mesh);
		return BROKER_EXISTS;
	}
	if (members_add(iv->members, ask->mesh, ask->pub, ask->name, mesh_id,
	    member_id, err, errlen) == 0)
		return BROKER_OK;
	return db_failed(iv->db) ? BROKER_FAILED : BROKER_REFUSED;
}

/* 1, 0: there is none, -1.  keys are to be wiped. */
static int
mesh_load(struct invites *iv, sqlite3_stmt *st, struct mesh_keys *m)
{
	const void	*pub, *sec;
	int		 rc;

	memset(m, 0, sizeof *m);
	if ((rc = db_step(iv->db, st)) == 1) {
		m->row = sqlite3_column_int64(st, 0);
		snprintf(m->mesh_id, sizeof m->mesh_id, "%s",
		    db_column_text(st, 1));
		pub = db_column_blob(st, 2, sizeof m->owner);
		sec = db_column_blob(st, 3, sizeof m->secret);
		if (pub != NULL && sec != NULL) {
			m->has_owner = 1;
			memcpy(m->owner, pub, sizeof m->owner);
			memcpy(m->secret, sec, sizeof m->secret);
		}
		snprintf(m->root_key, sizeof m->root_key, "%s",
		    db_column_text(st, 4));
	}
	db_reset(st);
	return rc;
}

/* The first invite to a mesh gives it its root key. */
static int
mesh_root_key(struct invites *iv, struct mesh_keys *m)
{
	uint8_t	raw[ROOT_KEY_BYTES];

	if (m->root_key[0] != '\0')
		return 0;
	randombytes_buf(raw, sizeof raw);
	sodium_bin2base64(m->root_key, sizeof m->root_key, raw, sizeof raw,
	    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	sodium_memzero(raw, sizeof raw);
	db_bind_text(iv->root_add, ":root_key", m->root_key);
	db_bind_int(iv->root_add, ":mesh", m->row);
	return db_write(iv->db, iv->root_add) == 1 ? 0 : -1;
}

/* ---- making ---- */

/* 1: kept, 0: there is the same already, -1. */
static int
invite_keep(struct invites *iv, const struct mesh_keys *m,
    const struct invite *i, int64_t max_uses, const char *token)
{
	uint8_t	hash[HASH_LEN];

	token_hash(hash, token, strlen(token));
	db_bind_int(iv->add, ":mesh", m->row);
	db_bind_blob(iv->add, ":hash", hash, sizeof hash);
	db_bind_text(iv->add, ":role", invite_role_name(i->role));
	db_bind_int(iv->add, ":expires_at", i->expires_at);
	db_bind_int(iv->add, ":max_uses", max_uses);
	db_bind_int(iv->add, ":now", clock_wall_ms());
	return db_write(iv->db, iv->add);
}

static enum broker_result
invite_add(struct invites *iv, const struct mesh_keys *m, struct invite *i,
    int64_t max_uses, char **token_r, char *err, size_t errlen)
{
	int	n, rc;

	for (n = 0; n < SAME_MAX; n++, i->expires_at++) {
		if ((*token_r = invite_make(i, m->secret)) == NULL) {
			snprintf(err, errlen, "the broker's URL or the mesh's "
			    "name cannot be part of an invite");
			return BROKER_REFUSED;
		}
		rc = invite_keep(iv, m, i, max_uses, *token_r);
		if (rc == 1)
			return BROKER_OK;
		freezero_str(*token_r);
		*token_r = NULL;
		if (rc == -1)
			return invites_failed(err, errlen);
	}
	snprintf(err, errlen, "there are %d such invites: change the expiry",
	    SAME_MAX);
	return BROKER_REFUSED;
}

/* OK: keys are there, and are to be wiped. */
static enum broker_result
mesh_by_slug(struct invites *iv, const char *slug, struct mesh_keys *m,
    char *err, size_t errlen)
{
	int	 rc;

	db_bind_text(iv->mesh_slug, ":slug", slug);
	if ((rc = mesh_load(iv, iv->mesh_slug, m)) == -1)
		return invites_failed(err, errlen);
	if (rc == 1)
		return BROKER_OK;
	snprintf(err, errlen, "the broker has no mesh %s", slug);
	return BROKER_NONE;
}

enum broker_result
invites_make(struct invites *iv, struct msg_invite_make *ask, char **token_r,
    char *err, size_t errlen)
{
	enum broker_result	 ret;
	struct mesh_keys	 m;
	struct invite		 i;

	*token_r = NULL;
	memset(&i, 0, sizeof i);
	ret = mesh_by_slug(iv, ask->mesh, &m, err, errlen);
	if (ret == BROKER_OK && !m.has_owner) {
		snprintf(err, errlen, "the mesh %s has no key to sign with",
		    ask->mesh);
		ret = BROKER_REFUSED;
	} else if (ret == BROKER_OK && mesh_root_key(iv, &m) == -1)
		ret = invites_failed(err, errlen);
	if (ret == BROKER_OK) {
		snprintf(i.mesh_id, sizeof i.mesh_id, "%s", m.mesh_id);
		snprintf(i.slug, sizeof i.slug, "%s", ask->mesh);
		snprintf(i.url, sizeof i.url, "%s", ask->url);
		snprintf(i.root_key, sizeof i.root_key, "%s", m.root_key);
		i.role = (enum invite_role)ask->role;
		i.expires_at = ask->expires_at;
		ret = invite_add(iv, &m, &i, ask->max_uses, token_r, err,
		    errlen);
		ask->expires_at = i.expires_at;
	}
	sodium_memzero(&m, sizeof m);
	sodium_memzero(&i, sizeof i);
	return ret;
}

enum broker_result
invites_revoke(struct invites *iv, const char *slug, int64_t *count_r,
    char *err, size_t errlen)
{
	enum broker_result	 ret;
	struct mesh_keys	 m;
	int64_t			 now = clock_wall_ms();
	int			 n;

	*count_r = 0;
	ret = mesh_by_slug(iv, slug, &m, err, errlen);
	sodium_memzero(m.secret, sizeof m.secret);
	if (ret != BROKER_OK)
		return ret;
	db_bind_int(iv->revoke, ":mesh", m.row);
	db_bind_int(iv->revoke, ":now", now);
	db_bind_int(iv->revoke, ":seconds", now / 1000);
	if ((n = db_write(iv->db, iv->revoke)) == -1)
		return invites_failed(err, errlen);
	*count_r = n;
	return BROKER_OK;
}

/* ---- joining ---- */

/* What is posted, once it has been looked at. */
struct request {
	const char	*token, *name;		/* into the object */
	size_t		 tokenlen;
	uint8_t		 pubkey[KEY_PUBLIC_LEN];
	struct invite	 payload;
};

/* A string without a NUL inside, or NULL. */
static const char *
text_of(const json_t *o, const char *key, size_t *len_r)
{
	const json_t	*v = json_object_get(o, key);

	if (!json_is_string(v))
		return NULL;
	*len_r = json_string_length(v);
	return strlen(json_string_value(v)) == *len_r ?
	    json_string_value(v) : NULL;
}

/* NULL, or what is wrong. */
static const char *
request_read(struct request *r, const json_t *o)
{
	const char	*pub;
	size_t		 len;

	if ((r->token = text_of(o, "invite_token", &r->tokenlen)) == NULL ||
	    r->tokenlen == 0 || r->tokenlen > INVITE_LINK_MAX)
		return "invite_token must be the token of an invite";
	pub = text_of(o, "peer_pubkey", &len);
	if (pub == NULL || hex_decode(r->pubkey, sizeof r->pubkey, pub) == -1)
		return "peer_pubkey must be 64 lower-case hex digits";
	r->name = text_of(o, "display_name", &len);
	if (r->name == NULL || !members_name_ok(r->name))
		return "display_name must be text of 1 to 128 bytes";
	if (invite_from_json(&r->payload, json_object_get(o,
	    "invite_payload")) == -1)
		return "invite_payload must be what the token holds";
	return NULL;
}

/* 1, 0, -1. */
static int
invite_find(struct invites *iv, const struct request *r,
    struct invite_row *row)
{
	uint8_t	 hash[HASH_LEN];
	int	 rc;

	token_hash(hash, r->token, r->tokenlen);
	db_bind_blob(iv->find, ":hash", hash, sizeof hash);
	if ((rc = db_step(iv->db, iv->find)) == 1) {
		row->row = sqlite3_column_int64(iv->find, 0);
		row->mesh = sqlite3_column_int64(iv->find, 1);
		if (invite_role_parse(db_column_text(iv->find, 2),
		    &row->role) == -1)
			row->role = INVITE_MEMBER;
		row->expires_at = sqlite3_column_int64(iv->find, 3);
		row->revoked = sqlite3_column_int(iv->find, 4);
		row->exhausted = sqlite3_column_int(iv->find, 5);
	}
	db_reset(iv->find);
	return rc;
}

static const char *
join_failed(struct joined *j)
{
	j->failed = 1;
	return "member_insert_failed";
}

/* The mesh of the invite, and that it is the owner's word. */
static const char *
check_mesh(struct invites *iv, const struct request *r, int64_t *mesh_r,
    struct joined *j)
{
	struct mesh_keys	 m;
	const char		*why = NULL;
	int			 rc;

	if (invite_verify(&r->payload) == -1)
		return "invite_bad_signature";
	db_bind_text(iv->mesh_id, ":mesh_id", r->payload.mesh_id);
	rc = mesh_load(iv, iv->mesh_id, &m);
	sodium_memzero(m.secret, sizeof m.secret);
	if (rc == -1)
		why = join_failed(j);
	else if (rc == 0)
		why = "mesh_not_found";
	else if (!m.has_owner)
		why = "mesh_missing_owner_key";
	else if (memcmp(m.owner, r->payload.owner, sizeof m.owner) != 0)
		why = "invite_owner_mismatch";
	*mesh_r = m.row;
	return why;
}

/* The invite; whether it is used up counts for new members only. */
static const char *
check_invite(struct invites *iv, const struct request *r, int64_t mesh,
    struct invite_row *row, struct joined *j)
{
	int64_t	 now = clock_wall_ms();

	switch (invite_find(iv, r, row)) {
	case -1:
		return join_failed(j);
	case 0:
		return "invite_not_found";
	}
	if (row->mesh != mesh)
		return "invite_mesh_mismatch";
	if (row->revoked)
		return "invite_revoked";
	if (row->expires_at * 1000 <= now ||
	    invite_is_expired(&r->payload, now))
		return "invite_expired";
	return NULL;
}

static const char *
join_new(struct invites *iv, const struct request *r,
    const struct invite_row *row, struct joined *j)
{
	struct member	m;

	int64_t		key;

	if (row->exhausted)
		return "invite_exhausted";
	key = members_key(iv->members, row->mesh, r->pubkey);
	if (key == -1)
		return join_failed(j);
	if (key != 0)			/* of a session of another member */
		return "this key is in use in the mesh";
	if (members_join(iv->members, row->mesh, r->payload.mesh_id,
	    r->pubkey, r->name, &m) == -1)
		return join_failed(j);
	db_bind_int(iv->use, ":id", row->row);
	if ((row->role == INVITE_ADMIN &&
	    members_set_admin(iv->members, m.row, 1) == -1) ||
	    db_write(iv->db, iv->use) == -1)
		return join_failed(j);
	memcpy(j->member_id, m.member_id, sizeof j->member_id);
	return NULL;
}

const char *
invites_join(struct invites *iv, const json_t *o, struct joined *j)
{
	struct invite_row	 row;
	struct request		 r;
	struct member		 m;
	const char		*why;
	int64_t			 mesh;

	memset(j, 0, sizeof *j);
	memset(&r, 0, sizeof r);
	if ((why = request_read(&r, o)) != NULL ||
	    (why = check_mesh(iv, &r, &mesh, j)) != NULL ||
	    (why = check_invite(iv, &r, mesh, &row, j)) != NULL)
		return why;
	switch (members_find(iv->members, r.payload.mesh_id, r.pubkey, &m)) {
	case -1:
		return join_failed(j);
	case 0:
		return join_new(iv, &r, &row, j);
	}
	if (m.revoked)
		return "this key was banned from the mesh";
	memcpy(j->member_id, m.member_id, sizeof j->member_id);
	j->already = 1;
	return NULL;
}
