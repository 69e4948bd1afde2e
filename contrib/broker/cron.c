/*
 * Times that come again, as in crontab(5).
 */

#include "contrib/broker/cron.h"

#include <string.h>
#include <strings.h>

#define MINUTE_MS	60000LL
#define DAY_MINUTES	1440
/* A 29th of February that is a given day of the week: at most 40 years. */
#define DAYS_AHEAD	(41 * 366)

struct field {
	int		 min, max;
	const char	*names;		/* three letters each, from min */
};

static const struct field f_minute = { 0, 59, NULL };
static const struct field f_hour = { 0, 23, NULL };
static const struct field f_day = { 1, 31, NULL };
static const struct field f_month = { 1, 12,
    "janfebmaraprmayjunjulaugsepoctnovdec" };
static const struct field f_weekday = { 0, 7, "sunmontuewedthufrisat" };

/* A number of at most two digits, or a name.  -1: neither, or not in range. */
static int
value(const struct field *f, const char **p)
{
	const char	*name;
	int		 n = 0, digits = 0, i = f->min;

	for (; **p >= '0' && **p <= '9' && digits < 2; (*p)++, digits++)
		n = n * 10 + (**p - '0');
	if (digits > 0)
		return n >= f->min && n <= f->max ? n : -1;
	for (name = f->names; name != NULL && *name != '\0'; name += 3, i++) {
		if (strncasecmp(*p, name, 3) == 0) {
			*p += 3;
			return i;
		}
	}
	return -1;
}

/* "/n"; 1 when there is none.  -1: not a number from 1 to 99. */
static int
step(const char **p)
{
	static const struct field	 any = { 1, 99, NULL };

	if (**p != '/')
		return 1;
	(*p)++;
	return value(&any, p);
}

/* One item of a list.  0 or -1. */
static int
item(const struct field *f, const char **p, uint64_t *bits)
{
	int	 from, to, by, open = 0;

	if (**p == '*') {
		(*p)++;
		from = f->min;
		to = f->max;
	} else {
		if ((from = to = value(f, p)) == -1)
			return -1;
		open = **p == '/';	/* n/s goes on to the end */
		if (**p == '-') {
			(*p)++;
			if ((to = value(f, p)) == -1 || to < from)
				return -1;
		}
	}
	if ((by = step(p)) == -1)
		return -1;
	if (open)
		to = f->max;
	for (; from <= to; from += by)
		*bits |= 1ULL << from;
	return 0;
}

/* One field and the blanks behind it.  0 or -1. */
static int
field(const struct field *f, const char **p, uint64_t *bits, int *any)
{
	*bits = 0;
	if (any != NULL)
		*any = **p == '*';
	for (;;) {
		if (item(f, p, bits) == -1)
			return -1;
		if (**p != ',')
			break;
		(*p)++;
	}
	if (**p != '\0' && **p != ' ' && **p != '\t')
		return -1;
	*p += strspn(*p, " \t");
	return 0;
}

int
cron_parse(struct cron *c, const char *text)
{
	const char	*p = text + strspn(text, " \t");

	memset(c, 0, sizeof *c);
	if (strlen(text) > CRON_MAX ||
	    field(&f_minute, &p, &c->minutes, NULL) == -1 ||
	    field(&f_hour, &p, &c->hours, NULL) == -1 ||
	    field(&f_day, &p, &c->days, &c->any_day) == -1 ||
	    field(&f_month, &p, &c->months, NULL) == -1 ||
	    field(&f_weekday, &p, &c->weekdays, &c->any_weekday) == -1 ||
	    *p != '\0')
		return -1;
	if (c->weekdays & 1ULL << 7)
		c->weekdays |= 1;
	return cron_next(c, 0) == -1 ? -1 : 0;
}

static int
is_set(uint64_t bits, int n)
{
	return (bits >> n & 1) != 0;
}

/* Month (1 to 12) and day of the month of a day since 1970. */
static void
civil(int64_t day, int *month_r, int *mday_r)
{
	/* Years begin in March, so that a leap day is the last of its year. */
	int64_t	 doe = (day + 719468) % 146097;
	int64_t	 yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t	 doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t	 mp = (5 * doy + 2) / 153;

	*mday_r = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month_r = (int)(mp < 10 ? mp + 3 : mp - 9);
}

static int
day_matches(const struct cron *c, int64_t day)
{
	int	 month, mday, on_day, on_weekday;

	civil(day, &month, &mday);
	if (!is_set(c->months, month))
		return 0;
	on_day = is_set(c->days, mday);
	on_weekday = is_set(c->weekdays, (int)((day + 4) % 7));
	if (c->any_day || c->any_weekday)
		return on_day && on_weekday;
	return on_day || on_weekday;
}

/* The first minute of a day from this one on, or -1. */
static int
minute_find(const struct cron *c, int from)
{
	int	 i;

	for (i = from; i < DAY_MINUTES; i++) {
		if (is_set(c->hours, i / 60) && is_set(c->minutes, i % 60))
			return i;
	}
	return -1;
}

int64_t
cron_next(const struct cron *c, int64_t after)
{
	int64_t	 first = (after < 0 ? 0 : after / MINUTE_MS) + 1;
	int64_t	 day = first / DAY_MINUTES, last = day + DAYS_AHEAD;
	int	 from = (int)(first % DAY_MINUTES), minute;

	for (; day <= last; day++, from = 0) {
		if (!day_matches(c, day) ||
		    (minute = minute_find(c, from)) == -1)
			continue;
		return (day * DAY_MINUTES + minute) * MINUTE_MS;
	}
	return -1;
}
