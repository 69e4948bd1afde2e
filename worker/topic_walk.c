/*
 * The way back through the history of a topic, page by page: from the newest
 * to what was read last, and forward again.
 */

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/topics_impl.h"

const char *
walk_top(const struct topic *t)
{
	return t->ncursors > 0 ? t->cursors[t->ncursors - 1] : "";
}

void
walk_pop(struct topic *t)
{
	free(t->cursors[--t->ncursors]);
	if (t->ncursors == 0) {
		free(t->cursors);
		t->cursors = NULL;
	}
}

void
walk_clear(struct topic *t)
{
	while (t->ncursors > 0)
		walk_pop(t);
	t->edge[0] = '\0';
	t->floor = 0;
}

int
walk_push(struct topic *t, const char *id)
{
	size_t	i;

	for (i = 0; i < t->ncursors; i++)
		if (strcmp(t->cursors[i], id) == 0)
			return 0;
	if (t->ncursors >= TOPICS_DEPTH) {
		if (!t->deep)
			log_warnx("topic %s: what is older than %d messages "
			    "is not read", t->row.name,
			    TOPICS_DEPTH * TOPICS_PAGE);
		t->deep = 1;
		return 0;
	}
	t->cursors = xreallocarray(t->cursors, t->ncursors + 1,
	    sizeof *t->cursors);
	t->cursors[t->ncursors++] = xstrdup(id);
	return 1;
}

int
walk_message_id(const json_t *o, char id[BROKER_ID_SIZE])
{
	return frame_string(o, "id", id, BROKER_ID_SIZE) == 1 &&
	    id[0] != '\0';
}

size_t
walk_page(const struct topic *t, const json_t *list, int *found,
    char oldest[BROKER_ID_SIZE])
{
	size_t	i, n = json_array_size(list);
	char	id[BROKER_ID_SIZE];

	*found = 0;
	oldest[0] = '\0';
	for (i = 0; i < n && i < (size_t)t->limit; i++) {
		if (!walk_message_id(json_array_get(list, i), id))
			continue;
		if (t->row.last_id[0] != '\0' &&
		    strcmp(id, t->row.last_id) == 0) {
			*found = 1;
			return i;
		}
		memcpy(oldest, id, BROKER_ID_SIZE);
		if (t->edge[0] != '\0' && strcmp(id, t->edge) == 0) {
			*found = 1;
			return i + 1;
		}
	}
	return i;
}
