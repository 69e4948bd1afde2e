/*
 * What a broker's refusal of a send means.  Deployed brokers answer in
 * sentences, the embedded one begins with a word; both are told by their
 * beginning.  What is not listed is tried again: a message is not thrown away
 * for an error that nobody here has heard of.
 */

#include "worker/verdict.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char	*begins;
	enum verdict	 verdict;
	const char	*code;
} verdicts[] = {
	{ "no connected peer", VERDICT_ABSENT, NULL },
	{ "recipient not connected", VERDICT_ABSENT, NULL },
	{ "not_connected", VERDICT_ABSENT, NULL },
	{ "rate_limit", VERDICT_RATE, NULL },
	{ "out_of_order", VERDICT_ORDER, NULL },

	{ "payload too large", VERDICT_DEAD, "payload_too_large" },
	{ "payload_too_large", VERDICT_DEAD, "payload_too_large" },
	{ "blocked by recipient", VERDICT_DEAD, "blocked_by_recipient" },
	{ "blocked_by_recipient", VERDICT_DEAD, "blocked_by_recipient" },
	{ "forbidden", VERDICT_DEAD, "forbidden" },
	{ "missing capability", VERDICT_DEAD, "missing_capability" },
	{ "missing_capability", VERDICT_DEAD, "missing_capability" },
	{ "invalid target", VERDICT_DEAD, "invalid_target" },
	{ "invalid_target", VERDICT_DEAD, "invalid_target" },
	{ "invalid schema", VERDICT_DEAD, "invalid_schema" },
	{ "invalid_schema", VERDICT_DEAD, "invalid_schema" },
	{ "idempotency_key_reused", VERDICT_DEAD, "idempotency_key_reused" },
};

enum verdict
verdict_of(const char *error, const char **code_r)
{
	size_t	i;

	for (i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++) {
		if (strncasecmp(error, verdicts[i].begins,
		    strlen(verdicts[i].begins)) == 0) {
			*code_r = verdicts[i].code;
			return verdicts[i].verdict;
		}
	}
	*code_r = NULL;
	return VERDICT_LATER;
}
