/*
 * worker/drain against a database, a broker, a store and a clock that are all
 * made of a few arrays here: delivery.md section 4, sentence by sentence.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/encode.h"
#include "worker/drain_impl.h"
#include "worker/secret.h"
#include "fake_time.h"

#define MAX_ROWS	400
#define MAX_SENT	4000
#define WALL		FAKE_WALL
#define ABSENT		"no connected peer for target (not online)"

/* ---- the database ---- */

static struct row {
	char		 target[TARGET_SIZE];
	enum row_state	 state;
	int		 held;
	int64_t		 attempts, next_attempt_at;
	char		 last_error[REASON_SIZE];
	size_t		 size;		/* of the body */
} rows[MAX_ROWS + 1];			/* by sequence, from 1 */
static int64_t	nrows;
static int	db_broken;

static int
row_open(const struct row *r)
{
	return r->state <= ROW_INFLIGHT;
}

const char *
row_priority_name(enum row_priority p)
{
	(void)p;
	return "next";
}

void
out_row_clear(struct out_row *o)
{
	free(o->body);
	memset(o, 0, sizeof *o);
}

void
out_row_context(const struct out_row *o, struct body_context *ctx,
    char sender_hex[HEX_KEY_SIZE])
{
	(void)o;
	(void)ctx;
	(void)sender_hex;
}

int
rows_target_next(struct rows *r, const uint8_t owner[OWNER_ID_LEN],
    const char *after, char target_r[TARGET_SIZE])
{
	const char	*best = NULL;
	int64_t		 i;

	(void)r;
	(void)owner;
	if (db_broken)
		return -1;
	for (i = 1; i <= nrows; i++)
		if (row_open(&rows[i]) && !rows[i].held &&
		    strcmp(rows[i].target, after) > 0 &&
		    (best == NULL || strcmp(rows[i].target, best) < 0))
			best = rows[i].target;
	if (best != NULL)
		strcpy(target_r, best);
	return best != NULL;
}

int
rows_target_row(struct rows *r, const uint8_t owner[OWNER_ID_LEN],
    const char *target, int64_t after, struct out_row *o)
{
	int64_t	i;

	(void)r;
	(void)owner;
	if (db_broken)
		return -1;
	for (i = after + 1; i <= nrows; i++) {
		if (!row_open(&rows[i]) || rows[i].held ||
		    strcmp(rows[i].target, target) != 0)
			continue;
		memset(o, 0, sizeof *o);
		o->seq = i;
		snprintf(o->client_id, sizeof o->client_id, "c%lld",
		    (long long)i);
		strcpy(o->target, target);
		o->attempts = rows[i].attempts;
		o->next_attempt_at = rows[i].next_attempt_at;
		strcpy(o->last_error, rows[i].last_error);
		o->bodylen = rows[i].size;
		o->body = calloc(1, o->bodylen + 1);
		return 1;
	}
	return 0;
}

int
rows_new_since(struct rows *r, const uint8_t owner[OWNER_ID_LEN],
    int64_t *after, int limit,
    void (*cb)(void *arg, int64_t seq, const char *target), void *arg)
{
	int	n = 0;

	(void)r;
	(void)owner;
	if (db_broken)
		return -1;
	while (*after < nrows && n < limit) {
		++*after;
		if (row_open(&rows[*after]) && !rows[*after].held) {
			cb(arg, *after, rows[*after].target);
			n++;
		}
	}
	return n;
}

int
rows_has_open(struct rows *r, const uint8_t owner[OWNER_ID_LEN])
{
	int64_t	i;

	(void)r;
	(void)owner;
	for (i = 1; i <= nrows; i++)
		if (row_open(&rows[i]))
			return 1;
	return 0;
}

/* ---- the keys ---- */

int
secret_body_open(const struct secret *s, const struct body_context *ctx,
    const uint8_t *sealed, size_t len, uint8_t **buf_r, size_t *buflen_r,
    const char **text_r, size_t *textlen_r)
{
	(void)s;
	(void)ctx;
	*buf_r = malloc(len + 1);
	memcpy(*buf_r, sealed, len);
	*buflen_r = *textlen_r = len;
	*text_r = (const char *)*buf_r;
	return 0;
}

int
secret_seal(struct secret *s, uint8_t *out,
    const uint8_t peer[KEY_PUBLIC_LEN],
    const uint8_t nonce[ENVELOPE_NONCE_LEN], const void *text, size_t len)
{
	(void)s;
	(void)nonce;
	memset(out, 0, len + ENVELOPE_MAC_LEN);
	memcpy(out, text, len);
	return peer[0] == 0xff ? -1 : 0;
}

/* ---- the broker ---- */

static struct sent {
	int64_t	row;
	int	first;
	char	*frame;
} sent[MAX_SENT];
static int		nsent;
static int		want_write, room;
static struct outbuf	out;

