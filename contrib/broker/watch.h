#ifndef BROKER_WATCH_H
#define BROKER_WATCH_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/* Descriptors that are no connections, in libwebsockets' loop. */

#include <libwebsockets.h>
#include <sys/queue.h>

struct watch {
	TAILQ_ENTRY(watch) entry;
	struct watches	*list;
	int		 fd;		/* the loop closes it */
	struct lws	*wsi;		/* NULL: no longer watched */
	int		 want_write;	/* call writable once it can be */
	void		(*readable)(struct watch *);
	void		(*writable)(struct watch *);	/* or NULL */
	void		*arg;
};
TAILQ_HEAD(watches, watch);

#define WATCH_PROTOCOL	"watch"

/* The callback of that protocol. */
int	watch_cb(struct lws *, enum lws_callback_reasons, void *, void *,
	    size_t);

/* Takes fd; readable, writable and arg are set.  0 or -1. */
int	watch_add(struct watches *, struct lws_vhost *, struct watch *,
	    int fd);

/* Read from it, or not for now. */
void	watch_read(struct watch *, int on);

/* Poll for what the watches want; outside of their callbacks. */
void	watch_arm(struct watches *);

#endif
