/*
 * Event streams, through the real process: every message once and in order,
 * whether its reader was there, away or slow; and nobody else's.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/socket.h>

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/clock.h"
#include "common/xalloc.h"
#include "gate_world.h"

static struct world	*w;

/* A subscriber: the bytes as they came, and the text in their chunks. */
struct listener {
	int	 fd;
	char	*raw, *text;
	size_t	 rawlen;
};

static int
setup(void **state)
{
	world_setup(state);
	w = *state;
	return 0;
}

static void
listen_raw(struct listener *l, const char *path, const char *headers)
{
	memset(l, 0, sizeof *l);
	l->fd = client_open(w, "daemon.sock");
	ask_on(w, l->fd, "GET", path, headers, NULL, 0);
}

static void
dechunk(struct listener *l)
{
	char	*p = strstr(l->raw, "\r\n\r\n"), *end = l->raw + l->rawlen, *eol;
	size_t	 n, have = 0;

	free(l->text);
	l->text = xcalloc(l->rawlen + 1, 1);
	if (p == NULL)
		return;
	for (p += 4; (eol = memmem(p, (size_t)(end - p), "\r\n", 2)) != NULL;
	    p = eol + 2 + n + 2) {
		n = strtoul(p, NULL, 16);
		if (n == 0 || (size_t)(end - eol) < n + 4)
			break;
		memcpy(l->text + have, eol + 2, n);
		have += n;
	}
}

/* Read what there is; wait a little for it. */
static void
hear(struct listener *l, int ms)
{
	ssize_t	n;

	world_pump(w, ms);
	l->raw = xreallocarray(l->raw, l->rawlen + 262145, 1);
	n = recv(l->fd, l->raw + l->rawlen, 262144, MSG_DONTWAIT);
	if (n > 0)
		l->rawlen += (size_t)n;
	l->raw[l->rawlen] = '\0';
	if (n > 0)
		dechunk(l);
}

static void
hear_until(struct listener *l, const char *needle)
{
	int64_t	until = clock_mono_ms() + WORLD_MS;
	size_t	had = l->rawlen;

	while (l->text == NULL || strstr(l->text, needle) == NULL) {
		if (l->rawlen > had) {		/* it goes on */
			had = l->rawlen;
			until = clock_mono_ms() + WORLD_MS;
		}
		if (clock_mono_ms() > until)
			fail_msg("'%s' did not come; but: %.2000s\nlog:\n%s",
			    needle, l->text != NULL ? l->text : l->raw,
			    w->log != NULL ? w->log : "");
		hear(l, 10);
	}
}

static unsigned
heard(const struct listener *l, const char *needle)
{
	const char	*p = l->text;
	unsigned	 n = 0;

	for (; p != NULL && (p = strstr(p, needle)) != NULL; p++)
		n++;
	return n;
}

static void
listen_to(struct listener *l, const char *path, const char *headers)
{
	listen_raw(l, path, headers);
	hear_until(l, ": connected\n\n");
}

static void
listen_end(struct listener *l)
{
	close(l->fd);
	free(l->raw);
	free(l->text);
}

/* The id of the last event that was heard. */
static void
last_id(const struct listener *l, char out[128])
{
	const char	*p = l->text, *at = NULL;

	while ((p = strstr(p, "id: ")) != NULL)
		at = p = p + 4;
	assert_non_null(at);
	snprintf(out, 128, "%.*s", (int)strcspn(at, "\n"), at);
}