struct outbuf *
broker_out(struct broker *b)
{
	(void)b;
	return &out;
}

void
broker_want_write(struct broker *b)
{
	(void)b;
	want_write = 1;
}

int
broker_write(struct broker *b)
{
	struct sent	*s = &sent[nsent];

	(void)b;
	assert_in_range(nsent, 0, MAX_SENT - 1);
	s->frame = strndup((char *)outbuf_data(&out), out.len);
	assert_int_equal(sscanf(s->frame,
	    "{\"type\":\"send\",\"id\":\"c%ld", &s->row), 1);
	s->first = strstr(s->frame, "\"first\":true") != NULL;
	nsent++;
	return --room > 0 ? 0 : 1;
}

/* ---- the store ---- */

static int	store_mute;		/* it records nothing */
static int	nprogress;
static struct {
	uint32_t		 seq;
	struct msg_progress	 p;
} progress[MAX_SENT * 4];

static struct drain	*d;
static struct peer	*store_a = (struct peer *)0x10;
static struct peer	*store_b = (struct peer *)0x20;
static int		 told;		/* progress that was looked at */

int
peer_send(struct peer *p, enum msg_type type, uint32_t seq, const void *body)
{
	(void)p;
	assert_int_equal(type, MSG_WRK_PROGRESS);
	progress[nprogress].seq = seq;
	progress[nprogress].p = *(const struct msg_progress *)body;
	nprogress++;
	return 0;
}

/* Apply what was told, and answer it. */
static void
store_records(void)
{
	struct msg_recorded	 rec;
	struct msg_progress	*p;
	struct row		*r;

	for (; told < nprogress && !store_mute; told++) {
		p = &progress[told].p;
		r = &rows[p->row];
		memset(&rec, 0, sizeof rec);
		rec.row = p->row;
		if (row_open(r)) {
			r->state = (enum row_state)p->state;
			r->attempts = p->attempts;
			r->next_attempt_at = p->next_attempt_at;
			strcpy(r->last_error, p->reason);
		}
		rec.state = r->state;
		drain_recorded(d, progress[told].seq, &rec);
	}
}

/* ---- the supervisor ---- */

static struct msg_rate	rates[100];
static int		nrates;

static void
rate_cb(void *arg, const struct msg_rate *r)
{
	(void)arg;
	assert_in_range(nrates, 0, 99);
	rates[nrates++] = *r;
}

/* ---- what tests do ---- */

static void
pump(void)
{
	do {
		store_records();
		if (!want_write || room <= 0)
			break;
		want_write = 0;
		drain_fill(d);
	} while (want_write);
	store_records();
}

static void
advance(int64_t ms)
{
	fake_time_advance(ms, pump);
}

static int64_t
add(const char *target)
{
	struct row	*r = &rows[++nrows];

	assert_in_range(nrows, 1, MAX_ROWS);
	memset(r, 0, sizeof *r);
	strcpy(r->target, target);
	r->size = 10;
	return nrows;
}

static const char *
key(int n)
{
	static char	 hex[8][HEX_KEY_SIZE];
	static int	 i;

	i = (i + 1) % 8;
	snprintf(hex[i], sizeof hex[i], "%064x", n);
	return hex[i];
}

static void
start(int ordered)
{
	drain_store(d, store_a);
	drain_wake(d);
	drain_open(d, ordered);
	pump();
}

static void
wake(void)
{
	drain_wake(d);
	pump();
}

static void
answer(int64_t row, const char *error)
{
	struct frame_ack	a;

	memset(&a, 0, sizeof a);
	snprintf(a.id, sizeof a.id, "c%lld", (long long)row);
	if (error == NULL) {
		a.queued = 1;
		snprintf(a.message_id, sizeof a.message_id, "m%lld",
		    (long long)row);
	} else
		strcpy(a.error, error);
	drain_answer(d, &a);
	pump();
}

static void
answer_all(void)
{
	int	i;

	for (i = 0; i < nsent; i++)
		answer(sent[i].row, NULL);
}

/* The rows sent since the n-th, as "1 2 3 ". */
static const char *
since(int n)
{
	static char	text[4000];
	size_t		len = 0;

	text[0] = '\0';
	for (; n < nsent; n++)
		len += (size_t)snprintf(text + len, sizeof text - len,
		    "%lld ", (long long)sent[n].row);
	return text;
}

static struct self	self;

static int
setup(void **state)
{
	(void)state;
	memset(rows, 0, sizeof rows);
	fake_time_reset();
	nrows = nsent = nprogress = told = nrates = 0;
	want_write = store_mute = db_broken = 0;
	room = 1000000;
	outbuf_init(&out);
	d = drain_new(NULL, &self, NULL, NULL, rate_cb, NULL);
	return 0;
}

static int
teardown(void **state)
{
	int	i;

	(void)state;
	drain_free(&d);
	outbuf_clear(&out);
	for (i = 0; i < nsent; i++)
		free(sent[i].frame);
	return 0;
}

