/* Rows that are too old. */

#include "supervisor/store/expiry.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

#define OLD_MAX		256	/* rows that workers are asked about at once */

/* A row that its worker was asked about. */
struct old {
	TAILQ_ENTRY(old) entry;
	int64_t		 row;
	struct claim	*claim;
};

TAILQ_HEAD(old_list, old);

struct expiry {
	struct tables	*t;
	struct peers	*peers;
	struct claims	*claims;
	struct claimant	 claimant;
	struct outbox_cursor at;	/* how far the walk has come */
	struct old_list	 asked, done;
	unsigned	 n;		/* asked */
};

struct expiry *
expiry_new(struct tables *t, struct peers *ps, struct claims *cs,
    void (*ready_cb)(void *), void *arg)
{
	struct expiry	*x = xcalloc(1, sizeof *x);

	x->t = t;
	x->peers = ps;
	x->claims = cs;
	x->claimant.cb = ready_cb;
	x->claimant.arg = arg;
	TAILQ_INIT(&x->asked);
	TAILQ_INIT(&x->done);
	return x;
}

static void
expiry_clear(struct old_list *list)
{
	struct old	*o;

	while ((o = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, o, entry);
		claim_drop(&o->claim);
		free(o);
	}
}

void
expiry_free(struct expiry **xp)
{
	struct expiry	*x = *xp;

	*xp = NULL;
	if (x == NULL)
		return;
	expiry_clear(&x->asked);
	expiry_clear(&x->done);
	free(x);
}

void
expiry_begin(struct expiry *x)
{
	memset(&x->at, 0, sizeof x->at);
}

/* Its worker is here: it is asked, unless it was already. */
static int
expiry_spare(void *arg, const uint8_t *owner, int64_t row)
{
	struct expiry	*x = arg;
	struct old	*o;

	if (peers_worker(x->peers, owner) == NULL)
		return 0;
	TAILQ_FOREACH(o, &x->asked, entry)
		if (o->row == row)
			return 1;
	o = xcalloc(1, sizeof *o);
	o->row = row;
	o->claim = claim_take(x->claims, &x->claimant, owner, row, 1);
	TAILQ_INSERT_TAIL(&x->asked, o, entry);
	x->n++;
	return 1;
}

/* The next row of which we know whether it is free, or NULL. */
static struct old *
expiry_answered(struct expiry *x)
{
	struct old	*o;

	TAILQ_FOREACH(o, &x->asked, entry)
		if (claim_state(o->claim) != CLAIM_WAITS)
			return o;
	return NULL;
}

enum op
expiry_step(struct expiry *x, int64_t before, int64_t now,
    struct notes *notes, int *more_r)
{
	struct old	*o = expiry_answered(x);

	*more_r = 1;
	if (o != NULL) {
		TAILQ_REMOVE(&x->asked, o, entry);
		TAILQ_INSERT_TAIL(&x->done, o, entry);
		x->n--;
		return claim_state(o->claim) != CLAIM_FREE ? OP_DONE :
		    outbox_expire_row(x->t->outbox, o->row, now, notes);
	}
	if (x->n < OLD_MAX)
		return outbox_expire_one(x->t->outbox, &x->at, before,
		    expiry_spare, x, now, notes, more_r);
	*more_r = 0;
	return OP_DONE;
}

void
expiry_settle(struct expiry *x, int committed)
{
	expiry_clear(&x->done);
	if (committed)
		return;
	expiry_clear(&x->asked);
	x->n = 0;
}
