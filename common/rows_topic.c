/* Topics that an owner has joined, read. */

#include "common/rows.h"

#include <string.h>

#include "common/rows_impl.h"

static const char sql_topics[] =
    "SELECT topic, name, last_message_id, ifnull(last_created_at, 0),"
    " gone_at IS NOT NULL FROM topic WHERE owner = :owner"
    " ORDER BY topic LIMIT :limit";

static const char sql_shared[] =
    "SELECT 1 FROM topic t JOIN owner o ON o.owner = t.owner"
    " WHERE t.topic = :topic AND t.owner <> :owner"
    "   AND o.member_owner = :member LIMIT 1";

_Static_assert(BROKER_ID_SIZE == TOPIC_SIZE, "an id can stand for a name");

/* A row made before names were kept goes by its id. */
static int
topic_row_read(sqlite3_stmt *st, struct topic_row *t)
{
	struct rows_cur	c = { .st = st };

	memset(t, 0, sizeof *t);
	cur_text(&c, t->topic, sizeof t->topic);
	if (sqlite3_column_bytes(st, c.i) == 0) {
		c.i++;
		memcpy(t->name, t->topic, sizeof t->name);
	} else
		cur_text(&c, t->name, sizeof t->name);
	cur_text_opt(&c, t->last_id, sizeof t->last_id);
	t->last_created_at = cur_int(&c, 0, INT64_MAX);
	t->gone = (int)cur_int(&c, 0, 1);
	return c.bad ? -1 : 0;
}

int
rows_topics(struct rows *r, const uint8_t owner[OWNER_ID_LEN],
    void (*cb)(void *arg, const struct topic_row *), void *arg)
{
	sqlite3_stmt		*st;
	struct topic_row	 t;
	int			 n = 0, ret;

	if ((st = rows_use(r, ROWS_TOPICS, sql_topics)) == NULL)
		return -1;
	rows_bind_blob(st, ":owner", owner, OWNER_ID_LEN);
	rows_bind_int(st, ":limit", TOPICS_MAX);
	while ((ret = rows_step(r, st)) == 1) {
		if (topic_row_read(st, &t) == -1) {
			rows_skipped(r, "topic", 0);
			continue;
		}
		n++;
		cb(arg, &t);
	}
	return ret == -1 ? -1 : n;
}

int
rows_topic_shared(struct rows *r, const uint8_t member[OWNER_ID_LEN],
    const uint8_t owner[OWNER_ID_LEN], const char *topic)
{
	sqlite3_stmt	*st;
	int		 ret;

	if ((st = rows_use(r, ROWS_TOPIC_SHARED, sql_shared)) == NULL)
		return -1;
	rows_bind_text(st, ":topic", topic);
	rows_bind_blob(st, ":owner", owner, OWNER_ID_LEN);
	rows_bind_blob(st, ":member", member, OWNER_ID_LEN);
	if ((ret = rows_step(r, st)) == 1)
		rows_done(st);
	return ret;
}
