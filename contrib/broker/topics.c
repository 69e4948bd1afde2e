/*
 * Requests about topics.
 */

#include "contrib/broker/topics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/encode.h"
#include "contrib/broker/broker.h"
#include "contrib/broker/conn.h"
#include "contrib/broker/frame.h"
#include "contrib/broker/reply.h"
#include "contrib/broker/topic_rows.h"

#define HISTORY_DEFAULT	50
#define HISTORY_MAX	200

/* ---- which one ---- */

/*
 * Text that a list can show: no control characters, no blanks around it.  A
 * name with '#' in front would be taken for an id.
 */
static int
name_ok(const char *name)
{
	size_t	 len = name != NULL ? strlen(name) : 0;

	return len > 0 && utf8_valid(name, len, 1) &&
	    strpbrk(name, "\t\r\n") == NULL && name[0] != '#' &&
	    name[0] != ' ' && name[len - 1] != ' ';
}

/* The topic that a request names.  -1, answered, when there is none. */
static int
topic_named(struct conn *c, const json_t *json, struct topic *topic)
{
	const char	*name = frame_str(json, "topic", TOPIC_NAME_MAX);
	int		 rc = 0;

	if (name != NULL)
		rc = topic_by_name(c->broker->topics, c->peer->mesh->row,
		    name, topic);
	if (rc == 0)
		reply_invalid(c, json, "topic_not_found",
		    "no topic of this mesh has this id or name");
	return rc == 1 ? 0 : -1;	/* on an error the loop closes it */
}

/* An answer about a topic, which it calls as the request does. */
static struct frame *
answer_new(const char *type, const json_t *json)
{
	struct frame	*f = frame_new(type);

	frame_json_add(f, "topic", json_object_get(json, "topic"));
	return f;
}

static void
answer_give(struct conn *c, const json_t *json, struct frame *f)
{
	frame_req_id_add(f, json);
	frame_end(f);
	reply_after_commit(c);
	conn_give(c, &f);
}

/* ---- making one ---- */

static void
created(struct conn *c, const json_t *json, const struct topic *topic, int new)
{
	struct frame	*f = frame_new("topic_created");

	frame_raw(f, ",\"topic\":{\"id\":", 15);
	frame_quote(f, topic->id);
	frame_str_add(f, "name", topic->name);
	frame_str_add(f, "visibility", topic->visibility);
	frame_end(f);
	frame_bool_add(f, "created", new);
	answer_give(c, json, f);
}

/* Optional; NULL when it is not one of those there are. */
static const char *
visibility_get(const json_t *json)
{
	const json_t	*value = json_object_get(json, "visibility");
	const char	*name;

	if (value == NULL || json_is_null(value))
		return "public";
	name = frame_str(json, "visibility", TOPIC_VISIBILITY_MAX);
	return name != NULL && (strcmp(name, "public") == 0 ||
	    strcmp(name, "private") == 0 || strcmp(name, "dm") == 0) ?
	    name : NULL;
}

/* 0, or -1 with an answer. */
static int
create_check(struct conn *c, const json_t *json)
{
	const json_t	*description = json_object_get(json, "description");
	const char	*fault = NULL, *text;

	text = frame_str_or_empty(json, "description", TOPIC_DESCRIPTION_MAX,
	    NULL);
	if (!name_ok(frame_str(json, "name", TOPIC_NAME_MAX)))
		fault = "a topic's name is 1 to 64 bytes of text that begin "
		    "with neither # nor a blank";
	else if (description != NULL && !json_is_null(description) &&
	    (text == NULL || !utf8_valid(text, strlen(text), 1)))
		fault = "a topic's description is at most 512 bytes of text";
	else if (visibility_get(json) == NULL)
		fault = "visibility is public, private or dm";
	if (fault == NULL)
		return 0;
	reply_invalid(c, json, "invalid_args", fault);
	return -1;
}

