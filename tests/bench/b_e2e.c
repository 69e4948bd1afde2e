/*
 * e2e: from POST /v1/send to the receiver's event, one message at a time,
 * through the embedded broker, whose sync is in it.  Compared with a ping of a
 * bare WebSocket to that broker, and with a bare send that is pushed to a bare
 * receiver.
 *
 * flow: a thousand messages at once, until the last is in the inbox.
 */

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/uuid.h"
#include "tests/bench/api.h"
#include "tests/bench/mail.h"
#include "tests/bench/meshdb.h"
#include "tests/bench/peer.h"
#include "tests/bench/result.h"

#define PAUSE_US	3000		/* the host is idle again */
#define WAIT_MS		30000
#define FLOW		1000

enum { PING_P50, BARE_P50, BARE_P99, ACCEPT_P50, P50, P99, FLOW_S, ROWS };

static struct result rows[ROWS] = {
	[PING_P50] = { .name = "e2e.ws.ping.p50", .unit = "us" },
	[BARE_P50] = { .name = "e2e.bare.p50", .unit = "us" },
	[BARE_P99] = { .name = "e2e.bare.p99", .unit = "us" },
	[ACCEPT_P50] = { .name = "e2e.accept.p50", .unit = "us" },
	[P50] = { .name = "e2e.p50", .unit = "us",
	    .base = { &rows[PING_P50], &rows[BARE_P50] },
	    .goal = GOAL_BELOW, .limit = 2000 },
	[P99] = { .name = "e2e.p99", .unit = "us",
	    .base = { &rows[BARE_P99] } },
	[FLOW_S] = { .name = "e2e.flow.1000", .unit = "s",
	    .goal = GOAL_BELOW, .limit = 2 },
};

/* The receiver's event stream. */
struct stream {
	int	 fd;
	char	 buf[65536];
	size_t	 len;
};

/* Wait until text has come; what was before it is dropped. */
static void
stream_expect(struct stream *s, const char *text)
{
	int64_t		 deadline = clock_mono_ms() + WAIT_MS;
	struct pollfd	 p = { .fd = s->fd, .events = POLLIN };
	ssize_t		 n;

	while (memmem(s->buf, s->len, text, strlen(text)) == NULL) {
		if (clock_mono_ms() > deadline || s->len == sizeof s->buf)
			fatalx("no event within %d s", WAIT_MS / 1000);
		if (poll(&p, 1, 1000) <= 0)
			continue;
		n = read(s->fd, s->buf + s->len, sizeof s->buf - s->len);
		if (n <= 0)
			fatal("event stream");
		s->len += (size_t)n;
	}
	s->len = 0;
}

static void
stream_open(struct stream *s, const struct world *w,
    const struct session *reader)
{
	char	req[512];
	size_t	n;

	n = http_request(req, sizeof req, "GET", "/v1/events", reader->token,
	    NULL);
	s->fd = api_connect(w->socket);
	s->len = 0;
	if (fd_write_all(s->fd, req, n) == -1)
		fatal("event stream");
	stream_expect(s, ": connected");
}

/*
 * One message.  The event may come before the answer: it is read behind it, at
 * the loss of the few microseconds between.
 */
static void
message_time(struct api *api, struct stream *s, const struct mail *mail,
    struct samples *accept, struct samples *us)
{
	char	id[UUID_SIZE], json[1024];
	int64_t	t0;

	uuid_v7(id);
	mail_json(mail, 0, id, json, sizeof json);
	t0 = clock_mono_us();
	if (api_call(api, "POST", "/v1/send", mail->sessions[0].token, json,
	    NULL) != 202)
		fatalx("not accepted");
	samples_add(accept, (double)(clock_mono_us() - t0));
	stream_expect(s, id);
	samples_add(us, (double)(clock_mono_us() - t0));
}

static void
e2e_measure(const struct world *w, const struct mail *mail,
    const struct session *to)
{
	struct samples	 accept = { 0 }, us = { 0 };
	struct stream	 stream;
	struct api	 api;
	unsigned	 i;

	stream_open(&stream, w, to);
	api_open(&api, w->socket);
	for (i = 0; i < w->bench->messages; i++) {
		message_time(&api, &stream, mail, &accept, &us);
		usleep(PAUSE_US);
	}
	result_add(&rows[ACCEPT_P50], samples_at(&accept, 0.5));
	result_add(&rows[P50], samples_at(&us, 0.5));
	result_add(&rows[P99], samples_at(&us, 0.99));
	samples_clear(&accept);
	samples_clear(&us);
	fd_close(&stream.fd);
	api_close(&api);
}

static void
bare_measure(const struct world *w)
{
	struct samples	us = { 0 };
	struct peer	from, to;

	peer_open(&from, &w->member, w->port, "from");
	peer_open(&to, &w->member, w->port, "to");
	peer_ping(&from, w->bench->messages, &us);
	result_add(&rows[PING_P50], samples_at(&us, 0.5));
	samples_clear(&us);
	peer_deliver(&from, &to, w->bench->messages, &us);
	result_add(&rows[BARE_P50], samples_at(&us, 0.5));
	result_add(&rows[BARE_P99], samples_at(&us, 0.99));
	samples_clear(&us);
	peer_close(&from);
	peer_close(&to);
}

static void
flow_measure(const struct world *w, struct mail *mail)
{
	struct meshdb	*db = meshdb_open(w->db);
	int64_t		 had = meshdb_received(db), begin = clock_mono_us();

	mail_send(w, mail, 16, FLOW);
	while (meshdb_received(db) < had + FLOW) {
		if (clock_mono_us() - begin > WAIT_MS * 1000LL)
			fatalx("%lld of %d messages arrived", (long long)
			    (meshdb_received(db) - had), FLOW);
		usleep(1000);
	}
	result_add(&rows[FLOW_S], (double)(clock_mono_us() - begin) / 1e6);
	meshdb_wait_ended(db);
	meshdb_close(&db);
}

void
e2e_bench(const struct bench *b)
{
	struct session	 s[2] = { 0 };
	struct world	 w;
	struct mail	 mail;
	unsigned	 i;

	world_new(&w, b, 0);
	world_start(&w);
	for (i = 0; i < 2; i++)
		session_register(&w, &s[i], i);
	for (i = 0; i < 2; i++)
		session_wait_open(&w, &s[i]);
	mail_init_to(&mail, s, 1, s[1].pub);
	for (i = 0; i < b->runs; i++) {
		bench_note("e2e: run %u of %u", i + 1, b->runs);
		bare_measure(&w);
		e2e_measure(&w, &mail, &s[1]);
		flow_measure(&w, &mail);
	}
	world_free(&w);
	results_write(rows, ROWS);
}
