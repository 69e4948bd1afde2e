/*
 * Answers that are alike for many requests.
 */

#include "contrib/broker/reply.h"

#include "contrib/broker/broker.h"
#include "contrib/broker/conn.h"
#include "contrib/broker/db.h"
#include "contrib/broker/frame.h"

#define ID_MAX	256

static void
error(struct conn *c, const json_t *request, const char *code,
    const char *message, const char *id_name)
{
	struct frame	*f = frame_new("error");
	const json_t	*id = json_object_get(request, "_reqId");

	frame_str_add(f, "code", code);
	frame_str_add(f, "message", message);
	if (json_is_integer(id) ||
	    frame_str(request, "_reqId", ID_MAX) != NULL)
		frame_json_add(f, id_name, id);
	if (*id_name != '_')
		frame_req_id_add(f, request);	/* there too */
	frame_end(f);
	conn_give(c, &f);
}

void
reply_error(struct conn *c, const json_t *request, const char *code,
    const char *message)
{
	error(c, request, code, message, "_reqId");
}

void
reply_invalid(struct conn *c, const json_t *request, const char *code,
    const char *message)
{
	error(c, request, code, message, "id");
}

void
reply_full(struct conn *c, const json_t *request)
{
	reply_error(c, request, "limit_exceeded", "your member has stored as "
	    "much of this as it may; remove some of it first");
}

void
reply_send(struct conn *c, struct frame **f, const json_t *request)
{
	frame_req_id_add(*f, request);
	frame_end(*f);
	conn_give(c, f);
}

void
reply_row(struct conn *c, struct frame **f, const json_t *request, int rc)
{
	if (rc == -1)
		frame_unref(f);
	else
		reply_send(c, f, request);
}

void
reply_list(struct conn *c, struct frame **f, const json_t *request, int rc)
{
	frame_raw(*f, "]", 1);
	if (rc == 1)
		frame_bool_add(*f, "truncated", 1);
	reply_row(c, f, request, rc);
}

void
reply_ack(struct conn *c, const json_t *request)
{
	struct frame	*f = frame_new("ack");
	const char	*id = frame_str(request, "id", ID_MAX);

	frame_str_add(f, "id", id != NULL ? id : "");
	frame_str_add(f, "messageId", "");
	frame_bool_add(f, "queued", 0);
	frame_req_id_add(f, request);
	frame_end(f);
	conn_give(c, &f);
}

void
reply_after_commit(struct conn *c)
{
	if (db_in_transaction(c->broker->db))
		c->broker->commit_now = 1;
}
