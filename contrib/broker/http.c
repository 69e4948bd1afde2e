/*
 * POST /join.
 *
 * A body is taken whole before it is looked at, so bodies are small, and few
 * at a time; one that is too large, though not beyond reason, is read and
 * dropped, so that its sender gets to read the answer.
 */

#include "contrib/broker/http.h"

#include <jansson.h>
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "contrib/broker/broker.h"
#include "contrib/broker/invites.h"
#include "contrib/broker/quiet.h"
#include "contrib/broker/turn.h"

#define BODY_MS		10000		/* for all of it */
#define DROP_MAX	(16 * HTTP_BODY_MAX)
#define HEAD_SIZE	512
#define DEPTH_MAX	8

static void
answer_json(struct http *h, struct lws *wsi, int status, json_t *o)
{
	h->status = status;
	h->out = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	lws_callback_on_writable(wsi);
}

static void
answer_error(struct http *h, struct lws *wsi, int status, const char *why)
{
	answer_json(h, wsi, status, json_pack("{s:b,s:s}", "ok", 0, "error",
	    why));
}

/* Without a request to speak of: libwebsockets' own page. */
static int
refuse(struct lws *wsi, unsigned status)
{
	(void)lws_return_http_status(wsi, status, NULL);
	return -1;
}

/* -1: none, or not a number. */
static long long
content_length(struct lws *wsi)
{
	char	text[20], *end;
	int	n;

	n = lws_hdr_copy(wsi, text, sizeof text, WSI_TOKEN_HTTP_CONTENT_LENGTH);
	if (n <= 0 || strspn(text, "0123456789") != (size_t)n)
		return -1;
	return strtoll(text, &end, 10);
}

int
http_begin(struct http *h, struct broker *b, struct lws *wsi,
    const char *path)
{
	long long	len;

	if (strcmp(path, "/join") != 0)
		return lws_return_http_status(wsi, HTTP_STATUS_NOT_FOUND,
		    NULL) || lws_http_transaction_completed(wsi) ? -1 : 0;
	if (lws_hdr_total_length(wsi, WSI_TOKEN_POST_URI) <= 0)
		return refuse(wsi, HTTP_STATUS_METHOD_NOT_ALLOWED);
	if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0 ||
	    (len = content_length(wsi)) <= 0)
		return refuse(wsi, HTTP_STATUS_LENGTH_REQUIRED);
	if (len > DROP_MAX)
		return refuse(wsi, HTTP_STATUS_REQ_ENTITY_TOO_LARGE);
	if (b->nposts >= HTTP_POSTS_MAX)
		return refuse(wsi, HTTP_STATUS_SERVICE_UNAVAILABLE);
	http_clear(h);
	b->nposts++;
	h->broker = b;
	h->size = (size_t)len;
	h->began = clock_mono_ms();
	if (len <= HTTP_BODY_MAX)
		h->in = xmalloc((size_t)len);
	return 0;
}

int
http_body(struct http *h, const void *in, size_t len)
{
	if (h->broker == NULL || len > h->size - h->len ||
	    clock_mono_ms() - h->began > BODY_MS)
		return -1;
	if (h->in != NULL)
		memcpy(h->in + h->len, in, len);
	h->len += len;
	return 0;
}

/* No deeper than it has to be, whatever is in the strings. */
static int
depth_ok(const char *p, size_t len)
{
	const char	*end = p + len;
	int		 depth = 0, in_string = 0;

	for (; p < end; p++) {
		if (in_string && *p == '\\')
			p++;
		else if (*p == '"')
			in_string = !in_string;
		else if (!in_string && (*p == '{' || *p == '['))
			depth++;
		else if (!in_string && (*p == '}' || *p == ']'))
			depth--;
		if (depth > DEPTH_MAX)
			return 0;
	}
	return 1;
}

/* Synced, before it is answered. */
static void
join(struct http *h, struct lws *wsi, const json_t *o)
{
	struct joined	 j;
	const char	*why = invites_join(h->broker->invites, o, &j);
	json_t		*answer;

	if (turn_commit(h->broker->turn) == -1 && (why == NULL || j.failed))
		why = "member_insert_failed";
	if (why != NULL) {
		answer_error(h, wsi, HTTP_STATUS_BAD_REQUEST, why);
		return;
	}
	quiet_info("a member joined by an invite");
	answer = json_pack("{s:b,s:s}", "ok", 1, "memberId", j.member_id);
	if (j.already)
		json_object_set_new(answer, "alreadyMember", json_true());
	answer_json(h, wsi, HTTP_STATUS_OK, answer);
}

int
http_end(struct http *h, struct lws *wsi)
{
	json_t	*o = NULL;

	if (h->broker == NULL || h->len != h->size)
		return -1;
	if (h->in == NULL) {
		answer_error(h, wsi, HTTP_STATUS_REQ_ENTITY_TOO_LARGE,
		    "at most 65536 bytes are taken");
		return 0;
	}
	if (depth_ok(h->in, h->len))
		o = json_loadb(h->in, h->len, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(o))
		join(h, wsi, o);
	else
		answer_error(h, wsi, HTTP_STATUS_BAD_REQUEST,
		    "the body must be a JSON object");
	json_decref(o);
	return 0;
}

int
http_writable(struct http *h, struct lws *wsi)
{
	uint8_t	 buf[LWS_PRE + HEAD_SIZE], *start = buf + LWS_PRE, *p = start;
	uint8_t	*end = buf + sizeof buf - 1;
	size_t	 len;

	if (h->out == NULL)
		return 0;
	len = strlen(h->out);
	if (len > HEAD_SIZE || lws_add_http_common_headers(wsi,
	    (unsigned)h->status, "application/json", len, &p, end) ||
	    lws_finalize_write_http_header(wsi, start, &p, end))
		return -1;
	memcpy(start, h->out, len);
	http_clear(h);
	if (lws_write(wsi, start, len, LWS_WRITE_HTTP_FINAL) != (int)len)
		return -1;
	return lws_http_transaction_completed(wsi) ? -1 : 0;
}

void
http_clear(struct http *h)
{
	if (h->broker != NULL)
		h->broker->nposts--;
	if (h->in != NULL)
		freezero(h->in, h->size);
	wipe_free(h->out);
	memset(h, 0, sizeof *h);
}
