/*
 * UUIDs, RFC 9562.  Version 7 rises within a process: 12 bits behind the time
 * are a counter, which starts anew at a random place in the lower half of its
 * range with each millisecond.  A clock that goes back does not take it along.
 */

#include "common/uuid.h"

#include <sodium.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/clock.h"
#include "common/encode.h"

#define COUNTER_MAX	0xfff
#define TIME_MAX	((1LL << 48) - 1)

static int64_t	uuid_last_ms = -1;
static unsigned	uuid_counter;

static char *
uuid_format(char out[UUID_SIZE], const uint8_t raw[16])
{
	static const int	 groups[] = { 4, 2, 2, 2, 6 };
	char			*p = out;
	size_t			 i;

	for (i = 0; i < sizeof groups / sizeof *groups; i++) {
		if (i > 0)
			*p++ = '-';
		hex_encode(p, raw, groups[i]);
		p += 2 * groups[i];
		raw += groups[i];
	}
	return out;
}

/* The next pair of time and counter, above all before it. */
static void
uuid_advance(void)
{
	int64_t	 now = clock_wall_ms();

	if (now > TIME_MAX)
		now = TIME_MAX;
	if (now > uuid_last_ms) {
		uuid_last_ms = now;
		uuid_counter = randombytes_uniform(COUNTER_MAX / 2 + 1);
	} else if (++uuid_counter > COUNTER_MAX) {
		uuid_last_ms++;
		uuid_counter = 0;
	}
}

char *
uuid_v7(char out[UUID_SIZE])
{
	uint8_t	 raw[16];
	int	 i;

	randombytes_buf(raw, sizeof raw);
	uuid_advance();
	for (i = 0; i < 6; i++)
		raw[i] = uuid_last_ms >> (40 - 8 * i);
	raw[6] = 0x70 | uuid_counter >> 8;
	raw[7] = uuid_counter;
	raw[8] = 0x80 | (raw[8] & 0x3f);
	return uuid_format(out, raw);
}

char *
uuid_v4(char out[UUID_SIZE])
{
	uint8_t	 raw[16];

	randombytes_buf(raw, sizeof raw);
	raw[6] = 0x40 | (raw[6] & 0x0f);
	raw[8] = 0x80 | (raw[8] & 0x3f);
	return uuid_format(out, raw);
}

int
uuid_is(const char *s)
{
	int	 i;

	if (s == NULL)
		return 0;
	for (i = 0; i < UUID_SIZE - 1; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (s[i] != '-')
				return 0;
		} else if (!(s[i] >= '0' && s[i] <= '9') &&
		    !(s[i] >= 'a' && s[i] <= 'f') &&
		    !(s[i] >= 'A' && s[i] <= 'F'))
			return 0;
	}
	return s[i] == '\0';
}
