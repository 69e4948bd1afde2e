/* Invites to meshes of the embedded broker, which signs them. */

#include "supervisor/mesh_ask_impl.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "supervisor/answer.h"
#include "supervisor/child.h"

/*
 * The member through which somebody invites: the owner's, or the operator's
 * choice.  In system mode everybody has a member of the mesh "local"; letting
 * others in is the daemon's owner's.
 */
static struct member *
invite_member(struct supervisor *s, const struct msg_mesh_invite *ask)
{
	struct member	*mb;

	if (!ask->admin) {
		mb = member_of(s, ask->mesh, ask->uid);
		return mb != NULL && mb->mesh.embedded && s->system_mode &&
		    strcmp(ask->mesh, MESH_LOCAL) == 0 &&
		    ask->uid != geteuid() ? NULL : mb;
	}
	TAILQ_FOREACH(mb, &s->members, entry)
		if (strcmp(mb->mesh.slug, ask->mesh) == 0 &&
		    mb->mesh.embedded)
			return mb;
	TAILQ_FOREACH(mb, &s->members, entry)
		if (strcmp(mb->mesh.slug, ask->mesh) == 0)
			break;
	return mb;
}

/* Where those who are invited reach the embedded broker. */
static void
invite_url(const struct supervisor *s, const struct member *mb, char *out,
    size_t size)
{
	const char	*host;
	uint16_t	 port;
	int		 tls;

	if (s->conf.broker_url[0] != '\0') {
		snprintf(out, size, "%s", s->conf.broker_url);
		return;
	}
	member_broker(mb, &host, &port, &tls);
	snprintf(out, size, strchr(host, ':') != NULL ? "%s://[%s]:%u/ws" :
	    "%s://%s:%u/ws", tls ? "wss" : "ws", host, port);
}

int
on_mesh_invite(void *child, struct msg *m)
{
	struct supervisor	*s = child_sup(child);
	struct msg_mesh_invite	 ask;
	struct mesh_ask		*a;
	struct member		*mb;

	if (msg_decode(m, &ask) == -1)
		return -1;
	if ((mb = invite_member(s, &ask)) == NULL) {
		if (member_find(s, ask.mesh, ask.uid) != NULL)
			answer_error(s, m->seq, 403, "not_mesh_owner", "Only "
			    "the owner of the mesh, or the operator by "
			    "admin.sock, invites to it.");
		else
			answer_error(s, m->seq, 404, "mesh_not_attached",
			    "You may use no mesh of this name: `meshsup mesh "
			    "list` lists those that you may.");
		return 0;
	}
	if (!mb->mesh.embedded) {
		answer_error(s, m->seq, 409, "not_our_broker", "This mesh is "
		    "on a broker elsewhere: invites to it are made there.");
		return 0;
	}
	a = ask_new(s, m->seq);
	strcpy(a->invite.mesh, mb->mesh.slug);
	invite_url(s, mb, a->invite.url, sizeof a->invite.url);
	a->invite.role = ask.role;
	a->invite.expires_at = clock_wall_ms() / 1000 + ask.expires_in;
	a->invite.max_uses = ask.max_uses;
	a->invite.revoke = ask.revoke;
	ask_send(s, a);
	return 0;
}

static void
invite_answer(struct supervisor *s, struct mesh_ask *a,
    const struct msg_broker_invite *b)
{
	char	when[CLOCK_ISO_SIZE], *link = NULL;
	json_t	*o;

	xasprintf(&link, "ic://join/%.*s", (int)b->token.len,
	    (const char *)b->token.p);
	o = json_pack("{s:s,s:s,s:s,s:s,s:I,s:s}", "invite", link, "mesh",
	    a->invite.mesh, "role",
	    invite_role_name((enum invite_role)a->invite.role),
	    "expires_at", clock_iso(b->expires_at * 1000, when), "max_uses",
	    (json_int_t)a->invite.max_uses, "broker_url", a->invite.url);
	freezero_str(link);
	answer_json(s, a->seq, o);
}

int
on_broker_invite(void *child, struct msg *m)
{
	struct supervisor		*s = child_sup(child);
	struct msg_broker_invite	 body;
	struct mesh_ask			*a;

	if (msg_decode(m, &body) == -1 ||
	    (a = ask_find(s, m->seq, 0)) == NULL)
		return -1;
	if (body.result != BROKER_OK) {
		ask_refused(s, a, body.result, body.error);
		return 0;
	}
	if (a->seq != 0 && a->invite.revoke)
		answer_json(s, a->seq, json_pack("{s:b,s:I,s:s}", "ok", 1,
		    "revoked", (json_int_t)body.revoked, "mesh",
		    a->invite.mesh));
	else if (a->seq != 0)
		invite_answer(s, a, &body);
	log_info("mesh %s: %s", a->invite.mesh, a->invite.revoke ?
	    "its invites are revoked" : "an invite was made");
	sodium_memzero((void *)(uintptr_t)m->data, m->len);
	ask_free(s, a);
	return 0;
}
