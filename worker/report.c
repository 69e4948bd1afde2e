/* What the store is told about rows. */

#include "worker/report.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "common/xalloc.h"

#define RETRY_US	(500 * 1000)	/* the disk is full, or busy */

struct item {
	TAILQ_ENTRY(item) entry;	/* of unsent */
	struct msg_progress progress;
	struct target	*target;	/* it ended, else NULL */
	uint32_t	 seq;
	int		 unsent;
};

struct report {
	struct lws_context *ctx;
	struct peer	*store;
	void		*tree;		/* of items, by row */
	TAILQ_HEAD(, item) unsent;
	size_t		 n;
	uint32_t	 seq;
	lws_sorted_usec_list_t sul;
	report_ended_cb	 ended_cb;
	void		*arg;
};

static int
item_cmp(const void *a, const void *b)
{
	const struct item	*x = a, *y = b;

	return (x->progress.row > y->progress.row) -
	    (x->progress.row < y->progress.row);
}

static struct item *
report_find(const struct report *r, int64_t row)
{
	struct item	 key = { .progress.row = row };
	void		*node = tfind(&key, &r->tree, item_cmp);

	return node != NULL ? *(struct item **)node : NULL;
}

struct report *
report_new(struct lws_context *ctx, report_ended_cb ended_cb, void *arg)
{
	struct report	*r = xcalloc(1, sizeof *r);

	r->ctx = ctx;
	r->ended_cb = ended_cb;
	r->arg = arg;
	TAILQ_INIT(&r->unsent);
	return r;
}

void
report_free(struct report **rp)
{
	struct report	*r = *rp;

	if (r == NULL)
		return;
	lws_sul_cancel(&r->sul);
	tdestroy(r->tree, free);
	free(r);
	*rp = NULL;
}

static void
item_unsent(struct report *r, struct item *it)
{
	if (it->unsent)
		return;
	it->unsent = 1;
	TAILQ_INSERT_TAIL(&r->unsent, it, entry);
}

static void
item_sent(struct report *r, struct item *it)
{
	if (!it->unsent)
		return;
	it->unsent = 0;
	TAILQ_REMOVE(&r->unsent, it, entry);
}

void
report_room(struct report *r)
{
	struct item	*it;

	while (r->store != NULL && (it = TAILQ_FIRST(&r->unsent)) != NULL) {
		if (peer_send(r->store, MSG_WRK_PROGRESS, it->seq,
		    &it->progress) == -1) {
			if (errno == EINVAL)
				fatal("row %lld: progress",
				    (long long)it->progress.row);
			return;
		}
		item_sent(r, it);
	}
}

static void
report_retry_cb(lws_sorted_usec_list_t *sul)
{
	report_room(lws_container_of(sul, struct report, sul));
}

/* twalk() passes nothing on. */
static struct report	*walk_report;

static void
report_unsend(const void *node, VISIT which, int depth)
{
	(void)depth;
	if (which == postorder || which == leaf)
		item_unsent(walk_report, *(struct item *const *)node);
}

void
report_store(struct report *r, struct peer *store)
{
	r->store = store;
	if (store == NULL)
		return;
	walk_report = r;
	twalk(r->tree, report_unsend);
	report_room(r);
}

void
report_row(struct report *r, const struct msg_progress *p, struct target *t)
{
	struct item	*it = report_find(r, p->row);

	if (it == NULL) {
		it = xcalloc(1, sizeof *it);
		it->progress.row = p->row;
		if (tsearch(it, &r->tree, item_cmp) == NULL)
			fatalx("out of memory");
		r->n++;
	}
	it->progress = *p;
	it->target = t;
	if (++r->seq == 0)
		r->seq = 1;
	it->seq = r->seq;
	item_unsent(r, it);
	report_room(r);
}

void
report_recorded(struct report *r, uint32_t seq, const struct msg_recorded *rec)
{
	struct item	*it = report_find(r, rec->row);
	struct target	*t;

	if (it == NULL || it->seq != seq)
		return;			/* of one that was superseded */
	if (rec->result == ACCEPT_FULL || rec->result == ACCEPT_BUSY) {
		item_unsent(r, it);
		lws_sul_schedule(r->ctx, 0, &r->sul, report_retry_cb,
		    RETRY_US);
		return;
	}
	t = it->target;
	item_sent(r, it);
	tdelete(it, &r->tree, item_cmp);
	free(it);
	r->n--;
	if (t != NULL)
		r->ended_cb(r->arg, t);
}

int
report_has_ended(const struct report *r, int64_t row)
{
	const struct item	*it = report_find(r, row);

	return it != NULL && it->target != NULL;
}

size_t
report_count(const struct report *r)
{
	return r->n;
}
