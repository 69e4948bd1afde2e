/*
 * msg.c: every message comes back as it went, over a channel too, with its
 * descriptor or without.  All of it from the layouts, so that a new message is
 * tested with no new line here.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/msg.h"
#include "common/xalloc.h"
#include "fds.h"
#include "sample.h"

#define ROUNDS	20	/* random bodies per message */

/* Every message that there is. */
#define EACH_TYPE(type, l) \
	for (type = 0; type <= MSG_TYPE_MAX; type++) \
		if (((l) = msg_layout(type)) != NULL)

/* There and back, in memory of exactly the right size. */
static void
expect_round(int type, const struct msg_layout *l, const void *body)
{
	struct msg	 m;
	uint8_t		*p;
	size_t		 len;
	const char	*field;
	void		*back = l->n > 0 ? xmalloc(l->size) : NULL;
	uint32_t	 seq = sample_random();

	if (msg_encode((enum msg_type)type, seq, body, &p, &len) == -1)
		fail_msg("%s: not encoded", l->name);
	assert_int_equal(msg_parse(&m, p, len), 0);
	assert_int_equal(m.type, type);
	assert_int_equal(m.seq, seq);
	assert_int_equal(m.fd, -1);
	if (msg_decode(&m, back) == -1)
		fail_msg("%s: not decoded", l->name);
	if ((field = sample_differs(l, body, back)) != NULL)
		fail_msg("%s.%s differs", l->name, field);
	if ((field = sample_outside(l, back, p, len)) != NULL)
		fail_msg("%s.%s is outside", l->name, field);
	free(back);
	free(p);
}

static void
test_round(void **state)
{
	const struct msg_layout	*l;
	void			*body;
	int			 type, kind, i;

	(void)state;
	EACH_TYPE(type, l) {
		for (kind = SAMPLE_LEAST; kind <= SAMPLE_SHORT; kind++) {
			for (i = 0; i < (kind < SAMPLE_RANDOM ? 1 : ROUNDS);
			    i++) {
				body = sample_new(l, (enum sample_kind)kind);
				expect_round(type, l, body);
				free(body);
			}
		}
	}
}

static void
test_seq(void **state)
{
	static const uint32_t	seqs[] = { 0, 1, 0x7f, 0x80, 0xff, 0x100,
				    0xffff, 0x10000, UINT32_MAX };
	struct msg		m;
	uint8_t			*p;
	size_t			 len, i;

	(void)state;
	for (i = 0; i < sizeof seqs / sizeof *seqs; i++) {
		assert_int_equal(msg_encode(MSG_READY, seqs[i], NULL, &p,
		    &len), 0);
		assert_int_equal(msg_parse(&m, p, len), 0);
		assert_int_equal(m.seq, seqs[i]);
		assert_int_equal(msg_decode(&m, NULL), 0);
		free(p);
	}
}

#define PARSES(s, ret)	assert_int_equal(msg_parse(&m, \
	(const uint8_t *)(s), sizeof(s) - 1), ret)

static void
test_header(void **state)
{
	struct msg	m;

	(void)state;
	PARSES("\x92\x07\x00", 0);
	assert_int_equal(m.type, MSG_SUP_STOP);
	PARSES("\xdc\0\2\x07\x00", 0);
	PARSES("\xdd\0\0\0\2\xcd\0\x07\xce\xff\xff\xff\xff", 0);
	assert_int_equal(m.type, MSG_SUP_STOP);
	assert_int_equal(m.seq, UINT32_MAX);
	PARSES("", -1);
	PARSES("\x90", -1);
	PARSES("\x91\x07", -1);
	PARSES("\x92\x00\x00", -1);		/* no such type */
	PARSES("\x92\xcc\xff\x00", -1);
	PARSES("\x92\xcd\1\x07\x00", -1);	/* not 7 modulo 256 */
	PARSES("\x92\xce\xff\xff\xff\xff\x00", -1);
	PARSES("\x92\xff\x00", -1);
	PARSES("\x92\xc0\x00", -1);
	PARSES("\x92\xa1\x07\x00", -1);
	PARSES("\x92\x91\x07\x00", -1);
	PARSES("\x92\x07\xff", -1);
	PARSES("\x92\x07\xc2", -1);
	PARSES("\x92\x07\xcf\0\0\0\0\0\0\0\1", -1);
	PARSES("\x92\x07\x00\x00", -1);
	PARSES("\xc1\x07\x00", -1);
}

/* ---- over a channel ---- */

static struct channel	*a, *b;
static int		 before;

static int
ends(void **state)
{
	int	fds[2];

	(void)state;
	before = fds_count();
	assert_int_equal(channel_pair(fds), 0);
	a = channel_new(fds[0]);
	b = channel_new(fds[1]);
	return 0;
}

static int
no_ends(void **state)
{
	(void)state;
	channel_free(&a);
	channel_free(&b);
	return fds_count() == before ? 0 : -1;
}

