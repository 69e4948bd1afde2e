/*
 * worker/topic*: the history of a topic is read back to what was read last and
 * becomes puts oldest first; how far it is read advances only after they are
 * stored; a broker that lies costs no more than a bounded number of pages.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "worker/inbound.h"
#include "worker/topics.h"
#include "fake_time.h"

#define US	"aa000000000000000000000000000000000000000000000000000000000" \
		"00001"
#define HER	"bb000000000000000000000000000000000000000000000000000000000" \
		"00002"

static struct peer	*gate = (struct peer *)0x10;
static struct peer	*store = (struct peer *)0x20;
static struct self	 self;
static struct topics	*ts;
static struct outbuf	 out;

/* ---- the broker: a history, oldest first, of one topic ---- */

#define SAID_MAX	30000

static int		 said;		/* messages m1 ... */
static int		 forgotten;	/* of them, that it has no more */
static int		 is_open, paused;
static int		 nhistory, njoin, nleave, nlist, last_limit;
static char		 last_frame[256];
static int		 silent;
static const char	*refuses;	/* a topic's history: an error */
static const char	*refuses_before;	/* the same with a beforeId */
static char		*lie;		/* answers every history with that */
static const char	*topic_list = "[{\"id\":\"T1\",\"name\":\"news\"},"
			    "{\"id\":\"T2\",\"name\":\"deploys\"},"
			    "{\"id\":\"T3\",\"name\":\"twin\"},"
			    "{\"id\":\"T4\",\"name\":\"twin\"},"
			    "{\"id\":\"bad id\",\"name\":\"bad\"},7,{},"
			    "{\"id\":\"T5\",\"name\":\"T1\"}]";

/* Frames that it still has to answer. */
static json_t		*asked[64];
static int		 nasked;

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
}

int
broker_is_open(const struct broker *b)
{
	(void)b;
	return is_open;
}

void
broker_pause(struct broker *b, int p)
{
	(void)b;
	paused = p;
}

int
broker_write(struct broker *b)
{
	(void)b;
	assert_in_range(nasked, 0, 63);
	snprintf(last_frame, sizeof last_frame, "%.*s", (int)out.len,
	    (char *)outbuf_data(&out));
	asked[nasked] = json_loadb((char *)outbuf_data(&out), out.len, 0,
	    NULL);
	assert_non_null(asked[nasked++]);
	return 0;
}

/* Who says what in the history: every third is ours, or hers. */
static const char	*(*sender_of)(int) = NULL;

static json_t *
message(int n)
{
	json_t	*o;
	char	 id[16], at[40];

	snprintf(id, sizeof id, "m%d", n);
	snprintf(at, sizeof at, "2026-11-24T10:%02d:%02d.%03dZ",
	    n / 60000 % 60, n / 1000 % 60, n % 1000);
	o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "id", id,
	    "senderPubkey", sender_of != NULL ? sender_of(n) : HER,
	    "senderMemberId", "member-1", "senderName", "her",
	    "nonce", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
	    "ciphertext", "aGVsbG8=", "createdAt", at);
	return o;
}

static json_t *
page(const char *before, int limit)
{
	json_t	*list = json_array();
	int	 n = before != NULL ? atoi(before + 1) - 1 : said;

	for (; n > forgotten && limit > 0; n--, limit--)
		json_array_append_new(list, message(n));
	return list;
}

static void
tell(const char *text)
{
	struct frame	f;

	assert_int_equal(frame_parse(&f, text, strlen(text)), 0);
	(void)topics_frame(ts, &f);
	frame_clear(&f);
}

static void
answer(json_t *q)
{
	const char	*type = json_string_value(json_object_get(q, "type"));
	const char	*id = json_string_value(json_object_get(q, "_reqId"));
	const char	*before;
	json_t		*a = NULL;
	char		*text;

	if (strcmp(type, "topic_join") == 0)
		njoin++;
	else if (strcmp(type, "topic_leave") == 0)
		nleave++;
	else if (strcmp(type, "topic_list") == 0) {
		nlist++;
		a = json_pack("{s:s, s:s, s:o}", "type",
		    "topic_list_response", "_reqId", id, "topics",
		    json_loads(topic_list, JSON_DECODE_ANY, NULL));
	} else {
		nhistory++;
		assert_string_equal(type, "topic_history");
		last_limit = (int)json_integer_value(json_object_get(q,
		    "limit"));
		before = json_string_value(json_object_get(q, "beforeId"));
		if (refuses != NULL || (refuses_before != NULL &&
		    before != NULL))
			a = json_pack("{s:s, s:s, s:s}", "type", "error",
			    "code", refuses != NULL ? refuses :
			    refuses_before, "id", id);
		else
			a = json_pack("{s:s, s:s, s:o}", "type",
			    "topic_history_response", "_reqId", id,
			    "messages", lie != NULL ? json_loads(lie,
			    JSON_DECODE_ANY, NULL) : page(before,
			    last_limit));
	}
	if (a != NULL && !silent) {
		text = json_dumps(a, 0);
		tell(text);
		wipe_free(text);
	}
	json_decref(a);
}