static void
live(void **state)
{
	struct listener	a, b;
	char		id[UUID_SIZE], want[128];
	int64_t		seq;

	(void)state;
	world_deliver(w, &w->bob, "before", NULL);
	listen_to(&b, "/v1/events", w->bob.auth);
	listen_to(&a, "/v1/events", w->alice.auth);
	assert_non_null(strstr(b.raw, "Content-Type: text/event-stream"));
	seq = world_deliver(w, &w->bob, "one\ntwo", id);
	hear_until(&b, "one\\ntwo");
	snprintf(want, sizeof want, "id: " WORLD_EPOCH "-%lld\nevent: message\n"
	    "data: {", (long long)seq);
	assert_non_null(strstr(b.text, want));
	assert_non_null(strstr(b.text, id));
	assert_non_null(strstr(b.text, "\"recipient_kind\":\"session\""));
	assert_non_null(strstr(b.text, "\"authenticated\":true"));
	assert_null(strstr(b.text, "before"));
	/* The member's are its sessions' too; another session's are not. */
	world_deliver(w, &w->member, "for all", NULL);
	hear_until(&b, "for all");
	hear_until(&a, "for all");
	assert_null(strstr(a.text, "one"));
	listen_end(&a);
	listen_end(&b);
}

static void
resumed(void **state)
{
	struct listener	l;
	char		id[128], head[512];
	int		i;
	char		text[32];

	(void)state;
	listen_to(&l, "/v1/events", w->bob.auth);
	world_deliver(w, &w->bob, "m0", NULL);
	hear_until(&l, "\"m0\"");
	last_id(&l, id);
	listen_end(&l);
	for (i = 1; i <= 200; i++) {
		snprintf(text, sizeof text, "m%d", i);
		world_deliver(w, &w->bob, text, NULL);
	}
	snprintf(head, sizeof head, "%sLast-Event-ID: %s\r\n", w->bob.auth,
	    id);
	listen_to(&l, "/v1/events", head);
	hear_until(&l, "\"m200\"");
	assert_int_equal(heard(&l, "event: message"), 200);
	assert_int_equal(heard(&l, "\"m0\""), 0);
	assert_int_equal(heard(&l, "\"m1\""), 1);
	/* And it goes on from there. */
	world_deliver(w, &w->bob, "m201", NULL);
	hear_until(&l, "\"m201\"");
	assert_int_equal(heard(&l, "event: message"), 201);
	listen_end(&l);
}

/* An id of another database says nothing: what is unread comes. */
static void
unknown_epoch(void **state)
{
	static const char *const ids[] = { "1",
	    "99999999-2222-4333-8444-555555555555-2", WORLD_EPOCH,
	    WORLD_EPOCH "-", WORLD_EPOCH "-x", WORLD_EPOCH "--1",
	    WORLD_EPOCH "-99999999999999999999999" };
	struct listener	 l;
	char		 head[512];
	size_t		 i;

	(void)state;
	world_deliver(w, &w->bob, "read", NULL);
	assert_int_equal(ask(w, "GET", "/v1/inbox", w->bob.auth, NULL)->status,
	    200);
	world_deliver(w, &w->bob, "unread1", NULL);
	world_deliver(w, &w->bob, "unread2", NULL);
	for (i = 0; i < sizeof ids / sizeof *ids; i++) {
		snprintf(head, sizeof head, "%sLast-Event-ID: %s\r\n",
		    w->bob.auth, ids[i]);
		listen_to(&l, "/v1/events", head);
		hear_until(&l, "unread2");
		assert_int_equal(heard(&l, "event: message"), 2);
		assert_int_equal(heard(&l, "\"read\""), 0);
		listen_end(&l);
	}
}

static void
replayed(void **state)
{
	struct listener	l;

	(void)state;
	world_deliver(w, &w->bob, "m1", NULL);
	world_deliver(w, &w->member, "m2", NULL);
	world_deliver(w, &w->alice, "not yours", NULL);
	world_deliver(w, &w->bob, "m3", NULL);
	listen_to(&l, "/v1/events?replay=2", w->bob.auth);
	hear_until(&l, "\"m3\"");
	assert_int_equal(heard(&l, "event: message"), 2);
	assert_int_equal(heard(&l, "\"m2\""), 1);
	listen_end(&l);
	listen_to(&l, "/v1/events?replay=1000", w->bob.auth);
	hear_until(&l, "\"m3\"");
	assert_int_equal(heard(&l, "event: message"), 3);
	listen_end(&l);
	assert_int_equal(ask(w, "GET", "/v1/events?replay=1001", w->bob.auth,
	    NULL)->status, 400);
}

