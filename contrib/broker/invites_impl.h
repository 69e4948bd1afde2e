#ifndef BROKER_INVITES_IMPL_H
#define BROKER_INVITES_IMPL_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/* Between invites.c and invites_join.c. */

#include <sqlite3.h>

#include "contrib/broker/invites.h"

#define INVITES_HASH_LEN	32

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

/* A mesh that a statement finds.  1, 0: none, -1.  It is to be wiped. */
int	invites_mesh_load(struct invites *, sqlite3_stmt *, struct mesh_keys *);

void	invites_hash(uint8_t out[INVITES_HASH_LEN], const char *token,
	    size_t len);

#endif
