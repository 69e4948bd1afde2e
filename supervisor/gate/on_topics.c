/*
 * Topics.  That a session has joined one is kept by its worker, which reads
 * there what a broker does not push.
 */

#include "supervisor/gate/handlers.h"

#include <stdint.h>
#include <string.h>

#include "common/encode.h"
#include "common/xalloc.h"
#include "supervisor/gate/ask.h"
#include "supervisor/gate/gather.h"
#include "supervisor/gate/query.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"

#define HISTORY_MAX	200

static const struct gather_kind topics_kind = {
	.what = "topic_list",
	.list = "topics",
	.names = { "topics" },
};

void
on_topics(struct request *r)
{
	gather(r, &topics_kind, NULL);
}

/* As the broker's answer, and the mesh. */
static void
content_cb(struct request *r, const char *mesh, const json_t *frame)
{
	json_t	*answer = ask_content(frame);

	json_object_set_new(answer, "mesh", json_string(mesh));
	reply_json(r, 200, answer);
}

/* '#' before a name is for people. */
static const char *
topic_name(const char *s)
{
	return s != NULL && *s == '#' ? s + 1 : s;
}

void
on_topic_create(struct request *r)
{
	json_t		*args = ask_fields(r->body, "name", "description",
			    "visibility", NULL);
	const char	*name;

	name = json_string_value(json_object_get(args, "name"));
	if (topic_name(name) != name)
		json_object_set_new(args, "name",
		    json_string(topic_name(name)));
	ask_one(r, "topic_create", args, content_cb);
}

/* The topic of the path. */
static json_t *
topic_args(const struct request *r)
{
	return json_pack("{s:s}", "topic", topic_name(r->arg));
}

void
on_topic_join(struct request *r)
{
	ask_one(r, "topic_join", topic_args(r), ask_done_cb);
}

void
on_topic_leave(struct request *r)
{
	ask_one(r, "topic_leave", topic_args(r), ask_done_cb);
}

void
on_topic_read(struct request *r)
{
	ask_one(r, "topic_mark_read", topic_args(r), ask_done_cb);
}

void
on_topic_members(struct request *r)
{
	ask_one(r, "topic_members", topic_args(r), content_cb);
}

/* ---- history ---- */

/* A message's text, which travels as base64; null: it is none. */
static json_t *
message_body(const json_t *message)
{
	const json_t	*v = json_object_get(message, "ciphertext");
	size_t		 size = json_string_length(v), len;
	char		*text;
	json_t		*body = NULL;

	if (size == 0)
		return json_null();
	text = xmalloc(size);
	if (base64_decode(text, size, &len, json_string_value(v), size) == 0 &&
	    utf8_valid(text, len, 1))
		body = json_stringn(text, len);
	freezero(text, size);
	return body != NULL ? body : json_null();
}

static void
history_cb(struct request *r, const char *mesh, const json_t *frame)
{
	json_t	*list = json_object_get(frame, "messages"), *message;
	size_t	 i;

	if (!json_is_array(list)) {
		ask_no_sense(r, mesh);
		return;
	}
	json_array_foreach(list, i, message)
		if (json_is_object(message))
			json_object_set_new(message, "body",
			    message_body(message));
	content_cb(r, mesh, frame);
}

void
on_topic_history(struct request *r)
{
	const char	*before = query_get(&r->query, "beforeId");
	json_t		*args;
	struct fault	 f;
	int64_t		 limit;

	if (query_int(&r->query, "limit", 1, HISTORY_MAX, 50, &limit,
	    &f) == -1) {
		reply_fault(r, &f);
		return;
	}
	args = topic_args(r);
	json_object_set_new(args, "limit", json_integer(limit));
	if (before != NULL)
		json_object_set_new(args, "beforeId", json_string(before));
	ask_one(r, "topic_history", args, history_cb);
}
