#ifndef GATE_MARKS_H
#define GATE_MARKS_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/* Inbox rows to mark as seen, reader by reader, through the store. */

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct marks;
struct request;

/* answer is what is told when all are marked; takes the reference. */
struct marks *marks_new(json_t *answer);
void	marks_free(void *);

/*
 * At most MSG_SEEN_MAX for one reader.  -1: that many are there already.
 */
int	marks_add(struct marks *, const uint8_t *reader, int64_t seq);

/*
 * Have the store mark them, and answer with "marked_seen" in the answer; takes
 * the marks.  Without any, answers at once.
 */
void	marks_send(struct request *, struct marks *);

#endif
