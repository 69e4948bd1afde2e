/* Messages that the broker delivers later, or again and again. */

#include "supervisor/gate/handlers.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "supervisor/gate/ask.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/gather.h"
#include "supervisor/gate/input.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"
#include "supervisor/gate/resolve.h"
#include "supervisor/gate/sending.h"

#define TIME_MAX_MS	253402300799999LL	/* the year 9999 */

struct scheduling {
	uint8_t		 owner[OWNER_ID_LEN];
	char		 mesh[MESH_SLUG_SIZE];
	struct resolve	 resolve;
	json_t		*args;		/* of the wire */
};

static void
scheduling_free(void *arg)
{
	struct scheduling	*s = arg;

	resolve_clear(&s->resolve);
	json_decref(s->args);
	free(s);
}

/* Brokers count milliseconds; we say times as everywhere. */
static void
time_for_people(json_t *o, const char *name)
{
	const json_t	*v = json_object_get(o, name);
	json_int_t	 ms = json_integer_value(v);
	char		 iso[CLOCK_ISO_SIZE];

	if (json_is_integer(v) && ms >= 0 && ms <= TIME_MAX_MS)
		json_object_set_new(o, name, json_string(clock_iso(ms, iso)));
}

/* ---- POST ---- */

static void
schedule_cb(struct request *r, void *arg, enum call_end how,
    const void *body)
{
	struct scheduling	*s = arg;
	struct fault		 f;
	json_t			*frame = ask_read(how, body, s->mesh, &f);
	json_t			*answer;

	if (frame == NULL) {
		reply_fault(r, &f);
		return;
	}
	answer = ask_content(frame);
	time_for_people(answer, "deliverAt");
	json_object_set(answer, "to", json_object_get(s->args, "to"));
	json_object_set_new(answer, "mesh", json_string(s->mesh));
	reply_json(r, 200, answer);
	json_decref(frame);
}

static void
schedule_ask(struct request *r, struct scheduling *s)
{
	struct fault	f;

	if (ask_worker(r, s->owner, "schedule", s->args, schedule_cb, s,
	    &f) == -1)
		reply_fault(r, &f);
}

static void
schedule_resolved(struct request *r, struct resolve *re, const char *target)
{
	struct scheduling	*s = r->state;
	const struct fault	*f = &re->fault;

	if (target == NULL) {
		reply_error_with(r, resolve_more(re), f->status, f->code,
		    "%s", f->detail);
		return;
	}
	json_object_set_new(s->args, "to", json_string(target));
	schedule_ask(r, s);
}

/* When: text or a number; with a rule, from now on where it is not said. */
static int
schedule_time(const json_t *body, json_t *args, struct fault *f)
{
	const json_t	*v = json_object_get(body, "deliver_at");
	int64_t		 ms = -1;

	if (v == NULL)
		v = json_object_get(body, "deliverAt");
	if (json_is_integer(v))
		ms = json_integer_value(v);
	else if (json_is_string(v))
		(void)clock_parse_iso(json_string_value(v), &ms);
	else if ((v == NULL || json_is_null(v)) &&
	    json_is_string(json_object_get(body, "cron")))
		ms = clock_wall_ms();
	if (ms < 1 || ms > TIME_MAX_MS)
		return fault_set(f, 400, "invalid_request", "'deliver_at' "
		    "must be a time like 2026-11-23T22:05:09Z, or "
		    "milliseconds since 1970.");
	json_object_set_new(args, "deliverAt", json_integer(ms));
	return 0;
}

/* What travels in s->args; *name_r: the target is still to be resolved. */
static int
schedule_parse(struct request *r, struct scheduling *s, int *name_r,
    struct fault *f)
{
	struct sending	send;
	int		ret;

	ret = sending_parse(&send, r->body, NULL, f);
	if (ret == 0) {
		*name_r = sending_is_name(&send);
		json_object_set_new(s->args, "to", json_string(send.target));
		ret = request_has_cap(r, sending_is_direct(&send) ? CAP_DM :
		    CAP_BROADCAST, f);
	}
	sending_clear(&send);
	return ret == 0 ? schedule_time(r->body, s->args, f) : -1;
}

void
on_schedule(struct request *r)
{
	struct scheduling	*s = xcalloc(1, sizeof *s);
	struct fault		 f;
	int			 is_name;

	request_keep(r, s, scheduling_free);
	s->args = ask_fields(r->body, "message", "subtype", "cron", NULL);
	if (schedule_parse(r, s, &is_name, &f) == -1) {
		reply_fault(r, &f);
		return;
	}
	if (ask_whom(r, s->owner, s->mesh) == -1)
		return;
	r->until = clock_mono_ms() + GATE_WORKER_MS;
	if (!is_name)
		schedule_ask(r, s);
	else if (resolve_start(&s->resolve, r, s->owner, json_string_value(
	    json_object_get(s->args, "to")), schedule_resolved) == -1)
		reply_fault(r, &s->resolve.fault);
}

/* ---- GET, DELETE ---- */

static int
scheduled_take(const struct request *r, json_t *message)
{
	(void)r;
	time_for_people(message, "deliverAt");
	time_for_people(message, "createdAt");
	return 1;
}

static const struct gather_kind scheduled_kind = {
	.what = "list_scheduled",
	.list = "scheduled",
	.names = { "messages" },
	.take = scheduled_take,
};

void
on_scheduled(struct request *r)
{
	gather(r, &scheduled_kind, NULL);
}

static void
cancel_cb(struct request *r, const char *mesh, const json_t *frame)
{
	if (json_is_false(json_object_get(frame, "ok")))
		reply_error(r, 404, "not_found", "Nothing of that id is "
		    "scheduled by you on %s: it was delivered or cancelled, "
		    "or never was.", mesh);
	else
		reply_json(r, 200, json_pack("{s:b, s:s, s:s}", "ok", 1, "id",
		    r->arg, "mesh", mesh));
}

void
on_schedule_cancel(struct request *r)
{
	ask_one(r, "cancel_scheduled", json_pack("{s:s}", "scheduledId",
	    r->arg), cancel_cb);
}
