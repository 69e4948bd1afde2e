/* What is unacknowledged. */

#include "worker/window.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

void
window_init(struct window *w)
{
	TAILQ_INIT(&w->slots);
	w->n = 0;
}

void
window_clear(struct window *w)
{
	struct slot	*s;

	while ((s = TAILQ_FIRST(&w->slots)) != NULL)
		window_remove(w, &s);
}

struct slot *
window_add(struct window *w, struct target *t, int64_t row,
    const char *client_id, int64_t now_ms)
{
	size_t		 len = strlen(client_id) + 1;
	struct slot	*s = xcalloc(1, sizeof *s + len);

	s->target = t;
	s->row = row;
	s->sent_ms = now_ms;
	memcpy(s->client_id, client_id, len);
	TAILQ_INSERT_TAIL(&w->slots, s, entry);
	w->n++;
	return s;
}

void
window_remove(struct window *w, struct slot **sp)
{
	TAILQ_REMOVE(&w->slots, *sp, entry);
	w->n--;
	free(*sp);
	*sp = NULL;
}

/* A broker that works in order answers the oldest first. */
struct slot *
window_find(struct window *w, const char *client_id)
{
	struct slot	*s;

	TAILQ_FOREACH(s, &w->slots, entry)
		if (strcmp(s->client_id, client_id) == 0)
			return s;
	return NULL;
}

struct slot *
window_find_row(struct window *w, int64_t row)
{
	struct slot	*s;

	TAILQ_FOREACH(s, &w->slots, entry)
		if (s->row == row)
			return s;
	return NULL;
}
