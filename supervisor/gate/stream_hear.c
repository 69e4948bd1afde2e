/* Which streams hear of what: the scopes of events. */

#include <string.h>

#include "supervisor/gate/gate.h"
#include "supervisor/gate/member.h"
#include "supervisor/gate/request.h"
#include "supervisor/gate/session.h"
#include "supervisor/gate/stream_impl.h"

static int
sees_member(const struct stream *s, const struct member *m)
{
	const struct request	*r = s->req;

	if (r->session != NULL)
		return memcmp(r->session->member_owner, m->owner,
		    OWNER_ID_LEN) == 0;
	return request_is_operator(r) || member_has_user(m, r->uid);
}

void
streams_tell_mesh(struct streams *ss, const struct member *m,
    const char *event, const json_t *data)
{
	struct stream	*s;

	TAILQ_FOREACH(s, &ss->list, next)
		if (sees_member(s, m))
			stream_tell(s, event, data);
}

/*
 * Who sees several members of one mesh hears of a peer from one of them: the
 * first whose connection stands.
 */
static int
hears_from(const struct stream *s, const struct member *m)
{
	struct member	*other;

	if (!sees_member(s, m))
		return 0;
	TAILQ_FOREACH(other, members_list(s->all->gate->members), next)
		if (other->state == CONN_OPEN &&
		    strcmp(other->mesh, m->mesh) == 0 && sees_member(s, other))
			return other == m;
	return 1;
}

void
streams_tell_peer(struct streams *ss, const struct member *m,
    const struct member *whose, const char *event, const json_t *data)
{
	struct stream	*s;

	TAILQ_FOREACH(s, &ss->list, next)
		if (hears_from(s, m) &&
		    (whose == NULL || !sees_member(s, whose)))
			stream_tell(s, event, data);
}

void
streams_lost(struct streams *ss, const struct member *m, int64_t n)
{
	struct stream	*s;

	TAILQ_FOREACH(s, &ss->list, next)
		if (hears_from(s, m))
			stream_drop(s, n);
}

/* m is the owner when it is a member, else NULL. */
static int
sees_owner(const struct stream *s, const uint8_t *owner,
    const struct member *m)
{
	const struct request	*r = s->req;

	if (m != NULL)
		return sees_member(s, m);
	return request_is_operator(r) || (r->session != NULL &&
	    memcmp(r->session->owner, owner, OWNER_ID_LEN) == 0);
}

void
streams_tell_owner(struct streams *ss, const uint8_t owner[OWNER_ID_LEN],
    const char *event, const json_t *data)
{
	const struct member	*m = members_find(ss->gate->members, owner);
	struct stream		*s;

	TAILQ_FOREACH(s, &ss->list, next)
		if (sees_owner(s, owner, m))
			stream_tell(s, event, data);
}

void
streams_rows(struct streams *ss, const uint8_t owner[OWNER_ID_LEN],
    int64_t seq)
{
	const struct member	*m = members_find(ss->gate->members, owner);
	struct stream		*s;

	TAILQ_FOREACH(s, &ss->list, next) {
		if (seq <= s->newest || !sees_owner(s, owner, m))
			continue;
		s->newest = seq;
		streams_pump_soon(ss, 0);
	}
}
