/* Bare sessions: the baselines of what passes a broker. */

#include "tests/bench/peer.h"

#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/encode.h"
#include "common/log.h"
#include "common/uuid.h"
#include "common/xalloc.h"

#define WINDOW		64
#define BODY		200		/* bytes of a message */
#define MAC		16
#define TARGETS		20
#define SESSIONS_MAX	64
#define STUCK_MS	30000

/* Is it {"type":"<type>" ..., in the way our broker writes it? */
static int
frame_is(const struct ws_frame *f, const char *type)
{
	char	want[64];
	int	n = snprintf(want, sizeof want, "\"type\":\"%s\"", type);

	return f->op == WS_TEXT &&
	    memmem(f->data, f->len, want, (size_t)n) != NULL;
}

void
peer_open(struct peer *p, const struct member *m, int port, const char *name)
{
	struct ws_frame	 f;
	char		*hello;

	key_new(&p->key);
	ws_open(&p->ws, port);
	hello = member_session_hello(m, &p->key, name);
	ws_put(&p->ws, WS_TEXT, hello, strlen(hello));
	free(hello);
	do {
		ws_wait(&p->ws, &f);
		if (frame_is(&f, "error"))
			fatalx("hello refused: %.*s", (int)f.len, f.data);
	} while (!frame_is(&f, "hello_ack"));
}

void
peer_close(struct peer *p)
{
	ws_close(&p->ws);
	sodium_memzero(&p->key, sizeof p->key);
}

char *
peer_send_frame(const char *target, size_t bodylen, int first, size_t *len_r)
{
	uint8_t	 raw[4096], nonce[24], fp[32];
	char	 box[8192], n[64], fph[65], id[UUID_SIZE], *text;

	if (bodylen + MAC > sizeof raw)
		fatalx("body too long");
	randombytes_buf(raw, bodylen + MAC);
	randombytes_buf(nonce, sizeof nonce);
	randombytes_buf(fp, sizeof fp);
	uuid_v7(id);
	*len_r = (size_t)xasprintf(&text, "{\"type\":\"send\",\"id\":\"%s\","
	    "\"client_message_id\":\"%s\",\"request_fingerprint\":\"%s\","
	    "\"targetSpec\":\"%s\",\"priority\":\"next\",\"nonce\":\"%s\","
	    "\"ciphertext\":\"%s\"%s}", id, id,
	    hex_encode(fph, fp, sizeof fp), target,
	    base64_encode(n, sizeof n, nonce, sizeof nonce),
	    base64_encode(box, sizeof box, raw, bodylen + MAC),
	    first ? ",\"first\":true" : "");
	return text;
}

/* One session of peer_ack_rate(). */
struct sender {
	struct peer	 peer;
	char		**frames;
	size_t		*lens;
	unsigned	 n, sent, acked;
};

static void
sender_init(struct sender *s, const struct member *m, int port, unsigned n)
{
	struct key	targets[TARGETS];
	unsigned	i;

	for (i = 0; i < TARGETS; i++)
		key_new(&targets[i]);
	s->n = n;
	s->frames = xcalloc(n, sizeof *s->frames);
	s->lens = xcalloc(n, sizeof *s->lens);
	for (i = 0; i < n; i++)
		s->frames[i] = peer_send_frame(targets[i % TARGETS].hex, BODY,
		    i < TARGETS, &s->lens[i]);
	peer_open(&s->peer, m, port, "bare");
}

static void
sender_clear(struct sender *s)
{
	unsigned	i;

	for (i = 0; i < s->n; i++)
		free(s->frames[i]);
	free(s->frames);
	free(s->lens);
	peer_close(&s->peer);
}

static void
sender_fill(struct sender *s)
{
	for (; s->sent < s->n && s->sent - s->acked < WINDOW; s->sent++)
		ws_put(&s->peer.ws, WS_TEXT, s->frames[s->sent],
		    s->lens[s->sent]);
	ws_flush(&s->peer.ws);
}

static void
sender_read(struct sender *s)
{
	struct ws_frame	f;

	ws_read(&s->peer.ws);
	while (ws_next(&s->peer.ws, &f)) {
		if (!frame_is(&f, "ack"))
			continue;
		if (memmem(f.data, f.len, "\"queued\":true", 13) == NULL)
			fatalx("broker refused: %.*s", (int)f.len, f.data);
		s->acked++;
	}
	sender_fill(s);
}

