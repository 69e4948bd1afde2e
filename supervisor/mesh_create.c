/*
 * A mesh on the embedded broker.  The broker keeps the owner's key of a mesh;
 * the member's key is made here and kept in the mesh file, as that of the mesh
 * "local" is.
 */

#include "supervisor/mesh_ask_impl.h"

#include <sodium.h>
#include <string.h>

#include "supervisor/answer.h"
#include "supervisor/child.h"
#include "supervisor/core.h"

/* -1, and answered. */
static int
create_check(struct supervisor *s, const struct msg_mesh_create *ask,
    uint64_t owner, uint32_t seq)
{
	char	err[300];

	/* The broker has small letters only. */
	if (!mesh_slug_valid(ask->mesh) || ask->mesh[strcspn(ask->mesh,
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] != '\0')
		mesh_ask_bad_slug(s, seq);
	else if (member_of(s, ask->mesh, owner) != NULL)
		answer_error(s, seq, 409, "mesh_exists", "You have a mesh %s "
		    "already: choose another name.", ask->mesh);
	else if (mesh_ask_has_room(s, ask->uid, ask->admin, seq) == -1)
		return -1;
	else if (core_need_broker(s, err, sizeof err) == -1)
		answer_error(s, seq, 503, "no_embedded_broker", "%s", err);
	else
		return 0;
	return -1;
}

int
on_mesh_create(void *child, struct msg *m)
{
	struct supervisor	*s = child_sup(child);
	struct msg_mesh_create	 ask;
	struct mesh_ask		*a;
	uint64_t		 owner;

	if (msg_decode(m, &ask) == -1)
		return -1;
	owner = mesh_ask_owner(ask.uid, ask.admin);
	if (create_check(s, &ask, owner, m->seq) == -1)
		return 0;
	a = ask_new(s, m->seq);
	if ((a->secret = sodium_malloc(KEY_SECRET_LEN)) == NULL)
		fatalx("no memory for a key");
	crypto_sign_keypair(a->mesh.pub, a->secret);
	strcpy(a->mesh.slug, ask.mesh);
	strcpy(a->mesh.name, ask.name[0] != '\0' ? ask.name : ask.mesh);
	mesh_ask_display_name(s, ask.display_name, a->mesh.display_name);
	strcpy(a->mesh.url, MESH_EMBEDDED);
	a->mesh.embedded = 1;
	a->mesh.owner_uid = owner;
	ask_send(s, a);
	return 0;
}

/* The broker has it: its file, and its worker. */
static void
create_mesh(struct supervisor *s, struct mesh_ask *a)
{
	struct member	*mb;
	char		 err[600];

	switch (member_add_mesh(s, &a->mesh, a->secret, &mb, err,
	    sizeof err)) {
	case MEMBER_ADDED:
		mb->known = 1;		/* it named the ids just now */
		member_start_all(s);
		tell_member(mb);
		if (a->seq != 0)
			answer_json(s, a->seq, json_pack("{s:o}", "mesh",
			    mesh_ask_json(mb)));
		ask_free(s, a);
		return;
	case MEMBER_EXISTS:
		ask_fail(s, a, 409, "mesh_exists", err);
		return;
	case MEMBER_FAILED:
		ask_fail(s, a, 503, "mesh_not_kept", err);
		return;
	}
}

int
on_broker_mesh(void *child, struct msg *m)
{
	struct supervisor	*s = child_sup(child);
	struct msg_broker_mesh	 body;
	struct mesh_ask		*a;

	if (msg_decode(m, &body) == -1 ||
	    (a = ask_find(s, m->seq, 1)) == NULL)
		return -1;
	if (body.result != BROKER_OK) {
		ask_refused(s, a, body.result, body.error);
		return 0;
	}
	if (body.mesh_id[0] == '\0' || body.member_id[0] == '\0')
		return -1;
	strcpy(a->mesh.mesh_id, body.mesh_id);
	strcpy(a->mesh.member_id, body.member_id);
	create_mesh(s, a);
	return 0;
}
