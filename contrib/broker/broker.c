/*
 * What the parts of the broker share.
 */

#include "contrib/broker/broker.h"

#include <string.h>

#include "contrib/broker/ban.h"
#include "contrib/broker/db.h"
#include "contrib/broker/info.h"
#include "contrib/broker/invites.h"
#include "contrib/broker/lodging.h"
#include "contrib/broker/members.h"
#include "contrib/broker/memory.h"
#include "contrib/broker/quota.h"
#include "contrib/broker/rate.h"
#include "contrib/broker/schedule.h"
#include "contrib/broker/skills.h"
#include "contrib/broker/state.h"
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
	o->rate_burst = OPTIONS_RATE_BURST;
}

static void
services_open(struct broker *b)
{
	b->quota = quota_new(b->db);
	b->state = state_new(b->db);
	b->memory = memory_new(b->db);
	b->skills = skills_new(b->db);
	b->schedule = schedule_new(b->db);
	b->info = info_new(b->db);
	b->bans = bans_new(b->db);
}

static void
services_close(struct broker *b)
{
	bans_free(&b->bans);
	info_free(&b->info);
	schedule_free(&b->schedule);
	skills_free(&b->skills);
	memory_free(&b->memory);
	state_free(&b->state);
	quota_free(&b->quota);
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
	b->rates = rates_new(options->rate_limit, options->rate_burst);
	services_open(b);
	return 0;
}

void
broker_close(struct broker *b)
{
	grace_clear(b);
	services_close(b);
	rates_free(&b->rates);
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
