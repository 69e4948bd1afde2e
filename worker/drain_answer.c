/* What became of what was sent. */

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/encode.h"
#include "worker/drain_impl.h"
#include "worker/verdict.h"

#define FRUITLESS_MAX	3
#define CLOSE_TOO_BIG	1009
#define TOO_LARGE	"payload_too_large: the broker closed the " \
			"connection over it"

/* Tell the store about a row. */
static void
drain_report(struct drain *d, int64_t row, enum row_state state,
    int64_t attempts, int64_t delay_ms, const char *broker_id,
    const char *reason, struct target *ended)
{
	struct msg_progress	p = { 0 };

	p.row = row;
	p.state = state;
	p.attempts = attempts;
	if (delay_ms > 0)
		p.next_attempt_at = clock_wall_ms() + delay_ms;
	strncpy(p.broker_id, broker_id, sizeof p.broker_id - 1);
	memcpy(p.reason, reason, strnlen(reason, sizeof p.reason - 1));
	utf8_trim(p.reason);		/* a broker's words, and cut */
	report_row(d->report, &p, ended);
}

/* Done or dead; it is not read again, whether the file says so yet or not. */
void
drain_row_ended(struct drain *d, struct target *t, int64_t row,
    enum row_state state, int64_t attempts, const char *broker_id,
    const char *reason)
{
	if (state == ROW_DEAD)
		log_info("row %lld: dead: %s", (long long)row, reason);
	t->nended++;
	if (t->retry_row == row)
		t->retry_row = t->retry_attempts = 0;
	drain_report(d, row, state, attempts, 0, broker_id, reason, t);
	targets_update(&d->targets, t, clock_mono_ms());
}

/* It leaves the window; later rows of its target must not overtake it. */
static void
drain_unwind(struct drain *d, struct slot *s)
{
	struct target	*t = s->target;

	t->nwin--;
	t->more = 1;
	if (t->cursor >= s->row)
		t->cursor = s->row - 1;
	t->blocked = t->nwin > 0;
	window_remove(&d->window, &s);
}

/* Again after delay_ms. */
static void
drain_again(struct drain *d, struct slot *s, int64_t attempts,
    int64_t delay_ms, enum target_wait wait, const char *reason)
{
	struct target	*t = s->target;
	int64_t		 now = clock_mono_ms(), row = s->row;

	t->retry_row = row;
	t->retry_attempts = attempts;
	t->due_ms = delay_ms > 0 ? now + delay_ms : 0;
	t->wait = wait;
	drain_unwind(d, s);
	drain_report(d, row, ROW_PENDING, attempts, delay_ms, "", reason,
	    NULL);
	targets_update(&d->targets, t, now);
}

/* Will never be taken. */
static void
drain_dies(struct drain *d, struct slot *s, const char *reason)
{
	struct target	*t = s->target;
	int64_t		 row = s->row, attempts = s->attempts + 1;

	drain_unwind(d, s);
	drain_row_ended(d, t, row, ROW_DEAD, attempts, "", reason);
}

/*
 * Refused because an earlier one was: no attempt of its own, it follows when
 * that one has gone.  When none was earlier, the broker is confused.
 */
static void
drain_follows(struct drain *d, struct slot *s, const char *error)
{
	struct target	*t = s->target;
	int64_t		 row = s->row, attempts = s->attempts;
	int		 reported = s->reported;

	if (s->first) {
		drain_again(d, s, attempts + 1, pace_row(attempts,
		    PACE_ROW_MAX_MS, randombytes_random()), WAIT_TIME, error);
		return;
	}
	drain_unwind(d, s);
	if (reported)
		drain_report(d, row, ROW_PENDING, attempts, 0, "", error,
		    NULL);
	targets_update(&d->targets, t, clock_mono_ms());
}

/* It waits for its recipient, unless that came while it was under way. */
static void
drain_absent(struct drain *d, struct slot *s, const char *error)
{
	int64_t	delay;

	delay = s->seen ? 0 : pace_row(s->attempts, PACE_ABSENT_MAX_MS,
	    randombytes_random());
	drain_again(d, s, s->attempts + 1, delay, WAIT_PEER, error);
}