/* ---- tests ---- */

static void
one_per_target_round_robin(void **state)
{
	(void)state;
	add("a"), add("a"), add("b"), add("a"), add("c");
	start(0);
	assert_string_equal(since(0), "1 3 5 ");
	assert_false(sent[0].first);	/* only where it means something */
	answer(1, NULL);
	assert_string_equal(since(3), "2 ");
	answer(3, NULL);
	answer(5, NULL);
	answer(2, NULL);
	assert_string_equal(since(4), "4 ");
	answer(4, NULL);
	assert_true(drain_is_dry(d));
	assert_int_equal(nsent, 5);
}

static void
the_window_holds_64(void **state)
{
	int	i;

	(void)state;
	for (i = 0; i < 100; i++)
		add(key(i));
	start(0);
	assert_int_equal(nsent, 64);
	answer(sent[10].row, NULL);
	assert_int_equal(nsent, 65);
	answer_all();
	answer_all();
	assert_int_equal(nsent, 100);
	assert_true(drain_is_dry(d));
}

static void
an_ordered_broker_lets_one_target_fill_it(void **state)
{
	int	i;

	(void)state;
	for (i = 0; i < 100; i++)
		add("a");
	start(1);
	assert_int_equal(nsent, 64);
	for (i = 0; i < 64; i++) {
		assert_int_equal(sent[i].row, i + 1);
		assert_int_equal(sent[i].first, i == 0);
	}
	for (i = 1; i <= 100; i++)
		answer(i, NULL);
	assert_int_equal(nsent, 100);
	for (i = 64; i < 100; i++)
		assert_false(sent[i].first);
	assert_true(drain_is_dry(d));
}

static void
a_choked_pipe_stops_and_goes_on(void **state)
{
	int	i;

	(void)state;
	for (i = 0; i < 10; i++)
		add(key(i));
	room = 3;
	start(0);
	assert_int_equal(nsent, 3);
	assert_true(want_write);
	room = 100;
	pump();
	assert_int_equal(nsent, 10);
}

static void
what_is_done_is_not_sent_before_the_file_says_so(void **state)
{
	(void)state;
	add("a"), add("a"), add("a");
	store_mute = 1;
	start(1);
	answer(1, NULL);
	answer(2, NULL);
	drain_closed(d, 0);
	drain_open(d, 1);
	pump();
	assert_string_equal(since(3), "3 ");	/* 1, 2: open in the file */
	assert_false(drain_is_dry(d));
	/* A new channel gets everything again, once. */
	told = nprogress;
	drain_store(d, NULL);
	drain_store(d, store_b);
	assert_int_equal(nprogress - told, 3);
	store_mute = 0;
	advance(10);
	assert_string_equal(since(4), "");
	answer(3, NULL);
	assert_true(drain_is_dry(d));
	assert_int_equal(rows[2].state, ROW_DONE);
}

static void
a_refusal_delays_only_its_target(void **state)
{
	(void)state;
	add("a"), add("a"), add("b");
	start(0);
	answer(1, "the moon is in the wrong house");
	assert_int_equal(rows[1].state, ROW_PENDING);
	assert_int_equal(rows[1].attempts, 1);
	assert_in_range(rows[1].next_attempt_at - WALL - fake_us / 1000, 400,
	    600);
	answer(3, NULL);
	advance(399);
	assert_string_equal(since(2), "");
	advance(202);
	assert_string_equal(since(2), "1 ");
	assert_string_equal(sent[0].frame, sent[2].frame);
	answer(1, "still");
	assert_int_equal(rows[1].attempts, 2);
	advance(799);
	assert_string_equal(since(3), "");
	advance(402);
	assert_string_equal(since(3), "1 ");
	answer(1, NULL);
	assert_string_equal(since(4), "2 ");
	assert_int_equal(rows[1].state, ROW_DONE);
	assert_int_equal(rows[1].attempts, 3);
}

static void
in_order_all_go_back_to_the_refused_one(void **state)
{
	int	i;

	(void)state;
	for (i = 0; i < 5; i++)
		add("a");
	add("b");
	start(1);
	assert_string_equal(since(0), "1 6 2 3 4 5 ");
	answer(1, NULL);
	answer(2, "hiccup");
	answer(3, "out_of_order");
	answer(4, "out_of_order");
	advance(1000);
	assert_string_equal(since(6), "");	/* 5 is still unanswered */
	answer(5, "out_of_order");
	advance(1);
	assert_string_equal(since(6), "2 3 4 5 ");
	assert_true(sent[6].first);
	assert_false(sent[7].first);
	assert_int_equal(rows[2].attempts, 1);
	assert_int_equal(rows[3].attempts, 0);	/* no attempt of its own */
	for (i = 2; i <= 6; i++)
		answer(i, NULL);
	assert_true(drain_is_dry(d));
}

