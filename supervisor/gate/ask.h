#ifndef GATE_ASK_H
#define GATE_ASK_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/*
 * Questions to a broker, asked of the worker of the session, or of the member,
 * whose connection it is.  What may be asked, and how it is refused, is in
 * worker/request.h.
 */

#include <jansson.h>

#include "supervisor/gate/call.h"
#include "supervisor/gate/fault.h"

struct request;

/*
 * To one worker, with the wire's fields (borrowed; NULL: none).  0, and cb is
 * called; -1: as the fault says.
 */
int	ask_worker(struct request *, const uint8_t owner[OWNER_ID_LEN],
	    const char *what, const json_t *args, call_cb, void *arg,
	    struct fault *);

/*
 * What the worker said to it: an object, a new reference.  NULL: none, as the
 * fault says; mesh is named there.
 */
json_t	*ask_read(enum call_end, const struct msg_answer *, const char *mesh,
	    struct fault *);

/* The parts of a broker's answer that are no envelope; a new reference. */
json_t	*ask_content(const json_t *frame);

/* Those members of an object that it has: a new one.  The names end in NULL. */
json_t	*ask_fields(const json_t *, ...);

/* ---- one question, and its answer is the request's ---- */

/*
 * mesh and frame live until it returns; it answers, or asks again with
 * ask_again().
 */
typedef void (*ask_cb)(struct request *, const char *mesh,
	    const json_t *frame);

/*
 * Ask the session's worker, or the member's on the mesh that the request
 * names in its body or query, or on the only one; takes args.  Whatever goes
 * wrong is the request's answer.
 */
void	ask_one(struct request *, const char *what, json_t *args, ask_cb);

/* For requests that only do something: what the broker says of it, and "ok". */
void	ask_done_cb(struct request *, const char *mesh, const json_t *frame);

/* The same worker, in the time that is left. */
void	ask_again(struct request *, const char *what, json_t *args, ask_cb);

/* The mesh that a request names, or NULL.  -1: it is no text. */
int	ask_mesh(const struct request *, const char **mesh_r, struct fault *);

/*
 * Whom ask_one() would ask, for those who ask more than one thing: the owner
 * and its mesh.  -1: nobody, and answered.
 */
int	ask_whom(struct request *, uint8_t owner[OWNER_ID_LEN],
	    char mesh[MESH_SLUG_SIZE]);

/* 502: that was no answer to what was asked. */
void	ask_no_sense(struct request *, const char *mesh);

#endif
