/*
 * supervisor/mesh.c: URLs of brokers.  The host goes to the resolver, into a
 * certificate check and into a header, so that it is a name or an address and
 * nothing else.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "supervisor/mesh.h"

static void
expect_url(const char *url, const char *host, uint16_t port, int tls)
{
	char		h[MSG_HOST_SIZE];
	uint16_t	p;
	int		t;

	if (mesh_parse_url(url, h, &p, &t) == -1)
		fail_msg("%s", url);
	assert_string_equal(h, host);
	assert_int_equal(p, port);
	assert_int_equal(t, tls);
}

static void
test_url(void **state)
{
	static const char	*const bad[] = {
		"", "ws:", "ws://", "ws:///ws", "ws://:80/ws", "ws://h",
		"ws://h/", "ws://h/wss", "ws://h/ws/", "ws://h/x/ws",
		"WS://h/ws", "http://h/ws", "h/ws", "//h/ws", " ws://h/ws",
		"ws://h:/ws", "ws://h:0/ws", "ws://h:65536/ws", "ws://h:-1/ws",
		"ws://h:+80/ws", "ws://h: 80/ws", "ws://h:80x/ws",
		"ws://h:80:90/ws", "ws://h:99999999999999999999/ws",
		"ws://u@h/ws", "ws://u:p@h/ws", "ws://u:p@h:80/ws",
		"ws://h?x/ws", "ws://h#x/ws", "ws://h\\x/ws", "ws://h h/ws",
		"ws://h\r\nX: y/ws", "ws://h\x7f/ws", "ws://\xc3\xbc/ws",
		"ws://[/ws", "ws://[]/ws", "ws://[::1/ws", "ws://::1]/ws",
		"ws://[::1]x/ws", "ws://[::1]80/ws", "ws://[::1]:/ws",
		"ws://[::1]]:80/ws", "ws://[h]/ws", "ws://[::1%25lo]/ws",
		"ws://::1/ws", "ws://h/ws?x",
	};
	char			 h[MSG_HOST_SIZE] = "untouched", url[512];
	uint16_t		 p = 4711;
	size_t			 i;
	int			 t;

	(void)state;
	expect_url("ws://h/ws", "h", 80, 0);
	expect_url("wss://h/ws", "h", 443, 1);
	expect_url("ws://h:1/ws", "h", 1, 0);
	expect_url("wss://a-b.example.org:65535/ws", "a-b.example.org", 65535,
	    1);
	expect_url("ws://127.0.0.1:7000/ws", "127.0.0.1", 7000, 0);
	expect_url("ws://[::1]:7000/ws", "::1", 7000, 0);
	expect_url("wss://[2001:db8::A]/ws", "2001:db8::A", 443, 1);
	expect_url("ws://[::ffff:127.0.0.1]/ws", "::ffff:127.0.0.1", 80, 0);
	expect_url("ws://my_host./ws", "my_host.", 80, 0);
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		if (mesh_parse_url(bad[i], h, &p, &t) != -1)
			fail_msg("\"%s\" passed as %s, %u", bad[i], h, p);
	assert_string_equal(h, "untouched");
	assert_int_equal(p, 4711);

	snprintf(url, sizeof url, "ws://%0253d/ws", 0);
	assert_int_equal(mesh_parse_url(url, h, &p, &t), 0);
	assert_int_equal(strlen(h), MSG_HOST_SIZE - 1);
	snprintf(url, sizeof url, "ws://%0254d/ws", 0);
	assert_int_equal(mesh_parse_url(url, h, &p, &t), -1);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_url),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
