#ifndef BROKER_GROUPS_H
#define BROKER_GROUPS_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/*
 * Groups: names that a peer has given itself, for "@name".  A group is there
 * while a peer that is here is in it.
 */

#include <jansson.h>
#include <sys/queue.h>

#include "contrib/broker/table.h"

struct conn;
struct mesh;
struct peer;

#define PEER_GROUPS_MAX		64
#define PEER_GROUP_MAX		64	/* bytes of a name, or role */

struct group_seat {
	TAILQ_ENTRY(group_seat)	 of_peer;
	LIST_ENTRY(group_seat)	 entry;		/* of the group */
	struct group		*group;		/* NULL: it is not here */
	struct peer		*peer;
	char			 name[PEER_GROUP_MAX + 1];
	char			 role[PEER_GROUP_MAX + 1];	/* "": none */
};

struct group {
	struct link		 link;		/* in mesh.groups */
	LIST_HEAD(, group_seat)	 seats;
	char			 name[PEER_GROUP_MAX + 1];
};

struct group *mesh_group(const struct mesh *, const char *name);

/* NULL, or at most PEER_GROUPS_MAX {"name", "role"?} with names to send to. */
int	groups_ok(const json_t *list);

/* The groups of a peer are those of a list that is ok. */
void	groups_set(struct peer *, const json_t *list);

/* Another peer's groups; that has none then. */
void	groups_move(struct peer *to, struct peer *from);
void	groups_clear(struct peer *);

/* It comes and goes with its groups; presence.c's. */
void	groups_enter(struct peer *);
void	groups_leave(struct peer *);

/* Requests. */
void	groups_join_group(struct conn *, const json_t *);
void	groups_leave_group(struct conn *, const json_t *);

#endif
