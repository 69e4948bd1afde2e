#ifndef BROKER_PRESENCE_H
#define BROKER_PRESENCE_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/*
 * Who is here: those who are connected, and those whose connection ended not
 * long ago and who may come back (grace.h).  A mesh is kept while somebody of
 * it is here.  A session id is unique in its mesh over members and sessions, a
 * session's key over sessions.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/identity.h"
#include "contrib/broker/deliver.h"
#include "contrib/broker/feed.h"
#include "contrib/broker/order.h"
#include "contrib/broker/table.h"

struct conn;
struct frame;
struct group_seat;

/* Limits, in bytes.  Longer ones of the informative kind are cut. */
#define PEER_SESSION_ID_MAX	128
#define PEER_TEXT_MAX		128	/* names, host, model, ... */
#define PEER_CWD_MAX		1024
#define PEER_SUMMARY_MAX	1024

/* "member" connections are the control plane of their member. */
enum peer_kind { PEER_MEMBER, PEER_SESSION };

/* Both enums are numbers in the file too. */
enum peer_status { STATUS_IDLE, STATUS_WORKING, STATUS_DND };
#define STATUS_MAX	STATUS_DND
const char *status_name(enum peer_status);
int	status_parse(const char *, enum peer_status *);	/* 0, -1 */

/* What the end of its connection means for a peer. */
enum peer_end {
	END_GRACE,		/* it may come back */
	END_LEFT,		/* it said that it will not */
	END_SILENT,		/* sent away, or replaced: nobody is told */
	END_MOVED,		/* it has another connection already */
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
	struct conn		*conn;		/* NULL: in its grace */
	enum peer_kind		 kind;
	enum peer_end		 end;
	int64_t			 member;	/* row */
	char			 presence_id[QUEUE_ID_SIZE];
	uint8_t			 key[KEY_PUBLIC_LEN];
	uint8_t			 member_key[KEY_PUBLIC_LEN];
	char			 key_hex[2 * KEY_PUBLIC_LEN + 1];
	char			 member_key_hex[2 * KEY_PUBLIC_LEN + 1];
	char			*member_id, *name, *session_id, *cwd;
	char			*hostname, *peer_type, *channel, *model;
	int64_t			 connected_at;

	/* groups.c's */
	TAILQ_HEAD(, group_seat) seats;
	unsigned		 ngroups;
	char			*groups;	/* JSON array */
	char			*hello_groups;	/* as its hello named them */

	enum peer_status	 status;
	char			*summary;	/* NULL: none */
	char			*stats, *profile;	/* JSON objects, or NULL */
	int			 visible;

	/* grace.c's, while conn is NULL */
	TAILQ_ENTRY(peer)	 in_grace;
	int64_t			 grace_until;	/* mono ms */
	int64_t			 left_at;

	struct feed_seat	 feed;
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

/* A roster of it is no longer true. */
void	mesh_changed(struct mesh *);

/* Empty, with order and reader for the caller to set up. */
struct peer *peer_new(struct conn *, enum peer_kind);

/* A peer that is not here. */
void	peer_free(struct peer **);

/* Its session id and keys do not change while it is here. */
void	presence_join(struct presence *, struct peer *, int64_t mesh_row,
	    const char *mesh_id);

/* Does nothing when it is not here. */
void	presence_leave(struct presence *, struct peer *);

#endif
