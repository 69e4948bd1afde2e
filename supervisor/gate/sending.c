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

/* What a worker may add to a frame: "first":true, "bodyVersion":1 and such. */
#define FRAME_SLACK	128

static enum sending_target
target_kind(const char *to)
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
	s->kind = target_kind(s->to);
	strcpy(s->target, s->to);		/* not longer than that */
	if (s->kind == TARGET_KEY)		/* the wire knows no capitals */
		input_lower(s->target, s->to, sizeof s->target);
	if (s->kind == TARGET_GROUP &&
	    !input_group_ok(s->to + 1, strlen(s->to + 1)))
		return fault_set(f, 400, "invalid_target", "A group's name has "
		    "letters, digits, '_', '-' and '/'.");
	if (s->kind == TARGET_TOPIC && s->to[1] == '\0')
		return fault_set(f, 400, "invalid_target",
		    "Name a topic's id behind '#'.");
	return 0;
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
	if (s->kind != TARGET_KEY && s->kind != TARGET_NAME &&
	    !utf8_valid(s->message, s->len, 1))
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

/* The frame but for its ciphertext, as long as it may get. */
static size_t
frame_size(const struct sending *s)
{
	static const char	 uuid[] = "00000000-0000-7000-8000-000000000000";
	const char		*id = s->client_id != NULL ? s->client_id : uuid;
	char			 hex[2 * FINGERPRINT_LEN + 1];
	char			 nonce[33];	/* base64 of 24 bytes */
	json_t			*j;
	size_t			 size;

	memset(hex, 'f', sizeof hex);
	hex[sizeof hex - 1] = '\0';
	memset(nonce, 'A', sizeof nonce);
	nonce[sizeof nonce - 1] = '\0';
	j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}",
	    "type", "send", "id", id, "client_message_id", id,
	    "request_fingerprint", hex, "targetSpec", s->target,
	    "priority", row_priority_name(s->priority), "nonce", nonce,
	    "ciphertext", "");
	if (s->reply_to != NULL)
		json_object_set_new(j, "replyToId", json_string(s->reply_to));
	/* As if every character beyond ASCII were escaped. */
	size = json_dumpb(j, NULL, 0, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(j);
	return size + FRAME_SLACK;
}

size_t
sending_room(const struct sending *s)
{
	size_t	room = (SENDING_FRAME_MAX - frame_size(s)) / 4 * 3;

	return s->kind == TARGET_KEY || s->kind == TARGET_NAME ?
	    room - ENVELOPE_MAC_LEN : room;
}
