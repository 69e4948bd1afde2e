#ifndef WORKER_TARGET_H
#define WORKER_TARGET_H

/*
 * The targets with open rows, and which of them is due.  Heads, not rows: the
 * rows themselves stay in the database, so that a hundred thousand for an
 * absent recipient cost the others nothing.
 */

#include <stdint.h>
#include <sys/queue.h>

#include "common/rows.h"

enum target_place { TARGET_NOWHERE, TARGET_READY, TARGET_WAITING };
enum target_wait { WAIT_TIME, WAIT_PEER };

struct target {
	TAILQ_ENTRY(target) entry;
	enum target_place place;
	int		 direct;	/* name is a key */
	uint8_t		 key[KEY_PUBLIC_LEN];
	int		 more;		/* there may be rows to take */
	int		 blocked;	/* refused one, others under way */
	int		 halted;	/* the store wants its next row */
	unsigned	 nwin;		/* its rows in the window */
	unsigned	 nended;	/* ended here, not yet in the file */
	int64_t		 cursor;	/* rows up to here are taken */
	int64_t		 due_ms;	/* monotonic; 0: at once */
	enum target_wait wait;
	int64_t		 retry_row;	/* the row refused last ... */
	int64_t		 retry_attempts; /* ... and its attempts */
	int64_t		 suspect;	/* rows up to here may break it; or 0 */
	char		 name[];	/* targetSpec */
};

struct targets {
	void		*tree;		/* by name */
	TAILQ_HEAD(, target) ready;	/* round robin */
	TAILQ_HEAD(, target) waiting;
	int64_t		 next_ms;	/* none of waiting is due before */
	int		 many;		/* several rows of one in the window */
};

void	targets_init(struct targets *);
void	targets_clear(struct targets *);

/* The target of this name; makes it. */
struct target *targets_get(struct targets *, const char *name);
struct target *targets_find(struct targets *, const char *name);

/*
 * Something about it changed: put it where it belongs, behind the others.  It
 * is freed when nothing is left of it.
 */
void	targets_update(struct targets *, struct target *, int64_t now_ms);

/* Move what has become due; ms until the next, -1: none waits. */
int64_t	targets_due(struct targets *, int64_t now_ms);

/* All that wait for this are due now. */
void	targets_hurry(struct targets *, enum target_wait, int64_t now_ms);

#endif
