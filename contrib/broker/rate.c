/*
 * How fast a member may send.
 *
 * Times instead of tokens, as in the generic cell rate algorithm: a bucket is
 * when it will be full again, and a send puts that off by one interval.
 */

#include "contrib/broker/rate.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "common/xalloc.h"
#include "contrib/broker/table.h"

#define MINUTE_US	60000000LL

struct bucket {
	struct link		 link;
	TAILQ_ENTRY(bucket)	 entry;
	int64_t			 member;
	int64_t			 full_at;	/* mono us */
};

struct rates {
	int64_t			 interval;	/* us per token; 0: no limit */
	int64_t			 depth;		/* us to fill a whole bucket */
	struct table		 table;
	TAILQ_HEAD(, bucket)	 buckets;
};

struct rates *
rates_new(unsigned per_minute, unsigned burst)
{
	struct rates	*r = xcalloc(1, sizeof *r);

	if (per_minute > 0)
		r->interval = MINUTE_US / per_minute;
	r->depth = r->interval * burst;
	TAILQ_INIT(&r->buckets);
	return r;
}

static void
bucket_free(struct rates *r, struct bucket *b)
{
	table_del(&r->table, &b->link);
	TAILQ_REMOVE(&r->buckets, b, entry);
	free(b);
}

void
rates_free(struct rates **rp)
{
	struct rates	*r = *rp;

	*rp = NULL;
	if (r == NULL)
		return;
	while (!TAILQ_EMPTY(&r->buckets))
		bucket_free(r, TAILQ_FIRST(&r->buckets));
	table_clear(&r->table);
	free(r);
}

static struct bucket *
bucket_open(struct rates *r, int64_t member)
{
	struct link	*l = table_get(&r->table, &member, sizeof member);
	struct bucket	*b;

	if (l != NULL)
		return table_entry(l, struct bucket, link);
	b = xcalloc(1, sizeof *b);
	b->member = member;
	table_put(&r->table, &b->link, &b->member, sizeof b->member);
	TAILQ_INSERT_TAIL(&r->buckets, b, entry);
	return b;
}

int
rates_take(struct rates *r, int64_t member, int64_t now)
{
	struct bucket	*b;
	int64_t		 full_at, now_us = now * 1000;

	if (r->interval == 0)
		return 1;
	b = bucket_open(r, member);
	full_at = (b->full_at > now_us ? b->full_at : now_us) + r->interval;
	if (full_at - now_us > r->depth)
		return 0;
	b->full_at = full_at;
	return 1;
}

void
rates_prune(struct rates *r, int64_t now)
{
	struct bucket	*b, *next;

	for (b = TAILQ_FIRST(&r->buckets); b != NULL; b = next) {
		next = TAILQ_NEXT(b, entry);
		if (b->full_at <= now * 1000)
			bucket_free(r, b);
	}
}

unsigned
rates_count(const struct rates *r)
{
	return (unsigned)r->table.count;
}