/* Also when the file says already that it is on its way. */
static void
in_order_what_only_follows_makes_no_attempt(void **state)
{
	(void)state;
	add("a"), add("a");
	start(1);
	advance(500);
	assert_int_equal(rows[2].state, ROW_INFLIGHT);
	answer(1, "hiccup");
	answer(2, "out_of_order");
	assert_int_equal(rows[1].attempts, 1);
	assert_int_equal(rows[2].state, ROW_PENDING);
	assert_int_equal(rows[2].attempts, 0);
	advance(1000);
	assert_string_equal(since(2), "1 2 ");
	answer(1, NULL);
	answer(2, NULL);
	assert_int_equal(rows[1].attempts, 2);
	assert_int_equal(rows[2].attempts, 1);
	assert_true(drain_is_dry(d));
}

static void
in_order_a_dead_row_is_stepped_over(void **state)
{
	(void)state;
	add("a"), add("a"), add("a");
	start(1);
	answer(1, "payload too large: 99999 bytes");
	assert_int_equal(rows[1].state, ROW_DEAD);
	assert_string_equal(rows[1].last_error,
	    "payload_too_large: payload too large: 99999 bytes");
	answer(2, "out_of_order");
	assert_string_equal(since(3), "");
	answer(3, "out_of_order");
	assert_string_equal(since(3), "2 3 ");
	assert_true(sent[3].first);
	answer(2, NULL);
	answer(3, NULL);
	assert_true(drain_is_dry(d));
}

/* The store drops who sends it half a character. */
static void
a_long_reason_ends_between_characters(void **state)
{
	char	error[REASON_SIZE];
	int	i;

	(void)state;
	for (i = 0; i < 4; i++)
		add("a");
	start(1);
	for (i = 0; i < 4; i++) {
		snprintf(error, sizeof error, "payload too large: %.*s", i,
		    "xxx");
		while (strlen(error) + 4 < sizeof error)
			strcat(error, "\xf0\x9f\x99\x82");
		answer(i + 1, error);
		assert_int_equal(rows[i + 1].state, ROW_DEAD);
		assert_true(utf8_valid(rows[i + 1].last_error,
		    strlen(rows[i + 1].last_error), 1));
		assert_true(strlen(rows[i + 1].last_error) > 150);
	}
}

static void
out_of_order_without_a_reason_backs_off(void **state)
{
	(void)state;
	add("a");
	start(1);
	answer(1, "out_of_order");
	assert_int_equal(nsent, 1);
	assert_int_equal(rows[1].attempts, 1);
	advance(700);
	assert_int_equal(nsent, 2);
}

static void
an_absent_recipient_waits_until_it_comes(void **state)
{
	char	name[HEX_KEY_SIZE];

	(void)state;
	strcpy(name, key(7));
	add(name);
	rows[1].attempts = 20;
	start(0);
	answer(1, ABSENT);
	assert_int_equal(rows[1].attempts, 21);
	assert_in_range(rows[1].next_attempt_at - WALL - fake_us / 1000,
	    240000, 360000);
	advance(60000);
	assert_int_equal(nsent, 1);
	drain_peer_seen(d, key(8));
	assert_int_equal(nsent, 1);
	drain_peer_seen(d, name);
	pump();
	assert_int_equal(nsent, 2);
	answer(1, ABSENT);
	drain_closed(d, 0);	/* it may have come while we were away */
	drain_open(d, 0);
	pump();
	assert_int_equal(nsent, 3);
	answer(1, "something else");	/* but other waits stand */
	drain_closed(d, 0);
	drain_open(d, 0);
	pump();
	assert_int_equal(nsent, 3);
}

/* Its refusal and the news of it crossed. */
static void
a_recipient_that_comes_while_a_send_is_under_way(void **state)
{
	char	name[HEX_KEY_SIZE];

	(void)state;
	strcpy(name, key(7));
	add(name);
	rows[1].attempts = 20;
	start(0);
	drain_peer_seen(d, name);
	answer(1, ABSENT);
	assert_int_equal(nsent, 2);
	assert_int_equal(rows[1].attempts, 21);
	answer(1, ABSENT);		/* that was all there was to it */
	advance(200000);
	assert_int_equal(nsent, 2);
	/* Before a send is no reason to hurry after it. */
	drain_peer_seen(d, name);
	pump();
	assert_int_equal(nsent, 3);
	advance(1);
	answer(1, ABSENT);
	advance(200000);
	assert_int_equal(nsent, 3);
}

static void
a_lost_connection_makes_all_due_at_once(void **state)
{
	int	i, again;

	(void)state;
	add("a"), add("a"), add("b");
	start(0);
	drain_closed(d, 0);
	advance(5000);
	assert_int_equal(nsent, 2);
	drain_open(d, 0);
	pump();
	assert_int_equal(nsent, 4);
	for (i = 0; i < 2; i++) {		/* the same, byte for byte */
		again = sent[2].row == sent[i].row ? 2 : 3;
		assert_string_equal(sent[i].frame, sent[again].frame);
	}
	assert_int_equal(rows[1].attempts, 1);
	answer(1, NULL);
	assert_int_equal(rows[1].attempts, 2);
}

