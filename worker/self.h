#ifndef WORKER_SELF_H
#define WORKER_SELF_H

#ifdef MESHSUP_SUPERVISOR
#error "a worker's header, not the supervisor's"
#endif

/* Who this worker is: what the set-up said, without any key but public ones. */

#include "common/msg.h"

struct secret;

struct self {
	enum row_kind	 kind;
	uint8_t		 owner[OWNER_ID_LEN];
	uint8_t		 member_owner[OWNER_ID_LEN];	/* its member's */
	uint8_t		 pub[KEY_PUBLIC_LEN];
	char		 pub_hex[HEX_KEY_SIZE];
	uint8_t		 member_pub[KEY_PUBLIC_LEN];
	char		 member_pub_hex[HEX_KEY_SIZE];
	char		*mesh;		/* slug */
	char		*mesh_id, *member_id;
	char		*host;		/* of the broker's URL */
	uint32_t	 port;
	int		 tls;
	char		*ca_file;	/* "": the system's */
	char		*db;
	char		*display_name, *wire_session_id, *cwd, *role, *hostname;
	uint64_t	 pid;		/* of the owner process */
	char		*groups;	/* JSON array, or NULL: not given */
	/* The client's own attestation, or 0. */
	int64_t		 attest_expires_at;
	uint8_t		 attest_sig[KEY_SIG_LEN];
	int		 parked;	/* keeps away from the broker at first */
	struct secret	*secret;
};

/*
 * Takes over a set-up: copies what is public, hands the keys to secret.c and
 * wipes them from *su.  wrapped_r gets the secret key under the wrap key, zero
 * for a member.  NULL: the set-up makes no sense (logged).
 */
struct self *self_new(struct msg_setup_worker *su,
	    uint8_t wrapped_r[WRAPPED_LEN]);
void	self_free(struct self **);

#endif
