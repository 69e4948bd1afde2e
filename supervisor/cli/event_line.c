/* An event as one line, for a program or for a person. */

#include "supervisor/cli/event_line.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "supervisor/cli/buf.h"
#include "supervisor/cli/list.h"
#include "supervisor/cli/text.h"

static void
print_json(const struct cli *c, const struct sse_event *ev, json_t *data)
{
	json_t	*line = json_object();

	json_object_set_new(line, "event", json_string(ev->event));
	if (ev->id != NULL)
		json_object_set_new(line, "id", json_string(ev->id));
	json_object_set(line, "data", data);
	cli_print_json_line(c, line);
	json_decref(line);
}

static void
add_message(struct buf *b, const json_t *d)
{
	const char	*subtype = cli_json_str(d, "subtype");
	const char	*topic = cli_json_or(d, "topic", NULL);
	const char	*mesh = cli_json_or(d, "mesh", NULL);

	buf_addf(b, "%s%s%s%s%s%s%s%s%s: %s",
	    cli_json_or(d, "sender_name", "?"),
	    mesh != NULL ? " on " : "", mesh != NULL ? mesh : "",
	    topic != NULL ? " #" : "", topic != NULL ? topic : "",
	    json_is_false(json_object_get(d, "authenticated")) ?
	    " [unverified]" : "",
	    strcmp(cli_json_or(d, "priority", ""), "now") == 0 ? " [now]" : "",
	    subtype != NULL ? " " : "", subtype != NULL ? subtype : "",
	    cli_json_or(d, "body", ""));
}

static void
add_peer(struct buf *b, const char *event, const json_t *d)
{
	const json_t	*groups = json_object_get(d, "groups");
	char		*seen;

	buf_addf(b, "%s %s on %s %s", cli_json_or(d, "event", event),
	    cli_json_or(d, "name", "?"), cli_json_or(d, "mesh", "?"),
	    cli_json_or(d, "pubkey", ""));
	if (json_array_size(groups) > 0) {
		buf_adds(b, " ");
		list_join(b, groups, " ");
	}
	if (cli_json_str(d, "lastSeenAt") != NULL) {
		seen = text_time(cli_json_str(d, "lastSeenAt"));
		buf_addf(b, ", last seen %s", seen);
		free(seen);
	}
}

/* What a broker says beside that: its name, and all that is in it. */
static void
add_system(struct buf *b, const char *event, const json_t *d)
{
	json_t	*rest = json_copy((json_t *)(uintptr_t)d);

	buf_addf(b, "%s on %s", cli_json_or(d, "event", event),
	    cli_json_or(d, "mesh", "?"));
	json_object_del(rest, "event");
	json_object_del(rest, "mesh");
	json_object_del(rest, "ts");
	if (json_object_size(rest) > 0) {
		buf_adds(b, " ");
		cli_json_dump(b, rest);
	}
	json_decref(rest);
}

/* Of a mesh, or of one session on it. */
static void
add_status(struct buf *b, const json_t *d)
{
	const char	*session = cli_json_str(d, "session");
	const char	*reason = cli_json_str(d, "reason");

	if (session != NULL)
		buf_addf(b, "session %s on ", session);
	else
		buf_adds(b, "broker of ");
	buf_addf(b, "%s is %s%s%s%s", cli_json_or(d, "mesh", "?"),
	    cli_json_or(d, "status", "?"), reason != NULL ? " (" : "",
	    reason != NULL ? reason : "", reason != NULL ? ")" : "");
}

void
event_line_text(struct buf *b, const char *event, const json_t *d)
{
	if (strcmp(event, "message") == 0)
		add_message(b, d);
	else if (strcmp(event, "peer_join") == 0 ||
	    strcmp(event, "peer_leave") == 0)
		add_peer(b, event, d);
	else if (strcmp(event, "broker_status") == 0)
		add_status(b, d);
	else if (strcmp(event, "send_status") == 0)
		buf_addf(b, "%s is %s%s%s", cli_json_or(d, "client_message_id",
		    "?"), cli_json_or(d, "status", "?"),
		    cli_json_str(d, "reason") != NULL ? ": " : "",
		    cli_json_or(d, "reason", ""));
	else if (strcmp(event, "gap") == 0)
		buf_addf(b, "%lld events were left out, no messages among "
		    "them: the output was read too slowly",
		    cli_json_int(d, "dropped"));
	else if (strcmp(event, "system") == 0)
		add_system(b, event, d);
	else
		cli_json_dump(b, d);
}

static void
print_person(const struct cli *c, const struct sse_event *ev,
    const json_t *data)
{
	struct buf	 b = { 0 };
	char		 now[CLOCK_ISO_SIZE], *when;

	when = text_time(cli_json_or(data, "ts",
	    clock_iso(clock_wall_ms(), now)));
	event_line_text(&b, ev->event, data);
	printf("%s%s%s", cli_color(c, COLOR_DIM), when,
	    cli_color(c, COLOR_OFF));
	text_printf("  %-13s %s\n", ev->event, b.p);
	buf_free(&b);
	free(when);
}

void
event_line_print(const struct cli *c, const struct sse_event *ev)
{
	json_t	*data;

	data = json_loadb(ev->data, ev->len,
	    JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
	if (data == NULL)
		data = json_stringn(ev->data, ev->len);
	if (data == NULL)
		return;			/* not UTF-8: nothing of ours */
	if (c->json)
		print_json(c, ev, data);
	else
		print_person(c, ev, data);
	json_decref(data);
}