/* ---- puts and the store ---- */

static int	nputs, put_ids[SAID_MAX];
static struct push last_put;
static int	nstored;		/* of the puts */
static int	full, add_fails;

int
inbound_push(const struct self *s, struct puts *p, const struct push *push)
{
	(void)p;
	assert_ptr_equal(s, &self);
	assert_int_equal(push->history, 1);
	if (strcmp(push->sender, US) == 0)
		return 0;
	if (add_fails > 0 && --add_fails == 0)
		return -1;
	assert_in_range(nputs, 0, SAID_MAX - 1);
	put_ids[nputs++] = atoi(push->message_id + 1);
	last_put = *push;
	last_put.data = NULL;
	return 0;
}

uint32_t
puts_last(const struct puts *p)
{
	(void)p;
	return (uint32_t)nputs;
}

int
puts_are_stored(const struct puts *p, uint32_t last)
{
	(void)p;
	return nstored >= (int)last;
}

int
puts_is_full(const struct puts *p)
{
	(void)p;
	return full;
}

int
row_priority_parse(const char *s, enum row_priority *p)
{
	(void)s;
	*p = PRIO_NEXT;
	return 0;
}

static struct topic_row	in_file[4];
static int		nfile, file_broken, shared;

int
rows_topics(struct rows *r, const uint8_t owner[OWNER_ID_LEN],
    void (*cb)(void *arg, const struct topic_row *), void *arg)
{
	int	i;

	(void)r;
	(void)owner;
	if (file_broken)
		return -1;
	for (i = 0; i < nfile; i++)
		cb(arg, &in_file[i]);
	return nfile;
}

int
rows_topic_shared(struct rows *r, const uint8_t member[OWNER_ID_LEN],
    const uint8_t owner[OWNER_ID_LEN], const char *topic)
{
	(void)r;
	(void)member;
	(void)owner;
	(void)topic;
	return shared;
}

static struct msg_topic	kept;		/* what the store was told last */
static int		nkept, nleft, store_holds, peer_full;
static int64_t		store_result;
static uint32_t		kept_seqs[8];
static int		nwaiting;

static struct {
	uint32_t	seq;
	int64_t		status;
	char		error[REASON_SIZE], json[128];
} answers[300];
static int		nanswers;

static void
gate_answer(uint32_t seq, const struct msg_answer *a)
{
	answers[nanswers].seq = seq;
	answers[nanswers].status = a->status;
	snprintf(answers[nanswers].error, sizeof answers[0].error, "%s",
	    a->error);
	snprintf(answers[nanswers++].json, sizeof answers[0].json, "%.*s",
	    (int)a->json.len, (const char *)a->json.p);
}

int
peer_send(struct peer *to, enum msg_type type, uint32_t seq, const void *body)
{
	if (to == gate) {
		assert_int_equal(type, MSG_WRK_ANSWER);
		gate_answer(seq, body);
		return 0;
	}
	assert_ptr_equal(to, store);
	if (peer_full)
		return -1;
	if (type == MSG_WRK_TOPIC) {
		kept = *(const struct msg_topic *)body;
		nkept++;
	} else {
		assert_int_equal(type, MSG_WRK_TOPIC_LEAVE);
		nleft++;
	}
	assert_in_range(nwaiting, 0, 7);
	kept_seqs[nwaiting++] = seq;
	return 0;
}

static void
store_answers(void)
{
	struct msg_count	c = { .count = 1 };
	int			i, n = nwaiting;
	uint32_t		seqs[8];

	memcpy(seqs, kept_seqs, sizeof seqs);
	nwaiting = 0;
	c.result = store_result;
	for (i = 0; i < n; i++)
		topics_kept(ts, seqs[i], &c);
}

/* ---- the world ---- */

static int	stored_at_once;

/* Everybody does what there is to do. */
static void
step(void)
{
	json_t	*now[64];
	int	 i, n;

	if (stored_at_once && nstored < nputs) {
		nstored = nputs;
		topics_room(ts);
	}
	if (!store_holds)
		store_answers();
	if (is_open)
		assert_int_equal(topics_write(ts), 0);
	n = nasked;
	memcpy(now, asked, sizeof now);
	nasked = 0;
	for (i = 0; i < n; i++) {
		answer(now[i]);
		json_decref(now[i]);
	}
}

static void
pass(int64_t ms)
{
	int	i;

	for (i = 0; i < 300; i++) {	/* timers that are due at once */
		fake_time_advance(0, step);
		step();
		fake_us += 2;
	}
	fake_time_advance(ms, step);
}

static void
joined(const char *id, const char *name, const char *last_id, int last)
{
	struct topic_row	*r = &in_file[nfile++];
	json_t			*m = message(last);

	memset(r, 0, sizeof *r);
	snprintf(r->topic, sizeof r->topic, "%s", id);
	snprintf(r->name, sizeof r->name, "%s", name);
	snprintf(r->last_id, sizeof r->last_id, "%s", last_id);
	if (last > 0)
		assert_int_equal(clock_parse_iso(json_string_value(
		    json_object_get(m, "createdAt")), &r->last_created_at),
		    0);
	json_decref(m);
}

