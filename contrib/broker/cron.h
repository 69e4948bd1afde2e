#ifndef BROKER_CRON_H
#define BROKER_CRON_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/*
 * Times that come again, as in crontab(5): minute, hour, day of the month,
 * month, day of the week (0 and 7 are Sunday).  A field is a list of *, n,
 * n-m, each with a step behind a slash; months and days of the week have
 * English names of three letters too.  When neither kind of day is *, a day
 * that matches one of them is enough.  All of it is UTC, so no hour is missing
 * or there twice.
 */

#include <stdint.h>

#define CRON_MAX	128	/* bytes of an expression */

struct cron {
	uint64_t	 minutes, hours, days, months, weekdays;  /* bits */
	int		 any_day, any_weekday;	/* begins with a star */
};

/* 0, or -1: not five fields, or one of them says what cannot be. */
int	cron_parse(struct cron *, const char *);

/*
 * The first time after a time (ms since 1970), on a whole minute.  -1: it
 * never comes, as the 30th of February.
 */
int64_t	cron_next(const struct cron *, int64_t after);

#endif
