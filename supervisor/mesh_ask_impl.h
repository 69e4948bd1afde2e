#ifndef SUPERVISOR_MESH_ASK_IMPL_H
#define SUPERVISOR_MESH_ASK_IMPL_H

/* Between mesh_ask.c, mesh_create.c and mesh_invite.c. */

#include "supervisor/member.h"
#include "supervisor/mesh_ask.h"

/* One question of the gate. */
struct mesh_ask {
	TAILQ_ENTRY(mesh_ask) entry;
	uint32_t	 seq;		/* the gate's; 0: forgotten */
	uint32_t	 broker_seq;	/* ours; 0: not sent yet */
	int64_t		 asked;		/* monotonic, ms */
	uint8_t		*secret;	/* of the member; NULL: an invite */
	struct mesh	 mesh;
	struct msg_invite_make invite;
};

/* At the end of the queue; it goes to the broker with ask_send(). */
struct mesh_ask *ask_new(struct supervisor *, uint32_t seq);
void	ask_free(struct supervisor *, struct mesh_ask *);

/* Now, or when the broker is up. */
void	ask_send(struct supervisor *, struct mesh_ask *);

/* The question that the broker answers, or NULL. */
struct mesh_ask *ask_find(struct supervisor *, uint32_t seq, int is_mesh);

/* Answer the gate with an error, and free it. */
void	ask_fail(struct supervisor *, struct mesh_ask *, int status,
	    const char *code, const char *detail);

/* The same, for what the broker says. */
void	ask_refused(struct supervisor *, struct mesh_ask *, int64_t result,
	    const char *error);

#endif
