/*
 * The table of what may be asked of a broker.  Joining and leaving topics is
 * not in it: topics.c does, which remembers them.
 */

#include "worker/request_kind.h"

#include <stdio.h>
#include <string.h>

#include "common/encode.h"
#include "common/rows.h"

#define ID_MAX		(BROKER_ID_SIZE - 1)
#define TOPIC_MAX	(TOPIC_SIZE - 1)
#define LONG_MAX_BYTES	60000		/* the frame has a limit of its own */
#define MUST		FIELD_MUST
#define EMPTY		FIELD_EMPTY
#define MAY		0
#define NO_FIELDS	{ { NULL, FIELD_LINE, 0, 0, NULL } }

/*
 * What is kept for a new presence must fit a frame together, so that the
 * limits of a profile are narrow.
 */
static const struct kind kinds[] = {
	{ "list_peers", "list_peers", 0, { "peers_list" }, NULL, NULL,
	    NO_FIELDS },
	{ "roster", "list_peers", KIND_SHARED, { "peers_list" }, NULL, NULL,
	    NO_FIELDS },

	{ "set_status", "set_status", KIND_KEPT, { NULL }, NULL, NULL,
	    { { "status", FIELD_LINE, MUST, 16, "idle working dnd" } } },
	{ "set_summary", "set_summary", KIND_KEPT, { NULL }, NULL, NULL,
	    { { "summary", FIELD_TEXT, MUST | EMPTY, 4096, NULL } } },
	{ "set_stats", "set_stats", KIND_KEPT, { NULL }, NULL, NULL,
	    { { "stats", FIELD_OBJECT, MUST, 16384, NULL } } },
	{ "set_visible", "set_visible", KIND_KEPT, { "ack" }, NULL, NULL,
	    { { "visible", FIELD_BOOL, MUST, 0, NULL } } },
	{ "set_profile", "set_profile", KIND_KEPT, { "ack" }, NULL, NULL, {
	    { "avatar", FIELD_LINE, EMPTY, 8192, NULL },
	    { "title", FIELD_LINE, EMPTY, 256, NULL },
	    { "bio", FIELD_TEXT, EMPTY, 4096, NULL },
	    { "capabilities", FIELD_LINES, MAY, 64, NULL } } },
	{ "join_group", "join_group", KIND_KEPT, { NULL }, NULL, NULL, {
	    { "name", FIELD_LINE, MUST, 64, NULL },
	    { "role", FIELD_LINE, EMPTY, 64, NULL } } },
	{ "leave_group", "leave_group", KIND_KEPT, { NULL }, NULL, NULL,
	    { { "name", FIELD_LINE, MUST, 64, NULL } } },

	{ "get_state", "get_state", 0, { "state_result", "state_value" },
	    "key", NULL, { { "key", FIELD_LINE, MUST, 256, NULL } } },
	{ "list_state", "list_state", 0, { "state_list" }, NULL, NULL,
	    NO_FIELDS },
	{ "set_state", "set_state", 0, { NULL }, NULL, NULL, {
	    { "key", FIELD_LINE, MUST, 256, NULL },
	    { "value", FIELD_JSON, MUST, LONG_MAX_BYTES, NULL } } },

	{ "remember", "remember", 0, { "memory_stored" }, NULL, NULL, {
	    { "content", FIELD_TEXT, MUST, LONG_MAX_BYTES, NULL },
	    { "tags", FIELD_LINES, MAY, 32, NULL } } },
	{ "recall", "recall", 0, { "memory_results", "memory_recall_result" },
	    NULL, NULL,
	    { { "query", FIELD_TEXT, MUST | EMPTY, 1024, NULL } } },
	{ "forget", "forget", 0, { "ack" }, NULL, NULL,
	    { { "memoryId", FIELD_LINE, MUST, ID_MAX, NULL } } },

	{ "message_status", "message_status", KIND_PREFIX,
	    { "message_status_result" }, "messageId", NULL,
	    { { "messageId", FIELD_LINE, MUST, ID_MAX, NULL } } },

	{ "topic_create", "topic_create", 0, { "topic_created" },
	    "name", "topic", {
	    { "name", FIELD_LINE, MUST, TOPIC_MAX, NULL },
	    { "description", FIELD_TEXT, EMPTY, 1024, NULL },
	    { "visibility", FIELD_LINE, MAY, 32, NULL } } },
	{ "topic_list", "topic_list", 0, { "topic_list_response" }, NULL,
	    NULL, NO_FIELDS },
	{ "topic_mark_read", "topic_mark_read", 0, { NULL }, NULL, NULL,
	    { { "topic", FIELD_LINE, MUST, TOPIC_MAX, NULL } } },
	{ "topic_members", "topic_members", KIND_LOOSE,
	    { "topic_members_response" }, "topic", NULL,
	    { { "topic", FIELD_LINE, MUST, TOPIC_MAX, NULL } } },
	{ "topic_history", "topic_history", KIND_LOOSE,
	    { "topic_history_response" }, "topic", NULL, {
	    { "topic", FIELD_LINE, MUST, TOPIC_MAX, NULL },
	    { "limit", FIELD_INT, MAY, 200, NULL },
	    { "beforeId", FIELD_LINE, MAY, ID_MAX, NULL } } },

	{ "list_skills", "list_skills", 0, { "skill_list" }, NULL, NULL,
	    { { "query", FIELD_TEXT, EMPTY, 256, NULL } } },
	{ "get_skill", "get_skill", 0, { "skill_data" }, "name", "skill",
	    { { "name", FIELD_LINE, MUST, 128, NULL } } },
	{ "share_skill", "share_skill", 0, { "skill_ack" }, "name", NULL, {
	    { "name", FIELD_LINE, MUST, 128, NULL },
	    { "description", FIELD_TEXT, MUST | EMPTY, 4096, NULL },
	    { "instructions", FIELD_TEXT, MUST, LONG_MAX_BYTES, NULL },
	    { "tags", FIELD_LINES, MAY, 32, NULL },
	    { "manifest", FIELD_JSON, MAY, 32768, NULL } } },
	{ "remove_skill", "remove_skill", 0, { "skill_ack" }, "name", NULL,
	    { { "name", FIELD_LINE, MUST, 128, NULL } } },

	{ "schedule", "schedule", 0, { "scheduled_ack" }, NULL, NULL, {
	    { "to", FIELD_LINE, MUST, TARGET_SIZE - 1, NULL },
	    { "message", FIELD_TEXT, MUST, LONG_MAX_BYTES, NULL },
	    { "deliverAt", FIELD_INT, MUST, INT64_MAX, NULL },
	    { "subtype", FIELD_LINE, MAY, SUBTYPE_SIZE - 1, NULL },
	    { "cron", FIELD_LINE, MAY, 128, NULL } } },
	{ "list_scheduled", "list_scheduled", 0, { "scheduled_list" }, NULL,
	    NULL, NO_FIELDS },
	{ "cancel_scheduled", "cancel_scheduled", 0,
	    { "cancel_scheduled_ack" }, "scheduledId", NULL,
	    { { "scheduledId", FIELD_LINE, MUST, ID_MAX, NULL } } },

	{ "mesh_info", "mesh_info", 0, { "mesh_info_result" }, NULL, NULL,
	    NO_FIELDS },

	{ "kick", "kick", 0, { "kick_ack" }, NULL, NULL, {
	    { "target", FIELD_LINE, MAY, NAME_SIZE - 1, NULL },
	    { "stale", FIELD_INT, FIELD_TRUE, INT64_MAX, NULL },
	    { "all", FIELD_BOOL, MAY, 0, NULL } } },
	{ "disconnect", "disconnect", 0, { "disconnect_ack" }, NULL, NULL, {
	    { "target", FIELD_LINE, MAY, NAME_SIZE - 1, NULL },
	    { "stale", FIELD_INT, FIELD_TRUE, INT64_MAX, NULL },
	    { "all", FIELD_BOOL, MAY, 0, NULL } } },
	{ "ban", "ban", 0, { "ban_ack" }, NULL, NULL,
	    { { "target", FIELD_LINE, MUST, NAME_SIZE - 1, NULL } } },
	{ "unban", "unban", 0, { "unban_ack" }, NULL, NULL,
	    { { "target", FIELD_LINE, MUST, NAME_SIZE - 1, NULL } } },
	{ "list_bans", "list_bans", 0, { "list_bans_result" }, NULL, NULL,
	    NO_FIELDS },
};
#define NKINDS	(sizeof kinds / sizeof kinds[0])

