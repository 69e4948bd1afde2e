/* What each uid uses now.  A uid without a connection is not kept. */

#include "supervisor/gate/limit.h"

#include <stdlib.h>

#include "common/xalloc.h"

#define BUCKETS	64

struct limits {
	struct uid_use	*uids[BUCKETS];
};

struct limits *
limits_new(void)
{
	return xcalloc(1, sizeof(struct limits));
}

void
limits_free(struct limits **lp)
{
	struct limits	*l = *lp;
	struct uid_use	*u;
	size_t		 i;

	if (l == NULL)
		return;
	for (i = 0; i < BUCKETS; i++) {
		while ((u = l->uids[i]) != NULL) {
			l->uids[i] = u->next;
			free(u);
		}
	}
	free(l);
	*lp = NULL;
}

struct uid_use *
limits_get(struct limits *l, uint64_t uid)
{
	struct uid_use	**at = &l->uids[uid % BUCKETS], *u;

	for (u = *at; u != NULL; u = u->next)
		if (u->uid == uid)
			return u;
	u = xcalloc(1, sizeof *u);
	u->uid = uid;
	u->next = *at;
	*at = u;
	return u;
}

void
limits_put(struct limits *l, struct uid_use *u)
{
	struct uid_use	**at = &l->uids[u->uid % BUCKETS];

	if (u->conns > 0 || u->use.requests > 0 || u->use.streams > 0 ||
	    u->use.waits > 0)
		return;
	while (*at != u)
		at = &(*at)->next;
	*at = u->next;
	free(u);
}