/* Members of several meshes: one stream, in the order of the rows. */
static void
merged(void **state)
{
	struct person	 other;
	struct listener	 l;
	char		 text[32];
	const char	*p;
	int		 i, n;

	(void)state;
	person_make(&other, "m2", "second", w->uid, NULL);
	world_tell(w, &other);
	world_deliver(w, &w->bob, "for bob alone", NULL);
	for (i = 0; i < 300; i++) {
		snprintf(text, sizeof text, "m%03d", i);
		world_deliver(w, i < 150 || i % 7 == 0 ? &w->member : &other,
		    text, NULL);
	}
	listen_to(&l, "/v1/events?replay=300", NULL);
	hear_until(&l, "\"m299\"");
	assert_int_equal(heard(&l, "event: message"), 300);
	for (i = 0, p = l.text; i < 300; i++) {
		assert_non_null(p = strstr(p, "\"body\":\"m"));
		assert_int_equal(sscanf(p, "\"body\":\"m%d\"", &n), 1);
		assert_int_equal(n, i);
		p++;
	}
	assert_null(strstr(l.text, "bob alone"));
	listen_end(&l);
}

static void
system_event(struct person *worker, const char *json)
{
	struct msg_json	m;

	m.json.p = (const uint8_t *)json;
	m.json.len = strlen(json);
	assert_int_equal(msg_send(worker->worker, MSG_WRK_EVENT, 0, &m, -1),
	    0);
}

static void
pulses(void **state)
{
	struct listener		l;
	struct msg_outcome	o;
	char			own[256];

	(void)state;
	world_worker(w, &w->member);
	listen_to(&l, "/v1/events", w->alice.auth);
	system_event(&w->member, "{\"event\":\"peer_joined\",\"eventData\":"
	    "{\"name\":\"carol\",\"pubkey\":\"cc\",\"mesh\":\"forged\"}}");
	hear_until(&l, "carol");
	assert_non_null(strstr(l.text, "event: peer_join\ndata: {\"name\":"
	    "\"carol\",\"pubkey\":\"cc\",\"mesh\":\"acme\""));
	assert_null(strstr(l.text, "forged"));
	system_event(&w->member, "{\"event\":\"peer_left\",\"eventData\":"
	    "{\"name\":\"carol\",\"pubkey\":\"cc\"}}");
	hear_until(&l, "event: peer_leave");
	/* Of our own keys everyone here knows. */
	snprintf(own, sizeof own, "{\"event\":\"peer_joined\",\"eventData\":"
	    "{\"pubkey\":\"%s\"}}", w->bob.hex);
	system_event(&w->member, own);
	system_event(&w->member, "{\"event\":\"tick\",\"eventData\":{}}");
	hear_until(&l, "event: system");
	assert_int_equal(heard(&l, "event: peer_join"), 1);

	w->member.state = CONN_RECONNECTING;
	world_tell(w, &w->member);
	hear_until(&l, "event: broker_status");
	assert_non_null(strstr(l.text, "\"status\":\"reconnecting\""));
	world_tell(w, &w->member);		/* nothing new */

	memset(&o, 0, sizeof o);
	memcpy(o.owner, w->alice.owner, sizeof o.owner);
	strcpy(o.client_id, "c1");
	o.state = ROW_DEAD;
	strcpy(o.reason, "expired");
	assert_int_equal(msg_send(w->store, MSG_STORE_STATUS, 0, &o, -1), 0);
	hear_until(&l, "event: send_status");
	assert_non_null(strstr(l.text, "\"client_message_id\":\"c1\","
	    "\"status\":\"dead\",\"last_error\":\"expired\","
	    "\"reason\":\"It got too old"));
	memcpy(o.owner, w->bob.owner, sizeof o.owner);
	strcpy(o.client_id, "of-bob");
	assert_int_equal(msg_send(w->store, MSG_STORE_STATUS, 0, &o, -1), 0);
	world_deliver(w, &w->alice, "end", NULL);
	hear_until(&l, "\"end\"");
	assert_null(strstr(l.text, "of-bob"));
	assert_int_equal(heard(&l, "event: broker_status"), 1);
	listen_end(&l);
}

