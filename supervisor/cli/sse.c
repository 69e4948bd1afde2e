/* A stream of server-sent events, piece by piece. */

#include "supervisor/cli/sse.h"

#include <string.h>

#include "common/xalloc.h"
#include "supervisor/cli/buf.h"

struct sse {
	sse_event_cb	 cb;
	void		*arg;
	struct buf	 line;
	struct buf	 data;
	int		 has_data;
	int		 skip_lf;		/* the line ended in CR */
	int		 at_start;		/* a byte order mark may come */
	char		 name[SSE_NAME_MAX + 1];
	char		 id[SSE_ID_MAX + 1];	/* of the event being read */
	int		 has_id;
	char		 last_id[SSE_ID_MAX + 1];
};

struct sse *
sse_new(sse_event_cb cb, void *arg)
{
	struct sse	*s = xcalloc(1, sizeof *s);

	s->cb = cb;
	s->arg = arg;
	s->at_start = 1;
	return s;
}

void
sse_free(struct sse **sp)
{
	if (*sp == NULL)
		return;
	buf_free(&(*sp)->line);
	buf_free(&(*sp)->data);
	freezero(*sp, sizeof **sp);
	*sp = NULL;
}

/* Forget the event that was being read. */
static void
event_clear(struct sse *s)
{
	buf_reset(&s->data);
	s->has_data = 0;
	s->has_id = 0;
	*s->name = '\0';
}

void
sse_reset(struct sse *s)
{
	event_clear(s);
	buf_reset(&s->line);
	s->skip_lf = 0;
	s->at_start = 1;
}

/* Can it travel in a header as it is? */
static int
id_is_usable(const char *id)
{
	size_t	 i;

	for (i = 0; id[i] != '\0'; i++) {
		if (i == SSE_ID_MAX || id[i] <= ' ' || id[i] > '~')
			return 0;
	}
	return 1;
}

const char *
sse_last_id(const struct sse *s)
{
	return *s->last_id != '\0' ? s->last_id : NULL;
}

int
sse_set_last_id(struct sse *s, const char *id)
{
	if (!id_is_usable(id))
		return -1;
	strcpy(s->last_id, id);
	return 0;
}

/* The empty line: hand the event over.  One without data is none. */
static int
on_dispatch(struct sse *s)
{
	struct sse_event	 ev;
	int			 r = 0;

	if (s->has_data) {
		ev.event = *s->name != '\0' ? s->name : "message";
		ev.id = s->has_id ? s->id : NULL;
		ev.data = s->data.p;
		ev.len = s->data.len;
		r = s->cb(s->arg, &ev);
	}
	if (r == 0 && s->has_id)
		strcpy(s->last_id, s->id);
	event_clear(s);
	return r;
}

/* "name:value", "name: value" or "name". */
static int
on_field(struct sse *s, const char *name, size_t namelen, const char *value)
{
	if (namelen == 4 && memcmp(name, "data", 4) == 0) {
		if (s->data.len + strlen(value) + 1 > SSE_EVENT_MAX)
			return -1;
		if (s->has_data)
			buf_adds(&s->data, "\n");
		buf_adds(&s->data, value);
		s->has_data = 1;
	} else if (namelen == 5 && memcmp(name, "event", 5) == 0) {
		if (strlen(value) <= SSE_NAME_MAX)
			strcpy(s->name, value);
	} else if (namelen == 2 && memcmp(name, "id", 2) == 0) {
		if (id_is_usable(value)) {
			strcpy(s->id, value);
			s->has_id = 1;
		}
	}
	return 0;
}

/* A whole line.  Lines that begin with a colon are comments. */
static int
on_line(struct sse *s)
{
	const char	*line = s->line.len > 0 ? s->line.p : "";
	const char	*colon;
	int		 r;

	if (*line == '\0' && s->line.len == 0)
		return on_dispatch(s);
	if ((colon = strchr(line, ':')) == NULL)
		r = on_field(s, line, strlen(line), "");
	else if (colon == line)
		r = 0;
	else
		r = on_field(s, line, (size_t)(colon - line),
		    colon[1] == ' ' ? colon + 2 : colon + 1);
	buf_reset(&s->line);
	return r;
}

/* Bytes of a line, up to its end. */
static int
line_add(struct sse *s, const char *p, size_t len)
{
	if (s->line.len + len > SSE_EVENT_MAX)
		return -1;
	buf_add(&s->line, p, len);
	if (s->at_start && s->line.len >= 3) {
		s->at_start = 0;
		if (memcmp(s->line.p, "\xef\xbb\xbf", 3) == 0) {
			s->line.len -= 3;
			memmove(s->line.p, s->line.p + 3, s->line.len + 1);
		}
	}
	return 0;
}

int
sse_feed(struct sse *s, const char *p, size_t len)
{
	size_t	 i, n;

	for (i = 0; i < len; i += n) {
		if (s->skip_lf && p[i] == '\n') {
			s->skip_lf = 0;
			n = 1;
			continue;
		}
		s->skip_lf = 0;
		for (n = 0; i + n < len; n++) {
			if (p[i + n] == '\r' || p[i + n] == '\n')
				break;
		}
		if (line_add(s, p + i, n) == -1)
			return -1;
		if (i + n == len)
			break;
		s->skip_lf = p[i + n] == '\r';
		s->at_start = 0;
		n++;
		if (on_line(s) == -1)
			return -1;
	}
	return 0;
}