static void
begin(void)
{
	is_open = 1;
	topics_store(ts, store);
	topics_wake(ts);
	topics_open(ts);
	pass(0);
}

static int
setup(void **state)
{
	(void)state;
	fake_time_reset();
	said = forgotten = is_open = paused = nhistory = njoin = nleave = 0;
	nlist = silent = nasked = nputs = nstored = full = add_fails = 0;
	nfile = file_broken = shared = nkept = nleft = store_holds = 0;
	nwaiting = nanswers = peer_full = 0;
	store_result = ACCEPT_NEW;
	stored_at_once = 1;
	refuses = refuses_before = NULL;
	lie = NULL;
	sender_of = NULL;
	memset(&kept, 0, sizeof kept);
	memset(&self, 0, sizeof self);
	strcpy(self.pub_hex, US);
	strcpy(self.member_pub_hex, HER);
	self.member_id = (char *)(uintptr_t)"member-1";
	outbuf_init(&out);
	ts = topics_new(NULL, &self, NULL, NULL, NULL);
	topics_gate(ts, gate);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	topics_free(&ts);
	assert_int_equal(fake_timers(), 0);
	outbuf_clear(&out);
	while (nasked > 0)
		json_decref(asked[--nasked]);
	free(lie);
	lie = NULL;
	return 0;
}

/* From the first that was put to the last, one after the other. */
static void
expect_puts(int from, int to)
{
	int	i;

	assert_int_equal(nputs, to - from + 1);
	for (i = 0; i < nputs; i++)
		assert_int_equal(put_ids[i], from + i);
}

static void
ask(uint32_t seq, const char *what, const char *args)
{
	struct msg_ask	a = { .what = "" };

	snprintf(a.what, sizeof a.what, "%s", what);
	a.args.p = (const uint8_t *)args;
	a.args.len = strlen(args);
	assert_int_equal(topics_ask(ts, seq, &a), 1);
	pass(0);
}

static void
expect_answer(int n, uint32_t seq, int64_t status, const char *text)
{
	assert_true(nanswers > n);
	assert_int_equal(answers[n].seq, seq);
	assert_int_equal(answers[n].status, status);
	assert_string_equal(status == 0 ? answers[n].json : answers[n].error,
	    text);
}

/* ---- reading ---- */

static void
a_page_oldest_first(void **state)
{
	(void)state;
	said = 9;
	joined("T1", "news", "m4", 4);
	begin();
	expect_puts(5, 9);
	assert_int_equal(nhistory, 1);
	assert_int_equal(last_limit, TOPICS_PAGE);
	assert_string_equal(kept.last_id, "m9");
	assert_string_equal(kept.topic, "T1");
	assert_true(kept.last_created_at > in_file[0].last_created_at);
	assert_int_equal(kept.join, 0);
	assert_string_equal(last_put.topic, "news");
	assert_int_equal(last_put.has_topic, 1);
	assert_string_equal(last_put.sender, HER);
	assert_string_equal(last_put.sender_name, "her");
	assert_string_equal(last_put.sender_member, HER);
	assert_int_equal(last_put.has_nonce, 1);
	assert_int_equal(last_put.base64, 1);
	assert_string_equal(last_put.message_id, "m9");
}

static void
again_every_30_s(void **state)
{
	(void)state;
	said = 2;
	joined("T1", "news", "m2", 2);
	begin();
	assert_int_equal(nhistory, 1);
	assert_int_equal(nputs + nkept, 0);
	said = 4;
	pass(23000);
	assert_int_equal(nputs, 0);
	pass(14000);
	expect_puts(3, 4);
	assert_int_equal(nhistory, 2);
	pass(37000);
	assert_int_equal(nhistory, 3);
	assert_int_equal(njoin, 1);	/* once on a connection */
	topics_closed(ts);
	topics_open(ts);
	pass(0);
	assert_int_equal(njoin, 2);
	assert_int_equal(nhistory, 4);
}

static void
many_pages(void **state)
{
	(void)state;
	said = 2345;
	joined("T1", "news", "m45", 45);
	begin();
	expect_puts(46, 2345);
	assert_string_equal(kept.last_id, "m2345");
	/* Back and forth, but for the one where both meet. */
	assert_int_equal(nhistory, 47 + 46);
	assert_int_equal(nkept, 46);
}

static void
more_than_a_round(void **state)
{
	(void)state;
	said = 20000;
	joined("T1", "news", "m1", 1);
	begin();
	assert_int_equal(nputs, 0);		/* still on the way back */
	assert_int_equal(nhistory, TOPICS_ROUND);
	pass(30000);
	expect_puts(2, 20000);
}

