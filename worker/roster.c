/* Who is on the mesh. */

#include "worker/roster.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/xalloc.h"

struct roster {
	struct lws_context *ctx;
	char		*frame;		/* NULL: none */
	size_t		 len;
	int64_t		 sent_ms;	/* monotonic */
	unsigned	 changes;
	lws_sorted_usec_list_t sul;
};

struct roster *
roster_new(struct lws_context *ctx)
{
	struct roster	*ro = xcalloc(1, sizeof *ro);

	ro->ctx = ctx;
	return ro;
}

static void
roster_drop(struct roster *ro)
{
	lws_sul_cancel(&ro->sul);
	freezero(ro->frame, ro->len);
	ro->frame = NULL;
	ro->len = 0;
}

void
roster_free(struct roster **rop)
{
	struct roster	*ro = *rop;

	if (ro == NULL)
		return;
	roster_drop(ro);
	free(ro);
	*rop = NULL;
}

/* A long one is not held longer than it is of use. */
static void
roster_timer_cb(lws_sorted_usec_list_t *sul)
{
	roster_drop(lws_container_of(sul, struct roster, sul));
}

void
roster_keep(struct roster *ro, const char *frame, size_t len,
    int64_t sent_ms, unsigned changes)
{
	if (changes != ro->changes)
		return;
	roster_drop(ro);
	ro->frame = xstrndup(frame, len);
	ro->len = len;
	ro->sent_ms = sent_ms;
	lws_sul_schedule(ro->ctx, 0, &ro->sul, roster_timer_cb,
	    ROSTER_MAX_MS * 1000LL);
}

unsigned
roster_changes(const struct roster *ro)
{
	return ro->changes;
}

void
roster_changed(struct roster *ro)
{
	ro->changes++;
	roster_drop(ro);
}

const char *
roster_get(const struct roster *ro, size_t *len_r)
{
	if (ro->frame == NULL ||
	    clock_mono_ms() - ro->sent_ms > ROSTER_MAX_MS)
		return NULL;
	*len_r = ro->len;
	return ro->frame;
}
