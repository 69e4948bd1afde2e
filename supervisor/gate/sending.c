/* What a client asks to be sent. */

#include "supervisor/gate/sending.h"

#include <string.h>

#include "common/canon.h"
#include "common/encode.h"
#include "common/envelope.h"
#include "common/xalloc.h"
#include "supervisor/gate/input.h"

#define MESSAGE_MAX	(256 * 1024)	/* of any request's body */
#define TEXT_MAX	(CLIENT_ID_SIZE - 1)

enum sending_target
sending_kind(const char *to)
{
	char	lower[HEX_KEY_SIZE];

	if (strcmp(to, "*") == 0)
		return TARGET_ALL;
	if (*to == '@')
		return TARGET_GROUP;
	if (*to == '#')
		return TARGET_TOPIC;
	if (strlen(to) == HEX_KEY_SIZE - 1 && hex_is(input_lower(lower, to,
	    sizeof lower), HEX_KEY_SIZE - 1))
		return TARGET_KEY;
	return TARGET_NAME;
}

static int
parse_to(struct sending *s, const json_t *j, struct fault *f)
{
	if (input_text(j, "to", 1, TARGET_SIZE - 1, &s->to, f) == -1)
		return -1;
	s->kind = sending_kind(s->to);
	strcpy(s->target, s->to);		/* not longer than that */
	if (s->kind == TARGET_KEY)		/* the wire knows no capitals */
		input_lower(s->target, s->to, sizeof s->target);
	if (s->kind == TARGET_GROUP &&
	    !input_group_ok(s->to + 1, strlen(s->to + 1)))
		return fault_set(f, 400, "invalid_target", "A group's name has "
		    "letters, digits, '_', '-' and '/'.");
	if (s->kind == TARGET_TOPIC && s->to[1] == '\0')
		return fault_set(f, 400, "invalid_target",
		    "Name a topic behind '#'.");
	return 0;
}

int
sending_is_direct(const struct sending *s)
{
	return s->kind == TARGET_KEY || s->kind == TARGET_NAME;
}

int
sending_is_name(const struct sending *s)
{
	return s->kind == TARGET_NAME || s->kind == TARGET_TOPIC;
}

/* Multicast travels as text, and receivers take nothing else for text. */
static int
parse_message(struct sending *s, const json_t *j, struct fault *f)
{
	const json_t	*v = json_object_get(j, "message");

	s->message = json_string_value(v);
	s->len = json_string_length(v);
	if (s->message == NULL || s->len == 0 || s->len > MESSAGE_MAX)
		return fault_set(f, 400, "invalid_request",
		    "'message' must be text that is not empty.");
	if (!sending_is_direct(s) && !utf8_valid(s->message, s->len, 1))
		return fault_set(f, 400, "invalid_message", "A message to many "
		    "may have no control characters but TAB, LF and CR.");
	return 0;
}

static int
parse_priority(struct sending *s, const json_t *j, struct fault *f)
{
	const json_t	*v = json_object_get(j, "priority");
	const char	*name = json_string_value(v);

	s->priority = PRIO_NEXT;
	if (v == NULL || json_is_null(v))
		return 0;
	if (name == NULL || row_priority_parse(name, &s->priority) == -1)
		return fault_set(f, 400, "invalid_request",
		    "'priority' must be 'now', 'next' or 'low'.");
	return 0;
}

static int
parse_meta(struct sending *s, const json_t *j, struct fault *f)
{
	const json_t	*v = json_object_get(j, "meta");

	if (v == NULL || json_is_null(v))
		return 0;
	if (!json_is_object(v))
		return fault_set(f, 400, "invalid_request",
		    "'meta' must be an object.");
	if ((s->meta = canon_dump(v)) == NULL)
		return fault_set(f, 400, "invalid_request",
		    "'meta' has no canonical form: simplify it.");
	return 0;
}

