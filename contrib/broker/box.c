/*
 * Boxes: where messages for one key are given out.
 */

#include "contrib/broker/box.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "contrib/broker/deliver.h"

void
boxes_init(struct boxes *b)
{
	memset(&b->table, 0, sizeof b->table);
	TAILQ_INIT(&b->all);
	TAILQ_INIT(&b->ready);
}

void
boxes_clear(struct boxes *b)
{
	table_clear(&b->table);
}

struct box *
box_find(const struct boxes *b, int64_t key)
{
	struct link	*l = table_get(&b->table, &key, sizeof key);

	return l != NULL ? table_entry(l, struct box, link) : NULL;
}

void
box_ready(struct boxes *b, struct box *box)
{
	if (box->is_ready)
		return;
	box->is_ready = 1;
	TAILQ_INSERT_TAIL(&b->ready, box, ready);
}

void
box_unready(struct boxes *b, struct box *box)
{
	if (!box->is_ready)
		return;
	box->is_ready = 0;
	TAILQ_REMOVE(&b->ready, box, ready);
}

int
box_backlog(const struct box *box)
{
	int	 i;

	for (i = 0; i < NLANES; i++)
		if (box->lanes[i].backlog)
			return 1;
	return 0;
}

static struct box *
box_open(struct boxes *b, int64_t key)
{
	struct box	*box;
	int		 i;

	if ((box = box_find(b, key)) != NULL)
		return box;
	box = xcalloc(1, sizeof *box);
	box->key = key;
	TAILQ_INIT(&box->seats);
	for (i = 0; i < NLANES; i++)
		box->lanes[i].passed = 1;	/* never looked at */
	table_put(&b->table, &box->link, &box->key, sizeof box->key);
	TAILQ_INSERT_TAIL(&b->all, box, all);
	return box;
}

void
lane_rewind(struct boxes *b, struct box *box, int priority, int64_t seq)
{
	struct lane	*lane = &box->lanes[priority];

	if (lane->cursor >= seq)
		lane->cursor = seq - 1;
	lane->backlog = 1;
	box_ready(b, box);
}

/* The reader with the box's own key comes first, others as they came. */
static void
seat_place(struct box *box, struct seat *seat)
{
	if (seat->reader->key == box->key)
		TAILQ_INSERT_HEAD(&box->seats, seat, entry);
	else
		TAILQ_INSERT_TAIL(&box->seats, seat, entry);
}

void
seat_take(struct boxes *b, struct seat *seat, struct reader *reader,
    int64_t key)
{
	struct box	*box = box_open(b, key);
	int		 i;

	seat->box = box;
	seat->reader = reader;
	seat_place(box, seat);
	for (i = 0; i < NLANES; i++) {
		if (!box->lanes[i].passed)
			continue;
		box->lanes[i].passed = 0;
		lane_rewind(b, box, i, 1);
	}
	if (box_backlog(box))
		box_ready(b, box);
}

void
seat_leave(struct boxes *b, struct seat *seat)
{
	struct box	*box = seat->box;

	if (box == NULL)
		return;
	seat->box = NULL;
	TAILQ_REMOVE(&box->seats, seat, entry);
	if (!TAILQ_EMPTY(&box->seats))
		return;
	box_unready(b, box);
	TAILQ_REMOVE(&b->all, box, all);
	table_del(&b->table, &box->link);
	free(box);
}

void
seat_first(struct seat *seat)
{
	if (TAILQ_FIRST(&seat->box->seats) == seat)
		return;
	TAILQ_REMOVE(&seat->box->seats, seat, entry);
	seat_place(seat->box, seat);
}

void
seat_last(struct seat *seat)
{
	TAILQ_REMOVE(&seat->box->seats, seat, entry);
	TAILQ_INSERT_TAIL(&seat->box->seats, seat, entry);
}
