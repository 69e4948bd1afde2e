#ifndef GATE_STREAM_H
#define GATE_STREAM_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/*
 * Event streams.  Messages are read from the database above a cursor, whether
 * they are old or just came: no gap, no copy.  Other events are told to those
 * who listen now.
 */

#include <jansson.h>
#include <stdint.h>

#include "common/body.h"

struct gate;
struct member;
struct request;
struct session;
struct streams;

struct streams *streams_new(struct gate *);
void	streams_free(struct streams **);

/* End all; the requests end when their last bytes are written. */
void	streams_stop(struct streams *);

/* End those of a session, whose token has died. */
void	streams_end_session(struct streams *, const struct session *);

/*
 * Begin one, whose messages are those above the cursor; of those up to
 * unread_to only what was not seen yet.
 */
void	stream_open(struct request *, int64_t cursor, int64_t unread_to);

/* Rows of an owner are committed up to this sequence. */
void	streams_rows(struct streams *, const uint8_t owner[OWNER_ID_LEN],
	    int64_t seq);

/* A new store: who knows what was missed; look above every cursor. */
void	streams_again(struct streams *);

/* Tell an event to all who see the member's mesh; data is borrowed. */
void	streams_tell_mesh(struct streams *, const struct member *,
	    const char *event, const json_t *data);

/*
 * Tell what the member's connection heard of a peer, once, to all who see the
 * mesh, but not to those whose own member it is about (whose; NULL: nobody's).
 */
void	streams_tell_peer(struct streams *, const struct member *,
	    const struct member *whose, const char *event, const json_t *data);

/* So many of these did not even reach us. */
void	streams_lost(struct streams *, const struct member *, int64_t);

/* Tell it to all who see the rows of an owner. */
void	streams_tell_owner(struct streams *, const uint8_t owner[OWNER_ID_LEN],
	    const char *event, const json_t *data);

/* How many there are. */
unsigned streams_count(const struct streams *);

/* For pulse.c. */
struct gate *streams_gate(struct streams *);

#endif
