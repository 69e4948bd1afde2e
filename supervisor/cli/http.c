/* One HTTP/1.1 answer, piece by piece. */

#include "supervisor/cli/http.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/xalloc.h"

#define LINE_MAX_BYTES	8192
#define RETRY_MAX	3600
#define EVENT_ID_MAX	128
#define CHUNK_DIGITS	8	/* 4 GiB: more than any limit of a body */

enum state {
	ST_STATUS,		/* the status line */
	ST_HEADER,		/* a header line, or the empty one */
	ST_LENGTH,		/* left bytes of body */
	ST_TO_EOF,		/* a body that ends with the connection */
	ST_CHUNK_SIZE,		/* a line with the size of a chunk */
	ST_CHUNK,		/* left bytes of a chunk */
	ST_CHUNK_END,		/* the empty line behind a chunk */
	ST_TRAILER,		/* lines behind the last chunk */
	ST_DONE,
	ST_BAD,
};

struct http_parser {
	enum state	 state;
	char		 line[LINE_MAX_BYTES];
	size_t		 linelen;
	size_t		 headlen;	/* of all header lines so far */
	size_t		 left;		/* of the body or chunk */
	size_t		 total;		/* body bytes so far */
	size_t		 body_max;
	http_body_cb	 body;
	void		*arg;
	int		 started;
	int		 status;
	int		 has_length;
	size_t		 length;
	int		 chunked;
	int		 stream;
	int		 retry_after;
	char		 event_id[EVENT_ID_MAX + 1];
	const char	*error;
};

struct http_parser *
http_new(size_t body_max, http_body_cb body, void *arg)
{
	struct http_parser	*p = xcalloc(1, sizeof *p);

	p->body_max = body_max;
	p->body = body;
	p->arg = arg;
	p->retry_after = -1;
	return p;
}

void
http_free(struct http_parser **pp)
{
	if (*pp == NULL)
		return;
	freezero(*pp, sizeof **pp);
	*pp = NULL;
}

static void
bad(struct http_parser *p, const char *why)
{
	p->state = ST_BAD;
	p->error = why;
}

/* Decimal digits and nothing else, at most max.  -1: not that. */
static int
digits(const char *s, size_t max, size_t *out)
{
	size_t	 n = 0;

	if (*s == '\0')
		return -1;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9' || n > (max - (size_t)(*s - '0')) / 10)
			return -1;
		n = n * 10 + (size_t)(*s - '0');
	}
	*out = n;
	return 0;
}

/* "HTTP/1.1 200 OK" */
static void
on_status(struct http_parser *p)
{
	const char	*s = p->line;
	int		 i;

	if (strncmp(s, "HTTP/1.", 7) != 0 || (s[7] != '0' && s[7] != '1') ||
	    s[8] != ' ') {
		bad(p, "not an HTTP answer");
		return;
	}
	p->status = 0;
	for (i = 9; i < 12; i++) {
		if (s[i] < '0' || s[i] > '9') {
			bad(p, "malformed status line");
			return;
		}
		p->status = p->status * 10 + (s[i] - '0');
	}
	if ((s[12] != ' ' && s[12] != '\0') || p->status < 100) {
		bad(p, "malformed status line");
		return;
	}
	p->state = ST_HEADER;
}

static void
on_length(struct http_parser *p, const char *value)
{
	size_t	 n;

	if (digits(value, SIZE_MAX / 2, &n) == -1 ||
	    (p->has_length && n != p->length)) {
		bad(p, "malformed Content-Length");
		return;
	}
	p->has_length = 1;
	p->length = n;
}

/* One header line; those that say nothing to us are skipped. */
static void
on_header(struct http_parser *p)
{
	char	*value = strchr(p->line, ':');
	size_t	 n;

	if (value == NULL || value == p->line || *p->line == ' ' ||
	    *p->line == '\t') {
		bad(p, "malformed header");
		return;
	}
	*value++ = '\0';
	value += strspn(value, " \t");
	for (n = strlen(value); n > 0 && strchr(" \t", value[n - 1]); n--)
		value[n - 1] = '\0';
	if (strcasecmp(p->line, "Content-Length") == 0)
		on_length(p, value);
	else if (strcasecmp(p->line, "Transfer-Encoding") == 0) {
		if (strcasecmp(value, "chunked") != 0 || p->chunked)
			bad(p, "unknown Transfer-Encoding");
		p->chunked = 1;
	} else if (strcasecmp(p->line, "Content-Type") == 0)
		p->stream = strncasecmp(value, "text/event-stream", 17) == 0 &&
		    (value[17] == '\0' || value[17] == ';' || value[17] == ' ');
	else if (strcasecmp(p->line, "Retry-After") == 0 &&
	    digits(value, RETRY_MAX, &n) == 0)
		p->retry_after = (int)n;
	else if (strcasecmp(p->line, "Last-Event-ID") == 0 &&
	    strlen(value) <= EVENT_ID_MAX)
		strcpy(p->event_id, value);
}

