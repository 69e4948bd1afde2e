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
#include "common/xalloc.h"
#include "contrib/broker/db.h"
#include "contrib/broker/invites_impl.h"

#define ROOT_KEY_BYTES	32
#define SAME_MAX	64	/* invites that say the same */

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

void
invites_hash(uint8_t out[INVITES_HASH_LEN], const char *token, size_t len)
{
	crypto_generichash(out, INVITES_HASH_LEN, (const uint8_t *)token, len, NULL,
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
		snprintf(err, errlen, "the broker has a mesh %s "
		    "already: choose another name", ask->mesh);
		return BROKER_EXISTS;
	}
	if (members_add(iv->members, ask->mesh, ask->pub, ask->name, mesh_id,
	    member_id, err, errlen) == 0)
		return BROKER_OK;
	return db_failed(iv->db) ? BROKER_FAILED : BROKER_REFUSED;
}

int
invites_mesh_load(struct invites *iv, sqlite3_stmt *st, struct mesh_keys *m)
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
	uint8_t	hash[INVITES_HASH_LEN];

	invites_hash(hash, token, strlen(token));
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
	if ((rc = invites_mesh_load(iv, iv->mesh_slug, m)) == -1)
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
	int64_t			 mesh, now = clock_wall_ms();
	int			 n;

	*count_r = 0;
	ret = mesh_by_slug(iv, slug, &m, err, errlen);
	mesh = m.row;
	sodium_memzero(&m, sizeof m);
	if (ret != BROKER_OK)
		return ret;
	db_bind_int(iv->revoke, ":mesh", mesh);
	db_bind_int(iv->revoke, ":now", now);
	db_bind_int(iv->revoke, ":seconds", now / 1000);
	if ((n = db_write(iv->db, iv->revoke)) == -1)
		return invites_failed(err, errlen);
	*count_r = n;
	return BROKER_OK;
}
