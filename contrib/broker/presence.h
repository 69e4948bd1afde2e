#ifndef BROKER_PRESENCE_H
#define BROKER_PRESENCE_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/*
 * Who is here.  A mesh is kept while somebody of it is connected.  A session
 * id is unique in its mesh over members and sessions, a session's key over
 * sessions.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/identity.h"
#include "contrib/broker/deliver.h"
#include "contrib/broker/order.h"
#include "contrib/broker/table.h"

struct conn;
struct frame;
struct group;

/* Limits, in bytes.  Longer ones of the informative kind are cut. */
#define PEER_SESSION_ID_MAX	128
#define PEER_TEXT_MAX		128	/* names, host, model, ... */
#define PEER_CWD_MAX		1024
#define PEER_GROUPS_MAX		64
#define PEER_GROUP_MAX		64	/* one name, or role */

/* "member" connections are the control plane of their member. */
enum peer_kind { PEER_MEMBER, PEER_SESSION };

struct group_seat {
	LIST_ENTRY(group_seat)	 entry;
	struct group		*group;
	struct peer		*peer;
};

struct group {
	struct link		 link;		/* in mesh.groups */
	LIST_HEAD(, group_seat)	 seats;
	char			 name[PEER_GROUP_MAX + 1];
};

struct mesh {
	struct link		 link;		/* in presence.meshes */
	int64_t			 row;
	char			*mesh_id;
	TAILQ_HEAD(, peer)	 peers;		/* as they came */
	unsigned		 npeers;
	struct table		 by_session_id, by_key, groups;
	struct frame		*roster;	/* ask.c's; NULL: changed */
};

/* One connection that has said hello. */
struct peer {
	TAILQ_ENTRY(peer)	 entry;		/* in mesh.peers */
	struct link		 by_session_id, by_key;
	struct mesh		*mesh;		/* NULL: not here */
	struct conn		*conn;
	enum peer_kind		 kind;
	int64_t			 member;	/* row */
	char			 presence_id[QUEUE_ID_SIZE];
	uint8_t			 key[KEY_PUBLIC_LEN];
	uint8_t			 member_key[KEY_PUBLIC_LEN];
	char			 key_hex[2 * KEY_PUBLIC_LEN + 1];
	char			 member_key_hex[2 * KEY_PUBLIC_LEN + 1];
	char			*member_id, *name, *session_id, *cwd;
	char			*hostname, *peer_type, *channel, *model;
	char			*groups;	/* JSON array */
	char			**group_names;
	struct group_seat	*group_seats;	/* while it is here */
	size_t			 ngroups;
	int64_t			 connected_at;
	int			 visible;
	int			 silent;	/* nobody is told of its end */
	struct reader		 reader;
	struct order		 order;
};

struct presence {
	struct table	 meshes;	/* by mesh_id */
	unsigned	 npeers;
};

void	presence_init(struct presence *);
void	presence_clear(struct presence *);

/* NULL: nobody of it is here. */
struct mesh *presence_mesh(const struct presence *, const char *mesh_id);

struct peer *mesh_session_id(const struct mesh *, const char *session_id);
struct peer *mesh_session_key(const struct mesh *,
	    const uint8_t key[KEY_PUBLIC_LEN]);
struct group *mesh_group(const struct mesh *, const char *name);

/* Empty, with order and reader for the caller to set up. */
struct peer *peer_new(struct conn *, enum peer_kind);

/* A peer that is not here. */
void	peer_free(struct peer **);

/* Its session id, keys and groups do not change while it is here. */
void	presence_join(struct presence *, struct peer *, int64_t mesh_row,
	    const char *mesh_id);

/* Does nothing when it is not here. */
void	presence_leave(struct presence *, struct peer *);

#endif
