/*
 * handover.c: what an upgrade hands over arrives as it was, or is refused:
 * another layout, anything damaged, and values that cannot be.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/fd.h"
#include "fds.h"
#include "supervisor/handover.h"

#define HEAD	(8 + 4 + 4 + 32)	/* magic, layout, length, hash */
#define ROUNDS	20000

static char			err[512];
static struct handover		out;
static struct handover_owner	owners[3];
static uint8_t			open_ids[2][OWNER_ID_LEN];
static int			before;

static int
setup(void **state)
{
	struct handover	*h = &out;

	(void)state;
	before = fds_count();
	memset(h, 0, sizeof *h);
	strcpy(h->version, "1.2.3");
	h->proto = 7;
	strcpy(h->config, "/etc/meshsup.conf");
	h->config_named = 1;
	strcpy(h->state_dir, "/var/lib/meshsup");
	memset(h->run_dir, 'r', sizeof h->run_dir - 1);
	h->run_dir[0] = '/';
	h->started_at = 1795473802122;
	h->started_mono = INT64_MAX;
	h->upgrades = 41;
	h->state_lock = 3;
	h->run_lock = 4;
	h->listen_unix = 5;
	h->listen_admin = 6;
	h->listen_tcp = -1;
	h->listen_broker = 0;
	h->given_admin = 1;
	h->tcp_port = 65535;
	strcpy(h->broker_listen, "127.0.0.1:0");
	strcpy(h->broker_host, "127.0.0.1");
	h->broker_port = 4242;
	randombytes_buf(owners, sizeof owners);
	owners[0].pidfd = 10;
	owners[1].pidfd = 11;
	owners[2].pidfd = 4000000;
	h->owners = owners;
	h->n_owners = 3;
	randombytes_buf(open_ids, sizeof open_ids);
	h->open = open_ids;
	h->n_open = 2;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	return fds_count() == before ? 0 : -1;
}

static void
expect_same(const struct handover *in)
{
	uint32_t	i;

	assert_string_equal(in->version, out.version);
	assert_int_equal(in->proto, out.proto);
	assert_string_equal(in->config, out.config);
	assert_int_equal(in->config_named, out.config_named);
	assert_string_equal(in->state_dir, out.state_dir);
	assert_string_equal(in->run_dir, out.run_dir);
	assert_string_equal(in->reference, out.reference);
	assert_int_equal(in->foreground, out.foreground);
	assert_true(in->started_at == out.started_at);
	assert_true(in->started_mono == out.started_mono);
	assert_int_equal(in->upgrades, out.upgrades);
	assert_int_equal(in->state_lock, out.state_lock);
	assert_int_equal(in->run_lock, out.run_lock);
	assert_int_equal(in->listen_unix, out.listen_unix);
	assert_int_equal(in->listen_admin, out.listen_admin);
	assert_int_equal(in->listen_tcp, out.listen_tcp);
	assert_int_equal(in->listen_broker, out.listen_broker);
	assert_int_equal(in->given_unix, out.given_unix);
	assert_int_equal(in->given_admin, out.given_admin);
	assert_int_equal(in->tcp_port, out.tcp_port);
	assert_string_equal(in->broker_listen, out.broker_listen);
	assert_string_equal(in->broker_host, out.broker_host);
	assert_int_equal(in->broker_port, out.broker_port);
	assert_int_equal(in->n_owners, out.n_owners);
	for (i = 0; i < in->n_owners; i++) {
		assert_memory_equal(in->owners[i].owner, owners[i].owner,
		    OWNER_ID_LEN);
		assert_int_equal(in->owners[i].pidfd, owners[i].pidfd);
	}
	assert_int_equal(in->n_open, out.n_open);
	assert_memory_equal(in->open, open_ids, in->n_open * OWNER_ID_LEN);
}

/* Decoded from a copy of just that size, so that sanitizers see the end. */
static int
decode(const uint8_t *p, size_t len, struct handover *in)
{
	uint8_t	*copy = malloc(len > 0 ? len : 1);
	int	 ret;

	memcpy(copy, p, len);
	err[0] = '\0';
	ret = handover_decode(in, copy, len, err, sizeof err);
	free(copy);
	return ret;
}

static void
expect_refused(const uint8_t *p, size_t len, const char *why)
{
	struct handover	in;

	assert_int_equal(decode(p, len, &in), -1);
	if (strstr(err, why) == NULL)
		fail_msg("%s", err);
	handover_clear(&in);
}

/* As if who wrote it had meant it. */
static void
seal(uint8_t *p, size_t len)
{
	uint32_t	n = (uint32_t)(len - HEAD);

	p[12] = (uint8_t)n;
	p[13] = (uint8_t)(n >> 8);
	p[14] = (uint8_t)(n >> 16);
	p[15] = (uint8_t)(n >> 24);
	crypto_generichash(p + 16, 32, p + HEAD, n, NULL, 0);
}

