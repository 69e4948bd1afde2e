#ifndef BROKER_INVITES_H
#define BROKER_INVITES_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/*
 * Meshes made on request, invites to them, and joining with one.  Writes
 * within the transaction; the caller commits, and answers then.
 */

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "common/msg.h"
#include "contrib/broker/members.h"

struct invites;

struct invites *invites_new(struct db *, struct members *);
void	invites_free(struct invites **);

/* Make a mesh and its first member.  Else a sentence in err. */
enum broker_result invites_mesh(struct invites *,
	    const struct msg_mesh_make *, char mesh_id[MEMBERS_ID_SIZE],
	    char member_id[MEMBERS_ID_SIZE], char *err, size_t errlen);

/*
 * An invite to a mesh, signed by its owner: *token_r is for freezero_str().
 * expires_at may come out a little later, so that no two invites are the same.
 */
enum broker_result invites_make(struct invites *, struct msg_invite_make *,
	    char **token_r, char *err, size_t errlen);

/* Those of a mesh that could still be used are void.  How many. */
enum broker_result invites_revoke(struct invites *, const char *slug,
	    int64_t *count_r, char *err, size_t errlen);

/* FAILED, and says so. */
enum broker_result invites_failed(char *err, size_t errlen);

struct joined {
	char		 member_id[MEMBERS_ID_SIZE];
	int		 already;	/* it was a member before */
	int		 failed;	/* the file did, not the joiner */
};

/*
 * Join with what a client posted, an object.  NULL, or why not: a name of the
 * protocol or a sentence, static.
 */
const char *invites_join(struct invites *, const json_t *, struct joined *);

#endif