/* The empty line behind the headers: what follows? */
static void
on_head_end(struct http_parser *p)
{
	if (p->chunked && p->has_length) {
		bad(p, "two lengths of one body");
		return;
	}
	if (p->status < 200 && p->status != 101) {
		p->state = ST_STATUS;		/* an interim answer */
		p->status = 0;
		p->chunked = p->has_length = p->stream = 0;
		p->retry_after = -1;
		return;
	}
	if (p->status == 204 || p->status == 304)
		p->state = ST_DONE;
	else if (p->chunked)
		p->state = ST_CHUNK_SIZE;
	else if (!p->has_length)
		p->state = ST_TO_EOF;
	else if (p->body_max != 0 && p->length > p->body_max)
		bad(p, "the answer is too large");
	else {
		p->left = p->length;
		p->state = p->left == 0 ? ST_DONE : ST_LENGTH;
	}
}

/* "1a2b", perhaps with ";extensions". */
static void
on_chunk_size(struct http_parser *p)
{
	static const char	 hex[] = "0123456789abcdefABCDEF";
	size_t			 n = strspn(p->line, hex);

	if (n == 0 || n > CHUNK_DIGITS ||
	    (p->line[n] != '\0' && p->line[n] != ';' && p->line[n] != ' ')) {
		bad(p, "malformed chunk");
		return;
	}
	p->left = (size_t)strtoull(p->line, NULL, 16);
	p->state = p->left == 0 ? ST_TRAILER : ST_CHUNK;
}

/* A whole line stands in p->line, without its CR LF. */
static void
on_line(struct http_parser *p)
{
	switch (p->state) {
	case ST_STATUS:
		on_status(p);
		break;
	case ST_HEADER:
		if (p->linelen == 0)
			on_head_end(p);
		else
			on_header(p);
		break;
	case ST_CHUNK_SIZE:
		on_chunk_size(p);
		break;
	case ST_CHUNK_END:
		if (p->linelen != 0)
			bad(p, "malformed chunk");
		else
			p->state = ST_CHUNK_SIZE;
		break;
	case ST_TRAILER:
		if (p->linelen == 0)
			p->state = ST_DONE;
		break;
	default:
		bad(p, "malformed answer");
	}
}

/* One byte of a line.  Chunk lines of a stream do not count as headers. */
static void
line_byte(struct http_parser *p, char c)
{
	if (p->state == ST_STATUS || p->state == ST_HEADER ||
	    p->state == ST_TRAILER) {
		if (++p->headlen > HTTP_HEAD_MAX) {
			bad(p, "the headers are too large");
			return;
		}
	}
	if (c == '\0' || p->linelen == sizeof p->line - 1) {
		bad(p, "malformed line");
		return;
	}
	if (c != '\n') {
		p->line[p->linelen++] = c;
		return;
	}
	if (p->linelen == 0 || p->line[p->linelen - 1] != '\r') {
		bad(p, "a line without CR LF");
		return;
	}
	p->line[--p->linelen] = '\0';
	if (strchr(p->line, '\r') != NULL) {
		bad(p, "malformed line");
		return;
	}
	on_line(p);
	p->linelen = 0;
}

/* Up to len bytes of body.  Returns how many were taken. */
static size_t
body_bytes(struct http_parser *p, const char *data, size_t len)
{
	if (p->state != ST_TO_EOF && len > p->left)
		len = p->left;
	if (p->body_max != 0 && len > p->body_max - p->total) {
		bad(p, "the answer is too large");
		return 0;
	}
	if (p->body_max != 0)
		p->total += len;
	if (p->body(p->arg, data, len) == -1) {
		bad(p, "the answer was refused");
		return 0;
	}
	if (p->state == ST_TO_EOF)
		return len;
	p->left -= len;
	if (p->left == 0)
		p->state = p->state == ST_CHUNK ? ST_CHUNK_END : ST_DONE;
	return len;
}

enum http_result
http_feed(struct http_parser *p, const char *data, size_t len)
{
	size_t	 i = 0;

	if (len > 0)
		p->started = 1;
	while (i < len && p->state != ST_DONE && p->state != ST_BAD) {
		if (p->state == ST_LENGTH || p->state == ST_CHUNK ||
		    p->state == ST_TO_EOF)
			i += body_bytes(p, data + i, len - i);
		else
			line_byte(p, data[i++]);
	}
	if (p->state == ST_BAD)
		return HTTP_BAD;
	return p->state == ST_DONE ? HTTP_DONE : HTTP_MORE;
}

enum http_result
http_eof(struct http_parser *p)
{
	if (p->state == ST_TO_EOF)
		p->state = ST_DONE;
	if (p->state == ST_DONE)
		return HTTP_DONE;
	if (p->state != ST_BAD)
		bad(p, "the connection ended in the middle of the answer");
	return HTTP_BAD;
}

int
http_status(const struct http_parser *p)
{
	return p->state == ST_STATUS || p->state == ST_HEADER ? 0 : p->status;
}

int
http_retry_after(const struct http_parser *p)
{
	return p->retry_after;
}

const char *
http_event_id(const struct http_parser *p)
{
	return *p->event_id != '\0' ? p->event_id : NULL;
}

int
http_is_stream(const struct http_parser *p)
{
	return p->stream;
}

int
http_started(const struct http_parser *p)
{
	return p->started;
}

const char *
http_error(const struct http_parser *p)
{
	return p->error != NULL ? p->error : "";
}