static void
peer_event(struct person *heard_by, const char *event, const char *key)
{
	char	json[256];

	snprintf(json, sizeof json, "{\"event\":\"%s\",\"eventData\":"
	    "{\"name\":\"x\",\"pubkey\":\"%s\",\"groups\":[],"
	    "\"lastSeenAt\":\"2026-01-01T00:00:00.000Z\"}}", event, key);
	system_event(heard_by, json);
}

/* Behind everything that was told before. */
static void
hear_end(struct listener *l)
{
	system_event(&w->member, "{\"event\":\"tick\",\"eventData\":{}}");
	hear_until(l, "event: system");
}

/*
 * Two members of one mesh: who sees both hears of a peer once, of neither's
 * own; who sees one of them hears of the other's, as of any peer.
 */
static void
peers_are_heard_of_once(void **state)
{
	struct listener	 both, one, all;
	struct person	 second, his, third;

	(void)state;
	person_make(&second, "second", "acme", w->uid, NULL);
	person_make(&his, "his", "acme", w->uid, &second);
	person_make(&third, "third", "other", w->uid, NULL);
	world_tell(w, &second);
	world_tell(w, &his);
	world_tell(w, &third);
	world_worker(w, &w->member);
	world_worker(w, &second);
	world_worker(w, &third);
	listen_to(&one, "/v1/events", w->alice.auth);
	listen_to(&both, "/v1/events", NULL);
	memset(&all, 0, sizeof all);
	all.fd = client_open(w, "admin.sock");
	ask_on(w, all.fd, "GET", "/v1/events", NULL, NULL, 0);
	hear_until(&all, ": connected");

	peer_event(&second, "peer_joined", "c0ffee");
	peer_event(&w->member, "peer_joined", "c0ffee");
	peer_event(&third, "peer_joined", "decaf");
	peer_event(&second, "peer_returned", w->alice.hex);
	peer_event(&w->member, "peer_returned", his.hex);
	peer_event(&w->member, "peer_left", second.hex);
	hear_until(&one, "event: peer_leave");
	assert_int_equal(heard(&one, "c0ffee"), 1);
	assert_int_equal(heard(&one, his.hex), 1);
	assert_int_equal(heard(&one, "event: peer_join"), 2);
	assert_non_null(strstr(one.text, "\"groups\":[],\"lastSeenAt\":"
	    "\"2026-01-01T00:00:00.000Z\""));
	hear_until(&both, "decaf");
	hear_until(&all, "decaf");
	hear_end(&both);
	hear_end(&all);
	assert_int_equal(heard(&both, "event: peer_join"), 2);
	assert_int_equal(heard(&both, "c0ffee"), 1);
	assert_int_equal(heard(&both, "decaf"), 1);
	assert_int_equal(heard(&all, "event: peer_join"), 2);
	assert_int_equal(heard(&both, "event: peer_leave") +
	    heard(&all, "event: peer_leave"), 0);

	/* The first one's connection is lost: then the second one's counts. */
	w->member.state = CONN_RECONNECTING;
	world_tell(w, &w->member);
	hear_until(&both, "\"status\":\"reconnecting\"");
	peer_event(&second, "peer_joined", "7ea");
	hear_until(&both, "7ea");
	listen_end(&one);
	listen_end(&both);
	listen_end(&all);
	channel_free(&second.worker);
	channel_free(&third.worker);
}

/* Only members publish; and what is no JSON is nonsense. */
static void
nonsense_of_workers(void **state)
{
	(void)state;
	world_worker(w, &w->alice);
	world_worker(w, &w->member);
	system_event(&w->alice, "{\"event\":\"peer_joined\",\"eventData\":"
	    "{}}");
	system_event(&w->member, "[[[");
	while (w->alice.worker != NULL || w->member.worker != NULL)
		world_pump(w, 20);
	assert_int_equal(ask(w, "GET", "/v1/peers", w->alice.auth,
	    NULL)->status, 503);
}

