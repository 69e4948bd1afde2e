#ifndef BROKER_PUSH_H
#define BROKER_PUSH_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/* Pushes: messages on their way out. */

struct frame;
struct message;
struct reader;

/* A push of one message in a mesh; the caller's reference. */
struct frame *push_frame(const struct message *, const char *mesh_id);

/* Make a peer's reader give its connection pushes. */
void	push_reader(struct reader *);

#endif
