/* The database, and each file of statements over it. */

#include "supervisor/store/tables.h"

int
tables_open(struct tables *t, const char *dir)
{
	if ((t->db = db_open(dir)) == NULL)
		return -1;
	t->owners = owners_new(t->db);
	t->inbox = inbox_new(t->db);
	t->outbox = outbox_new(t->db, t->inbox, t->owners);
	t->operates = operates_new(t->db);
	t->readers = readers_new(t->db);
	t->topics = topics_new(t->db);
	return 0;
}

void
tables_close(struct tables *t)
{
	topics_free(&t->topics);
	readers_free(&t->readers);
	operates_free(&t->operates);
	outbox_free(&t->outbox);
	inbox_free(&t->inbox);
	owners_free(&t->owners);
	db_close(&t->db);
}
