/*
 * What the parts of the broker share.
 */

#include "contrib/broker/broker.h"

#include <string.h>

#include "contrib/broker/db.h"
#include "contrib/broker/invites.h"
#include "contrib/broker/lodging.h"
#include "contrib/broker/members.h"
#include "contrib/broker/topic_rows.h"

void
options_defaults(struct options *o)
{
	memset(o, 0, sizeof *o);
	o->max_connections = OPTIONS_MAX_CONNECTIONS;
	o->hello_ms = OPTIONS_HELLO_MS;
	o->ping_ms = OPTIONS_PING_MS;
	o->claim_ms = DELIVER_HOLD_MS;
	o->grace_ms = OPTIONS_GRACE_MS;
}

int
broker_open(struct broker *b, const struct options *options)
{
	memset(b, 0, sizeof *b);
	b->options = options;
	presence_init(&b->presence);
	grace_init(&b->grace);
	if ((b->db = db_open(options->db)) == NULL)
		return -1;
	if (db_lock(b->db) == -1) {
		db_close(&b->db);
		return -1;
	}
	b->members = members_new(b->db);
	b->invites = invites_new(b->db, b->members);
	b->queue = queue_new(b->db);
	b->deliver = deliver_new(b->queue, options->claim_ms);
	b->topics = topic_rows_new(b->db);
	b->feed = feed_new(b);
	b->lodging = lodging_new(b->db);
	if (grace_load(b) == -1) {
		broker_close(b);
		return -1;
	}
	return 0;
}

void
broker_close(struct broker *b)
{
	grace_clear(b);
	deliver_free(&b->deliver);
	presence_clear(&b->presence);
	feed_free(&b->feed);
	lodging_free(&b->lodging);
	topic_rows_free(&b->topics);
	queue_free(&b->queue);
	invites_free(&b->invites);
	members_free(&b->members);
	db_close(&b->db);
}
