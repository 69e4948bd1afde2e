#ifndef GATE_SCOPE_H
#define GATE_SCOPE_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/*
 * What a caller may see: with a token, its session's rows and its member's;
 * without, those of the members that its uid may use; by admin.sock, all.  A
 * scope is one or more views, each of which the database can list.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/rows.h"
#include "supervisor/gate/fault.h"

struct gate;
struct member;
struct request;
struct session;

struct view {
	struct session	*session;	/* or NULL */
	struct member	*member;	/* or NULL */
};

struct scope {
	size_t		 n;
	struct view	*views;
};

/*
 * The views of a caller, on one mesh or (NULL) on all that are open to it.
 * 0, or -1: another mesh than the session's, or one that it may not use.  To
 * be cleared in any case; its pointers hold until the loop runs again.
 */
int	scope_find(struct scope *, const struct request *, const char *mesh,
	    struct fault *);
void	scope_clear(struct scope *);

/* For the database. */
void	view_rows(const struct view *, struct rows_scope *);

/* Its one or two owners.  How many. */
size_t	view_owners(const struct view *, const uint8_t *owners[2]);

/* Are the owner's rows in it? */
int	scope_has_owner(const struct scope *, const uint8_t owner[OWNER_ID_LEN]);

/* In whose name it reads: the session, else the member. */
const uint8_t *view_reader(const struct view *);

/*
 * The member through which a caller acts on a mesh, or (NULL) on the only one
 * that it may use.  The session's is its own.  NULL: as the fault says;
 * *several_r is set when one of several must be named.
 */
struct member *scope_member(const struct request *, const char *mesh,
	    struct fault *, int *several_r);

/* The same for a uid, outside of any session. */
struct member *scope_member_of(struct gate *, uint64_t uid, const char *mesh,
	    struct fault *, int *several_r);

/* Answer with that fault, and, when one must be named, with the choice. */
void	scope_reply_fault(struct request *, const struct fault *, int several);

/* Who sends: a session, or a member outside of one. */
struct sender {
	const uint8_t	*owner, *pub, *body_key;
	const char	*pub_hex, *mesh;
};

/*
 * The one who owns rows, while it may still send; its pointers hold until the
 * loop runs again.  0, or -1: it has ended, or was never known.
 */
int	scope_sender(struct gate *, const uint8_t owner[OWNER_ID_LEN],
	    struct sender *);

/* The body key of who owns a row; NULL: nobody that we know of. */
const uint8_t *scope_body_key(struct gate *, const uint8_t owner[OWNER_ID_LEN]);

/* Why the session or member is parked; NULL: it is not, or is unknown. */
const char *scope_parked(struct gate *, const uint8_t owner[OWNER_ID_LEN]);

/*
 * Its broker could not be asked: when that is as it is parked, the fault says
 * so instead, and what ends it, as trying again does not.
 */
void	scope_fault_parked(struct gate *, const uint8_t owner[OWNER_ID_LEN],
	    struct fault *);

#endif
