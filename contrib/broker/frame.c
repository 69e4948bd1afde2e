/*
 * Frames: JSON text that came in, and JSON text that goes out.
 */

#include "contrib/broker/frame.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"

#define FIRST_CAP	256
#define REQ_ID_MAX	256

static size_t	 total;		/* of cap, over all frames */

/*
 * jansson recurses once per level, to 2048 levels; nothing here needs so many.
 * Strings are skipped, not checked: that is jansson's job.
 */
static int
depth_ok(const char *text, size_t len)
{
	size_t	 i;
	int	 depth = 0;

	for (i = 0; i < len; i++) {
		switch (text[i]) {
		case '"':
			for (i++; i < len && text[i] != '"'; i++)
				if (text[i] == '\\')
					i++;
			break;
		case '{':
		case '[':
			if (++depth > FRAME_DEPTH_MAX)
				return 0;
			break;
		case '}':
		case ']':
			depth--;
			break;
		default:
			break;
		}
	}
	return 1;
}

json_t *
frame_parse(const char *text, size_t len)
{
	json_t	*json;

	if (len > FRAME_MAX || !depth_ok(text, len))
		return NULL;
	json = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	if (json != NULL && !json_is_object(json)) {
		json_decref(json);
		return NULL;
	}
	return json;
}

const char *
frame_str_or_empty(const json_t *json, const char *name, size_t max,
    size_t *len_r)
{
	const json_t	*value = json_object_get(json, name);

	if (!json_is_string(value) || json_string_length(value) > max)
		return NULL;
	if (len_r != NULL)
		*len_r = json_string_length(value);
	return json_string_value(value);
}

const char *
frame_str(const json_t *json, const char *name, size_t max)
{
	const char	*value = frame_str_or_empty(json, name, max, NULL);

	return value != NULL && *value != '\0' ? value : NULL;
}

char *
frame_str_cut(const json_t *json, const char *name, size_t max)
{
	size_t		 len;
	const char	*s;

	s = frame_str_or_empty(json, name, FRAME_MAX, &len);
	if (s == NULL || *s == '\0')
		return NULL;
	if (len > max)
		for (len = max; len > 0 && (s[len] & 0xc0) == 0x80; len--)
			continue;
	return xstrndup(s, len);
}

/* Room for n more bytes. */
static char *
room(struct frame *f, size_t n)
{
	size_t	 cap = f->cap;

	while (cap - f->len < n)
		cap *= 2;
	if (cap != f->cap) {
		f->buf = xreallocarray(f->buf, 1, FRAME_HEADROOM + cap);
		total += cap - f->cap;
		f->cap = cap;
	}
	return f->buf + FRAME_HEADROOM + f->len;
}

void
frame_raw(struct frame *f, const char *text, size_t len)
{
	memcpy(room(f, len), text, len);
	f->len += len;
}

static void
escape(struct frame *f, unsigned char c)
{
	char	 out[8];
	int	 n;

	switch (c) {
	case '"':
	case '\\':
		n = snprintf(out, sizeof out, "\\%c", c);
		break;
	case '\n':
		n = snprintf(out, sizeof out, "\\n");
		break;
	default:
		n = snprintf(out, sizeof out, "\\u%04x", c);
		break;
	}
	frame_raw(f, out, (size_t)n);
}

/* Everything else is UTF-8 already: it came through jansson, or is ours. */
void
frame_quote(struct frame *f, const char *s)
{
	const char	*run;

	frame_raw(f, "\"", 1);
	for (run = s; *s != '\0'; s++) {
		if ((unsigned char)*s >= 0x20 && *s != '"' && *s != '\\')
			continue;
		frame_raw(f, run, (size_t)(s - run));
		escape(f, (unsigned char)*s);
		run = s + 1;
	}
	frame_raw(f, run, (size_t)(s - run));
	frame_raw(f, "\"", 1);
}

static struct frame *
frame_alloc(size_t cap)
{
	struct frame	*f = xcalloc(1, sizeof *f);

	f->refs = 1;
	f->cap = cap;
	f->buf = xmalloc(FRAME_HEADROOM + cap);
	total += cap;
	return f;
}

struct frame *
frame_new(const char *type)
{
	struct frame	*f = frame_alloc(FIRST_CAP);

	frame_raw(f, "{\"type\":", 8);
	frame_quote(f, type);
	return f;
}

struct frame *
frame_copy(const struct frame *from)
{
	struct frame	*f = frame_alloc(from->len + FIRST_CAP);

	frame_raw(f, frame_text(from), from->len);
	return f;
}

struct frame *
frame_ref(struct frame *f)
{
	f->refs++;
	return f;
}

void
frame_unref(struct frame **fp)
{
	struct frame	*f = *fp;

	*fp = NULL;
	if (f == NULL || --f->refs > 0)
		return;
	total -= f->cap;
	freezero(f->buf, FRAME_HEADROOM + f->len);
	free(f);
}

size_t
frame_total(void)
{
	return total;
}

static void
name_add(struct frame *f, const char *name)
{
	frame_raw(f, ",\"", 2);
	frame_raw(f, name, strlen(name));
	frame_raw(f, "\":", 2);
}

void
frame_str_add(struct frame *f, const char *name, const char *value)
{
	if (value == NULL)
		return;
	name_add(f, name);
	frame_quote(f, value);
}

void
frame_int_add(struct frame *f, const char *name, int64_t value)
{
	char	 out[24];

	name_add(f, name);
	frame_raw(f, out, (size_t)snprintf(out, sizeof out, "%" PRId64,
	    value));
}

void
frame_bool_add(struct frame *f, const char *name, int value)
{
	name_add(f, name);
	frame_raw(f, value ? "true" : "false", value ? 4 : 5);
}

void
frame_null_add(struct frame *f, const char *name)
{
	name_add(f, name);
	frame_raw(f, "null", 4);
}

void
frame_json_add(struct frame *f, const char *name, const json_t *json)
{
	char	*text;

	if (json == NULL)
		return;
	text = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);
	frame_text_add(f, name, text);
	wipe_free(text);	/* from the allocator that jansson was given */
}

void
frame_text_add(struct frame *f, const char *name, const char *text)
{
	if (text == NULL)
		return;
	name_add(f, name);
	frame_raw(f, text, strlen(text));
}

void
frame_time_add(struct frame *f, const char *name, int64_t ms)
{
	char	 iso[CLOCK_ISO_SIZE];

	frame_str_add(f, name, clock_iso(ms, iso));
}

void
frame_req_id_add(struct frame *f, const json_t *request)
{
	const json_t	*id = json_object_get(request, "_reqId");

	if (json_is_integer(id) ||
	    frame_str(request, "_reqId", REQ_ID_MAX) != NULL)
		frame_json_add(f, "_reqId", id);
}

void
frame_item(struct frame *f, unsigned index)
{
	if (index > 0)
		frame_raw(f, ",", 1);
	frame_raw(f, "{", 1);
}

void
frame_end(struct frame *f)
{
	frame_raw(f, "}", 1);
}