static void
from_the_first_message(void **state)
{
	(void)state;
	said = 450;
	joined("T1", "news", "", 0);		/* nothing was said then */
	begin();
	expect_puts(1, 450);
	assert_string_equal(kept.last_id, "m450");
}

static void
said_while_reading(void **state)
{
	(void)state;
	said = 900;
	stored_at_once = 0;
	joined("T1", "news", "m1", 1);
	begin();
	assert_int_equal(nputs, 49);	/* 900 ... 51 are walked over */
	said = 1500;			/* the first page is another one now */
	stored_at_once = 1;
	pass(10000);
	expect_puts(2, 1500);
}

/* Nothing advances before the rows are stored, and then only that far. */
static void
stored_before_kept(void **state)
{
	(void)state;
	said = 3;
	stored_at_once = 0;
	joined("T1", "news", "m1", 1);
	begin();
	expect_puts(2, 3);
	pass(60000);
	assert_int_equal(nkept, 0);
	nstored = 1;
	topics_room(ts);
	pass(1000);
	assert_int_equal(nkept, 0);
	nstored = 2;
	topics_room(ts);
	pass(0);
	assert_int_equal(nkept, 1);
	assert_string_equal(kept.last_id, "m3");
}

static void
a_store_that_cannot(void **state)
{
	(void)state;
	said = 3;
	store_result = ACCEPT_BUSY;
	joined("T1", "news", "m1", 1);
	begin();
	assert_int_equal(nkept, 1);
	pass(1500);
	assert_int_equal(nkept, 2);
	store_result = ACCEPT_NEW;
	pass(1500);
	assert_int_equal(nkept, 3);
	pass(40000);
	expect_puts(2, 3);			/* not read again for it */
}

static void
a_store_that_goes(void **state)
{
	(void)state;
	said = 3;
	store_holds = 1;
	joined("T1", "news", "m1", 1);
	begin();
	assert_int_equal(nkept, 1);
	topics_store(ts, NULL);
	nwaiting = 0;			/* nobody will answer that */
	pass(5000);
	topics_store(ts, store);
	assert_int_equal(nkept, 2);	/* said again */
	assert_string_equal(kept.last_id, "m3");
	store_holds = 0;
	pass(40000);
	expect_puts(2, 3);
}

static void
room_is_waited_for(void **state)
{
	(void)state;
	said = 5;
	full = 1;
	stored_at_once = 0;
	joined("T1", "news", "m1", 1);
	begin();
	assert_int_equal(nputs, 0);
	full = 0;
	add_fails = 3;			/* all but two are refused */
	topics_room(ts);
	pass(0);
	assert_int_equal(nkept, 0);
	nputs = 0;
	stored_at_once = 1;
	topics_room(ts);
	pass(0);
	expect_puts(2, 5);
	assert_int_equal(nkept, 1);
}

static void
connection_lost(void **state)
{
	(void)state;
	said = 5;
	silent = 1;
	joined("T1", "news", "m1", 1);
	begin();
	assert_int_equal(last_limit, TOPICS_PAGE);
	topics_closed(ts);
	is_open = 0;
	pass(100000);
	assert_int_equal(nhistory, 1);
	silent = 0;
	is_open = 1;
	topics_open(ts);
	pass(0);
	expect_puts(2, 5);
	assert_int_equal(last_limit, TOPICS_PAGE);	/* that may happen */
	said = 6;
	pass(40000);
	assert_int_equal(last_limit, TOPICS_PAGE);
}

static void
pages_too_large_for_a_frame(void **state)
{
	int	i;

	(void)state;
	said = 12;
	joined("T1", "news", "m1", 1);
	silent = 1;
	begin();
	/* At every page: it may be what the connections are lost by. */
	for (i = 0; i < 5; i++) {
		topics_closed(ts);
		topics_open(ts);
		pass(0);
		assert_int_equal(last_limit, i == 0 ? TOPICS_PAGE :
		    i == 1 ? 8 : 1);
	}
	topics_closed(ts);
	silent = 0;
	topics_open(ts);
	pass(0);
	expect_puts(2, 12);
}

/* A broker that says nothing is asked again; its answer may come late. */
static void
no_answer(void **state)
{
	(void)state;
	said = 2;
	silent = 1;
	joined("T1", "news", "m1", 1);
	begin();
	pass(9000);
	assert_int_equal(nhistory, 1);
	silent = 0;
	pass(40000);
	assert_int_equal(nhistory, 2);
	assert_int_equal(njoin, 2);		/* it may have forgotten us */
	expect_puts(2, 2);
}

static void
several_take_turns(void **state)
{
	(void)state;
	said = 40000;
	joined("T1", "news", "m1", 1);
	joined("T2", "deploys", "m39999", 1);
	begin();
	/* The long one did not keep the short one waiting. */
	assert_int_equal(nputs, 1);
	assert_int_equal(put_ids[0], 40000);
	assert_string_equal(last_put.topic, "deploys");
}

/* ---- a broker that lost something, or lies ---- */

