#ifndef SUPERVISOR_MESH_ASK_H
#define SUPERVISOR_MESH_ASK_H

/*
 * Meshes and invites that the embedded broker makes on request, and what
 * creating and joining have in common.
 */

#include <jansson.h>

#include "common/msg.h"
#include "supervisor/supervisor.h"

struct member;

#define MESHES_UID_MAX	64	/* meshes that one uid may make or join */

/* Messages. */
int	on_mesh_create(void *child, struct msg *);
int	on_mesh_invite(void *child, struct msg *);
int	on_broker_mesh(void *child, struct msg *);
int	on_broker_invite(void *child, struct msg *);

/* The embedded broker came up, or went. */
void	mesh_ask_broker_up(struct supervisor *);
void	mesh_ask_broker_down(struct supervisor *);

/* The gate that asked is gone. */
void	mesh_ask_forget_answers(struct supervisor *);
void	mesh_ask_free_all(struct supervisor *);

/* As the API shows a mesh. */
json_t	*mesh_ask_json(const struct member *);

/* Whose a new mesh is: who asks, and by admin.sock the daemon's owner. */
uint64_t mesh_ask_owner(uint64_t uid, int64_t admin);

/* How its member is called: as asked, else like the host. */
void	mesh_ask_display_name(const struct supervisor *, const char *asked,
	    char out[NAME_SIZE]);

/* May this uid have one more?  0; -1, and answered. */
int	mesh_ask_has_room(struct supervisor *, uint64_t uid, int64_t admin,
	    uint32_t seq);

/* Answer that it is none. */
void	mesh_ask_bad_slug(struct supervisor *, uint32_t seq);

#endif
