/*
 * What was set of our presence.  One frame per attribute and group, the last
 * one that the broker took; a profile's are merged, member by member.
 */

#include "worker/standing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

#define GROUPS_MAX	256

struct standing {
	struct broker	*broker;
	json_t		*frames;	/* by "set_status", "group <name>" */
	json_t		*todo;		/* an array: what is to be said again */
	size_t		 groups;
	char		 presence[BROKER_ID_SIZE];
};

struct standing *
standing_new(struct broker *broker)
{
	struct standing	*st = xcalloc(1, sizeof *st);

	st->broker = broker;
	st->frames = json_object();
	st->todo = json_array();
	return st;
}

void
standing_free(struct standing **stp)
{
	struct standing	*st = *stp;

	if (st == NULL)
		return;
	json_decref(st->frames);
	json_decref(st->todo);
	free(st);
	*stp = NULL;
}

static const char *
frame_type_of(const json_t *frame)
{
	return json_string_value(json_object_get(frame, "type"));
}

static int
is_group(const json_t *frame)
{
	const char	*type = frame_type_of(frame);

	return strcmp(type, "join_group") == 0 ||
	    strcmp(type, "leave_group") == 0;
}

/* Under what it is kept; allocated. */
static char *
standing_key(const json_t *frame)
{
	char	*key;

	if (is_group(frame))
		xasprintf(&key, "group %s", json_string_value(
		    json_object_get(frame, "name")));
	else
		key = xstrdup(frame_type_of(frame));
	return key;
}

int
standing_has_room(const struct standing *st, const json_t *frame)
{
	char	*key;
	int	 known;

	if (!is_group(frame) || st->groups < GROUPS_MAX)
		return 1;
	key = standing_key(frame);
	known = json_object_get(st->frames, key) != NULL;
	free(key);
	return known;
}

void
standing_keep(struct standing *st, const json_t *frame)
{
	char	*key = standing_key(frame);
	json_t	*old = json_object_get(st->frames, key), *copy;

	copy = json_copy((json_t *)(uintptr_t)frame);
	json_object_del(copy, "_reqId");
	if (old != NULL && strcmp(key, "set_profile") == 0) {
		json_object_update(old, copy);
		json_decref(copy);
	} else {
		st->groups += old == NULL && is_group(frame);
		json_object_set_new(st->frames, key, copy);
	}
	free(key);
}

void
standing_open(struct standing *st, const char *presence_id)
{
	const char	*key;
	json_t		*frame;

	json_array_clear(st->todo);
	if (*presence_id == '\0' || strcmp(st->presence, presence_id) != 0)
		json_object_foreach(st->frames, key, frame)
			json_array_append(st->todo, frame);
	snprintf(st->presence, sizeof st->presence, "%s", presence_id);
}

int
standing_write(struct standing *st)
{
	struct outbuf	*o = broker_out(st->broker);
	int		 ret;

	while (json_array_size(st->todo) > 0) {
		outbuf_reset(o);
		outbuf_add_json(o, json_array_get(st->todo, 0));
		if ((ret = broker_write(st->broker)) == -1)
			return ret;
		json_array_remove(st->todo, 0);
		if (ret != 0)
			return ret;
	}
	return 0;
}
