/*
 * Members, few: a list is enough.  Each carries the body key of what was
 * addressed to it; it is wiped when the member goes.
 */

#include "supervisor/gate/member.h"

#include <stdlib.h>
#include <string.h>

#include "common/encode.h"
#include "common/xalloc.h"

struct members {
	struct member_list	 list;
};

struct members *
members_new(void)
{
	struct members	*ms = xcalloc(1, sizeof *ms);

	TAILQ_INIT(&ms->list);
	return ms;
}

void
members_free(struct members **msp)
{
	struct members	*ms = *msp;
	struct member	*m;

	if (ms == NULL)
		return;
	while ((m = TAILQ_FIRST(&ms->list)) != NULL)
		members_remove(ms, m);
	free(ms);
	*msp = NULL;
}

struct member *
members_put(struct members *ms, const struct msg_member *in, int *changed_r)
{
	struct member	*m = members_find(ms, in->owner);
	int		 is_new = m == NULL;

	if (is_new) {
		m = xcalloc(1, sizeof *m);
		TAILQ_INSERT_TAIL(&ms->list, m, next);
	}
	*changed_r = is_new || m->state != (enum conn_state)in->state ||
	    strcmp(m->reason, in->reason) != 0;
	memcpy(m->owner, in->owner, sizeof m->owner);
	memcpy(m->mesh, in->mesh, sizeof m->mesh);
	memcpy(m->name, in->name, sizeof m->name);
	memcpy(m->mesh_id, in->mesh_id, sizeof m->mesh_id);
	memcpy(m->broker_url, in->broker_url, sizeof m->broker_url);
	memcpy(m->pub, in->pub, sizeof m->pub);
	hex_encode(m->pub_hex, m->pub, sizeof m->pub);
	m->owner_uid = in->owner_uid;
	m->users = in->users;
	memcpy(m->body_key, in->body_key, sizeof m->body_key);
	m->state = (enum conn_state)in->state;
	memcpy(m->reason, in->reason, sizeof m->reason);
	return m;
}

void
members_remove(struct members *ms, struct member *m)
{
	TAILQ_REMOVE(&ms->list, m, next);
	freezero(m, sizeof *m);
}

struct member *
members_find(struct members *ms, const uint8_t owner[OWNER_ID_LEN])
{
	struct member	*m;

	TAILQ_FOREACH(m, &ms->list, next)
		if (memcmp(m->owner, owner, OWNER_ID_LEN) == 0)
			break;
	return m;
}

const struct member_list *
members_list(const struct members *ms)
{
	return &ms->list;
}

int
member_has_user(const struct member *m, uint64_t uid)
{
	uint32_t	i;

	if (m->owner_uid == uid)
		return 1;
	for (i = 0; i < m->users.n; i++)
		if (m->users.v[i] == uid)
			return 1;
	return 0;
}

int
members_have_user(const struct members *ms, uint64_t uid)
{
	const struct member	*m;

	TAILQ_FOREACH(m, &ms->list, next)
		if (member_has_user(m, uid))
			return 1;
	return 0;
}

struct member *
members_for(struct members *ms, uint64_t uid, const char *mesh)
{
	struct member	*m, *found = NULL;

	TAILQ_FOREACH(m, &ms->list, next) {
		if (strcmp(m->mesh, mesh) != 0 || !member_has_user(m, uid))
			continue;
		if (m->owner_uid == uid)
			return m;
		if (found == NULL)
			found = m;
	}
	return found;
}

struct member *
members_by_key(const struct members *ms, const char *hex)
{
	struct member	*m;

	TAILQ_FOREACH(m, &ms->list, next)
		if (strcmp(m->pub_hex, hex) == 0)
			break;
	return m;
}

const char *
member_status(const struct member *m)
{
	switch (m->state) {
	case CONN_OPEN:
		return "open";
	case CONN_PARKED:
		return "parked";
	case CONN_RECONNECTING:
		return "reconnecting";
	case CONN_DRAINING:
	case CONN_ENDED:
		return "closed";
	case CONN_REGISTERED:
	case CONN_STARTING:
	case CONN_CONNECTING:
		break;
	}
	return "connecting";
}
