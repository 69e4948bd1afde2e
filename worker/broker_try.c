/*
 * What it takes to connect: an address and an attestation, both asked from the
 * supervisor, and the right moment.
 */

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/encode.h"
#include "common/identity.h"
#include "worker/broker_impl.h"
#include "worker/pace.h"

#define CONNECT_MS	10000
#define ASK_AGAIN_MS	15000		/* an unanswered question */
#define RENEW_AGAIN_MS	60000
#define ATTEST_LEFT_MS	60000		/* less is not worth a hello */
#define REPLACED_MS	60000

static void	broker_try(struct broker *);

/* whole: for all of the mesh. */
static void
broker_say(struct broker *b, enum conn_state state, const char *reason,
    int whole)
{
	char	text[REASON_SIZE];

	memset(text, 0, sizeof text);
	memcpy(text, reason, strnlen(reason, sizeof text - 1));
	utf8_trim(text);		/* the broker chose it */
	if (b->state == state && strcmp(b->reason, text) == 0)
		return;
	b->state = state;
	memcpy(b->reason, text, sizeof text);
	b->cbs->state(b->arg, state, text, whole);
}

/* Tell the supervisor, when it is news. */
void
broker_tell(struct broker *b, enum conn_state state, const char *reason)
{
	broker_say(b, state, reason, 0);
}

static void
broker_timer_cb(lws_sorted_usec_list_t *sul)
{
	struct broker	*b = lws_container_of(sul, struct broker, sul);

	if (b->phase == IDLE)
		broker_try(b);
	else if (b->phase == CONNECTING)
		ws_close(b->ws, 0, "no connection within 10 s");
	else if (b->phase == HELLO)
		ws_close(b->ws, 1000, "no answer to the hello within 5 s");
}

void
broker_timer(struct broker *b, int64_t ms)
{
	lws_sul_schedule(b->ctx, 0, &b->sul, broker_timer_cb,
	    ms > 0 ? ms * 1000 : 1);
}

/* Wait, then try. */
void
broker_later(struct broker *b, int64_t ms)
{
	b->phase = IDLE;
	b->not_before = clock_mono_ms() + ms;
	broker_timer(b, ms);
}

/* Ask the supervisor, and again when it does not answer. */
static void
broker_ask(struct broker *b, void (*ask)(void *))
{
	ask(b->arg);
	broker_timer(b, ASK_AGAIN_MS);
}

/*
 * A member needs nobody's word.  One that seems to hold for longer than a
 * broker allows was made before the clock went back.
 */
static int
broker_is_attested(const struct broker *b)
{
	int64_t	left = b->attest.expires_at - clock_wall_ms();

	return b->self->kind == OWNER_MEMBER ||
	    (left >= ATTEST_LEFT_MS && left <= IDENTITY_TTL_MAX_MS);
}

static void
broker_try(struct broker *b)
{
	int64_t	left;

	if (b->phase != IDLE || !ws_is_down(b->ws))
		return;
	if ((left = b->not_before - clock_mono_ms()) > 0) {
		broker_timer(b, left);
		return;
	}
	if (!broker_is_attested(b)) {
		broker_ask(b, b->cbs->need_attest);
		return;
	}
	if (b->next >= b->naddrs) {
		b->naddrs = 0;
		broker_ask(b, b->cbs->need_address);
		return;
	}
	b->phase = CONNECTING;
	b->hello_sent = b->pushed = b->dropped = 0;
	b->error[0] = '\0';
	broker_timer(b, CONNECT_MS);
	ws_connect(b->ws, b->addrs[b->next++], b->port);
}

/* ---- what comes from the supervisor ---- */

void
broker_address(struct broker *b, const struct msg_address *a)
{
	char	why[REASON_SIZE + 16];

	if (b->phase != IDLE)
		return;			/* nobody asked any more */
	b->next = 0;
	b->naddrs = address_list(a->addrs, b->addrs);
	b->port = a->port;
	if (b->naddrs > 0) {
		broker_try(b);
		return;
	}
	snprintf(why, sizeof why, "no address: %s", a->error);
	broker_tell(b, CONN_RECONNECTING, why);
	broker_later(b, pace_connect(b->tries++, randombytes_random()));
}

static void	broker_renew_wait(struct broker *);

