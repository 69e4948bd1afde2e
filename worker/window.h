#ifndef WORKER_WINDOW_H
#define WORKER_WINDOW_H

/* The sends that the broker has not answered, oldest first. */

#include <stdint.h>
#include <sys/queue.h>

#include "common/rows.h"

#define WINDOW_MAX	64

struct target;

struct slot {
	TAILQ_ENTRY(slot) entry;
	struct target	*target;
	int64_t		 row;
	int64_t		 attempts;	/* before this one */
	int64_t		 sent_ms;	/* monotonic */
	int		 first;		/* went with "first" */
	int		 seen;		/* its recipient came since */
	int		 reported;	/* the store was told "inflight" */
	char		 client_id[];
};

struct window {
	TAILQ_HEAD(slots, slot) slots;
	unsigned	 n;
};

void	window_init(struct window *);
void	window_clear(struct window *);

/* Appends; the result stays valid until it is removed. */
struct slot *window_add(struct window *, struct target *, int64_t row,
	    const char *client_id, int64_t now_ms);
void	window_remove(struct window *, struct slot **);

/* NULL: not in the window. */
struct slot *window_find(struct window *, const char *client_id);
struct slot *window_find_row(struct window *, int64_t row);

#endif
