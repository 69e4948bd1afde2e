#ifndef BROKER_ORDER_H
#define BROKER_ORDER_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/*
 * Order of the sends of one connection, per target.  A sender may have many
 * sends to one target under way.  When one of them is refused, those behind it
 * would overtake it: they are refused too (out_of_order), until the refused id
 * comes again or the sender says "first": none is under way any more.
 */

#include <stddef.h>
#include <sys/queue.h>

#include "contrib/broker/table.h"

/*
 * Targets remembered; the one refused longest ago is forgotten.  A sender has
 * at most 64 sends under way, so those that were behind that one have been
 * answered long before.
 */
#define ORDER_MAX	128

struct order_block;
struct order {
	struct table	 table;
	TAILQ_HEAD(order_blocks, order_block) blocks;
};

void	order_init(struct order *);
void	order_clear(struct order *);

/* May this send be handled?  id may be "".  0: no, it is out of order. */
int	order_allows(struct order *, const char *target, const char *id,
	    int first);

/* How that ended. */
void	order_refused(struct order *, const char *target, const char *id);
void	order_accepted(struct order *, const char *target);

#endif
