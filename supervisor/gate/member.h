#ifndef GATE_MEMBER_H
#define GATE_MEMBER_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/* The members that the supervisor told us of, and the meshes that they are on. */

#include <sys/queue.h>

#include <stdint.h>

#include "common/msg.h"

struct member {
	TAILQ_ENTRY(member) next;
	uint8_t		 owner[OWNER_ID_LEN];
	char		 mesh[MESH_SLUG_SIZE];
	char		 name[NAME_SIZE];
	char		 mesh_id[MSG_ID_SIZE];
	char		 broker_url[MSG_PATH_SIZE];
	uint8_t		 pub[KEY_PUBLIC_LEN];
	char		 pub_hex[HEX_KEY_SIZE];
	uint64_t	 owner_uid;
	struct msg_uids	 users;
	uint8_t		 body_key[BODY_KEY_LEN];
	enum conn_state	 state;
	char		 reason[REASON_SIZE];
};

TAILQ_HEAD(member_list, member);

struct members;

struct members *members_new(void);
void	members_free(struct members **);

/* New or changed.  *changed_r: is its connection's state or its reason another? */
struct member *members_put(struct members *, const struct msg_member *,
	    int *changed_r);
void	members_remove(struct members *, struct member *);

struct member *members_find(struct members *, const uint8_t owner[OWNER_ID_LEN]);
const struct member_list *members_list(const struct members *);

/* May the uid use the member's mesh through it? */
int	member_has_user(const struct member *, uint64_t uid);
int	members_have_user(const struct members *, uint64_t uid);

/*
 * The member through which the uid uses a mesh: one of its own before one
 * that it may use.  NULL: it may not use a mesh of that name.
 */
struct member *members_for(struct members *, uint64_t uid, const char *mesh);

/* Whose key is it?  NULL: no member's. */
struct member *members_by_key(const struct members *, const char *hex);

/* "open", "connecting", "reconnecting", "closed" or "parked". */
const char *member_status(const struct member *);

#endif