/* Resident memory of the gate, in KiB. */
static long
gate_rss(void)
{
	char	 path[64];
	long	 pages;
	FILE	*fp;

	snprintf(path, sizeof path, "/proc/%ld/statm", (long)w->pid);
	assert_non_null(fp = fopen(path, "r"));
	assert_int_equal(fscanf(fp, "%*d %ld", &pages), 1);
	fclose(fp);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/*
 * A reader that does not read: its cursor waits, events are dropped for it and
 * it is told; then every message is there, once and in order.
 */
static void
slow_reader(void **state)
{
	static char	 text[8192];
	struct listener	 l;
	const char	*p;
	int		 i, n;
	long		 rss;

	(void)state;
	world_worker(w, &w->member);
	listen_to(&l, "/v1/events", w->bob.auth);
	rss = gate_rss();
	memset(text, 'x', sizeof text - 1);
	for (i = 0; i < 600; i++) {
		n = snprintf(text, sizeof text, "m%03d-", i);
		text[n] = 'x';
		world_deliver(w, &w->bob, text, NULL);
		if (i % 10 == 0)
			world_pump(w, 1);
	}
	world_pump(w, 100);
	for (i = 0; i < 5; i++)
		system_event(&w->member, "{\"event\":\"tick\","
		    "\"eventData\":{}}");
	world_pump(w, 100);
#ifndef WITH_SANITIZERS			/* they keep what is freed */
	assert_true(gate_rss() - rss < 3000);
#else
	(void)rss;
#endif
	hear_until(&l, "\"m599-");
	assert_int_equal(heard(&l, "event: message"), 600);
	for (i = 0, p = l.text; i < 600; i++) {
		assert_non_null(p = strstr(p, "\"body\":\"m"));
		assert_int_equal(sscanf(p, "\"body\":\"m%d-", &n), 1);
		assert_int_equal(n, i);
		p++;
	}
	hear_until(&l, "event: gap");
	assert_non_null(strstr(l.text, "\"dropped\":5"));
	assert_int_equal(heard(&l, "event: system"), 0);
	system_event(&w->member, "{\"event\":\"tick\",\"eventData\":{}}");
	hear_until(&l, "event: system");
	/* What was lost on the way is told as well. */
	system_event(&w->member, "{\"type\":\"lost\",\"events\":-1}");
	system_event(&w->member, "{\"type\":\"lost\",\"events\":\"7\"}");
	system_event(&w->member, "{\"type\":\"lost\",\"events\":7}");
	hear_until(&l, "\"dropped\":7");
	assert_int_equal(heard(&l, "event: gap"), 2);
	listen_end(&l);
}

/*
 * The same for one that no message comes for: what waits for it is limited,
 * and each event that it does not get is told.
 */
static void
slow_reader_of_events(void **state)
{
	enum { COUNT = 1000 };
	static char	 text[4096];
	struct listener	 l;
	const char	*p;
	unsigned	 got;
	int		 i, dropped = 0;

	(void)state;
	world_worker(w, &w->member);
	listen_to(&l, "/v1/events", w->bob.auth);
	snprintf(text, sizeof text, "{\"event\":\"tick\",\"eventData\":"
	    "{\"x\":\"%03000d\"}}", 0);
	for (i = 0; i < COUNT; i++) {		/* 3 MB */
		system_event(&w->member, text);
		if (i % 10 == 0)
			world_pump(w, 1);
	}
	while (channel_queued(w->member.worker) > 0)
		world_pump(w, 10);		/* before anything is read */
	hear_until(&l, "event: gap");
	system_event(&w->member, "{\"event\":\"last\",\"eventData\":{}}");
	hear_until(&l, "\"last\"");
	got = heard(&l, "\"tick\"");
	for (p = l.text; (p = strstr(p, "\"dropped\":")) != NULL; p++)
		dropped += atoi(p + strlen("\"dropped\":"));
	assert_int_equal(got + (unsigned)dropped, COUNT);
	assert_true(dropped > COUNT / 2);
	listen_end(&l);
}

/* What a client says on a stream is neither read nor kept. */
static void
talking_client(void **state)
{
	static char	 noise[65536];
	struct listener	 l;
	size_t		 sent = 0;
	ssize_t		 n;
	int64_t		 until = clock_mono_ms() + 500;

	(void)state;
	listen_to(&l, "/v1/events", w->bob.auth);
	while (clock_mono_ms() < until) {
		n = send(l.fd, noise, sizeof noise, MSG_NOSIGNAL);
		if (n > 0)
			sent += (size_t)n;
		else
			world_pump(w, 10);
	}
	/* What the kernel keeps, and a little. */
	assert_true(sent < 320 * 1024);
	world_deliver(w, &w->bob, "still here", NULL);
	hear_until(&l, "still here");
	listen_end(&l);
}

static void
too_many_streams(void **state)
{
	struct listener	l[4], more;
	int		i;

	(void)state;
	for (i = 0; i < 4; i++)
		listen_to(&l[i], "/v1/events", w->bob.auth);
	assert_int_equal(ask(w, "GET", "/v1/events", w->bob.auth,
	    NULL)->status, 429);
	assert_string_equal(said("error"), "too_many_streams");
	listen_to(&more, "/v1/events", w->alice.auth);
	listen_end(&more);
	/* They do not count as requests. */
	assert_int_equal(ask(w, "GET", "/v1/inbox", w->bob.auth,
	    NULL)->status, 200);
	listen_end(&l[0]);
	world_pump(w, 50);
	listen_to(&l[0], "/v1/events", w->bob.auth);
	for (i = 0; i < 4; i++)
		listen_end(&l[i]);
}

/* Its token dead, or its session gone, a stream ends; others do not. */
static void
ended_sessions(void **state)
{
	struct listener	a, b;

	(void)state;
	listen_to(&a, "/v1/events", w->alice.auth);
	listen_to(&b, "/v1/events", w->bob.auth);
	memset(w->alice.token, 'a', 64);
	world_tell(w, &w->alice);
	while (strstr(a.raw, "0\r\n\r\n") == NULL)
		hear(&a, 20);
	world_deliver(w, &w->bob, "on", NULL);
	hear_until(&b, "\"on\"");
	w->bob.state = CONN_DRAINING;
	world_tell(w, &w->bob);
	world_forget(w, &w->bob);
	world_deliver(w, &w->bob, "nobody hears this", NULL);
	while (strstr(b.raw, "0\r\n\r\n") == NULL)
		hear(&b, 20);
	assert_null(strstr(b.text, "nobody"));
	listen_end(&a);
	listen_end(&b);
}

/* What came while there was no store to tell of it is found. */
static void
store_replaced(void **state)
{
	struct listener	l;

	(void)state;
	listen_to(&l, "/v1/events", w->bob.auth);
	world_store_gone(w);
	world_deliver(w, &w->bob, "untold", NULL);
	world_pump(w, 50);
	world_store_new(w);
	hear_until(&l, "untold");
	assert_int_equal(heard(&l, "event: message"), 1);
	listen_end(&l);
}

static void
stopped(void **state)
{
	struct listener	l;
	int		status;

	(void)state;
	listen_to(&l, "/v1/events", w->bob.auth);
	world_send(w, MSG_SUP_STOP, NULL);
	while (strstr(l.raw, "0\r\n\r\n") == NULL)
		hear(&l, 20);
	w->exited = world_wait(w, &status);
	assert_int_equal(status, 0);
	listen_end(&l);
}

int
main(void)
{
#define T(f)	cmocka_unit_test_setup_teardown(f, setup, world_teardown)
	const struct CMUnitTest tests[] = {
		T(live),
		T(resumed),
		T(unknown_epoch),
		T(replayed),
		T(merged),
		T(pulses),
		T(peers_are_heard_of_once),
		T(nonsense_of_workers),
		T(slow_reader),
		T(slow_reader_of_events),
		T(talking_client),
		T(too_many_streams),
		T(ended_sessions),
		T(store_replaced),
		T(stopped),
	};

	if (sodium_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