/* What is older than what was read last is not new. */
static void
the_last_is_gone(void **state)
{
	(void)state;
	said = 700;
	joined("T1", "news", "gone", 300);
	begin();
	expect_puts(300, 700);			/* by its time */
	assert_string_equal(kept.last_id, "m700");
	nputs = nstored = 0;
	said = 702;
	pass(40000);
	expect_puts(701, 702);
}

static void
a_history_without_an_end(void **state)
{
	int	before;

	(void)state;
	lie = strdup("[{\"id\":\"m7\",\"senderPubkey\":\"" HER "\","
	    "\"ciphertext\":\"eA==\"}]");
	joined("T1", "news", "m1", 1);
	begin();
	/* The second time around it is known to turn in a circle. */
	assert_int_equal(nhistory, 3);
	assert_string_equal(kept.last_id, "m7");
	before = nhistory;
	pass(40000);
	assert_in_range(nhistory, before, before + 3);
}

static int
invented(int n)
{
	char	text[64];
	json_t	*list = json_array();
	char	*dump;
	int	i;

	for (i = 0; i < TOPICS_PAGE; i++) {
		snprintf(text, sizeof text, "x%d-%d", n, i);
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}",
		    "id", text, "senderPubkey", HER, "ciphertext", "eA=="));
	}
	free(lie);
	dump = json_dumps(list, 0);
	lie = strdup(dump);
	wipe_free(dump);
	json_decref(list);
	return n + 1;
}

/* New messages for ever: some pages a round, and an end of the walk. */
static void
endless(void **state)
{
	int	n = 0, i, rounds;

	(void)state;
	joined("T1", "news", "m1", 1);
	n = invented(n);
	is_open = 1;
	topics_store(ts, store);
	topics_wake(ts);
	topics_open(ts);
	for (rounds = 0; rounds < 3; rounds++) {
		int	before = nhistory;

		for (i = 0; i < 400; i++) {
			fake_time_advance(0, NULL);
			n = invented(n);
			step();
			fake_us += 2;
		}
		assert_int_equal(nhistory - before, TOPICS_ROUND);
		fake_time_advance(7000, NULL);
	}
	assert_int_equal(nputs, 0);
}

static void
more_than_was_asked_for(void **state)
{
	char	*text = calloc(1, 400 * 80);
	int	 i;

	(void)state;
	strcpy(text, "[");
	for (i = 300; i > 0; i--)
		sprintf(text + strlen(text), "{\"id\":\"m%d\","
		    "\"senderPubkey\":\"\"},", i);
	strcpy(text + strlen(text) - 1, "]");
	lie = text;
	joined("T1", "news", "m50", 50);
	begin();		/* it is behind the limit: not looked at */
	assert_int_equal(nputs, 0);
	assert_string_equal(kept.last_id, "m300");
}

static void
malformed_pages(void **state)
{
	static const char *const	bad[] = { "7", "null", "{}", "\"x\"" };
	size_t	i;

	(void)state;
	said = 3;
	joined("T1", "news", "m1", 1);
	lie = strdup("7");
	begin();
	for (i = 0; i < 4; i++) {
		free(lie);
		lie = strdup(bad[i]);
		pass(40000);
	}
	assert_int_equal(nputs + nkept, 0);
	free(lie);
	lie = NULL;
	pass(40000);
	expect_puts(2, 3);
}

/* What is no message is left out, and keeps nothing up. */
static void
malformed_messages(void **state)
{
	(void)state;
	lie = strdup("[7,null,{},{\"id\":7},{\"id\":\"m9\"},{\"id\":\"m8\","
	    "\"senderPubkey\":\"x\",\"ciphertext\":\"eA==\"},"
	    "{\"id\":\"m7\",\"senderPubkey\":\"" HER "\",\"ciphertext\":7},"
	    "{\"id\":\"m6\",\"senderPubkey\":\"system\",\"subtype\":"
	    "\"system\"},{\"id\":\"m5\",\"senderPubkey\":\"" HER "\","
	    "\"ciphertext\":\"eA==\",\"nonce\":7,\"createdAt\":{}},"
	    "{\"id\":\"m1\"}]");
	joined("T1", "news", "m1", 1);
	begin();
	expect_puts(5, 5);
	assert_int_equal(last_put.has_nonce, 0);
	assert_string_equal(kept.last_id, "m9");
	free(lie);
	lie = strdup("[7,{},[]]");	/* no ids: nothing to go on from */
	pass(40000);
	assert_int_equal(nputs, 1);
	assert_int_equal(nkept, 1);
}

static const char *
ours(int n)
{
	return n % 2 ? US : HER;
}

static void
our_own_are_echoes(void **state)
{
	(void)state;
	said = 4;
	sender_of = ours;
	joined("T1", "news", "m1", 1);
	begin();
	assert_int_equal(nputs, 2);
	assert_int_equal(put_ids[0], 2);
	assert_int_equal(put_ids[1], 4);
	said = 5;
	pass(40000);			/* nothing but ours: read all the same */
	assert_int_equal(nputs, 2);
	assert_string_equal(kept.last_id, "m5");
}

