#ifndef BROKER_TOPICS_H
#define BROKER_TOPICS_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/*
 * Requests about topics.  Members subscribe, not sessions.  Everybody of a
 * mesh sees all of its topics and may read and write in them; the visibility
 * of one is a label for people.
 */

#include <jansson.h>

struct conn;

void	topics_create(struct conn *, const json_t *);
void	topics_list(struct conn *, const json_t *);
void	topics_join(struct conn *, const json_t *);
void	topics_leave(struct conn *, const json_t *);
void	topics_mark_read(struct conn *, const json_t *);
void	topics_members(struct conn *, const json_t *);
void	topics_history(struct conn *, const json_t *);

#endif
