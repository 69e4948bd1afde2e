/*
 * Tags of what is remembered and of skills.
 */

#include "contrib/broker/tags.h"

static int
tags_ok(const json_t *tags)
{
	const json_t	*tag;
	size_t		 i;

	if (!json_is_array(tags) || json_array_size(tags) > TAGS_MAX)
		return 0;
	json_array_foreach(tags, i, tag)
		if (!json_is_string(tag) || json_string_length(tag) > TAG_MAX)
			return 0;
	return 1;
}

char *
tags_text(const json_t *request)
{
	const json_t	*tags = json_object_get(request, "tags");
	json_t		*none;
	char		*text;

	if (tags != NULL && !json_is_null(tags))
		return tags_ok(tags) ? json_dumps(tags, JSON_COMPACT) : NULL;
	none = json_array();
	text = json_dumps(none, JSON_COMPACT);
	json_decref(none);
	return text;
}
