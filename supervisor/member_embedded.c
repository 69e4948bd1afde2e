/* Members of the embedded broker: it must know them, and names their ids. */

#include "supervisor/member.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/child.h"
#include "supervisor/session.h"

/* The embedded broker must know the member, under the ids that it gives. */
void
member_ask_broker(struct member *mb)
{
	struct supervisor	*s = mb->sup;
	struct msg_member_add	 body;

	if (!child_is_up(s->broker) || mb->add_seq != 0)
		return;
	memset(&body, 0, sizeof body);
	strcpy(body.mesh, mb->mesh.slug);
	strcpy(body.name, mb->mesh.display_name[0] != '\0' ?
	    mb->mesh.display_name : mb->mesh.slug);
	memcpy(body.pub, mb->mesh.pub, KEY_PUBLIC_LEN);
	mb->add_seq = ++s->next_seq;
	child_send(s->broker, MSG_SUP_MEMBER_ADD, mb->add_seq, &body, -1);
}

void
member_broker_up(struct supervisor *s)
{
	struct member	*mb;

	TAILQ_FOREACH(mb, &s->leaving, entry)
		mb->add_seq = 0;
	TAILQ_FOREACH(mb, &s->members, entry) {
		mb->add_seq = 0;
		if (mb->mesh.embedded)
			member_ask_broker(mb);
	}
}

/* Keep the ids that the embedded broker gave in the mesh file. */
static int
member_keep(struct member *mb, const struct msg_broker_member *ids)
{
	struct mesh	*m = &mb->mesh;
	uint8_t		 secret[KEY_SECRET_LEN];
	char		 err[512];
	int		 ret = -1;

	if (mb->new_secret != NULL)
		memcpy(secret, mb->new_secret, sizeof secret);
	else if (strcmp(m->mesh_id, ids->mesh_id) == 0 &&
	    strcmp(m->member_id, ids->member_id) == 0)
		return 0;
	else if (mesh_secret(m, secret, err, sizeof err) == -1) {
		log_warnx("mesh %s: %s", m->slug, err);
		return -1;
	}
	strcpy(m->mesh_id, ids->mesh_id);
	strcpy(m->member_id, ids->member_id);
	if (mesh_write(m, secret, err, sizeof err) == -1)
		log_warnx("mesh %s: %s", m->slug, err);
	else {
		ret = 0;
		sodium_free(mb->new_secret);
		mb->new_secret = NULL;
	}
	sodium_memzero(secret, sizeof secret);
	return ret;
}

/* The embedded broker lost its file, and knows the mesh by another id now. */
static void
member_restart_workers(struct member *mb)
{
	struct session	*se;

	log_warnx("mesh %s: the embedded broker gave it new ids",
	    mb->mesh.slug);
	child_kill(mb->child);
	TAILQ_FOREACH(se, &mb->sup->sessions, entry)
		if (se->member == mb)
			child_kill(se->child);
}

/* Whom an answer of the broker is about. */
static struct member *
member_by_seq(struct supervisor *s, uint32_t seq)
{
	struct member	*mb;

	TAILQ_FOREACH(mb, &s->members, entry)
		if (mb->add_seq != 0 && mb->add_seq == seq)
			return mb;
	TAILQ_FOREACH(mb, &s->leaving, entry)
		if (mb->add_seq != 0 && mb->add_seq == seq)
			return mb;
	return NULL;
}

/* It cannot be used as it is. */
static void
member_refused(struct member *mb, const char *why)
{
	member_unusable(mb, why);
	supervisor_fail(mb->sup, "mesh %s: %s", mb->mesh.slug, why);
}

int
on_broker_member(void *child, struct msg *msg)
{
	struct supervisor		*s = child_sup(child);
	struct msg_broker_member	 body;
	struct member			*mb;
	char				 why[REASON_SIZE];
	int				 changed;

	if (msg_decode(msg, &body) == -1)
		return -1;
	if ((mb = member_by_seq(s, msg->seq)) == NULL)
		return -1;
	mb->add_seq = 0;
	if (mb->gone)
		return 0;
	changed = mb->known && (strcmp(mb->mesh.mesh_id, body.mesh_id) != 0 ||
	    strcmp(mb->mesh.member_id, body.member_id) != 0);
	if (!body.ok) {
		snprintf(why, sizeof why, "the embedded broker refuses it: "
		    "%.200s", body.error);
		member_refused(mb, why);
		return 0;
	}
	if (member_keep(mb, &body) == -1) {
		member_refused(mb, "its file cannot be written, see the log");
		return 0;
	}
	if (mb->unusable)
		member_usable(mb);
	mb->known = 1;
	if (changed)			/* its workers introduce themselves */
		member_restart_workers(mb);
	member_start_all(s);
	tell_member(mb);
	supervisor_check_ready(s);
	return 0;
}