static void
order_survives_lost_connections(void **state)
{
	(void)state;
	add("a"), add("a"), add("a"), add("a");
	start(1);
	answer(1, NULL);
	drain_closed(d, 0);
	drain_open(d, 1);
	pump();
	assert_string_equal(since(4), "2 3 4 ");
	assert_true(sent[4].first);
	assert_false(sent[5].first);
	/* A broker of the other kind took its place. */
	drain_closed(d, 0);
	drain_open(d, 0);
	pump();
	assert_string_equal(since(7), "2 ");
	answer(2, NULL);
	answer(3, NULL);
	answer(4, NULL);
	assert_true(drain_is_dry(d));
}

static void
a_frame_over_the_limit_dies_alone(void **state)
{
	int	i, broke, rounds = 0;

	(void)state;
	for (i = 0; i < 30; i++)
		add(i % 3 == 0 ? "a" : key(i));
	start(0);
	/* Row 11 breaks every connection that it is sent on. */
	while (rows[11].state != ROW_DEAD) {
		assert_in_range(++rounds, 1, 5);
		for (broke = 0, i = 0; i < nsent; i++)
			if (sent[i].row == 11)
				broke = i + 1;
		drain_closed(d, broke ? 1009 : 0);
		drain_open(d, 0);
		for (i = nsent; !broke || rounds < 5; i = nsent) {
			pump();
			if (nsent == i && d->window.n == 0)
				break;
			assert_in_range(d->window.n, 0, 1);
			if (sent[nsent - 1].row == 11) {
				drain_closed(d, 1009);
				break;
			}
			answer(sent[nsent - 1].row, NULL);
			if (d->nsuspect == 0)
				break;
		}
	}
	drain_open(d, 0);
	for (i = 0; i < 30; i++) {
		pump();
		answer_all();
	}
	for (i = 1; i <= 30; i++)
		assert_int_equal(rows[i].state, i == 11 ? ROW_DEAD : ROW_DONE);
	assert_non_null(strstr(rows[11].last_error, "payload_too_large"));
}

static void
a_row_that_breaks_connections_does_not_stop_the_others(void **state)
{
	int	i, begin = 0;

	(void)state;
	add("a"), add("b"), add("c");
	start(0);
	for (i = 0; i < 3; i++) {		/* no close frame, no answer */
		assert_int_equal(nsent - begin, 3);
		begin = nsent;
		drain_closed(d, 0);
		drain_open(d, 0);
		pump();
	}
	for (i = 0; i < 3; i++) {		/* now one at a time */
		assert_int_equal(nsent - begin, 1);
		begin = nsent;
		if (sent[begin - 1].row != 2) {
			answer(sent[begin - 1].row, NULL);
			continue;
		}
		drain_closed(d, 0);
		drain_open(d, 0);
		pump();
	}
	assert_int_equal(rows[1].state, ROW_DONE);
	assert_int_equal(rows[2].state, ROW_PENDING);
	assert_int_equal(rows[3].state, ROW_DONE);
}

static void
one_answer_is_enough_to_go_on(void **state)
{
	int	i;

	(void)state;
	for (i = 0; i < 10; i++)
		add(key(i));
	start(0);
	for (i = 1; i <= 5; i++) {
		answer(i, NULL);
		drain_closed(d, 0);
		drain_open(d, 0);
		pump();
		assert_int_equal(d->window.n, 10 - i);
	}
}

static void
too_large_for_the_wire_dies_before_it_is_sent(void **state)
{
	(void)state;
	add("a"), add("a");
	rows[1].size = 60000;			/* base64: 80,000 */
	start(0);
	assert_int_equal(rows[1].state, ROW_DEAD);
	assert_string_equal(since(0), "2 ");
}

static void
first_does_not_make_a_frame_too_large(void **state)
{
	size_t	size, len;
	int	without = 0;

	for (size = 48800;; size++) {		/* up to the limit */
		add("a");
		rows[1].size = size;
		start(1);
		if (nsent == 0)
			break;
		len = strlen(sent[0].frame);
		assert_in_range(len, 60000, 65536);
		if (!sent[0].first) {
			without++;
			assert_in_range(len, 65536 - 13, 65536);
		}
		teardown(state);
		setup(state);
	}
	assert_int_equal(rows[1].state, ROW_DEAD);
	assert_in_range(without, 1, 13);
}

static void
a_bad_key_dies(void **state)
{
	char	name[HEX_KEY_SIZE];

	(void)state;
	strcpy(name, key(1));
	name[0] = name[1] = 'f';
	add(name);
	start(0);
	assert_int_equal(rows[1].state, ROW_DEAD);
	assert_non_null(strstr(rows[1].last_error, "invalid_target"));
	assert_int_equal(nsent, 0);
}

