/*
 * Wall and monotonic time, and the one text form of a time that we write.
 * The calendar is computed here, so that no sandboxed process opens a time
 * zone file late.
 */

#include "common/clock.h"

#include <time.h>

#ifdef WITH_TEST_HOOKS
#include <sys/mman.h>

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#define LOOK_TEST_MS	100		/* where a test moves the clock */
#endif

#define DAY_MS		(24 * 3600 * 1000LL)
#define LOOK_MS		(5 * 60 * 1000)
#define ISO_MIN_MS	(-62167219200000LL)	/* 0000-01-01T00:00:00.000Z */
#define ISO_MAX_MS	253402300799999LL	/* 9999-12-31T23:59:59.999Z */

static int64_t	clock_offset_ms;	/* tests only */

static int64_t
clock_read_us(clockid_t id)
{
	struct timespec	 ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

#ifdef WITH_TEST_HOOKS
/*
 * Children have no environment, and later open nothing: whoever runs from a
 * directory with a file "clock" maps it at its start, and from then on is as
 * many milliseconds ahead as the number in it says, which a test may change at
 * any time.
 */
static const volatile int64_t	*clock_test_shift;

__attribute__((constructor)) static void
clock_test_open(void)
{
	char	 path[PATH_MAX], name[PATH_MAX + 8];
	ssize_t	 n = readlink("/proc/self/exe", path, sizeof path - 1);
	void	*p;
	int	 fd;

	if (n == -1)
		return;
	path[n] = '\0';
	snprintf(name, sizeof name, "%s/clock", dirname(path));
	if ((fd = open(name, O_RDONLY | O_CLOEXEC)) == -1)
		return;
	p = mmap(NULL, sizeof *clock_test_shift, PROT_READ, MAP_SHARED, fd,
	    0);
	if (p != MAP_FAILED)
		clock_test_shift = p;
	close(fd);
}

static int64_t
clock_shifted_ms(void)
{
	return clock_offset_ms +
	    (clock_test_shift != NULL ? *clock_test_shift : 0);
}

int64_t
clock_look_ms(void)
{
	return clock_test_shift != NULL ? LOOK_TEST_MS : LOOK_MS;
}
#else
static int64_t
clock_shifted_ms(void)
{
	return clock_offset_ms;
}

int64_t
clock_look_ms(void)
{
	return LOOK_MS;
}
#endif

int64_t
clock_wall_ms(void)
{
	return clock_read_us(CLOCK_REALTIME) / 1000 + clock_shifted_ms();
}

int64_t
clock_mono_ms(void)
{
	return clock_read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t
clock_mono_us(void)
{
	return clock_read_us(CLOCK_MONOTONIC);
}

void
clock_shift(int64_t ms)
{
	clock_offset_ms = ms;
}

/*
 * Days since 1970-01-01 of a date in the Gregorian calendar.  Years start in
 * March here, so that the leap day is the last of its year, and the days
 * before month m are a straight line, rounded down.
 */
static int64_t
clock_days(int64_t year, int month, int day)
{
	int	 m = (month + 9) % 12;	/* March is 0 */
	int64_t	 y = year - (month <= 2) + 400;	/* never negative */

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 +
	    day - 1 - 719468 - 146097;
}

/* Write n decimal digits and return what follows them. */
static char *
clock_digits(char *out, int n, int64_t v)
{
	int	 i;

	for (i = n - 1; i >= 0; i--, v /= 10)
		out[i] = '0' + v % 10;
	return out + n;
}

char *
clock_iso(int64_t ms, char out[CLOCK_ISO_SIZE])
{
	char	*p = out;
	int64_t	 days, rest, year;
	int	 month = 12;

	if (ms < ISO_MIN_MS)
		ms = ISO_MIN_MS;
	if (ms > ISO_MAX_MS)
		ms = ISO_MAX_MS;
	days = ms / DAY_MS;
	rest = ms % DAY_MS;
	if (rest < 0) {
		days--;
		rest += DAY_MS;
	}
	/* A first guess, never too late; leap days make it up to 3 early. */
	year = 1970 + days * 400 / 146097 - 2;
	while (clock_days(year + 1, 1, 1) <= days)
		year++;
	while (clock_days(year, month, 1) > days)
		month--;

	p = clock_digits(p, 4, year);
	*p++ = '-';
	p = clock_digits(p, 2, month);
	*p++ = '-';
	p = clock_digits(p, 2, days - clock_days(year, month, 1) + 1);
	*p++ = 'T';
	p = clock_digits(p, 2, rest / 3600000);
	*p++ = ':';
	p = clock_digits(p, 2, rest / 60000 % 60);
	*p++ = ':';
	p = clock_digits(p, 2, rest / 1000 % 60);
	*p++ = '.';
	p = clock_digits(p, 3, rest % 1000);
	*p++ = 'Z';
	*p = '\0';
	return out;
}

/* n digits and then the byte end, or any byte when it is 0.  0 or -1. */
static int
clock_take(const char **s, int n, char end, int min, int max, int *v_r)
{
	const char	*p = *s;

	*v_r = 0;
	for (; n > 0; n--, p++) {
		if (*p < '0' || *p > '9')
			return -1;
		*v_r = *v_r * 10 + (*p - '0');
	}
	if (*v_r < min || *v_r > max)
		return -1;
	if (end != '\0' && *p++ != end)
		return -1;
	*s = p;
	return 0;
}

/* ".754", of any length; what is below a millisecond is cut. */
static int
clock_take_fraction(const char **s, int *ms_r)
{
	const char	*p = *s;
	int		 scale = 100;

	*ms_r = 0;
	if (*p != '.')
		return 0;
	if (*++p < '0' || *p > '9')
		return -1;
	for (; *p >= '0' && *p <= '9'; p++, scale /= 10)
		*ms_r += (*p - '0') * scale;
	*s = p;
	return 0;
}

/* "Z", or "+hh:mm" east of it, and the end of the string. */
static int
clock_take_zone(const char *s, int *minutes_r)
{
	int	 hour, minute, sign;

	*minutes_r = 0;
	if (*s == 'Z')
		return s[1] == '\0' ? 0 : -1;
	if (*s != '+' && *s != '-')
		return -1;
	sign = *s++ == '-' ? -1 : 1;
	if (clock_take(&s, 2, ':', 0, 23, &hour) == -1 ||
	    clock_take(&s, 2, '\0', 0, 59, &minute) == -1 || *s != '\0')
		return -1;
	*minutes_r = sign * (hour * 60 + minute);
	return 0;
}

int
clock_parse_iso(const char *s, int64_t *ms_r)
{
	int	 year, month, day, hour, minute, second, ms, zone;
	int64_t	 days, next;

	if (clock_take(&s, 4, '-', 0, 9999, &year) == -1 ||
	    clock_take(&s, 2, '-', 1, 12, &month) == -1 ||
	    clock_take(&s, 2, 'T', 1, 31, &day) == -1 ||
	    clock_take(&s, 2, ':', 0, 23, &hour) == -1 ||
	    clock_take(&s, 2, ':', 0, 59, &minute) == -1 ||
	    clock_take(&s, 2, '\0', 0, 59, &second) == -1 ||
	    clock_take_fraction(&s, &ms) == -1 ||
	    clock_take_zone(s, &zone) == -1)
		return -1;
	days = clock_days(year, month, day);
	next = month < 12 ? clock_days(year, month + 1, 1) :
	    clock_days(year + 1, 1, 1);
	if (days >= next)
		return -1;	/* such as 30 February */
	*ms_r = ((days * 24 + hour) * 60 + minute - zone) * 60000LL +
	    second * 1000LL + ms;
	return 0;
}
