/* What the reasons of dead rows mean.  Their codes are the worker's or store's. */

#include "supervisor/gate/reason.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char	*code;
	const char	*words;
} reasons[] = {
	{ "blocked_by_recipient", "The recipient does not take direct messages "
	    "from you: ask them to allow it, then send it again." },
	{ "expired", "It got too old before it could be sent: send it again if "
	    "it still matters." },
	{ "forbidden", "The broker does not allow you to send this: ask who "
	    "runs the mesh." },
	{ "idempotency_key_reused", "The broker has another message of yours "
	    "with this id: send it with a new client_message_id." },
	{ "invalid_schema", "The broker does not take a message of this form: "
	    "look for a newer meshsup, or a newer broker." },
	{ "invalid_target", "There is no such recipient: `meshsup peers` shows "
	    "who is there." },
	{ "mesh_removed", "Its mesh was removed from this host before it "
	    "could be sent: send it again from another mesh." },
	{ "missing_capability", "The broker says that the sender lacks a "
	    "capability: register the session with it, then send it again." },
	{ "payload_too_large", "It is larger than the broker takes: send it in "
	    "parts." },
	{ "sender_ended", "Its session ended before it could be sent: send it "
	    "again from another one." },
	{ "sender_key_changed", "Its session has another key since: send it "
	    "again." },
	{ "unreadable", "Its stored text cannot be opened any more: send it "
	    "again." },
};

json_t *
reason_json(const char *reason)
{
	size_t		 len = strcspn(reason, ":"), i;
	const char	*words = "It was refused for good.";

	for (i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (strlen(reasons[i].code) == len &&
		    strncmp(reasons[i].code, reason, len) == 0)
			words = reasons[i].words;
	return json_sprintf("%s (%s)", words,
	    *reason != '\0' ? reason : "unknown");
}