static void
a_new_process_minds_what_the_file_says(void **state)
{
	(void)state;
	add("a"), add("b"), add("c"), add(key(4));
	rows[1].state = ROW_INFLIGHT;		/* of the process before */
	rows[1].attempts = 3;
	rows[2].next_attempt_at = WALL + 1000 + 20000;
	rows[2].attempts = 5;
	rows[3].next_attempt_at = WALL + 86400000;	/* clock went back */
	rows[4].next_attempt_at = WALL + 1000 + 200000;
	strcpy(rows[4].last_error, ABSENT);
	start(0);
	/* The recipient may have come while nobody was there. */
	assert_string_equal(since(0), "4 1 3 ");
	answer(1, "later");
	assert_int_equal(rows[1].attempts, 4);
	advance(19990);
	assert_null(strstr(since(3), "2 "));
	advance(20);
	assert_non_null(strstr(since(3), "2 "));
	answer(2, "later");
	assert_int_equal(rows[2].attempts, 6);
}

static void
silence_ends_after_15_s(void **state)
{
	(void)state;
	add("a"), add("b");
	start(0);
	advance(100);
	assert_int_equal(rows[1].state, ROW_PENDING);
	advance(400);
	assert_int_equal(rows[1].state, ROW_INFLIGHT);	/* for people to see */
	answer(2, NULL);
	advance(14400);
	assert_int_equal(nsent, 2);
	advance(1600);
	assert_string_equal(since(2), "1 ");
	assert_int_equal(rows[1].attempts, 2);	/* the second is under way */
	assert_string_equal(rows[2].last_error, "");
}

static void
steady_answers_do_not_hide_a_missing_one(void **state)
{
	int	i;

	(void)state;
	add("a");
	start(0);
	for (i = 0; i < 170; i++) {
		add("b");
		wake();
		advance(100);
		answer(nrows, NULL);
	}
	assert_int_equal(rows[1].attempts, 2);
	assert_int_equal(rows[1].state, ROW_INFLIGHT);
}

static void
pace(int limited, unsigned sends)
{
	struct msg_pace	p = { .limited = limited, .sends = sends };

	drain_pace(d, &p);
	pump();
}

static void
a_rate_limit_is_told_and_asked_about(void **state)
{
	int	i;

	(void)state;
	for (i = 0; i < 13; i++)
		add(key(i));
	start(0);
	assert_int_equal(nrates, 0);		/* no limit without a refusal */
	for (i = 1; i <= 10; i++)
		answer(i, NULL);
	answer(11, "rate_limit: max 60 msg/min (burst 10)");
	answer(12, "rate_limit: max 60 msg/min (burst 10)");
	assert_int_equal(rows[11].attempts, 0);	/* it is no attempt */
	assert_int_equal(rows[11].state, ROW_PENDING);
	advance(1000);
	assert_int_equal(nsent, 13);
	assert_int_equal(nrates, 2);		/* one refusal, one question */
	assert_true(rates[0].refused);
	assert_int_equal(rates[0].per_minute, 60);
	assert_int_equal(rates[0].burst, 10);
	assert_true(!rates[1].refused && rates[1].due);
	answer(13, NULL);
	pace(1, 0);
	advance(60000);
	assert_int_equal(nrates, 2);		/* once is enough */
	assert_int_equal(nsent, 13);
	pace(1, 1);
	assert_string_equal(since(13), "11 ");
	assert_int_equal(nrates, 3);		/* for the next one */
	answer(11, NULL);
	pace(1, 1);
	assert_string_equal(since(14), "12 ");
	answer(12, "rate_limit: max 30 msg/min");
	assert_int_equal(nrates, 5);
	assert_true(rates[3].refused && rates[4].due);
	pace(0, 0);				/* forgotten */
	assert_string_equal(since(15), "12 ");
	answer(12, NULL);
	assert_int_equal(nrates, 5);
}

static void
a_send_that_is_not_needed_is_given_back(void **state)
{
	(void)state;
	add("a"), add("b");
	start(0);
	answer(1, "rate_limit: max 60 msg/min");
	assert_int_equal(nrates, 2);
	drain_closed(d, 0);
	pace(1, 1);
	assert_int_equal(nrates, 3);
	assert_false(rates[2].refused || rates[2].due);
	drain_open(d, 0);
	pump();
	assert_int_equal(nrates, 4);
	assert_true(rates[3].due);
	rows[1].held = rows[2].held = 1;	/* an operator was faster */
	pace(1, 1);
	assert_int_equal(nsent, 2);
	assert_int_equal(nrates, 5);
	assert_false(rates[4].due);
}

