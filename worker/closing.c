/*
 * What the end of a connection means.  A refusal is an error frame and a close
 * with the same word; either may be lost, so that either one is enough.
 */

#include "worker/closing.h"

#include <stddef.h>
#include <string.h>

#define ANY	NULL

/* First match.  Longer words that begin alike stand first. */
static const struct {
	int		 code;
	const char	*begins;	/* of the reason */
	enum closing	 what;
	const char	*why;		/* ANY: the reason itself */
} closings[] = {
	{ 4001, ANY, CLOSING_PARK, "kicked" },
	{ 4002, ANY, CLOSING_BAN, "banned" },
	{ 1000, "session_replaced", CLOSING_REPLACED, ANY },
	{ 1008, "expired", CLOSING_RENEW, ANY },
	{ 1008, "timestamp_skew", CLOSING_LONG, ANY },
	{ 1008, "capacity", CLOSING_LONG, ANY },
	{ 1008, "bad_", CLOSING_PARK, ANY },
	{ 1008, "malformed", CLOSING_PARK, ANY },
	{ 1008, "ttl_too_long", CLOSING_PARK, ANY },
	{ 1008, "attestation_mismatch", CLOSING_PARK, ANY },
	{ 1008, "parent_member_id_mismatch", CLOSING_PARK, ANY },
	{ 1008, "unauthorized", CLOSING_PARK, ANY },
	{ 1008, "revoked", CLOSING_BAN, "banned" },
	{ 1009, ANY, CLOSING_TOO_BIG, "frame_too_large" },
};

/* 1 and the result when the table knows it. */
static int
closing_find(int code, const char *reason, enum closing *what,
    const char **why_r)
{
	size_t	i;

	for (i = 0; i < sizeof closings / sizeof closings[0]; i++) {
		if (closings[i].code != code ||
		    (closings[i].begins != ANY && strncmp(reason,
		    closings[i].begins, strlen(closings[i].begins)) != 0))
			continue;
		*what = closings[i].what;
		*why_r = closings[i].why != ANY ? closings[i].why : reason;
		return 1;
	}
	return 0;
}

enum closing
closing_of(int code, const char *reason, const char *error,
    const char **why_r)
{
	enum closing	what = CLOSING_RETRY;

	if (closing_find(code, reason, &what, why_r))
		return what;
	if (error[0] != '\0' && closing_find(1008, error, &what, why_r))
		return what;
	*why_r = reason[0] != '\0' ? reason : error;
	return CLOSING_RETRY;
}
