/*
 * Messages that were given to a reader and are not acknowledged yet.
 */

#include "contrib/broker/claim.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "contrib/broker/deliver.h"

void
claims_init(struct claims *cs)
{
	memset(cs, 0, sizeof *cs);
	TAILQ_INIT(&cs->by_time);
}

void
claims_clear(struct claims *cs)
{
	table_clear(&cs->streams);
	table_clear(&cs->claims);
}

struct claim *
claim_find(const struct claims *cs, const char *id)
{
	struct link	*l = table_get(&cs->claims, id, strlen(id));

	return l != NULL ? table_entry(l, struct claim, link) : NULL;
}

struct stream *
stream_find(const struct claims *cs, const struct message *m)
{
	struct stream_key	 key = { m->recipient, m->sender,
				    (int64_t)m->priority };
	struct link		*l = table_get(&cs->streams, &key, sizeof key);

	return l != NULL ? table_entry(l, struct stream, link) : NULL;
}

struct stream *
stream_open(struct claims *cs, struct box *box, struct reader *owner,
    const struct message *m)
{
	struct stream	*s = xcalloc(1, sizeof *s);

	s->key.recipient = m->recipient;
	s->key.sender = m->sender;
	s->key.priority = (int64_t)m->priority;
	s->box = box;
	s->owner = owner;
	TAILQ_INIT(&s->claims);
	LIST_INSERT_HEAD(&owner->streams, s, of_owner);
	table_put(&cs->streams, &s->link, &s->key, sizeof s->key);
	return s;
}

void
claim_free(struct claims *cs, struct claim *c)
{
	struct stream	*s = c->stream;

	table_del(&cs->claims, &c->link);
	TAILQ_REMOVE(&s->claims, c, in_stream);
	TAILQ_REMOVE(&cs->by_time, c, by_time);
	s->owner->claims--;
	free(c->client_id);
	free(c);
	if (!TAILQ_EMPTY(&s->claims))
		return;
	table_del(&cs->streams, &s->link);
	LIST_REMOVE(s, of_owner);
	free(s);
}

void
claim_add(struct claims *cs, struct stream *s, const struct message *m)
{
	struct claim	*c = xcalloc(1, sizeof *c);

	c->stream = s;
	c->seq = m->seq;
	c->at = clock_mono_ms();
	memcpy(c->id, m->id, sizeof c->id);
	if (m->client_id != NULL)
		c->client_id = xstrdup(m->client_id);
	table_put(&cs->claims, &c->link, c->id, strlen(c->id));
	TAILQ_INSERT_TAIL(&s->claims, c, in_stream);
	TAILQ_INSERT_TAIL(&cs->by_time, c, by_time);
	s->owner->claims++;
}
