/*
 * The broker's rate limit is the member's, over all its sessions.  A worker
 * that meets it reports it; from then on each asks the supervisor before it
 * sends, one send at a time, and gives back what it cannot use.
 */

#include "common/clock.h"
#include "worker/drain_impl.h"

/* Refusals of what was under way already are one refusal. */
void
drain_rate_refused(struct drain *d, int64_t sent_ms, const char *error)
{
	struct msg_rate	r = { .refused = 1 };

	if (d->limited && sent_ms <= d->refused_ms)
		return;
	d->limited = 1;
	d->refused_ms = clock_mono_ms();
	pace_parse(error, &r.per_minute, &r.burst);
	d->rate_cb(d->arg, &r);
}

/* May one be sent?  Asks when not, and when not asked before. */
int
drain_rate_ok(struct drain *d)
{
	struct msg_rate	r = { .due = 1 };

	if (!d->limited || d->credit > 0)
		return 1;
	if (!d->asked && drain_has_head(d)) {
		d->asked = 1;
		d->rate_cb(d->arg, &r);
	}
	return 0;
}

void
drain_rate_sent(struct drain *d)
{
	if (d->credit > 0)
		d->credit--;
}

/* There is nothing to send, or no connection. */
void
drain_rate_give_back(struct drain *d)
{
	struct msg_rate	r = { 0 };

	for (; d->credit > 0; d->credit--)
		d->rate_cb(d->arg, &r);
}

void
drain_pace(struct drain *d, const struct msg_pace *p)
{
	d->limited = p->limited != 0;
	if (!d->limited)
		d->credit = 0;
	else
		d->credit += p->sends;
	if (!d->limited || p->sends > 0)
		d->asked = 0;
	if (!d->open)
		drain_rate_give_back(d);
	drain_kick(d);
}