static void
test_channel(void **state)
{
	static const struct msg_layout	*l;
	struct msg			 m;
	void				*body, *back;
	int				 type;

	(void)state;
	assert_int_equal(msg_recv(b, &m), 0);
	EACH_TYPE(type, l) {
		body = sample_new(l, SAMPLE_MOST);
		assert_int_equal(msg_send(a, (enum msg_type)type, 5, body,
		    -1), 0);
		assert_int_equal(msg_recv(b, &m), 1);
		assert_int_equal(m.type, type);
		assert_int_equal(m.big, l->big);
		back = xcalloc(1, l->size);
		assert_int_equal(msg_decode(&m, l->n > 0 ? back : NULL), 0);
		assert_null(sample_differs(l, body, back));
		free(body);
		free(back);
	}
	assert_int_equal(fds_count(), before + 2);
	channel_free(&a);
	errno = EIO;
	assert_int_equal(msg_recv(b, &m), -1);
	assert_int_equal(errno, 0);
}

/* A packet of this type that is too large for a small one. */
static void
send_large(int type)
{
	static const char	x[CHANNEL_PACKET_MAX];
	msgpack_sbuffer		sb;
	msgpack_packer		pk;

	msgpack_sbuffer_init(&sb);
	msgpack_packer_init(&pk, &sb, msgpack_sbuffer_write);
	msgpack_pack_array(&pk, 3);
	msgpack_pack_int(&pk, type);
	msgpack_pack_int(&pk, 0);
	msgpack_pack_bin(&pk, sizeof x);
	msgpack_pack_bin_body(&pk, x, sizeof x);
	assert_int_equal(channel_send(a, sb.data, sb.size, -1), 0);
	msgpack_sbuffer_destroy(&sb);
}

static void
test_big(void **state)
{
	const struct msg_layout	*l;
	struct msg		 m;
	int			 type;

	(void)state;
	EACH_TYPE(type, l) {
		send_large(type);
		assert_int_equal(msg_recv(b, &m), l->big ? 1 : -1);
		if (!l->big)
			assert_int_equal(errno, EPROTO);
	}
	assert_int_equal(fds_count(), before + 2);
}

static void
test_nonsense(void **state)
{
	struct msg	m;
	int		fd = dup(0);

	(void)state;
	assert_int_equal(channel_send(a, "nonsense", 8, fd), 0);
	assert_int_equal(msg_recv(b, &m), -1);
	assert_int_equal(errno, EPROTO);
	assert_int_equal(m.fd, -1);
	assert_int_equal(fds_count(), before + 2);
}

static void
test_fd(void **state)
{
	struct msg_listen	 bad = { .kind = LISTEN_KIND_MAX + 1 };
	struct msg		 m;
	int			 fd, i;

	(void)state;
	for (i = 0; i < 2; i++)
		assert_int_equal(msg_send(a, MSG_READY, 0, NULL, dup(0)), 0);
	assert_int_equal(msg_recv(b, &m), 1);
	assert_true((fd = msg_take_fd(&m)) >= 0);
	assert_true(fds_is_open(fd));
	assert_int_equal(msg_take_fd(&m), -1);
	msg_drop_fd(&m);
	assert_true(fds_is_open(fd));
	close(fd);

	assert_int_equal(msg_recv(b, &m), 1);
	assert_true(fds_is_open(fd = m.fd));
	msg_drop_fd(&m);
	msg_drop_fd(&m);
	assert_false(fds_is_open(fd));

	/* Not sent, and closed all the same. */
	fd = dup(0);
	assert_int_equal(msg_send(a, MSG_SUP_LISTEN, 0, &bad, fd), -1);
	assert_int_equal(errno, EINVAL);
	assert_false(fds_is_open(fd));
	fd = dup(0);
	assert_int_equal(msg_send(a, (enum msg_type)0, 0, NULL, fd), -1);
	assert_int_equal(errno, EINVAL);
	assert_false(fds_is_open(fd));
	assert_int_equal(msg_recv(b, &m), 0);
}

static void
test_state_names(void **state)
{
	(void)state;
	assert_string_equal(conn_state_name(CONN_REGISTERED), "registered");
	assert_string_equal(conn_state_name(CONN_OPEN), "open");
	assert_string_equal(conn_state_name(CONN_STATE_MAX), "reconnecting");
	assert_string_equal(conn_state_name((enum conn_state)-1), "unknown");
	assert_string_equal(conn_state_name(
	    (enum conn_state)(CONN_STATE_MAX + 1)), "unknown");
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_seq),
		cmocka_unit_test(test_header),
		cmocka_unit_test_setup_teardown(test_channel, ends, no_ends),
		cmocka_unit_test_setup_teardown(test_big, ends, no_ends),
		cmocka_unit_test_setup_teardown(test_nonsense, ends, no_ends),
		cmocka_unit_test_setup_teardown(test_fd, ends, no_ends),
		cmocka_unit_test(test_state_names),
	};

	sample_seed(20261124);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
