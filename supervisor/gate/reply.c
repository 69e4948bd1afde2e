/* Answers. */

#include "supervisor/gate/reply.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/encode.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "supervisor/gate/conn.h"
#include "supervisor/gate/fault.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/request.h"

#define TYPE_JSON	"application/json"

static const struct {
	int		 status;
	const char	*phrase;
} phrases[] = {
	{ 200, "OK" },
	{ 202, "Accepted" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 413, "Content Too Large" },
	{ 417, "Expectation Failed" },
	{ 422, "Unprocessable Content" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 507, "Insufficient Storage" },
};

const char *
reply_phrase(int status)
{
	size_t	i;

	for (i = 0; i < sizeof phrases / sizeof *phrases; i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return "Unknown";
}

/*
 * While the answer is written nothing is read: what a client sends on
 * meanwhile stays with it, and one that has closed its own half still gets its
 * answer.
 */
static void
reply_send(struct request *r, int status, const char *type,
    struct evbuffer *body)
{
	struct evkeyvalq	*h = evhttp_request_get_output_headers(r->http);

	evhttp_add_header(h, "Content-Type", type);
	tally_answer(&r->gate->tally, status);
	if (status == 429 || status == 503 || status == 507)
		evhttp_add_header(h, "Retry-After", "1");
	if (r->close || r->gate->state == GATE_STOPPING)
		evhttp_add_header(h, "Connection", "close");
	request_answered(r, evbuffer_get_length(body));
	/* A HEAD is answered by a head; evhttp would send the body too. */
	if (evhttp_request_get_command(r->http) == EVHTTP_REQ_HEAD)
		evbuffer_drain(body, evbuffer_get_length(body));
	evhttp_send_reply(r->http, status, reply_phrase(status), body);
	bufferevent_disable(r->conn->bev, EV_READ);
}

static struct evbuffer *
buffer_new(void)
{
	struct evbuffer	*b = evbuffer_new();

	if (b == NULL)
		fatalx("evbuffer_new: no memory");
	return b;
}

void
reply_text(struct request *r, int status, const void *text, size_t len)
{
	struct evbuffer	*b = buffer_new();

	evbuffer_add(b, text, len);
	reply_send(r, status, TYPE_JSON, b);
	evbuffer_free(b);
}

void
reply_typed(struct request *r, const char *type, const void *text, size_t len)
{
	struct evbuffer	*b = buffer_new();

	evbuffer_add(b, text, len);
	reply_send(r, 200, type, b);
	evbuffer_free(b);
}

static void
text_free_cb(const void *text, size_t len, void *arg)
{
	(void)text;
	(void)len;
	wipe_free(arg);
}

void
reply_json(struct request *r, int status, json_t *j)
{
	static const char	 failed[] = "{\"error\":\"internal\",\"detail\":"
				    "\"The answer could not be written.\"}";
	struct evbuffer		*b;
	char			*text;

	text = j != NULL ? json_dumps(j, JSON_COMPACT) : NULL;
	json_decref(j);
	if (text == NULL) {
		log_warnx("an answer could not be written as JSON");
		reply_text(r, 500, failed, sizeof failed - 1);
		return;
	}
	b = buffer_new();
	if (evbuffer_add_reference(b, text, strlen(text), text_free_cb,
	    text) == -1)
		fatalx("evbuffer_add_reference: no memory");
	reply_send(r, status, TYPE_JSON, b);
	evbuffer_free(b);
}

static void
reply_verror(struct request *r, json_t *more, int status, const char *code,
    const char *fmt, va_list ap)
{
	char	 detail[512];
	json_t	*j;

	vsnprintf(detail, sizeof detail, fmt, ap);
	utf8_trim(detail);
	j = json_pack("{s:s, s:s}", "error", code, "detail", detail);
	if (j != NULL && more != NULL)
		json_object_update(j, more);
	json_decref(more);
	reply_json(r, status, j);
}

void
reply_error(struct request *r, int status, const char *code, const char *fmt,
    ...)
{
	va_list	ap;

	va_start(ap, fmt);
	reply_verror(r, NULL, status, code, fmt, ap);
	va_end(ap);
}

void
reply_error_with(struct request *r, json_t *more, int status,
    const char *code, const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	reply_verror(r, more, status, code, fmt, ap);
	va_end(ap);
}

void
reply_fault(struct request *r, const struct fault *f)
{
	reply_error(r, f->status, f->code, "%s", f->detail);
}

void
reply_too_large(struct request *r, size_t limit, size_t bytes)
{
	reply_error_with(r, json_pack("{s:I, s:I}", "limit",
	    (json_int_t)limit, "bytes", (json_int_t)bytes), 413,
	    "message_too_large", "A message to this target may have %zu "
	    "bytes; this one has %zu.", limit, bytes);
}

void
reply_unanswered(struct request *r, int timed_out, const char *who)
{
	struct fault	f;

	fault_unanswered(&f, timed_out, who);
	reply_fault(r, &f);
}

int
reply_canned(char *buf, size_t size, int status, const char *code,
    const char *detail)
{
	char	body[256];
	int	len;

	len = snprintf(body, sizeof body, "{\"error\":\"%s\",\"detail\":\"%s\"}",
	    code, detail);
	return snprintf(buf, size, "HTTP/1.1 %d %s\r\n"
	    "Content-Type: application/json\r\nContent-Length: %d\r\n"
	    "Connection: close\r\n\r\n%s", status, reply_phrase(status), len,
	    body);
}
