#ifndef TESTS_LOOP_HELP_H
#define TESTS_LOOP_HELP_H

/*
 * A store without a supervisor, on a loop that the test turns, and the other
 * ends of its channels.
 */

#include <stdint.h>

#include "common/channel.h"
#include "supervisor/store/batch.h"
#include "supervisor/store/chores.h"
#include "supervisor/store/peers.h"

struct event_base;

extern struct event_base *base;
extern struct peers	*peers;
extern struct claims	*claims;
extern struct batch	*batch;
extern struct chores	*chores;
extern int		 runs;		/* batches that answered something */
extern int		 syncs;		/* of the log */
extern int		 fail_sync;	/* the next ones fail */
extern int		 ended;		/* last seq whose owner has ended */

/*
 * For cmocka: for the whole group, so that syncs are counted, and around each
 * test (see also store_help.h).  Rows expire after 1,000 s here and are kept
 * for 1,000,000 s.
 */
int	loop_group(void **);
int	loop_new(void **);
int	loop_remove(void **);

/* Turn the loop until nothing happens; or wait for something once. */
void	turn(void);
void	turn_once(void);

/* A peer's end of a new channel; n is the owner. */
struct channel *join(unsigned peer, enum row_kind, int n, int member);
struct channel *join_gate(void);
struct channel *join_worker(int n);	/* a session's, of the member 50 */

/* The next message is of this type, or the test fails. */
void	get(struct channel *, enum msg_type, uint32_t seq, void *body);
void	get_nothing(struct channel *);
void	get_end(struct channel *);

void	send_accept(struct channel *, uint32_t seq, int n, const char *id);
void	send_progress(struct channel *, uint32_t seq, int64_t row,
	    enum row_state);
void	send_claimed(struct channel *, uint32_t seq, int64_t row, int is_free);
void	send_operate(struct channel *, uint32_t seq, enum operation, int n,
	    const int64_t *rows);
void	send_put(struct channel *, uint32_t seq, int n, enum inbox_state);

#endif
