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
	char		 park[REASON_SIZE];	/* why, or "": see park.h */
	int		 park_whole;	/* with all of its sessions */
	struct tell	 tell;
	int		 was_open;	/* when an upgrade began */
	int		 known;		/* the broker said that it has it */
	uint32_t	 add_seq;	/* of the question, or 0 */
	uint8_t		*new_secret;	/* until its file is written */
	int		 unusable;	/* parked until its file is right */
	int		 leaves;	/* a reload goes without it */
	int		 gone;		/* one of s->leaving */
	int		 rows_ended;	/* what it had to send, when gone */
	struct event	*ev_leave;
};

/* Every mesh file; none: the mesh "local" is to be made.  -1 with err. */
int	member_load(struct supervisor *, char *err, size_t errlen);
void	member_free_all(struct supervisor *);

/*
 * Start the workers of members whose broker is known; called when the store
 * or the embedded broker came up.
 */
void	member_start_all(struct supervisor *);

/* The same for one, unless it is parked without a worker. */
void	member_start(struct member *);

/* Ask the embedded broker for the ids of a member of its. */
void	member_ask_broker(struct member *);

/* The embedded broker came up: it must know its members. */
void	member_broker_up(struct supervisor *);

/* The member through which this uid may use the mesh, or NULL. */
struct member *member_find(struct supervisor *, const char *slug,
	    uint64_t uid);
struct member *member_by_owner(struct supervisor *,
	    const uint8_t owner[OWNER_ID_LEN]);

/* The member of a mesh that belongs to this uid, or NULL. */
struct member *member_of(struct supervisor *, const char *slug,
	    uint64_t owner_uid);

/*
 * Write a mesh file, and attach the mesh at once.  The path is chosen here;
 * all else of the mesh is the caller's, who keeps the secret.  When the same
 * mesh (slug, owner and meshId) is there, its member is replaced by this one,
 * and its sessions go on with it.  *mb_r is the member, when it is ADDED.
 */
enum member_added {
	MEMBER_ADDED,
	MEMBER_EXISTS,		/* another mesh of that name: err */
	MEMBER_FAILED,		/* err says why */
};
enum member_added member_add_mesh(struct supervisor *, const struct mesh *,
	    const uint8_t secret[KEY_SECRET_LEN], struct member **mb_r,
	    char *err, size_t errlen);

/*
 * Its mesh is not served any more: the gate forgets it, its worker stops, its
 * sessions end, and open rows are dead with this reason.  It is freed later;
 * until then it is on s->leaving.
 */
void	member_remove(struct member *, const char *reason);
#define MEMBER_REMOVED		"mesh_removed"
#define MEMBER_KEY_CHANGED	"sender_key_changed"

/* Another takes its place and its sessions. */
void	member_replace(struct member *old, struct member *);

/* The store has ended the rows of this owner. */
void	member_rows_ended(struct supervisor *,
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

/*
 * Its file is of no use, or the embedded broker refuses it: it is parked until
 * that has changed.
 */
void	member_unusable(struct member *, const char *why);
void	member_usable(struct member *);

/* State of a member's connection, from its worker; as session_set_state(). */
void	member_set_state(struct member *, enum conn_state, const char *reason);

#endif