static void
create(struct conn *c, const json_t *json, struct topic *topic)
{
	struct broker	*b = c->broker;
	int64_t		 mesh = c->peer->mesh->row;

	if (topic_count(b->topics, mesh) >= TOPIC_MESH_MAX) {
		reply_invalid(c, json, "invalid_args",
		    "this mesh has 1000 topics, which is all it may have");
		return;
	}
	snprintf(topic->name, sizeof topic->name, "%s", frame_str(json,
	    "name", TOPIC_NAME_MAX));
	snprintf(topic->visibility, sizeof topic->visibility, "%s",
	    visibility_get(json));
	if (topic_add(b->topics, mesh, c->peer->member, frame_str(json,
	    "description", TOPIC_DESCRIPTION_MAX), topic) == 0)
		created(c, json, topic, 1);
}

void
topics_create(struct conn *c, const json_t *json)
{
	struct topic	 topic;

	if (create_check(c, json) == -1)
		return;
	switch (topic_by_name(c->broker->topics, c->peer->mesh->row,
	    frame_str(json, "name", TOPIC_NAME_MAX), &topic)) {
	case 1:
		created(c, json, &topic, 0);
		break;
	case 0:
		create(c, json, &topic);
		break;
	default:
		break;		/* no answer: the loop closes it */
	}
}

/* ---- lists ---- */

struct list {
	struct frame	*frame;
	unsigned	 n;
};

/* Before an entry: 1 when the answer is full. */
static int
list_next(struct list *list)
{
	if (list->frame->len > FRAME_ANSWER_MAX)
		return 1;
	if (list->n++ > 0)
		frame_raw(list->frame, ",", 1);
	frame_raw(list->frame, "{", 1);
	return 0;
}

/* The first member of an object; the others go on as everywhere. */
static void
first_str(struct frame *f, const char *quoted_name, const char *value)
{
	frame_raw(f, quoted_name, strlen(quoted_name));
	frame_quote(f, value);
}

/* The end; cut: there would have been more, had there been room. */
static void
list_end(struct conn *c, const json_t *json, struct list *list, int cut)
{
	frame_raw(list->frame, "]", 1);
	if (cut == 1)
		frame_bool_add(list->frame, "truncated", 1);
	answer_give(c, json, list->frame);
}

static void
time_add(struct frame *f, const char *name, int64_t ms)
{
	char	 iso[CLOCK_ISO_SIZE];

	if (ms != 0)
		frame_str_add(f, name, clock_iso(ms, iso));
	else
		frame_null_add(f, name);
}

static int
topic_cb(void *arg, const struct topic_info *info)
{
	struct list	*list = arg;

	if (list_next(list))
		return 1;
	first_str(list->frame, "\"id\":", info->id);
	frame_str_add(list->frame, "name", info->name);
	if (info->description != NULL)
		frame_str_add(list->frame, "description", info->description);
	else
		frame_null_add(list->frame, "description");
	frame_str_add(list->frame, "visibility", info->visibility);
	frame_int_add(list->frame, "memberCount", info->members);
	time_add(list->frame, "createdAt", info->created_at);
	frame_end(list->frame);
	return 0;
}

void
topics_list(struct conn *c, const json_t *json)
{
	struct list	 list = { frame_new("topic_list_response"), 0 };
	int		 rc;

	frame_raw(list.frame, ",\"topics\":[", 11);
	rc = topic_each(c->broker->topics, c->peer->mesh->row, topic_cb,
	    &list);
	list_end(c, json, &list, rc);
}

static int
member_cb(void *arg, const struct topic_member *m)
{
	struct list	*list = arg;
	char		 hex[2 * KEY_PUBLIC_LEN + 1];

	if (list_next(list))
		return 1;
	first_str(list->frame, "\"memberId\":", m->member_id);
	frame_str_add(list->frame, "pubkey", hex_encode(hex, m->pubkey,
	    sizeof m->pubkey));
	frame_str_add(list->frame, "displayName", m->name);
	frame_str_add(list->frame, "role", m->role);
	time_add(list->frame, "joinedAt", m->joined_at);
	time_add(list->frame, "lastReadAt", m->last_read_at);
	frame_end(list->frame);
	return 0;
}

