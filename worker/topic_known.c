/* The broker's list of topics, kept for some seconds. */

#include <string.h>

#include "worker/topics_impl.h"

void
topics_forget_known(struct topics *ts)
{
	json_decref(ts->known);
	ts->known = NULL;
}

/* An entry of the broker's list.  0 or -1. */
static int
known_row(const json_t *o, struct topic_row *row)
{
	memset(row, 0, sizeof *row);
	return frame_string(o, "id", row->topic, sizeof row->topic) == 1 &&
	    topic_id_ok(row->topic) && frame_string(o, "name", row->name,
	    sizeof row->name) == 1 && row->name[0] != '\0' ? 0 : -1;
}

int
known_find(const struct topics *ts, const char *name,
    struct topic_row *found)
{
	struct topic_row	 row;
	const json_t		*o;
	size_t			 i;
	int			 n = 0;

	json_array_foreach(ts->known, i, o) {
		if (known_row(o, &row) == -1)
			continue;
		if (strcmp(row.topic, name) == 0) {
			*found = row;
			return 1;
		}
		if (strcmp(row.name, name) != 0 ||
		    (n > 0 && strcmp(row.topic, found->topic) == 0))
			continue;
		*found = row;
		n++;
	}
	return n;
}
