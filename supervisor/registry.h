#ifndef SUPERVISOR_REGISTRY_H
#define SUPERVISOR_REGISTRY_H

/*
 * sessions.db: who is registered, so that neither a crash nor a restart makes
 * a session lose its internal id, and with it its key, rows and inbox.  Holds
 * token hashes and wrapped keys, never a token or a key.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/msg.h"
#include "supervisor/owner.h"

struct registry;

/* One session, as it is kept. */
struct reg_session {
	uint8_t		 owner[OWNER_ID_LEN];	/* internal id, random */
	uint64_t	 uid;
	char		 mesh[MESH_SLUG_SIZE];
	char		 session_id[MSG_SESSION_ID_SIZE];
	char		 display_name[NAME_SIZE];
	struct owner_id	 process;
	char		 cwd[MSG_PATH_SIZE];
	char		 role[MSG_ROLE_SIZE];
	char		 groups[MSG_GROUPS_MAX + 1]; /* JSON; "": not given */
	uint32_t	 caps;
	int		 has_token;
	uint8_t		 token_hash[32];
	uint8_t		 token_prefix[4];
	enum key_mode	 key_mode;		/* MINT or BROUGHT */
	int		 has_key;		/* pub and wrapped are set */
	uint8_t		 pub[KEY_PUBLIC_LEN];
	uint8_t		 wrapped[WRAPPED_LEN];
	int64_t		 attest_expires_at;	/* of the client's own, or 0 */
	uint8_t		 attest_sig[KEY_SIG_LEN];
	int64_t		 registered_at;		/* ms */
	int64_t		 ended_at;		/* ms; 0: not ended */
	int		 current;		/* its (uid, mesh, session_id) */
	char		 park[REASON_SIZE];	/* why it is parked, or "" */
};

/* Open or make it.  NULL with a sentence in err. */
struct registry *registry_open(const char *path, char *err, size_t errlen);
void	registry_close(struct registry **);

/*
 * Look at one that may be in use, and change nothing: every session that is
 * well-formed goes to cb.  0, or -1 with a sentence in err: it could not be
 * opened as it is.
 */
int	registry_look(const char *path,
	    int (*cb)(void *arg, const struct reg_session *), void *arg,
	    char *err, size_t errlen);

/*
 * Does it belong to this host key?  A new one does from now on.  With another
 * key nothing in it can be opened.  0, or -1 with a sentence in err.
 */
int	registry_bind(struct registry *, const char *path,
	    const uint8_t host_key[HOST_KEY_LEN], char *err, size_t errlen);

/*
 * Look whether it belongs to this host key.  1; 0: to another; -1: it does not
 * say, or cannot be opened.
 */
int	registry_look_host(const char *path,
	    const uint8_t host_key[HOST_KEY_LEN]);

/* Does it hold anything?  Then the host key must not be made anew. */
int	registry_in_use(const char *path);

/* Insert or update by internal id; synced when it returns.  0 or -1. */
int	registry_put(struct registry *, const struct reg_session *);
int	registry_delete(struct registry *, const uint8_t owner[OWNER_ID_LEN]);

/* The current one of this (uid, mesh, session_id).  1, 0, -1. */
int	registry_find(struct registry *, uint64_t uid, const char *mesh,
	    const char *session_id, struct reg_session *);

/*
 * The token belongs to nobody but this one.  For a token that no session in
 * memory has: one that was left behind may not stand in its way.
 */
int	registry_free_token(struct registry *, const uint8_t hash[32],
	    const uint8_t owner[OWNER_ID_LEN]);

/*
 * Every one, oldest first; cb returns non-zero to stop.  -1: a database
 * error, or a row that is not well-formed.
 */
int	registry_each(struct registry *,
	    int (*cb)(void *arg, const struct reg_session *), void *arg);

/* Forget those that ended before this time.  How many, or -1. */
int	registry_prune(struct registry *, int64_t before);

/*
 * The internal id and the sessionId towards the broker of a member; made at
 * first sight, and kept.  0 or -1.
 */
int	registry_member(struct registry *, const char *mesh,
	    const uint8_t pub[KEY_PUBLIC_LEN], uint8_t owner_r[OWNER_ID_LEN],
	    char session_id_r[UUID_SIZE]);

/*
 * Why a member is parked ("": it is not), and whether its sessions are with
 * it.  By internal id; 0 or -1.
 */
int	registry_park_member(struct registry *,
	    const uint8_t owner[OWNER_ID_LEN], const char *park, int whole);
int	registry_member_parked(struct registry *,
	    const uint8_t owner[OWNER_ID_LEN], char park_r[REASON_SIZE],
	    int *whole_r);

#endif