static unsigned
senders_wait(struct sender *s, struct pollfd *p, unsigned sessions)
{
	unsigned	i, left = 0;

	for (i = 0; i < sessions; i++) {
		p[i].fd = s[i].acked < s[i].n ? s[i].peer.ws.fd : -1;
		p[i].events = (short)(POLLIN |
		    (ws_pending(&s[i].peer.ws) ? POLLOUT : 0));
		p[i].revents = 0;
		left += s[i].n - s[i].acked;
	}
	if (left > 0 && poll(p, sessions, STUCK_MS) <= 0)
		fatalx("the broker does not acknowledge");
	return left;
}

double
peer_ack_rate(const struct member *m, int port, unsigned sessions, unsigned n)
{
	struct sender	*s = xcalloc(sessions, sizeof *s);
	struct pollfd	 p[SESSIONS_MAX];
	int64_t		 begin;
	double		 seconds;
	unsigned	 i;

	if (sessions > SESSIONS_MAX)
		fatalx("too many sessions");
	for (i = 0; i < sessions; i++)
		sender_init(&s[i], m, port, n);
	begin = clock_mono_us();
	for (i = 0; i < sessions; i++)
		sender_fill(&s[i]);
	while (senders_wait(s, p, sessions) > 0)
		for (i = 0; i < sessions; i++) {
			if (p[i].revents & POLLOUT)
				ws_flush(&s[i].peer.ws);
			if (p[i].revents & ~POLLOUT)
				sender_read(&s[i]);
		}
	seconds = (double)(clock_mono_us() - begin) / 1e6;
	for (i = 0; i < sessions; i++)
		sender_clear(&s[i]);
	free(s);
	return sessions * n / seconds;
}

void
peer_ping(struct peer *p, unsigned n, struct samples *us)
{
	struct ws_frame	f;
	int64_t		t0;

	for (; n > 0; n--) {
		t0 = clock_mono_us();
		ws_put(&p->ws, WS_PING, "bench", 5);
		ws_flush(&p->ws);
		do
			ws_wait(&p->ws, &f);
		while (f.op != WS_PONG);
		samples_add(us, (double)(clock_mono_us() - t0));
	}
}

/* Acknowledge a push, so that it is not kept. */
static void
peer_acknowledge(struct peer *p, const struct ws_frame *f)
{
	static const char	 key[] = "\"messageId\":\"";
	const char		*id, *end;
	char			 text[256];
	int			 n;

	id = memmem(f->data, f->len, key, sizeof key - 1);
	if (id == NULL)
		return;
	id += sizeof key - 1;
	end = memchr(id, '"', f->len - (size_t)(id - (const char *)f->data));
	if (end == NULL)
		return;
	n = snprintf(text, sizeof text, "{\"type\":\"client_ack\","
	    "\"brokerMessageId\":\"%.*s\"}", (int)(end - id), id);
	ws_put(&p->ws, WS_TEXT, text, (size_t)n);
	ws_flush(&p->ws);
}

/* The next frame of a type; refusals of a send end the bench. */
static void
peer_expect(struct peer *p, const char *type, struct ws_frame *f)
{
	do {
		ws_wait(&p->ws, f);
		if (memmem(f->data, f->len, "\"queued\":false", 14) != NULL)
			fatalx("broker refused: %.*s", (int)f->len, f->data);
	} while (!frame_is(f, type) ||
	    memmem(f->data, f->len, "\"subtype\":\"system\"", 18) != NULL);
}

void
peer_deliver(struct peer *from, struct peer *to, unsigned n,
    struct samples *us)
{
	struct ws_frame	 f;
	int64_t		 t0;
	char		*text;
	size_t		 len;

	for (; n > 0; n--) {
		text = peer_send_frame(to->key.hex, BODY, 1, &len);
		t0 = clock_mono_us();
		ws_put(&from->ws, WS_TEXT, text, len);
		ws_flush(&from->ws);
		free(text);
		peer_expect(to, "push", &f);
		samples_add(us, (double)(clock_mono_us() - t0));
		peer_acknowledge(to, &f);
		peer_expect(from, "ack", &f);
	}
}