void
topics_members(struct conn *c, const json_t *json)
{
	struct topic	 topic;
	struct list	 list = { NULL, 0 };
	int		 rc;

	if (topic_named(c, json, &topic) == -1)
		return;
	list.frame = answer_new("topic_members_response", json);
	frame_raw(list.frame, ",\"members\":[", 12);
	rc = topic_each_member(c->broker->topics, topic.row, member_cb, &list);
	list_end(c, json, &list, rc);
}

static int
message_cb(void *arg, const struct message *m)
{
	struct list	*list = arg;
	char		 hex[2 * KEY_PUBLIC_LEN + 1];

	if (list_next(list))
		return 1;
	first_str(list->frame, "\"id\":", m->id);
	frame_str_add(list->frame, "senderPubkey", hex_encode(hex,
	    m->sender_key, sizeof m->sender_key));
	frame_str_add(list->frame, "senderMemberId", m->sender_member_id);
	frame_str_add(list->frame, "senderName", m->sender_name);
	frame_str_add(list->frame, "nonce", m->nonce);
	frame_str_add(list->frame, "ciphertext", m->ciphertext);
	frame_int_add(list->frame, "bodyVersion", m->body_version);
	frame_str_add(list->frame, "replyToId", m->reply_to);
	time_add(list->frame, "createdAt", m->created_at);
	frame_end(list->frame);
	return 0;
}

/* 0, or -1 with an answer. */
static int
history_args(struct conn *c, const json_t *json, int *limit_r,
    const char **before_r)
{
	const json_t	*limit = json_object_get(json, "limit");
	const json_t	*before = json_object_get(json, "beforeId");

	*limit_r = HISTORY_DEFAULT;
	*before_r = NULL;
	if (limit != NULL && !json_is_null(limit)) {
		if (!json_is_integer(limit) || json_integer_value(limit) < 1 ||
		    json_integer_value(limit) > HISTORY_MAX) {
			reply_invalid(c, json, "invalid_args",
			    "limit is a number from 1 to 200");
			return -1;
		}
		*limit_r = (int)json_integer_value(limit);
	}
	if (before != NULL && !json_is_null(before)) {
		*before_r = frame_str(json, "beforeId", QUEUE_ID_LEN);
		if (*before_r == NULL) {
			reply_invalid(c, json, "invalid_args",
			    "beforeId is the id of a message of this topic");
			return -1;
		}
	}
	return 0;
}

void
topics_history(struct conn *c, const json_t *json)
{
	struct topic	 topic;
	struct list	 list = { NULL, 0 };
	const char	*before;
	int		 limit, rc;

	if (topic_named(c, json, &topic) == -1 ||
	    history_args(c, json, &limit, &before) == -1)
		return;
	list.frame = answer_new("topic_history_response", json);
	frame_raw(list.frame, ",\"messages\":[", 13);
	rc = topic_history(c->broker->topics, topic.row, before, limit,
	    message_cb, &list);
	if (rc == -2) {
		frame_unref(&list.frame);
		reply_invalid(c, json, "invalid_args",
		    "no message of this topic has the id beforeId");
		return;
	}
	list_end(c, json, &list, rc);
}

/* ---- subscribing ---- */

void
topics_join(struct conn *c, const json_t *json)
{
	struct topic	 topic;

	if (topic_named(c, json, &topic) == 0)
		(void)topic_subscribe(c->broker->topics, topic.row,
		    c->peer->member, "member");
}

void
topics_leave(struct conn *c, const json_t *json)
{
	struct topic	 topic;

	if (topic_named(c, json, &topic) == 0)
		(void)topic_unsubscribe(c->broker->topics, topic.row,
		    c->peer->member);
}

void
topics_mark_read(struct conn *c, const json_t *json)
{
	struct topic	 topic;

	if (topic_named(c, json, &topic) == 0)
		(void)topic_read(c->broker->topics, topic.row,
		    c->peer->member, clock_wall_ms());
}
