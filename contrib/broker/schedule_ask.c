/*
 * Messages for a later time: the requests.
 *
 * A session sees and cancels what it scheduled itself; the member's connection
 * all that the member's sessions did.
 */

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/encode.h"
#include "contrib/broker/broker.h"
#include "contrib/broker/conn.h"
#include "contrib/broker/cron.h"
#include "contrib/broker/db.h"
#include "contrib/broker/fire.h"
#include "contrib/broker/frame.h"
#include "contrib/broker/quota.h"
#include "contrib/broker/reply.h"
#include "contrib/broker/schedule.h"
#include "contrib/broker/schedule_impl.h"

struct request {
	const char	*message, *cron;
	char		 target[QUEUE_TARGET_MAX + 1];
	int64_t		 deliver_at;
};

static int
refuse(struct conn *c, const json_t *json, const char *code,
    const char *message)
{
	if (strcmp(code, "invalid_args") == 0)
		reply_invalid(c, json, code, message);
	else
		reply_error(c, json, code, message);
	return -1;
}

/* The key of the one session that has this name now. */
static int
name_resolve(struct conn *c, const json_t *json, const char *name,
    char *target)
{
	const struct peer	*peer, *found = NULL;

	TAILQ_FOREACH(peer, &c->peer->mesh->peers, entry) {
		if (peer->kind != PEER_SESSION || !peer->visible ||
		    strcmp(peer->name, name) != 0)
			continue;
		if (found != NULL)
			return refuse(c, json, "ambiguous_target",
			    "several sessions have this name; use a key");
		found = peer;
	}
	if (found == NULL)
		return refuse(c, json, "not_found",
		    "no session here has this name; use a key");
	memcpy(target, found->key_hex, sizeof found->key_hex);
	return 0;
}

static int
target_parse(struct conn *c, const json_t *json, char *target)
{
	const char	*to = frame_str(json, "to", QUEUE_TARGET_MAX);
	uint8_t		 key[KEY_PUBLIC_LEN];
	int64_t		 id;

	if (to == NULL)
		return refuse(c, json, "invalid_args",
		    "to must be a key, a name, @group or *");
	if (*to == '#')
		return refuse(c, json, "invalid_args",
		    "a message to a topic cannot be scheduled");
	snprintf(target, QUEUE_TARGET_MAX + 1, "%s", to);
	if (strcmp(to, "*") == 0 || (*to == '@' && to[1] != '\0'))
		return 0;
	if (hex_decode(key, sizeof key, to) == -1)
		return name_resolve(c, json, to, target);
	id = members_key(c->broker->members, c->peer->mesh->row, key);
	return id > 0 ? 0 : id == -1 ? -1 : refuse(c, json, "not_found",
	    "no member or session of this mesh has this key");
}

static int
time_parse(struct conn *c, const json_t *json, struct request *r)
{
	const json_t	*at = json_object_get(json, "deliverAt");
	const json_t	*cron = json_object_get(json, "cron");
	int64_t		 now = clock_wall_ms();
	struct cron	 parsed;
	double		 ms = json_number_value(at);

	if (cron != NULL && !json_is_null(cron)) {
		r->cron = frame_str(json, "cron", CRON_MAX);
		if (r->cron == NULL || cron_parse(&parsed, r->cron) == -1)
			return refuse(c, json, "invalid_cron", "cron must be "
			    "five fields, in UTC: minute hour day month "
			    "weekday");
		r->deliver_at = cron_next(&parsed, now);
		return 0;
	}
	if (!json_is_number(at) || !(ms >= 0) ||
	    ms > (double)(now + SCHEDULE_AHEAD_MS))
		return refuse(c, json, "invalid_args", "deliverAt must be a "
		    "time in ms since 1970, within ten years");
	r->deliver_at = (int64_t)ms;
	return 0;
}

static int
request_parse(struct conn *c, const json_t *json, struct request *r)
{
	const json_t	*subtype = json_object_get(json, "subtype");

	memset(r, 0, sizeof *r);
	r->message = frame_str(json, "message", SCHEDULE_MESSAGE_MAX);
	if (r->message == NULL)
		return refuse(c, json, "invalid_args",
		    "message must be 1 to 32768 bytes of text");
	if (subtype != NULL && !json_is_null(subtype) &&
	    (!json_is_string(subtype) || strcmp(json_string_value(subtype),
	    SCHEDULE_SUBTYPE) != 0))
		return refuse(c, json, "invalid_args",
		    "subtype can only be reminder");
	if (target_parse(c, json, r->target) == -1)
		return -1;
	return time_parse(c, json, r);
}

