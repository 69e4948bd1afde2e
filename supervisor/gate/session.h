#ifndef GATE_SESSION_H
#define GATE_SESSION_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/* The sessions that the supervisor told us of, found by token and by id. */

#include <sys/queue.h>

#include <jansson.h>
#include <stdint.h>

#include "common/msg.h"
#include "supervisor/gate/limit.h"

#define TOKEN_LEN	32
#define TOKEN_HASH_LEN	32
#define TOKEN_HEX	64	/* digits */

struct session {
	TAILQ_ENTRY(session) next;
	LIST_ENTRY(session) by_token, by_owner;
	uint8_t		 owner[OWNER_ID_LEN];
	uint64_t	 uid;
	uint8_t		 token_hash[TOKEN_HASH_LEN];
	char		 token_prefix[9];
	char		 session_id[MSG_SESSION_ID_SIZE];
	char		 mesh[MESH_SLUG_SIZE];
	char		 display_name[NAME_SIZE];
	uint64_t	 pid;
	char		 cwd[MSG_PATH_SIZE];
	char		 role[MSG_ROLE_SIZE];
	json_t		*groups;	/* an array */
	uint32_t	 caps;
	uint8_t		 pub[KEY_PUBLIC_LEN];
	char		 pub_hex[HEX_KEY_SIZE];
	uint8_t		 member_owner[OWNER_ID_LEN];
	uint8_t		 member_pub[KEY_PUBLIC_LEN];
	uint8_t		 body_key[BODY_KEY_LEN];
	enum conn_state	 state;
	char		 reason[REASON_SIZE];
	int64_t		 registered_at;
	int		 away;		/* it was parked, and is not open yet */
	struct bucket	 use;
};

TAILQ_HEAD(session_list, session);

struct sessions;

struct sessions *sessions_new(void);
void	sessions_free(struct sessions **);

/* New or changed.  NULL: its groups are no JSON array. */
struct session *sessions_put(struct sessions *, const struct msg_session *);
void	sessions_remove(struct sessions *, struct session *);

struct session *sessions_find(struct sessions *,
	    const uint8_t owner[OWNER_ID_LEN]);
struct session *sessions_by_hash(struct sessions *,
	    const uint8_t hash[TOKEN_HASH_LEN]);
const struct session_list *sessions_list(const struct sessions *);

/* Whose key is it?  NULL: no session's. */
struct session *sessions_by_key(const struct sessions *, const char *hex);

/* Does its token still count?  It dies when the session drains. */
int	session_is_alive(const struct session *);

/*
 * The hash by which a token is known.  0, or -1: not 64 hex digits.  prefix,
 * if not NULL, gets the first 4 bytes, which may be shown.
 */
int	token_hash(uint8_t out[TOKEN_HASH_LEN], uint8_t prefix[4],
	    const char *token);

/* "connecting" for one that connects again, else the name of the state. */
const char *session_state(const struct session *);

/* The object of GET /v1/sessions/me, a new reference. */
json_t	*session_json(const struct session *);

#endif