static void
test_round_trip(void **state)
{
	struct handover	in;
	size_t		len;
	uint8_t		*p = handover_encode(&out, &len);

	(void)state;
	assert_int_equal(decode(p, len, &in), 0);
	expect_same(&in);
	handover_clear(&in);
	free(p);

	out.n_owners = out.n_open = 0;
	strcpy(out.reference, "/home/x/.claudemesh/config.json");
	p = handover_encode(&out, &len);
	assert_int_equal(decode(p, len, &in), 0);
	expect_same(&in);
	handover_clear(&in);
	free(p);
}

static void
test_memfd(void **state)
{
	struct handover	in;
	int		fd = handover_write(&out), flags;

	(void)state;
	assert_int_not_equal(fd, -1);
	flags = fcntl(fd, F_GETFD);
	assert_true(flags & FD_CLOEXEC);
	assert_int_equal(write(fd, "x", 1), -1);	/* sealed */
	assert_int_equal(handover_read(&in, fd, err, sizeof err), 0);
	expect_same(&in);
	handover_clear(&in);
	close(fd);

	/* What somebody could still change is not believed. */
	assert_int_not_equal(fd = memfd_create("x", MFD_CLOEXEC), -1);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(handover_read(&in, fd, err, sizeof err), -1);
	assert_non_null(strstr(err, "no sealed memory"));
	close(fd);
	assert_int_equal(handover_read(&in, -1, err, sizeof err), -1);
}

static void
test_layout(void **state)
{
	size_t	 len;
	uint8_t	*p = handover_encode(&out, &len);

	(void)state;
	p[8]++;
	expect_refused(p, len, "hands over in layout 2");
	p[8] -= 2;
	expect_refused(p, len, "hands over in layout 0");
	p[8]++;
	p[0] ^= 1;
	expect_refused(p, len, "nothing of meshsup");
	free(p);
}

/* Every bit counts, and so does every byte that is missing or too much. */
static void
test_damage(void **state)
{
	struct handover	 in;
	size_t		 len, i;
	uint8_t		*p;

	(void)state;
	strcpy(out.run_dir, "/run/meshsup");
	p = handover_encode(&out, &len);
	for (i = 0; i < 8 * len; i++) {
		p[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(decode(p, len, &in), -1);
		handover_clear(&in);
		p[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (i = 0; i < len; i++) {
		assert_int_equal(decode(p, i, &in), -1);
		handover_clear(&in);
		if (i <= HEAD)
			continue;
		seal(p, i);		/* as if it were meant */
		assert_int_equal(decode(p, i, &in), -1);
		handover_clear(&in);
	}
	free(p);
	p = handover_encode(&out, &len);
	p = realloc(p, len + 1);
	p[len] = 0;
	seal(p, len + 1);
	expect_refused(p, len + 1, "damaged");
	free(p);
}

/* What can be in one that decodes, whoever wrote it. */
static void
expect_possible(const struct handover *h)
{
	uint32_t	i;

	assert_true(h->config[0] == '/' && h->state_dir[0] == '/' &&
	    h->run_dir[0] == '/');
	assert_true(h->config_named <= 1 && h->foreground <= 1 &&
	    h->given_unix <= 1 && h->given_admin <= 1);
	assert_true(h->state_lock >= 0 && h->run_lock >= 0 &&
	    h->listen_unix >= 0 && h->listen_admin >= 0 &&
	    h->listen_tcp >= -1 && h->listen_broker >= -1);
	assert_true(h->started_at >= 0 && h->started_mono >= 0);
	assert_true(h->tcp_port <= 65535 && h->broker_port <= 65535);
	for (i = 0; i < h->n_owners; i++)
		assert_true(h->owners[i].pidfd >= 0);
}

/* With a hash that is right: refused, or at least possible. */
static void
test_mutations(void **state)
{
	struct handover	 in;
	uint8_t		*p, *copy;
	size_t		 len;
	int		 i, k, good = 0;

	(void)state;
	strcpy(out.run_dir, "/run/meshsup");
	p = handover_encode(&out, &len);
	copy = malloc(len);
	srandom(4776);
	for (i = 0; i < ROUNDS; i++) {
		memcpy(copy, p, len);
		for (k = 1 + (int)(random() % 3); k > 0; k--)
			copy[HEAD + (size_t)random() % (len - HEAD)] =
			    (uint8_t)(random() % 2 ? random() : 0xff);
		seal(copy, len);
		if (decode(copy, len, &in) == 0) {
			expect_possible(&in);
			good++;
		}
		handover_clear(&in);
	}
	/* Else nothing behind the hash was looked at. */
	assert_true(good > 0 && good < ROUNDS);
	free(copy);
	free(p);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_memfd, setup, teardown),
		cmocka_unit_test_setup_teardown(test_layout, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mutations, setup,
		    teardown),
	};

	if (sodium_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
