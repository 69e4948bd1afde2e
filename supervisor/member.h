#ifndef SUPERVISOR_MEMBER_H
#define SUPERVISOR_MEMBER_H

/* A member of a mesh: its worker, its state, and whom it attests. */

#include "common/msg.h"
#include "supervisor/mesh.h"
#include "supervisor/supervisor.h"
#include "supervisor/tell.h"

struct session;

struct member {
	TAILQ_ENTRY(member) entry;
	struct supervisor *sup;
	struct mesh	 mesh;
	uint8_t		 owner[OWNER_ID_LEN];	/* internal id */
	char		 session_id[UUID_SIZE];	/* towards the broker */
	struct child	*child;
	struct pace	*pace;		/* the broker's rate limit */
	enum conn_state	 state;
	char		 reason[REASON_SIZE];
	struct tell	 tell;
	int		 known;		/* the broker said that it has it */
	uint32_t	 add_seq;	/* of the question, or 0 */
	uint8_t		*new_secret;	/* until its file is written */
};

/* Every mesh file; none: the mesh "local" is to be made.  -1 with err. */
int	member_load(struct supervisor *, char *err, size_t errlen);
void	member_free_all(struct supervisor *);

/*
 * Start the workers of members whose broker is known; called when the store
 * or the embedded broker came up.
 */
void	member_start_all(struct supervisor *);

/* Ask the embedded broker for the ids of a member of its. */
void	member_ask_broker(struct member *);

/* The embedded broker came up: it must know its members. */
void	member_broker_up(struct supervisor *);

/* The member through which this uid may use the mesh, or NULL. */
struct member *member_find(struct supervisor *, const char *slug,
	    uint64_t uid);
struct member *member_by_owner(struct supervisor *,
	    const uint8_t owner[OWNER_ID_LEN]);

/* Ask its worker to attest a session, now or when it is up. */
void	member_attest(struct member *, struct session *);

/* Its worker connects to this address and port. */
void	member_broker(const struct member *, const char **host_r,
	    uint16_t *port_r, int *tls_r);

/* Fill what a worker's set-up says of mesh and member. */
void	member_fill_setup(const struct member *, struct msg_setup_worker *);

/* May this uid use it? */
int	member_allows(const struct member *, uint64_t uid);

/* Messages. */
int	on_broker_member(void *child, struct msg *);
int	on_attested(void *child, struct msg *);

/* State of a member's connection, from its worker. */
void	member_set_state(struct member *, enum conn_state, const char *reason);

#endif
