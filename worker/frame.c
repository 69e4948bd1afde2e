/* Frames from a broker. */

#include "worker/frame.h"

#include <string.h>

#include "common/encode.h"

static const struct {
	const char	*name;
	enum frame_type	 type;
} frame_types[] = {
	{ "ack", FRAME_ACK },
	{ "error", FRAME_ERROR },
	{ "hello_ack", FRAME_HELLO_ACK },
	{ "inbound", FRAME_PUSH },
	{ "push", FRAME_PUSH },
};
#define NTYPES	(sizeof frame_types / sizeof frame_types[0])

/*
 * jansson needs about a hundred bytes per value, so that 4 MiB of brackets
 * would become hundreds.  Strings are skipped; whether it is JSON at all is
 * left to jansson.
 */
int
frame_scan(const char *s, size_t len)
{
	const char	*end = s + len;
	unsigned	 depth = 0, values = 0;
	int		 quoted = 0;

	for (; s < end; s++) {
		if (quoted) {
			if (*s == '\\')
				s++;
			else if (*s == '"')
				quoted = 0;
			continue;
		}
		switch (*s) {
		case '"':
			quoted = 1;
			break;
		case '[':
		case '{':
			values++;
			if (++depth > FRAME_DEPTH_MAX)
				return -1;
			break;
		case ']':
		case '}':
			if (depth > 0)
				depth--;
			break;
		case ',':
			values++;
			break;
		}
	}
	return values > FRAME_VALUES_MAX ? -1 : 0;
}

int
frame_parse(struct frame *f, const char *text, size_t len)
{
	size_t	i;

	memset(f, 0, sizeof *f);
	if (len > FRAME_MAX || frame_scan(text, len) == -1)
		return -1;
	f->json = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(f->json) ||
	    json_string_length(json_object_get(f->json, "type")) == 0) {
		frame_clear(f);
		return -1;
	}
	f->text = text;
	f->len = len;
	f->type = FRAME_OTHER;
	if (frame_string(f->json, "type", f->name, sizeof f->name) != 1)
		return 0;
	for (i = 0; i < NTYPES; i++)
		if (strcmp(f->name, frame_types[i].name) == 0)
			f->type = frame_types[i].type;
	return 0;
}

void
frame_clear(struct frame *f)
{
	json_decref(f->json);
	memset(f, 0, sizeof *f);
}

int
frame_string(const json_t *o, const char *name, char *out, size_t size)
{
	const json_t	*v = json_object_get(o, name);
	const char	*s;
	size_t		 len;

	out[0] = '\0';
	if (v == NULL || json_is_null(v))
		return 0;
	if (!json_is_string(v))
		return -1;
	s = json_string_value(v);
	len = json_string_length(v);
	if (len >= size || memchr(s, '\0', len) != NULL ||
	    !utf8_valid(s, len, 1) || strpbrk(s, "\t\r\n") != NULL)
		return -1;
	memcpy(out, s, len + 1);
	return 1;
}

/*
 * A broker's sentence for people: what is too long or holds control
 * characters is cut there, not refused.
 */
static void
frame_sentence(const json_t *o, const char *name, char *out, size_t size)
{
	const char	*s = json_string_value(json_object_get(o, name));
	size_t		 len = 0, left, n;
	uint32_t	 cp;

	if (s == NULL)
		s = "";
	left = strnlen(s, size - 1);
	while ((n = utf8_next(s + len, left - len, &cp)) != 0 &&
	    !utf8_is_control(cp))
		len += n;
	memcpy(out, s, len);
	out[len] = '\0';
}

int
frame_get_ack(const struct frame *f, struct frame_ack *a)
{
	const json_t	*queued = json_object_get(f->json, "queued");

	memset(a, 0, sizeof *a);
	if (frame_string(f->json, "id", a->id, sizeof a->id) != 1)
		return -1;
	frame_sentence(f->json, "error", a->error, sizeof a->error);
	(void)frame_string(f->json, "messageId", a->message_id,
	    sizeof a->message_id);
	if (json_is_true(queued) && a->error[0] == '\0') {
		a->queued = 1;		/* taken, even when it has no name */
		return 0;
	}
	a->message_id[0] = '\0';
	if (a->error[0] == '\0')
		strcpy(a->error, "refused without a reason");
	return 0;
}

int
frame_get_hello_ack(const struct frame *f, struct frame_hello_ack *h)
{
	const json_t	*list = json_object_get(f->json, "features");
	const char	*s;
	size_t		 i;

	memset(h, 0, sizeof *h);
	(void)frame_string(f->json, "presenceId", h->presence_id,
	    sizeof h->presence_id);
	if (!json_is_array(list))
		return 0;
	for (i = 0; i < json_array_size(list); i++) {
		s = json_string_value(json_array_get(list, i));
		if (s != NULL && strcmp(s, "ordered") == 0)
			h->ordered = 1;
		if (s != NULL && strcmp(s, "dedupe") == 0)
			h->dedupe = 1;
	}
	return 0;
}

int
frame_get_error(const struct frame *f, struct frame_error *e)
{
	memset(e, 0, sizeof *e);
	if (frame_string(f->json, "_reqId", e->req_id, sizeof e->req_id) != 1)
		(void)frame_string(f->json, "id", e->req_id,
		    sizeof e->req_id);
	frame_sentence(f->json, "message", e->message, sizeof e->message);
	return frame_string(f->json, "code", e->code, sizeof e->code) == 1 ?
	    0 : -1;
}
