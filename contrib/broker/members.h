#ifndef BROKER_MEMBERS_H
#define BROKER_MEMBERS_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/* Meshes, their members, and the keys that messages may be sent to. */

#include <stddef.h>
#include <stdint.h>

#include "common/identity.h"

struct db;
struct members;

#define MEMBERS_ID_SIZE		(IDENTITY_ID_MAX + 1)
#define MEMBERS_NAME_MAX	128	/* bytes of a display name */
#define MEMBERS_SLUG_MAX	64
/* A session's key can be written to for so long after it was here. */
#define MEMBERS_KEY_KEEP_MS	(30 * 24 * 3600 * 1000LL)

struct member {
	int64_t		 row, mesh;	/* integer ids in the file */
	int64_t		 key;		/* of its key, in peer_key */
	char		 member_id[MEMBERS_ID_SIZE];
	uint8_t		 pubkey[KEY_PUBLIC_LEN];
	char		 name[MEMBERS_NAME_MAX + 1];
	int		 revoked;
	int		 is_admin;	/* may kick and ban */
	int64_t		 last_seen_at;	/* 0: never */
};

struct members *members_new(struct db *);
void	members_free(struct members **);

/*
 * Find or make a mesh by slug and a member of it by key; a new name replaces
 * the old one.  Whoever a mesh is made for is its admin.  Writes within the
 * transaction; the caller commits.  0 and the ids, or -1 with a sentence in
 * err: a slug or name that cannot be, or the file failed.
 */
int	members_add(struct members *, const char *slug,
	    const uint8_t pubkey[KEY_PUBLIC_LEN], const char *name,
	    char mesh_id[MEMBERS_ID_SIZE], char member_id[MEMBERS_ID_SIZE],
	    char *err, size_t errlen);

/* Make a member an admin of its mesh, or no longer.  0 or -1. */
int	members_set_admin(struct members *, int64_t member, int is_admin);

/* Is this member (a row) an admin?  1, 0, -1. */
int	members_is_admin(struct members *, int64_t member);

/* May it be a display name? */
int	members_name_ok(const char *);

/* Add a member whose key is new to the mesh.  0 or -1. */
int	members_join(struct members *, int64_t mesh, const char *mesh_id,
	    const uint8_t pubkey[KEY_PUBLIC_LEN], const char *name,
	    struct member *);

/* A member of a mesh by its key.  1, 0: no such mesh or member, -1: error. */
int	members_find(struct members *, const char *mesh_id,
	    const uint8_t pubkey[KEY_PUBLIC_LEN], struct member *);

/* A session of this member has said hello.  The id of its key, or -1. */
int64_t	members_session_key(struct members *, const struct member *,
	    const uint8_t pubkey[KEY_PUBLIC_LEN]);

/*
 * The id of a key that messages may be sent to: of a member, or of a session
 * that once said hello, unless its member was banned.  0: unknown, -1: error.
 */
int64_t	members_key(struct members *, int64_t mesh,
	    const uint8_t pubkey[KEY_PUBLIC_LEN]);

/* The member's own connection is gone.  0 or -1. */
int	members_left(struct members *, int64_t member, int64_t now);

/* A session has left its mesh (a row).  0 or -1. */
int	members_session_left(struct members *, int64_t mesh,
	    const uint8_t pubkey[KEY_PUBLIC_LEN], int64_t now);

/*
 * Delete at most limit keys of sessions that were not here for long and that
 * nothing stored is from or for.  How many, or -1.
 */
int	members_prune(struct members *, int64_t now, int limit);

#endif