/*
 * Errors of a broker that mean something to who asked, and the types of
 * frames that they are about; NULL: any.
 */
static const struct {
	const char	*code;
	int64_t		 status;
	const char	*types;
} kind_errors[] = {
	{ "ambiguous_prefix", 409, "message_status" },
	{ "forbidden", 403, NULL },
	{ "invalid", 400, "ban unban" },
	{ "invalid_args", 400, NULL },
	{ "invalid_argument", 400, NULL },
	{ "invalid_cron", 400, "schedule" },
	{ "limit_exceeded", 409, NULL },
	{ "not_found", 404, "message_status ban unban" },
	{ "topic_not_found", 404, "topic_mark_read topic_members "
	    "topic_history" },
};
#define NERRORS	(sizeof kind_errors / sizeof kind_errors[0])

const struct kind *
kind_find(const char *what)
{
	size_t	i;

	for (i = 0; i < NKINDS; i++)
		if (strcmp(kinds[i].what, what) == 0)
			return &kinds[i];
	return NULL;
}

int
kind_is_answered(const struct kind *k)
{
	return k->answers[0] != NULL;
}

int
kind_is_answered_by(const struct kind *k, const char *type)
{
	size_t	i;

	for (i = 0; i < KIND_ANSWERS && k->answers[i] != NULL; i++)
		if (strcmp(k->answers[i], type) == 0)
			return 1;
	return 0;
}

/* Is the word one of those? */
static int
word_in(const char *word, const char *words)
{
	size_t	len = strlen(word), n;

	for (; *words != '\0'; words += n + strspn(words + n, " ")) {
		n = strcspn(words, " ");
		if (n == len && strncmp(words, word, n) == 0)
			return 1;
	}
	return 0;
}

