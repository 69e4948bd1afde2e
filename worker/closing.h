#ifndef WORKER_CLOSING_H
#define WORKER_CLOSING_H

/* What the end of a connection means: the table of the wire protocol. */

enum closing {
	CLOSING_RETRY,		/* back-off */
	CLOSING_RENEW,		/* renew the attestation, then at once */
	CLOSING_REPLACED,	/* back-off; three in 60 s: park */
	CLOSING_LONG,		/* report, long back-off */
	CLOSING_TOO_BIG,	/* a frame was over the limit; back-off */
	CLOSING_PARK,		/* will not get better by itself */
	CLOSING_BAN,		/* likewise, for every connection of its member */
};

/*
 * code 0: no close frame came.  reason is that of the close frame, error the
 * code of an error frame that answered the hello; both may be "".  *why_r is
 * what to tell people: static, or reason or error itself, or "".
 */
enum closing closing_of(int code, const char *reason, const char *error,
	    const char **why_r);

#endif
