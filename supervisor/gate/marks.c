/* Marking as seen: one call to the store for each reader, one answer. */

#include "supervisor/gate/marks.h"

#include <stdlib.h>
#include <string.h>

#include "common/msg.h"
#include "common/xalloc.h"
#include "supervisor/gate/call.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"

struct marks {
	json_t		*answer;
	struct msg_seen	**asks;
	size_t		 n;
	size_t		 waiting;
	int64_t		 marked;
};

struct marks *
marks_new(json_t *answer)
{
	struct marks	*k = xcalloc(1, sizeof *k);

	k->answer = answer;
	return k;
}

void
marks_free(void *arg)
{
	struct marks	*k = arg;
	size_t		 i;

	for (i = 0; i < k->n; i++)
		free(k->asks[i]);
	free(k->asks);
	json_decref(k->answer);
	free(k);
}

static struct msg_seen *
marks_of(struct marks *k, const uint8_t *reader)
{
	struct msg_seen	*ask;
	size_t		 i;

	for (i = 0; i < k->n; i++)
		if (memcmp(k->asks[i]->reader, reader, OWNER_ID_LEN) == 0)
			return k->asks[i];
	ask = xcalloc(1, sizeof *ask);
	memcpy(ask->reader, reader, OWNER_ID_LEN);
	k->asks = xreallocarray(k->asks, k->n + 1, sizeof *k->asks);
	k->asks[k->n++] = ask;
	return ask;
}

int
marks_add(struct marks *k, const uint8_t *reader, int64_t seq)
{
	struct msg_seen	*ask = marks_of(k, reader);

	if (ask->rows.n == MSG_SEEN_MAX)
		return -1;
	ask->rows.v[ask->rows.n++] = (uint64_t)seq;
	return 0;
}

static void
marks_done(struct request *r, struct marks *k)
{
	json_object_set_new(k->answer, "marked_seen",
	    json_integer(k->marked));
	reply_json(r, 200, json_incref(k->answer));
}

static void
seen_cb(struct request *r, void *arg, enum call_end how,
    const void *body)
{
	const struct msg_count	*a = body;
	struct marks		*k = r->state;

	(void)arg;
	if (r->answered)		/* another reader's has failed */
		return;
	if (how != CALL_ANSWERED)
		reply_unanswered(r, how == CALL_TIMEOUT, "store");
	else if (a->result == ACCEPT_FULL)
		reply_error(r, 507, "disk_full", "Nothing can be marked as "
		    "seen: free some room, or add mark_seen=false.");
	else if (a->result != ACCEPT_NEW)
		reply_error(r, 503, "store_busy", "The store cannot write "
		    "now: try again in a moment, or add mark_seen=false.");
	else {
		k->marked += a->count;
		if (--k->waiting == 0)
			marks_done(r, k);
	}
}

void
marks_send(struct request *r, struct marks *k)
{
	struct msg_seen	*ask;

	request_keep(r, k, marks_free);
	while (k->n > 0) {
		ask = k->asks[--k->n];
		k->waiting++;
		if (call_store(r, MSG_GATE_SEEN, ask, sizeof *ask, NULL, 0,
		    MSG_STORE_SEEN, seen_cb) == -1) {
			reply_error(r, 503, "store_busy", "The store has too "
			    "much to do: try again in a moment.");
			return;
		}
	}
	if (k->waiting == 0)
		marks_done(r, k);
}
