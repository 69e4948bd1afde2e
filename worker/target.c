/* The targets with open rows. */

#include "worker/target.h"

#include <search.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/encode.h"
#include "common/log.h"
#include "common/xalloc.h"

/* Trees hold the names, so that a name is enough to find one. */
static int
target_cmp(const void *a, const void *b)
{
	return strcmp(a, b);
}

static struct target *
target_of(const void *name)
{
	return (struct target *)(uintptr_t)((const char *)name -
	    offsetof(struct target, name));
}

void
targets_init(struct targets *ts)
{
	ts->tree = NULL;
	ts->many = 0;
	ts->next_ms = INT64_MAX;
	TAILQ_INIT(&ts->ready);
	TAILQ_INIT(&ts->waiting);
}

static void
target_free(void *name)
{
	free(target_of(name));
}

void
targets_clear(struct targets *ts)
{
	tdestroy(ts->tree, target_free);
	targets_init(ts);
}

struct target *
targets_find(struct targets *ts, const char *name)
{
	void	*node = tfind(name, &ts->tree, target_cmp);

	return node != NULL ? target_of(*(void **)node) : NULL;
}

struct target *
targets_get(struct targets *ts, const char *name)
{
	struct target	*t = targets_find(ts, name);
	size_t		 len = strlen(name) + 1;

	if (t != NULL)
		return t;
	t = xcalloc(1, sizeof *t + len);
	memcpy(t->name, name, len);
	t->direct = hex_decode(t->key, sizeof t->key, name) == 0;
	if (tsearch(t->name, &ts->tree, target_cmp) == NULL)
		fatalx("out of memory");
	return t;
}

static void
target_leave(struct targets *ts, struct target *t)
{
	if (t->place == TARGET_READY)
		TAILQ_REMOVE(&ts->ready, t, entry);
	else if (t->place == TARGET_WAITING)
		TAILQ_REMOVE(&ts->waiting, t, entry);
	t->place = TARGET_NOWHERE;
}

void
targets_update(struct targets *ts, struct target *t, int64_t now_ms)
{
	target_leave(ts, t);
	if (t->nwin == 0) {
		t->blocked = 0;
		if (t->nended == 0)
			t->cursor = 0;
	}
	if (t->more && !t->blocked && !t->halted &&
	    (t->nwin == 0 || ts->many)) {
		if (t->due_ms <= now_ms) {
			t->place = TARGET_READY;
			TAILQ_INSERT_TAIL(&ts->ready, t, entry);
		} else {
			t->place = TARGET_WAITING;
			TAILQ_INSERT_TAIL(&ts->waiting, t, entry);
			if (t->due_ms < ts->next_ms)
				ts->next_ms = t->due_ms;
		}
	} else if (!t->more && t->nwin == 0 && t->nended == 0) {
		tdelete(t->name, &ts->tree, target_cmp);
		free(t);
	}
}

int64_t
targets_due(struct targets *ts, int64_t now_ms)
{
	struct target	*t, *next;
	int64_t		 soonest = INT64_MAX;

	if (now_ms >= ts->next_ms) {
		for (t = TAILQ_FIRST(&ts->waiting); t != NULL; t = next) {
			next = TAILQ_NEXT(t, entry);
			if (t->due_ms <= now_ms)
				targets_update(ts, t, now_ms);
			else if (t->due_ms < soonest)
				soonest = t->due_ms;
		}
		ts->next_ms = soonest;
	}
	return ts->next_ms == INT64_MAX ? -1 : ts->next_ms - now_ms;
}

void
targets_hurry(struct targets *ts, enum target_wait wait, int64_t now_ms)
{
	struct target	*t, *next;

	for (t = TAILQ_FIRST(&ts->waiting); t != NULL; t = next) {
		next = TAILQ_NEXT(t, entry);
		if (t->wait != wait)
			continue;
		t->due_ms = 0;
		targets_update(ts, t, now_ms);
	}
}
