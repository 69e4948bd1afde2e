/*
 * Order of the sends of one connection, per target.
 */

#include "contrib/broker/order.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

struct order_block {
	struct link	 link;		/* by target */
	TAILQ_ENTRY(order_block) entry;	/* oldest first */
	char		*target;
	char		*id;		/* the send that was refused */
};

void
order_init(struct order *o)
{
	memset(&o->table, 0, sizeof o->table);
	TAILQ_INIT(&o->blocks);
}

static struct order_block *
block_find(const struct order *o, const char *target)
{
	struct link	*l = table_get(&o->table, target, strlen(target));

	return l != NULL ? table_entry(l, struct order_block, link) : NULL;
}

static void
block_free(struct order *o, struct order_block *b)
{
	table_del(&o->table, &b->link);
	TAILQ_REMOVE(&o->blocks, b, entry);
	free(b->target);
	free(b->id);
	free(b);
}

void
order_clear(struct order *o)
{
	struct order_block	*b;

	while ((b = TAILQ_FIRST(&o->blocks)) != NULL)
		block_free(o, b);
	table_clear(&o->table);
}

int
order_allows(struct order *o, const char *target, const char *id, int first)
{
	struct order_block	*b;

	if ((b = block_find(o, target)) == NULL)
		return 1;
	if (!first)
		return strcmp(b->id, id) == 0;
	block_free(o, b);
	return 1;
}

void
order_refused(struct order *o, const char *target, const char *id)
{
	struct order_block	*b;

	/* Refused again: it is still the one that the others wait for. */
	if (block_find(o, target) != NULL)
		return;
	if (o->table.count >= ORDER_MAX)
		block_free(o, TAILQ_FIRST(&o->blocks));
	b = xcalloc(1, sizeof *b);
	b->target = xstrdup(target);
	b->id = xstrdup(id);
	table_put(&o->table, &b->link, b->target, strlen(b->target));
	TAILQ_INSERT_TAIL(&o->blocks, b, entry);
}

void
order_accepted(struct order *o, const char *target)
{
	struct order_block	*b;

	if ((b = block_find(o, target)) != NULL)
		block_free(o, b);
}