/* Said once, and asked for again only on a new connection. */
static void
gone_at_the_broker(void **state)
{
	(void)state;
	said = 3;
	refuses = "topic_not_found";
	joined("T1", "news", "m1", 1);
	begin();
	assert_int_equal(nkept, 1);
	assert_int_equal(kept.gone, 1);
	assert_string_equal(kept.last_id, "m1");
	pass(300000);
	assert_int_equal(nhistory, 1);
	topics_closed(ts);
	topics_open(ts);
	pass(0);
	assert_int_equal(nhistory, 2);
	assert_int_equal(nkept, 1);
	refuses = NULL;
	topics_closed(ts);
	topics_open(ts);
	pass(0);
	expect_puts(2, 3);
	assert_int_equal(kept.gone, 0);
	assert_string_equal(kept.last_id, "m3");
}

static void
other_errors_pass(void **state)
{
	(void)state;
	said = 3;
	refuses = "forbidden";
	joined("T1", "news", "m1", 1);
	begin();
	pass(40000);
	assert_int_equal(nhistory, 2);
	assert_int_equal(nkept, 0);
	refuses = NULL;
	pass(40000);
	expect_puts(2, 3);
}

/* What a walk goes back by is not there any more: it begins anew. */
static void
a_cursor_that_is_gone(void **state)
{
	(void)state;
	said = 20000;
	joined("T1", "news", "m19000", 19000);
	begin();
	nputs = nstored = 0;
	said = 20900;
	refuses_before = "invalid_args";
	pass(40000);
	assert_int_equal(nputs, 0);
	refuses_before = NULL;
	pass(40000);
	expect_puts(20001, 20900);
}

/* An answer without our id, or with another's, is none of ours. */
static void
answers_of_others(void **state)
{
	(void)state;
	silent = 1;
	joined("T1", "news", "m1", 1);
	begin();
	tell("{\"type\":\"topic_history_response\",\"messages\":[]}");
	tell("{\"type\":\"topic_history_response\",\"_reqId\":\"r1\","
	    "\"messages\":[]}");
	tell("{\"type\":\"topic_list_response\",\"_reqId\":\"t2\"}");
	tell("{\"type\":\"error\",\"code\":\"topic_not_found\"}");
	pass(0);
	assert_int_equal(nkept, 0);
	said = 2;
	silent = 0;
	pass(60000);
	expect_puts(2, 2);
}

static void
a_file_that_cannot_be_read(void **state)
{
	(void)state;
	said = 3;
	file_broken = 1;
	joined("T1", "news", "m1", 1);
	begin();
	pass(1000);
	ask(1, "topic_join", "{\"topic\":\"news\"}");
	expect_answer(0, 1, 503, "store_busy");
	file_broken = 0;
	pass(1000);
	expect_puts(2, 3);
}

/* The store has not heard yet all that a worker before us said. */
static void
not_before_the_store_wakes_us(void **state)
{
	(void)state;
	said = 3;
	joined("T1", "news", "m1", 1);
	is_open = 1;
	topics_store(ts, store);
	topics_open(ts);
	pass(40000);
	assert_int_equal(nhistory, 0);
	topics_wake(ts);
	pass(0);
	expect_puts(2, 3);
}

/* ---- questions of the gate ---- */

static void
names_and_ids(void **state)
{
	(void)state;
	begin();
	ask(1, "topic", "{\"topic\":\"news\"}");
	expect_answer(0, 1, 0, "{\"topic\":{\"id\":\"T1\",\"name\":\"news\"}}");
	ask(2, "topic", "{\"topic\":\"T2\"}");
	expect_answer(1, 2, 0,
	    "{\"topic\":{\"id\":\"T2\",\"name\":\"deploys\"}}");
	ask(3, "topic", "{\"topic\":\"T1\"}");	/* the id before the name */
	expect_answer(2, 3, 0, "{\"topic\":{\"id\":\"T1\",\"name\":\"news\"}}");
	assert_int_equal(nlist, 1);		/* kept for 5 s */
	pass(5100);
	ask(4, "topic", "{\"topic\":\"news\"}");
	assert_int_equal(nlist, 2);
}

static void
not_found_is_confirmed(void **state)
{
	(void)state;
	begin();
	ask(1, "topic", "{\"topic\":\"news\"}");
	topic_list = "[{\"id\":\"T9\",\"name\":\"late\"}]";
	ask(2, "topic", "{\"topic\":\"late\"}");
	expect_answer(1, 2, 0, "{\"topic\":{\"id\":\"T9\",\"name\":\"late\"}}");
	assert_int_equal(nlist, 2);
	ask(3, "topic", "{\"topic\":\"nothing\"}");
	expect_answer(2, 3, 404, "topic_not_found");
	assert_int_equal(nlist, 3);
	topic_list = "[{\"id\":\"T3\",\"name\":\"twin\"},"
	    "{\"id\":\"T4\",\"name\":\"twin\"},"
	    "{\"id\":\"bad id\",\"name\":\"bad\"},7,{}]";
	ask(4, "topic", "{\"topic\":\"twin\"}");
	expect_answer(3, 4, 409, "ambiguous_target");
	ask(5, "topic", "{\"topic\":\"bad\"}");
	expect_answer(4, 5, 404, "topic_not_found");
	topic_list = "7";
	ask(6, "topic", "{\"topic\":\"bad\"}");
	expect_answer(5, 6, 502, "malformed_answer");
	topic_list = "[{\"id\":\"T1\",\"name\":\"news\"}]";
}