static int
parse_client_id(struct sending *s, const json_t *j, const char *header,
    struct fault *f)
{
	if (input_text(j, "client_message_id", 0, TEXT_MAX, &s->client_id,
	    f) == -1)
		return -1;
	if (s->client_id != NULL && *s->client_id == '\0')
		return fault_set(f, 400, "invalid_request",
		    "'client_message_id' must not be empty.");
	if (s->client_id != NULL || header == NULL)
		return 0;
	if (*header == '\0' || strlen(header) > TEXT_MAX ||
	    !input_line_ok(header, strlen(header)))
		return fault_set(f, 400, "invalid_request", "Idempotency-Key "
		    "must be text of 1 to %d bytes.", TEXT_MAX);
	s->client_id = header;
	return 0;
}

int
sending_parse(struct sending *s, const json_t *j, const char *header,
    struct fault *f)
{
	memset(s, 0, sizeof *s);
	if (parse_to(s, j, f) == -1 || parse_message(s, j, f) == -1 ||
	    parse_priority(s, j, f) == -1 || parse_meta(s, j, f) == -1 ||
	    input_text(j, "mesh", 0, MESH_SLUG_SIZE - 1, &s->mesh, f) == -1 ||
	    input_text(j, "reply_to_id", 0, TEXT_MAX, &s->reply_to,
	    f) == -1)
		return -1;
	return parse_client_id(s, j, header, f);
}

void
sending_clear(struct sending *s)
{
	freezero_str(s->meta);
	memset(s, 0, sizeof *s);
}

void
sending_fingerprint(const struct sending *s, uint8_t out[FINGERPRINT_LEN])
{
	const char	*kind, *ref;

	fingerprint_destination(s->to, &kind, &ref);
	fingerprint_compute(out, kind, ref, s->reply_to,
	    row_priority_name(s->priority), s->meta, s->message, s->len);
}

/* Of a string in a frame; NULL is as long as so many plain characters. */
static size_t
string_size(const char *s, size_t len)
{
	size_t	size = 2;

	if (s == NULL)
		return size + len;
	for (; *s != '\0'; s++)		/* as the worker escapes */
		size += *s == '"' || *s == '\\' ? 6 : 1;
	return size;
}

/*
 * The frame as the worker writes it, but for the ciphertext.  "first" is not
 * in all of them, but one that needs it must have room for it.
 */
static size_t
frame_size(const struct sending_frame *f)
{
	static const char	fixed[] = "{\"type\":\"send\",\"id\":,"
				    "\"client_message_id\":,"
				    "\"request_fingerprint\":\"\","
				    "\"targetSpec\":,\"priority\":\"\","
				    "\"first\":true,\"nonce\":\"\","
				    "\"ciphertext\":\"\"}";
	static const char	reply[] = ",\"replyToId\":";
	size_t			size = sizeof fixed - 1;

	size += 2 * string_size(f->client_id, UUID_SIZE - 1);
	size += 2 * FINGERPRINT_LEN;
	size += string_size(f->target, f->target_max != 0 ? f->target_max :
	    HEX_KEY_SIZE - 1);
	size += strlen(row_priority_name(f->priority));
	size += base64_size(ENVELOPE_NONCE_LEN) - 1;
	if (f->reply_to != NULL)
		size += sizeof reply - 1 + string_size(f->reply_to, 0);
	return size;
}

size_t
sending_frame_room(const struct sending_frame *f)
{
	size_t	room = (SENDING_FRAME_MAX - frame_size(f)) / 4 * 3;

	return f->direct ? room - ENVELOPE_MAC_LEN : room;
}

size_t
sending_room(const struct sending *s)
{
	struct sending_frame	f = { s->client_id, s->target, 0,
				    s->reply_to, s->priority,
				    sending_is_direct(s) };

	if (sending_is_name(s))
		f.target = NULL;
	if (s->kind == TARGET_TOPIC)
		f.target_max = BROKER_ID_SIZE;		/* "#" and its id */
	return sending_frame_room(&f);
}