static void
a_claimed_row_waits_and_holds_what_follows(void **state)
{
	(void)state;
	add("a"), add("a"), add("a"), add("b");
	start(0);
	assert_string_equal(since(0), "1 4 ");
	assert_int_equal(drain_claim(d, 1), 0);	/* under way */
	assert_int_equal(drain_claim(d, 2), 1);
	assert_int_equal(drain_claim(d, 2), 1);
	answer(1, NULL);
	advance(5000);
	assert_string_equal(since(2), "");
	rows[2].held = 1;			/* what the store decided */
	drain_unclaim(d, 2);
	pump();
	assert_string_equal(since(2), "3 ");
	rows[2].held = 0;			/* released */
	drain_unclaim(d, 2);
	advance(10);
	answer(3, NULL);
	assert_string_equal(since(3), "2 ");
	drain_unclaim(d, 77);
	assert_int_equal(drain_claim(d, 77), 1);
	answer(2, NULL);
	answer(4, NULL);
	assert_true(drain_is_dry(d));
}

static void
claims_end_with_their_channel(void **state)
{
	(void)state;
	add("a");
	drain_store(d, store_a);
	drain_wake(d);
	assert_int_equal(drain_claim(d, 1), 1);
	drain_open(d, 0);
	advance(1000);
	assert_int_equal(nsent, 0);
	drain_store(d, NULL);
	drain_store(d, store_b);
	drain_wake(d);
	advance(10);
	assert_int_equal(nsent, 1);
	store_mute = 1;
	answer(1, NULL);
	assert_int_equal(drain_claim(d, 1), 0);	/* done, but not yet there */
}

static void
nothing_is_sent_without_a_store(void **state)
{
	(void)state;
	add("a");
	drain_open(d, 0);
	drain_wake(d);
	advance(1000);
	assert_int_equal(nsent, 0);
	drain_store(d, store_a);
	pump();
	assert_int_equal(nsent, 0);	/* it may not know of us yet */
	drain_wake(d);
	pump();
	assert_int_equal(nsent, 1);
	drain_store(d, NULL);
	add("b");
	drain_wake(d);
	advance(1000);
	assert_int_equal(nsent, 1);
	drain_store(d, store_b);
	advance(1000);
	assert_int_equal(nsent, 1);
	drain_wake(d);
	pump();
	assert_string_equal(since(1), "2 ");
}

static void
a_silent_store_is_not_outrun(void **state)
{
	int	i;

	(void)state;
	for (i = 0; i < 300; i++)
		add("a");
	store_mute = 1;
	start(1);
	for (i = 1; i <= 300; i++)
		answer(i, NULL);
	assert_int_equal(nsent, 300);		/* under the limit */
	assert_int_equal(report_count(d->report), 300);
	store_mute = 0;
	pump();
	assert_true(drain_is_dry(d));
}

static void
a_failing_store_is_asked_again(void **state)
{
	struct msg_recorded	rec = { .row = 1, .result = ACCEPT_FULL };

	(void)state;
	add("a");
	store_mute = 1;
	start(0);
	answer(1, NULL);
	assert_int_equal(nprogress, 1);
	drain_recorded(d, progress[0].seq, &rec);
	assert_false(drain_is_dry(d));
	told = nprogress;
	store_mute = 0;
	advance(600);
	assert_int_equal(nprogress, 2);
	assert_int_equal(progress[1].p.state, ROW_DONE);
	assert_int_equal(rows[1].state, ROW_DONE);
	assert_int_equal(nsent, 1);
	assert_true(drain_is_dry(d));
}

static void
a_released_row_is_found(void **state)
{
	(void)state;
	add("a"), add("a");
	rows[1].held = 1;
	start(0);
	wake();
	answer(2, NULL);
	assert_string_equal(since(0), "2 ");
	rows[1].held = 0;
	wake();
	advance(1100);
	assert_string_equal(since(1), "1 ");
}

/* Behind newer ones to the same target, which need not come to an end. */
static void
a_released_row_of_a_busy_target_is_found(void **state)
{
	int	i;

	(void)state;
	for (i = 0; i < 4; i++)
		add("a");
	rows[2].held = 1;
	start(1);
	assert_string_equal(since(0), "1 3 4 ");
	rows[2].held = 0;
	drain_unclaim(d, 2);
	advance(1);
	assert_string_equal(since(3), "2 ");
	assert_false(sent[3].first);
	answer(1, NULL);
	answer(3, "out_of_order");	/* as if 3 had been refused once */
	answer(4, NULL);
	answer(2, NULL);
	assert_string_equal(since(4), "3 ");
	answer(3, NULL);
	assert_true(drain_is_dry(d));
}

static void
a_failing_database_is_read_again(void **state)
{
	(void)state;
	db_broken = 1;
	add("a");
	start(0);
	advance(1000);
	assert_int_equal(nsent, 0);
	db_broken = 0;
	advance(300);
	assert_int_equal(nsent, 1);
	db_broken = 1;
	add("a");
	wake();
	answer(1, NULL);
	advance(1000);
	db_broken = 0;
	advance(600);
	assert_string_equal(since(1), "2 ");
}