int64_t
kind_error_status(const char *code)
{
	size_t	i;

	for (i = 0; i < NERRORS; i++)
		if (strcmp(code, kind_errors[i].code) == 0)
			return kind_errors[i].status;
	return 502;
}

int
kind_error_fits(const char *code, const struct kind *k)
{
	size_t	i;

	for (i = 0; i < NERRORS; i++)
		if (strcmp(code, kind_errors[i].code) == 0)
			return kind_errors[i].types == NULL ? -1 :
			    word_in(k->type, kind_errors[i].types);
	return -1;
}

/* ---- fields ---- */

static int
text_ok(const struct kind_field *f, const json_t *v)
{
	size_t	len = json_string_length(v);

	return json_is_string(v) && (int64_t)len <= f->max &&
	    (len > 0 || (f->flags & FIELD_EMPTY));
}

/* jansson has checked that it is UTF-8 without NUL. */
static int
line_ok(const json_t *v)
{
	const char	*s = json_string_value(v);

	return utf8_valid(s, strlen(s), 1) && strpbrk(s, "\t\r\n") == NULL;
}

static int
lines_ok(const struct kind_field *f, const json_t *list)
{
	const json_t	*v;
	size_t		 i;

	if (!json_is_array(list) || (int64_t)json_array_size(list) > f->max)
		return 0;
	json_array_foreach(list, i, v)
		if (!json_is_string(v) || json_string_length(v) == 0 ||
		    json_string_length(v) > KIND_LINE_MAX || !line_ok(v))
			return 0;
	return 1;
}

static int
field_ok(const struct kind_field *f, const json_t *v)
{
	json_int_t	n = json_integer_value(v);

	switch (f->type) {
	case FIELD_LINE:
		return text_ok(f, v) && line_ok(v) && (f->one_of == NULL ||
		    word_in(json_string_value(v), f->one_of));
	case FIELD_TEXT:
		return text_ok(f, v);
	case FIELD_BOOL:
		return json_is_boolean(v);
	case FIELD_INT:
		return (json_is_integer(v) && n > 0 && n <= f->max) ||
		    (json_is_true(v) && (f->flags & FIELD_TRUE));
	case FIELD_OBJECT:
	case FIELD_JSON:
		return (f->type == FIELD_JSON || json_is_object(v)) &&
		    (int64_t)json_dumpb(v, NULL, 0, JSON_COMPACT |
		    JSON_ENCODE_ANY) <= f->max;
	case FIELD_LINES:
		return lines_ok(f, v);
	}
	return 0;
}

/* What a field must be. */
static int
field_wrong(const struct kind_field *f, char *why, size_t size)
{
	long long	max = (long long)f->max;
	int		min = f->flags & FIELD_EMPTY ? 0 : 1;

	switch (f->type) {
	case FIELD_LINE:
		if (f->one_of != NULL)
			snprintf(why, size, "'%s' must be one of: %s",
			    f->name, f->one_of);
		else
			snprintf(why, size, "'%s' must be text of %d to %lld "
			    "bytes, without control characters", f->name, min,
			    max);
		break;
	case FIELD_TEXT:
		snprintf(why, size, "'%s' must be text of %d to %lld bytes",
		    f->name, min, max);
		break;
	case FIELD_BOOL:
		snprintf(why, size, "'%s' must be true or false", f->name);
		break;
	case FIELD_INT:
		snprintf(why, size, "'%s' must be a whole number from 1 to "
		    "%lld%s", f->name, max, f->flags & FIELD_TRUE ?
		    ", or true" : "");
		break;
	case FIELD_OBJECT:
	case FIELD_JSON:
		snprintf(why, size, "'%s' must be %s, of at most %lld bytes",
		    f->name, f->type == FIELD_OBJECT ? "an object" :
		    "a value other than null", max);
		break;
	case FIELD_LINES:
		snprintf(why, size, "'%s' must be a list of at most %lld "
		    "texts of 1 to %d bytes, without control characters",
		    f->name, max, KIND_LINE_MAX);
		break;
	}
	return -1;
}

/* Copy what the kind knows. */
static int
fields_copy(const struct kind *k, const json_t *args, json_t *frame,
    char *why, size_t whysize)
{
	const struct kind_field	*f;
	json_t			*v;

	for (f = k->fields; f < k->fields + KIND_FIELDS && f->name != NULL;
	    f++) {
		v = json_object_get(args, f->name);
		if (v == NULL || json_is_null(v)) {
			if (f->flags & FIELD_MUST)
				return field_wrong(f, why, whysize);
			continue;
		}
		if (!field_ok(f, v))
			return field_wrong(f, why, whysize);
		json_object_set(frame, f->name, v);
	}
	return 0;
}

json_t *
kind_frame(const struct kind *k, const json_t *args, char *why,
    size_t whysize)
{
	json_t	*frame = json_pack("{s:s}", "type", k->type);

	if (fields_copy(k, args, frame, why, whysize) == 0)
		return frame;
	json_decref(frame);
	return NULL;
}
