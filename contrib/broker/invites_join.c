/*
 * Joining with an invite.
 */

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/encode.h"
#include "contrib/broker/db.h"
#include "contrib/broker/invites_impl.h"

struct invite_row {
	int64_t		 row, mesh;
	enum invite_role role;
	int64_t		 expires_at;	/* s */
	int		 revoked, exhausted;
};

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
	uint8_t	 hash[INVITES_HASH_LEN];
	int	 rc;

	invites_hash(hash, r->token, r->tokenlen);
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
	rc = invites_mesh_load(iv, iv->mesh_id, &m);
	if (rc == -1)
		why = join_failed(j);
	else if (rc == 0)
		why = "mesh_not_found";
	else if (!m.has_owner)
		why = "mesh_missing_owner_key";
	else if (memcmp(m.owner, r->payload.owner, sizeof m.owner) != 0)
		why = "invite_owner_mismatch";
	*mesh_r = m.row;
	sodium_memzero(&m, sizeof m);
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
