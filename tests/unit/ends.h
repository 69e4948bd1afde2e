#ifndef UNIT_ENDS_H
#define UNIT_ENDS_H

/*
 * Two channels, e and f, each with one end on a libevent loop and the other
 * (far) in the hands of the test; and a record of what was called.
 */

#include "common/channel.h"
#include "common/evpeer.h"

/* What msg_cb does with one message. */
enum ends_act { TAKE, NONSENSE, FREE, FREE_NONSENSE, PAUSE, SEND, STEAL };

struct end {
	struct evpeer	*p;
	struct channel	*far;		/* the other end */
	unsigned	 msgs;		/* calls of msg_cb */
	uint32_t	 seq;		/* of the last message */
	int		 fd;		/* what STEAL took, or -1 */
	unsigned	 gone;		/* calls of gone_cb */
	const char	*why;
	unsigned	 at;		/* the message to act on, from 1 */
	enum ends_act	 what;
	struct end	*other;		/* FREE: this one, by default itself */
	int		 free_gone;	/* gone_cb frees it */
	int		 free_told;	/* manual: the callback frees it */
	unsigned	 told;		/* manual: there is something to read */
};

extern struct event_base	*base;
extern struct end		 e, f;

/* As cmocka's set-up and tear-down; that checks for lost descriptors. */
int	ends_new(void **state);
int	ends_new_manual(void **state);	/* e is read by hand */
int	ends_free(void **state);

/* Everything that is due, for some turns of the loop. */
void	turns(int n);

/* The far end says n times that it is ready, with rising numbers. */
void	say(struct end *, unsigned n);

/* Send to the far end until something is queued. */
void	fill(struct end *);

/* It was called once, whatever the loop did since, and with this reason. */
void	expect_gone(struct end *, const char *why);

#endif