static void
add(struct conn *c, const json_t *json, const struct request *r)
{
	struct schedule	*s = c->broker->schedule;
	struct frame	*f;
	char		 id[QUEUE_ID_SIZE];

	queue_make_id(id);
	db_bind_text(s->add, ":id", id);
	db_bind_int(s->add, ":mesh", c->peer->mesh->row);
	db_bind_int(s->add, ":member", c->peer->member);
	db_bind_int(s->add, ":sender", c->peer->reader.key);
	db_bind_text(s->add, ":name", c->peer->name);
	db_bind_text(s->add, ":target", r->target);
	db_bind_text(s->add, ":message", r->message);
	db_bind_text(s->add, ":cron", r->cron);
	db_bind_int(s->add, ":at", r->deliver_at);
	db_bind_int(s->add, ":now", clock_wall_ms());
	db_bind_int(s->add, ":size", (int64_t)strlen(r->message));
	c->broker->commit_now = 1;
	if (db_write(s->db, s->add) == -1)
		return;
	fire_plan(c->broker->fire);
	f = frame_new("scheduled_ack");
	frame_str_add(f, "scheduledId", id);
	frame_int_add(f, "deliverAt", r->deliver_at);
	frame_str_add(f, "cron", r->cron);
	reply_send(c, &f, json);
}

void
schedule_add(struct conn *c, const json_t *json)
{
	struct request	 r;

	if (request_parse(c, json, &r) == -1)
		return;
	switch (quota_allows(c->broker->quota, c->peer->member,
	    SERVICE_SCHEDULED, (int64_t)strlen(r.message))) {
	case 1:
		add(c, json, &r);
		break;
	case 0:
		reply_full(c, json);
		break;
	default:
		break;		/* the loop closes it */
	}
}

/* Whose messages a connection may see: a key, or 0, all of its member. */
static int64_t
scope(const struct peer *peer)
{
	return peer->kind == PEER_SESSION ? peer->reader.key : 0;
}

void
schedule_list(struct conn *c, const json_t *json)
{
	struct schedule	*s = c->broker->schedule;
	sqlite3_stmt	*st = s->list;
	struct frame	*f = frame_new("scheduled_list");
	unsigned	 n = 0;
	int		 rc;

	frame_raw(f, ",\"messages\":[", 13);
	db_bind_int(st, ":member", c->peer->member);
	db_bind_int(st, ":sender", scope(c->peer));
	while ((rc = db_step(s->db, st)) == 1 && f->len < FRAME_ANSWER_MAX) {
		frame_item(f, n++);
		frame_raw(f, "\"id\":", 5);
		frame_quote(f, db_column_text(st, 0));
		frame_str_add(f, "to", db_column_text(st, 1));
		frame_str_add(f, "message", db_column_text(st, 2));
		frame_int_add(f, "deliverAt", sqlite3_column_int64(st, 3));
		frame_int_add(f, "createdAt", sqlite3_column_int64(st, 4));
		frame_str_add(f, "cron",
		    (const char *)sqlite3_column_text(st, 5));
		frame_end(f);
	}
	db_reset(st);
	reply_list(c, &f, json, rc);
}

void
schedule_cancel(struct conn *c, const json_t *json)
{
	struct schedule	*s = c->broker->schedule;
	const char	*id = frame_str(json, "scheduledId", QUEUE_ID_LEN);
	struct frame	*f;
	int		 n;

	db_bind_text(s->cancel, ":id", id != NULL ? id : "");
	db_bind_int(s->cancel, ":member", c->peer->member);
	db_bind_int(s->cancel, ":sender", scope(c->peer));
	c->broker->commit_now = 1;
	if ((n = db_write(s->db, s->cancel)) == -1)
		return;
	f = frame_new("cancel_scheduled_ack");
	frame_str_add(f, "scheduledId", id != NULL ? id : "");
	frame_bool_add(f, "ok", n > 0);
	reply_send(c, &f, json);
}