static void
one_list_for_many(void **state)
{
	struct msg_ask	a = { .what = "topic" };
	uint32_t	i;

	(void)state;
	begin();
	a.args.p = (const uint8_t *)"{\"topic\":\"news\"}";
	a.args.len = strlen((const char *)a.args.p);
	for (i = 0; i < 70; i++)
		assert_int_equal(topics_ask(ts, i, &a), 1);
	assert_int_equal(nanswers, 6);		/* too many at a time */
	assert_int_equal(answers[0].status, 503);
	pass(0);
	assert_int_equal(nanswers, 70);
	assert_in_range(nlist, 1, 2);
	for (i = 6; i < 70; i++)
		assert_int_equal(answers[i].status, 0);
}

static void
no_broker(void **state)
{
	(void)state;
	joined("T1", "news", "m1", 1);
	topics_store(ts, store);
	topics_wake(ts);
	pass(0);
	ask(1, "topic", "{\"topic\":\"news\"}");
	ask(2, "topic_join", "{\"topic\":\"news\"}");
	ask(3, "topic_leave", "{\"topic\":\"news\"}");
	expect_answer(0, 1, 503, "broker_unavailable");
	expect_answer(1, 2, 503, "broker_unavailable");
	expect_answer(2, 3, 503, "broker_unavailable");
	ask(4, "topic", "{\"topic\":\"T1\"}");	/* is known by its id */
	expect_answer(3, 4, 0, "{\"topic\":{\"id\":\"T1\",\"name\":\"news\"}}");
	begin();
	silent = 1;
	ask(5, "topic", "{\"topic\":\"news\"}");
	pass(2600);
	expect_answer(4, 5, 504, "broker_timeout");
	ask(6, "topic", "{\"topic\":\"news\"}");
	topics_closed(ts);
	expect_answer(5, 6, 503, "broker_unavailable");
}

static void
bad_questions(void **state)
{
	static const char *const	bad[] = { "", "[]", "{}", "{\"topic\":7}",
	    "{\"topic\":\"\"}", "{\"topic\":\"a\\u0007\"}", "{" };
	struct msg_ask	a = { .what = "list_peers" };
	size_t		i;

	(void)state;
	begin();
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		ask(1, "topic", bad[i]);
		expect_answer((int)i, 1, 400, "invalid_argument");
	}
	assert_int_equal(topics_ask(ts, 1, &a), 0);	/* others' */
}

static void
join_and_hear_what_comes(void **state)
{
	(void)state;
	said = 7;
	begin();
	ask(1, "topic_join", "{\"topic\":\"news\"}");
	expect_answer(0, 1, 0, "{\"topic\":{\"id\":\"T1\",\"name\":\"news\"}}");
	assert_int_equal(njoin, 1);
	assert_int_equal(kept.join, 1);
	assert_string_equal(kept.topic, "T1");
	assert_string_equal(kept.name, "news");
	assert_string_equal(kept.last_id, "m7");
	assert_int_equal(nputs, 0);	/* what was said before is not ours */
	said = 9;
	pass(40000);
	expect_puts(8, 9);
	ask(2, "topic_join", "{\"topic\":\"T1\"}");	/* changes nothing */
	expect_answer(1, 2, 0, "{\"topic\":{\"id\":\"T1\",\"name\":\"news\"}}");
	assert_int_equal(njoin, 2);
	assert_int_equal(kept.join, 0);
}

/* It is answered when it is kept, not before. */
static void
a_join_is_durable(void **state)
{
	(void)state;
	begin();
	store_holds = 1;
	ask(1, "topic_join", "{\"topic\":\"news\"}");
	pass(2000);
	assert_int_equal(nanswers, 0);
	store_holds = 0;
	pass(0);
	expect_answer(0, 1, 0, "{\"topic\":{\"id\":\"T1\",\"name\":\"news\"}}");
	store_result = ACCEPT_FULL;
	ask(2, "topic_join", "{\"topic\":\"deploys\"}");
	expect_answer(1, 2, 507, "disk_full");
	store_result = ACCEPT_BUSY;
	ask(3, "topic_join", "{\"topic\":\"deploys\"}");
	expect_answer(2, 3, 503, "store_busy");
	store_result = ACCEPT_NEW;
	store_holds = 1;
	ask(4, "topic_join", "{\"topic\":\"deploys\"}");
	pass(3000);
	expect_answer(3, 4, 503, "store_busy");
	store_holds = 0;		/* late, but it is joined then */
	pass(0);
	ask(5, "topic_leave", "{\"topic\":\"deploys\"}");
	expect_answer(4, 5, 0,
	    "{\"topic\":{\"id\":\"T2\",\"name\":\"deploys\"}}");
	assert_int_equal(nleft, 1);
}

