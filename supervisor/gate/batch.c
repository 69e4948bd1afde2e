/*
 * A batch of message events.  A scope of several views is read view by view;
 * what is beyond the last row of a view that was not read to its end has to
 * wait, or events would come out of order and the cursor would pass over some.
 * So has what was committed after the first view was read.
 */

#include "supervisor/gate/batch.h"

#include <event2/buffer.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/rows.h"
#include "common/xalloc.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/item.h"
#include "supervisor/gate/scope.h"

#define BATCH_ROWS	64		/* of one view */
#define BATCH_BYTES	(256 * 1024)	/* of bodies, of one view */

struct reading {
	struct batch	*batch;
	struct gate	*gate;
	int64_t		 unread_to;
	int		 rows;		/* of this view */
	size_t		 bytes;
	int64_t		 last;		/* sequence */
	int		 stopped;
};

static int
read_row(void *arg, const struct in_row *row)
{
	struct reading		*rd = arg;
	struct batch		*b = rd->batch;
	struct batch_piece	*p;
	json_t			*j = NULL;

	if (b->n == b->room) {
		b->room = b->room > 0 ? 2 * b->room : BATCH_ROWS;
		b->pieces = xreallocarray(b->pieces, b->room,
		    sizeof *b->pieces);
	}
	p = &b->pieces[b->n++];
	p->seq = row->seq;
	if (row->seq > rd->unread_to || row->seen_at == 0)
		j = item_event(rd->gate, row);
	p->json = j != NULL ? json_dumps(j, JSON_COMPACT) : NULL;
	json_decref(j);
	rd->last = row->seq;
	rd->rows++;
	rd->bytes += row->bodylen;
	rd->stopped = rd->rows == BATCH_ROWS || rd->bytes >= BATCH_BYTES;
	return rd->stopped;
}

static int
piece_cmp(const void *a, const void *b)
{
	const struct batch_piece	*x = a, *y = b;

	return (x->seq > y->seq) - (x->seq < y->seq);	/* oldest first */
}

/* Forget what is beyond the horizon.  1: there was something. */
static int
batch_cut(struct batch *b, int64_t horizon)
{
	size_t	had = b->n;

	while (b->n > 0 && b->pieces[b->n - 1].seq > horizon)
		wipe_free(b->pieces[--b->n].json);
	return b->n < had;
}

int
batch_read(struct batch *b, struct gate *g, const struct scope *sc,
    int64_t after, int64_t unread_to)
{
	struct rows_scope	 rs;
	struct reading		 rd;
	int64_t			 horizon = INT64_MAX;
	size_t			 i;

	memset(b, 0, sizeof *b);
	if (sc->n > 1 && rows_inbox_last(g->rows, &horizon) == -1)
		return -1;
	for (i = 0; i < sc->n; i++) {
		memset(&rd, 0, sizeof rd);
		rd.batch = b;
		rd.gate = g;
		rd.unread_to = unread_to;
		view_rows(&sc->views[i], &rs);
		if (rows_in_after(g->rows, &rs, after, BATCH_ROWS, read_row,
		    &rd) == -1)
			return -1;
		if (rd.stopped && rd.last < horizon)
			horizon = rd.last;
		b->more |= rd.stopped;
	}
	if (sc->n > 1 && b->n > 1)
		qsort(b->pieces, b->n, sizeof *b->pieces, piece_cmp);
	b->more |= batch_cut(b, horizon);
	b->cursor = b->n > 0 ? b->pieces[b->n - 1].seq : after;
	return 0;
}

void
batch_clear(struct batch *b)
{
	(void)batch_cut(b, INT64_MIN);
	free(b->pieces);
	memset(b, 0, sizeof *b);
}

void
batch_write(const struct batch *b, const char epoch[UUID_SIZE],
    struct evbuffer *out)
{
	size_t	i;

	for (i = 0; i < b->n; i++) {
		if (b->pieces[i].json == NULL)
			continue;
		evbuffer_add_printf(out, "id: %s-%" PRId64
		    "\nevent: message\ndata: ", epoch, b->pieces[i].seq);
		evbuffer_add(out, b->pieces[i].json,
		    strlen(b->pieces[i].json));
		evbuffer_add(out, "\n\n", 2);
	}
}