static void
broker_renew_cb(lws_sorted_usec_list_t *sul)
{
	struct broker	*b = lws_container_of(sul, struct broker, sul_renew);
	int64_t		 now = clock_wall_ms();

	if (now >= b->renew_at || !broker_is_attested(b)) {
		b->cbs->need_attest(b->arg);
		b->renew_at = now + RENEW_AGAIN_MS;
	}
	broker_renew_wait(b);
}

/* By the wall clock, which goes on while the host sleeps. */
static void
broker_renew_wait(struct broker *b)
{
	int64_t	left = b->renew_at - clock_wall_ms(), look = clock_look_ms();

	lws_sul_schedule(b->ctx, 0, &b->sul_renew, broker_renew_cb,
	    (left <= 0 ? 1 : left < look ? left : look) * 1000);
}

/* Renew it at half-life. */
static void
broker_keep(struct broker *b, const struct attestation *a)
{
	int64_t	now = clock_wall_ms(), left = a->expires_at - now;

	b->attest = *a;
	b->renew_at = now +
	    (left < 2 * RENEW_AGAIN_MS ? RENEW_AGAIN_MS : left / 2);
	broker_renew_wait(b);
}

void
broker_attestation(struct broker *b, const struct attestation *a)
{
	if (b->phase == PARKED || b->phase == STOPPED)
		return;
	broker_keep(b, a);
	if (broker_is_attested(b))	/* else the question is repeated */
		broker_try(b);
}

void
broker_start(struct broker *b)
{
	struct attestation	a;

	if (b->self->attest_expires_at != 0) {	/* brought by the client */
		a.expires_at = b->self->attest_expires_at;
		memcpy(a.sig, b->self->attest_sig, sizeof a.sig);
		broker_keep(b, &a);
	}
	if (b->self->parked) {
		broker_rest(b);
		b->state = CONN_PARKED;	/* as the supervisor knows */
		return;
	}
	broker_tell(b, CONN_CONNECTING, "");
	broker_try(b);
}

void
broker_resume(struct broker *b)
{
	struct attestation	a = b->attest;

	if (b->phase != PARKED)
		return;
	b->phase = IDLE;
	b->tries = b->next = b->naddrs = 0;
	b->renewed = 0;
	b->not_before = 0;
	memset(b->replaced, 0, sizeof b->replaced);
	if (a.expires_at != 0)
		broker_keep(b, &a);
	broker_tell(b, CONN_CONNECTING, "");
	broker_try(b);			/* or when its old socket is closed */
}

/* ---- what an end means ---- */

/* Were there three session_replaced within a minute? */
static int
broker_replaced(struct broker *b)
{
	int64_t	now = clock_mono_ms();

	memmove(b->replaced + 1, b->replaced,
	    sizeof b->replaced - sizeof b->replaced[0]);
	b->replaced[0] = now;
	return b->replaced[REPLACED_MAX - 1] != 0 &&
	    now - b->replaced[REPLACED_MAX - 1] <= REPLACED_MS;
}

void
broker_rest(struct broker *b)
{
	b->phase = PARKED;
	lws_sul_cancel(&b->sul);
	lws_sul_cancel(&b->sul_renew);
}

static void
broker_give_up(struct broker *b, const char *why, int whole)
{
	log_warnx("broker: parked: %s", why);
	b->attest.expires_at = 0;	/* it may have been that */
	broker_rest(b);
	broker_say(b, CONN_PARKED, why, whole);
}

/* Come back as the table says. */
void
broker_after(struct broker *b, enum closing what, const char *why)
{
	uint32_t	rnd = randombytes_random();

	switch (what) {
	case CLOSING_PARK:
	case CLOSING_BAN:
		broker_give_up(b, why, what == CLOSING_BAN);
		return;
	case CLOSING_REPLACED:
		if (broker_replaced(b)) {
			broker_give_up(b, "session_id_in_use", 0);
			return;
		}
		break;
	case CLOSING_RENEW:
		b->attest.expires_at = 0;
		if (!b->renewed) {
			b->renewed = 1;
			b->next = 0;
			broker_later(b, 0);
			return;
		}
		break;
	case CLOSING_LONG:
		log_warnx("broker: refused: %s; tried again in about a minute",
		    why);
		b->next = 0;
		broker_later(b, pace_jitter(PACE_LONG_MS, rnd));
		return;
	case CLOSING_RETRY:
	case CLOSING_TOO_BIG:
		break;
	}
	b->next = 0;
	broker_later(b, pace_connect(b->tries++, rnd));
}