static void
answers_that_nobody_waits_for(void **state)
{
	(void)state;
	add("a");
	start(0);
	answer(77, NULL);
	answer(77, "no");
	answer(1, NULL);
	answer(1, "no");
	answer(1, NULL);
	assert_int_equal(rows[1].state, ROW_DONE);
	assert_int_equal(nprogress, 1);
}

/*
 * A broker that keeps order, refuses at random, forgets answers and breaks
 * connections: every row is taken, of each target in order.
 */
static struct model {
	int64_t	accepted[8][MAX_ROWS];
	int	n[8];
	int64_t	refused[8];		/* 0: none */
	int	ordered, handled;
} model;

static void
model_handle(struct sent *s)
{
	int	t = rows[s->row].target[0] - 'a', i;

	if (model.ordered) {
		if (model.refused[t] != 0 && !s->first &&
		    s->row != model.refused[t]) {
			answer(s->row, "out_of_order");
			return;
		}
		model.refused[t] = 0;
	}
	if (rand() % 8 == 0) {
		model.refused[t] = s->row;
		answer(s->row, rand() % 2 ? "busy" : ABSENT);
		return;
	}
	for (i = 0; i < model.n[t]; i++)
		if (model.accepted[t][i] == s->row)
			break;
	if (i == model.n[t])
		model.accepted[t][model.n[t]++] = s->row;
	if (rand() % 50 != 0)			/* else the answer is lost */
		answer(s->row, NULL);
}

static void
model_run(int ordered, unsigned seed)
{
	char	name[2] = "a";
	int	i, t, steps = 0;

	srand(seed);
	memset(&model, 0, sizeof model);
	model.ordered = ordered;
	for (i = 0; i < 200; i++) {
		name[0] = (char)('a' + rand() % 8);
		add(name);
	}
	start(ordered);
	while (rows_has_open(NULL, self.owner)) {
		assert_in_range(++steps, 0, 20000);
		room = 1 + rand() % 100;
		advance(rand() % 50);
		while (model.handled < nsent && rand() % 30 != 0)
			model_handle(&sent[model.handled++]);
		if (rand() % 100 == 0) {
			drain_closed(d, 0);
			model.handled = nsent;
			memset(model.refused, 0, sizeof model.refused);
			advance(rand() % 3000);
			drain_open(d, ordered);
		}
		if (model.handled == nsent)
			advance(rand() % 20000);
		drain_peer_seen(d, name);
	}
	for (t = 0; t < 8; t++)
		for (i = 1; i < model.n[t]; i++)
			assert_true(model.accepted[t][i - 1] <
			    model.accepted[t][i]);
	for (i = t = 0; t < 8; t++)
		i += model.n[t];
	assert_int_equal(i, 200);
}

static void
order_holds_whatever_happens(void **state)
{
	unsigned	seed;

	for (seed = 1; seed <= 30; seed++) {
		model_run((int)(seed % 2), seed);
		teardown(state);
		setup(state);
	}
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		T(one_per_target_round_robin),
		T(the_window_holds_64),
		T(an_ordered_broker_lets_one_target_fill_it),
		T(a_choked_pipe_stops_and_goes_on),
		T(what_is_done_is_not_sent_before_the_file_says_so),
		T(a_refusal_delays_only_its_target),
		T(in_order_all_go_back_to_the_refused_one),
		T(in_order_what_only_follows_makes_no_attempt),
		T(in_order_a_dead_row_is_stepped_over),
		T(a_long_reason_ends_between_characters),
		T(out_of_order_without_a_reason_backs_off),
		T(an_absent_recipient_waits_until_it_comes),
		T(a_recipient_that_comes_while_a_send_is_under_way),
		T(a_lost_connection_makes_all_due_at_once),
		T(order_survives_lost_connections),
		T(a_frame_over_the_limit_dies_alone),
		T(a_row_that_breaks_connections_does_not_stop_the_others),
		T(one_answer_is_enough_to_go_on),
		T(too_large_for_the_wire_dies_before_it_is_sent),
		T(first_does_not_make_a_frame_too_large),
		T(a_bad_key_dies),
		T(a_new_process_minds_what_the_file_says),
		T(silence_ends_after_15_s),
		T(steady_answers_do_not_hide_a_missing_one),
		T(a_rate_limit_is_told_and_asked_about),
		T(a_send_that_is_not_needed_is_given_back),
		T(a_claimed_row_waits_and_holds_what_follows),
		T(claims_end_with_their_channel),
		T(nothing_is_sent_without_a_store),
		T(a_silent_store_is_not_outrun),
		T(a_failing_store_is_asked_again),
		T(a_released_row_is_found),
		T(a_released_row_of_a_busy_target_is_found),
		T(a_failing_database_is_read_again),
		T(answers_that_nobody_waits_for),
		T(order_holds_whatever_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
