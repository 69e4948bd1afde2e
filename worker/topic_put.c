/* A message of a topic's history becomes a row, as a push does. */

#include <string.h>

#include "common/clock.h"
#include "worker/inbound.h"
#include "worker/topics_impl.h"

#define MALFORMED_MS	60000

/* One line a minute is enough to know of it. */
void
topic_malformed(struct topics *ts)
{
	int64_t	now = clock_mono_ms();

	ts->malformed++;
	if (ts->malformed_ms != 0 && now - ts->malformed_ms < MALFORMED_MS)
		return;
	log_warnx("topic %s: %u malformed messages are left out",
	    ts->topic->row.name, ts->malformed);
	ts->malformed = 0;
	ts->malformed_ms = now;
}

/*
 * As a push, but for what a history calls otherwise, and for whoever would
 * have to acknowledge it.  -1: what a message cannot be without is missing.
 */
static int
message_parse(const struct topics *ts, struct push *p, const json_t *o)
{
	struct frame	 f = { .json = (json_t *)(uintptr_t)o };
	char		 member[IDENTITY_ID_MAX + 1];

	if (push_parse(p, &f, clock_wall_ms()) == -1)
		return -1;
	if (p->system) {
		push_clear(p);
		return -1;
	}
	if (p->message_id[0] == '\0')
		(void)frame_string(o, "id", p->message_id,
		    sizeof p->message_id);
	if (p->sender_member[0] == '\0' && frame_string(o, "senderMemberId",
	    member, sizeof member) == 1 &&
	    strcmp(member, ts->self->member_id) == 0)
		memcpy(p->sender_member, ts->self->member_pub_hex,
		    sizeof p->sender_member);
	p->has_topic = 1;
	memcpy(p->topic, ts->topic->row.name, sizeof p->topic);
	p->history = 1;
	return 0;
}

int
topic_put(struct topics *ts, const json_t *o)
{
	struct push	p;
	int		ret = 0;

	if (message_parse(ts, &p, o) == -1) {
		topic_malformed(ts);
		return 0;
	}
	if (p.created_at >= ts->topic->floor)
		ret = inbound_push(ts->self, ts->puts, &p);
	push_clear(&p);
	return ret;
}
