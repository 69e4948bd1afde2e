#ifndef STORE_STORE_H
#define STORE_STORE_H

#ifndef PROCESS_STORE
#error "this header belongs to the store"
#endif

/* The loop of the store, and what the supervisor tells it. */

struct store;

/* Takes the control channel. */
struct store *store_new(int ctl_fd);

/* Until the supervisor says stop, or is gone.  The exit status. */
int	store_loop(struct store *);
void	store_free(struct store **);

#endif