static void
drain_refused(struct drain *d, struct slot *s, const char *error)
{
	const char	*code;
	char		 reason[REASON_SIZE];

	drain_unsuspect(d, s->target);
	switch (verdict_of(error, &code)) {
	case VERDICT_RATE:
		drain_rate_refused(d, s->sent_ms, error);
		drain_again(d, s, s->attempts, 0, WAIT_TIME, error);
		return;
	case VERDICT_ORDER:
		drain_follows(d, s, error);
		return;
	case VERDICT_DEAD:
		if (strncmp(error, code, strlen(code)) == 0)
			snprintf(reason, sizeof reason, "%s", error);
		else
			snprintf(reason, sizeof reason, "%s: %.*s", code,
			    (int)(REASON_SIZE - 64), error);
		drain_dies(d, s, reason);
		return;
	case VERDICT_ABSENT:
		drain_absent(d, s, error);
		return;
	case VERDICT_LATER:
		break;
	}
	drain_again(d, s, s->attempts + 1, pace_row(s->attempts,
	    PACE_ROW_MAX_MS, randombytes_random()), WAIT_TIME, error);
}

int
drain_answer(struct drain *d, const struct frame_ack *a)
{
	struct slot	*s = window_find(&d->window, a->id);
	struct target	*t;
	int64_t		 row, attempts;

	if (s == NULL)
		return 0;
	d->fruitless = 0;
	if (!a->queued)
		drain_refused(d, s, a->error);
	else {
		t = s->target;
		row = s->row;
		attempts = s->attempts + 1;
		t->nwin--;
		window_remove(&d->window, &s);
		if (t->suspect != 0 && row >= t->suspect)
			drain_unsuspect(d, t);
		drain_row_ended(d, t, row, ROW_DONE, attempts, a->message_id,
		    "");
	}
	drain_kick(d);
	return 1;
}

/* Answers that do not come, and rows that people may want to see waiting. */
void
drain_check_window(struct drain *d, int64_t now)
{
	struct slot	*s, *next;

	for (s = TAILQ_FIRST(&d->window.slots); s != NULL; s = next) {
		next = TAILQ_NEXT(s, entry);
		if (now - s->sent_ms < INFLIGHT_MS)
			break;
		if (now - s->sent_ms >= ACK_TIMEOUT_MS) {
			drain_unsuspect(d, s->target);
			drain_again(d, s, s->attempts + 1,
			    pace_row(s->attempts, PACE_ROW_MAX_MS,
			    randombytes_random()), WAIT_TIME,
			    "no acknowledgement within 15 s");
		} else if (!s->reported) {
			s->reported = 1;
			drain_report(d, s->row, ROW_INFLIGHT,
			    s->attempts + 1, 0, "", "", NULL);
		}
	}
}

/* From now on one at a time, until each of these was answered. */
static void
drain_suspect_all(struct drain *d)
{
	struct slot	*s;

	TAILQ_FOREACH(s, &d->window.slots, entry) {
		if (s->target->suspect == 0)
			d->nsuspect++;
		if (s->target->suspect < s->row)
			s->target->suspect = s->row;
	}
}

/*
 * A connection ended with rows under way: they are due on the next one.  When
 * it broke over a frame and only one was under way, that was the one.
 */
void
drain_closed(struct drain *d, int code)
{
	struct slot	*s;
	int64_t		 delay = 0;

	d->open = 0;
	drain_rate_give_back(d);
	if (d->window.n == 0)
		return;
	d->fruitless++;
	s = TAILQ_FIRST(&d->window.slots);
	if (d->window.n > 1 &&
	    (code == CLOSE_TOO_BIG || d->fruitless >= FRUITLESS_MAX))
		drain_suspect_all(d);
	else if (d->window.n == 1 && code == CLOSE_TOO_BIG) {
		drain_unsuspect(d, s->target);
		drain_dies(d, s, TOO_LARGE);
	} else if (d->window.n == 1 && d->fruitless >= FRUITLESS_MAX) {
		drain_unsuspect(d, s->target);
		delay = pace_row(s->attempts, PACE_ROW_MAX_MS,
		    randombytes_random());
	}
	/* Newest first, so that what a target retries is its oldest. */
	while ((s = TAILQ_LAST(&d->window.slots, slots)) != NULL)
		drain_again(d, s, s->attempts + 1, delay, WAIT_TIME,
		    "connection lost");
	drain_kick(d);
}