static void
a_join_that_is_refused(void **state)
{
	(void)state;
	begin();
	ask(1, "topic_join", "{\"topic\":\"nothing\"}");
	expect_answer(0, 1, 404, "topic_not_found");
	refuses = "topic_not_found";
	ask(2, "topic_join", "{\"topic\":\"news\"}");
	expect_answer(1, 2, 404, "topic_not_found");
	refuses = "forbidden";
	ask(3, "topic_join", "{\"topic\":\"news\"}");
	expect_answer(2, 3, 502, "forbidden");
	refuses = NULL;
	lie = strdup("{}");
	ask(4, "topic_join", "{\"topic\":\"news\"}");
	expect_answer(3, 4, 502, "malformed_answer");
	assert_int_equal(nkept, 0);
}

static void
leave(void **state)
{
	(void)state;
	said = 3;
	joined("T1", "news", "m3", 3);
	joined("T2", "deploys", "m3", 3);
	begin();
	shared = 1;			/* another session has it too */
	ask(1, "topic_leave", "{\"topic\":\"news\"}");
	expect_answer(0, 1, 0, "{\"topic\":{\"id\":\"T1\",\"name\":\"news\"}}");
	assert_int_equal(nleft, 1);
	assert_int_equal(nleave, 0);
	shared = 0;
	ask(2, "topic_leave", "{\"topic\":\"T2\"}");
	assert_int_equal(nleft, 2);
	assert_int_equal(nleave, 1);
	assert_string_equal(last_frame, "{\"type\":\"topic_leave\","
	    "\"_reqId\":\"t5\",\"topic\":\"T2\"}");
	nhistory = 0;
	said = 5;
	pass(100000);
	assert_int_equal(nhistory, 0);
	assert_int_equal(nputs, 0);
}

/* In the middle of everything. */
static void
leave_while_reading(void **state)
{
	(void)state;
	said = 1000;
	stored_at_once = 0;
	joined("T1", "news", "m1", 1);
	begin();
	assert_true(nputs > 0);
	ask(1, "topic_leave", "{\"topic\":\"T1\"}");
	expect_answer(0, 1, 0, "{\"topic\":{\"id\":\"T1\",\"name\":\"news\"}}");
	nkept = 0;
	stored_at_once = 1;
	pass(100000);
	assert_int_equal(nkept, 0);
}

static void
not_more_than_256(void **state)
{
	json_t	*list = json_array();
	char	 name[32], *text;
	int	 i;

	(void)state;
	begin();
	for (i = 0; i <= TOPICS_MAX; i++) {
		snprintf(name, sizeof name, "x%d", i);
		json_array_append_new(list, json_pack("{s:s, s:s}", "id",
		    name, "name", name));
	}
	text = json_dumps(list, 0);
	json_decref(list);
	topic_list = text;
	for (i = 0; i <= TOPICS_MAX; i++) {
		snprintf(name, sizeof name, "{\"topic\":\"x%d\"}", i);
		ask((uint32_t)i, "topic_join", name);
		assert_int_equal(answers[i].status, i < TOPICS_MAX ? 0 : 409);
	}
	assert_string_equal(answers[TOPICS_MAX].error, "too_many_topics");
	topic_list = "[{\"id\":\"T1\",\"name\":\"news\"}]";
	wipe_free(text);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		T(a_page_oldest_first),
		T(again_every_30_s),
		T(many_pages),
		T(more_than_a_round),
		T(from_the_first_message),
		T(said_while_reading),
		T(stored_before_kept),
		T(a_store_that_cannot),
		T(a_store_that_goes),
		T(room_is_waited_for),
		T(connection_lost),
		T(pages_too_large_for_a_frame),
		T(no_answer),
		T(several_take_turns),
		T(the_last_is_gone),
		T(a_history_without_an_end),
		T(endless),
		T(more_than_was_asked_for),
		T(malformed_pages),
		T(malformed_messages),
		T(our_own_are_echoes),
		T(gone_at_the_broker),
		T(other_errors_pass),
		T(a_cursor_that_is_gone),
		T(answers_of_others),
		T(a_file_that_cannot_be_read),
		T(not_before_the_store_wakes_us),
		T(names_and_ids),
		T(one_list_for_many),
		T(no_broker),
		T(bad_questions),
		T(join_and_hear_what_comes),
		T(a_join_is_durable),
		T(a_join_that_is_refused),
		T(leave),
		T(leave_while_reading),
		T(not_more_than_256),
		T(not_found_is_confirmed),
	};

	json_set_alloc_funcs(wipe_malloc, wipe_free);	/* as the worker */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
