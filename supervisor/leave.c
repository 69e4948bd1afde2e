/* Leaving a mesh. */

#include "supervisor/leave.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/answer.h"
#include "supervisor/child.h"
#include "supervisor/member.h"

/* The only member of that mesh, for an operator.  *several_r: one of some. */
static struct member *
leave_only(struct supervisor *s, const char *slug, int *several_r)
{
	struct member	*mb, *found = NULL;

	*several_r = 0;
	TAILQ_FOREACH(mb, &s->members, entry) {
		if (strcmp(mb->mesh.slug, slug) != 0)
			continue;
		*several_r = found != NULL;
		found = mb;
	}
	return found;
}

/* Which one, and may it be left?  NULL: answered. */
static struct member *
leave_find(struct supervisor *s, const struct msg_leave *q, uint32_t seq)
{
	struct member	*mb = member_of(s, q->slug, q->uid);
	int		 several = 0;

	if (mb == NULL && q->all)
		mb = leave_only(s, q->slug, &several);
	if (several)
		answer_error(s, seq, 409, "ambiguous_mesh", "Several users "
		    "have a member in %s: each leaves it for itself.",
		    q->slug);
	else if (mb == NULL && member_find(s, q->slug, q->uid) != NULL)
		answer_error(s, seq, 403, "not_mesh_owner", "The mesh %s "
		    "belongs to another user: its owner or an operator "
		    "leaves it.", q->slug);
	else if (mb == NULL)
		answer_error(s, seq, 404, "mesh_not_attached", "You may use "
		    "no mesh named %s: `meshsup mesh list` lists those that "
		    "you may.", q->slug);
	else if (mb->mesh.reference)
		answer_error(s, seq, 409, "mesh_of_reference", "The mesh %s "
		    "is in %.120s, which meshsup never changes: remove it "
		    "there, then `meshsup reload`.", q->slug, mb->mesh.path);
	else if (mb->mesh.automatic)
		answer_error(s, seq, 409, "mesh_is_automatic", "Each user of "
		    "this daemon has a member in %s: it goes when the daemon "
		    "does not serve the user any more.", q->slug);
	else
		return mb;
	return NULL;
}

/* Its file, put there meanwhile, holds a key that nobody else may have. */
static int
leave_is_another(const struct member *mb)
{
	struct mesh	now;
	char		err[MESH_ERR_SIZE];
	int		another;

	if (mb->new_secret != NULL || mesh_read(mb->mesh.path, &now, NULL, err,
	    sizeof err) == -1)
		return 0;
	another = memcmp(now.pub, mb->mesh.pub, KEY_PUBLIC_LEN) != 0;
	mesh_clear(&now);
	return another;
}

int
on_leave(void *child, struct msg *m)
{
	struct supervisor	*s = child_sup(child);
	struct msg_leave	 q;
	struct member		*mb;

	if (msg_decode(m, &q) == -1)
		return -1;
	if ((mb = leave_find(s, &q, m->seq)) == NULL)
		return 0;
	if (leave_is_another(mb)) {
		answer_error(s, m->seq, 409, "mesh_file_changed", "%.120s has "
		    "another key than the mesh that is served: `meshsup reload` "
		    "first.", mb->mesh.path);
		return 0;
	}
	if (unlink(mb->mesh.path) == -1 && errno != ENOENT) {
		log_warn("%s", mb->mesh.path);
		answer_error(s, m->seq, 503, "mesh_file", "%.120s cannot be "
		    "removed: %s.", mb->mesh.path, strerror(errno));
		return 0;
	}
	log_info("mesh %s: left by uid %llu", mb->mesh.slug,
	    (unsigned long long)q.uid);
	member_remove(mb, MEMBER_REMOVED);
	answer_json(s, m->seq, json_pack("{s:b, s:s}", "ok", 1, "slug",
	    q.slug));
	return 0;
}
