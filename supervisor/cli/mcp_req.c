/* Requests of the host that are not answered yet. */

#include "supervisor/cli/mcp_req.h"

#include <sys/queue.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/xalloc.h"
#include "supervisor/cli/mcp_ask.h"
#include "supervisor/cli/mcp_marks.h"

struct req {
	TAILQ_ENTRY(req) next;
	struct req_list		*all;
	struct mcp		*m;
	json_t			*id;
	json_t			*params;
	json_t			*kept;
	struct mcp_batch	*batch;
	struct mcp_ask		*ask;
	req_answer_cb		 cb;
};

TAILQ_HEAD(reqs, req);

struct req_list {
	struct reqs	 list;
	unsigned	 n;
};

struct mcp_batch {
	struct mcp	*m;
	json_t		*answers;
	json_t		*rows;
	unsigned	 open;		/* requests, and one until its end */
};

struct req_list *
req_list_new(void)
{
	struct req_list	*all = xcalloc(1, sizeof *all);

	TAILQ_INIT(&all->list);
	return all;
}

unsigned
req_list_count(const struct req_list *all)
{
	return all->n;
}

/* ---- what is written ---- */

/* The line that shows these rows ends at pos. */
static void
rows_mark(struct mcp *m, const json_t *rows, uint64_t pos)
{
	const json_t	*row;
	size_t		 i;

	json_array_foreach(rows, i, row)
		mcp_marks_add(m->marks, json_string_value(row), pos);
}

static void
batch_release(struct mcp_batch *b)
{
	if (--b->open > 0)
		return;
	/* Of nothing but notifications nothing is answered. */
	if (json_array_size(b->answers) > 0)
		rows_mark(b->m, b->rows, mcp_out_put(b->m->out, b->answers));
	json_decref(b->answers);
	json_decref(b->rows);
	free(b);
}

/* Takes answer and rows. */
static void
answer_put(struct mcp *m, struct mcp_batch *b, json_t *answer, json_t *rows)
{
	if (b != NULL) {
		json_array_append_new(b->answers, answer);
		json_array_extend(b->rows, rows);
	} else {
		rows_mark(m, rows, mcp_out_put(m->out, answer));
		json_decref(answer);
	}
	json_decref(rows);
}

struct mcp_batch *
mcp_batch_new(struct mcp *m)
{
	struct mcp_batch	*b = xcalloc(1, sizeof *b);

	b->m = m;
	b->answers = json_array();
	b->rows = json_array();
	b->open = 1;
	return b;
}

void
mcp_batch_end(struct mcp_batch *b)
{
	batch_release(b);
}

void
req_fault(struct mcp *m, struct mcp_batch *b, int code, const char *why)
{
	answer_put(m, b, json_pack("{s:s, s:n, s:{s:i, s:s}}", "jsonrpc",
	    "2.0", "id", "error", "code", code, "message", why), NULL);
}

/* ---- a request ---- */

struct req *
req_new(struct mcp *m, struct req_list *all, const json_t *id,
    const json_t *params, struct mcp_batch *b)
{
	struct req	*r = xcalloc(1, sizeof *r);

	r->all = all;
	r->m = m;
	r->id = json_deep_copy(id);
	r->params = json_is_object(params) ? json_deep_copy(params) :
	    json_object();
	if ((r->batch = b) != NULL)
		b->open++;
	TAILQ_INSERT_TAIL(&all->list, r, next);
	all->n++;
	return r;
}

static void
req_free(struct req *r)
{
	TAILQ_REMOVE(&r->all->list, r, next);
	r->all->n--;
	mcp_ask_drop(&r->ask);
	json_decref(r->id);
	json_decref(r->params);
	json_decref(r->kept);
	if (r->batch != NULL)
		batch_release(r->batch);
	free(r);
}

void
req_list_free(struct req_list **allp)
{
	struct req	*r;

	if (*allp == NULL)
		return;
	while ((r = TAILQ_FIRST(&(*allp)->list)) != NULL)
		req_free(r);
	free(*allp);
	*allp = NULL;
}

void
req_cancel(struct req_list *all, const json_t *id)
{
	struct req	*r;

	TAILQ_FOREACH(r, &all->list, next) {
		if (json_equal(r->id, id)) {
			req_free(r);
			return;
		}
	}
}

struct mcp *
req_mcp(const struct req *r)
{
	return r->m;
}

json_t *
req_params(const struct req *r)
{
	return r->params;
}

void
req_keep(struct req *r, json_t *j)
{
	json_decref(r->kept);
	r->kept = j;
}

json_t *
req_kept(const struct req *r)
{
	return r->kept;
}

void
req_result(struct req *r, json_t *result, json_t *rows)
{
	json_t	*answer;

	answer = json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", r->id,
	    "result", result);
	answer_put(r->m, r->batch, answer, rows);
	req_free(r);
}

void
req_error(struct req *r, int code, const char *fmt, ...)
{
	json_t	*message;
	va_list	 ap;

	va_start(ap, fmt);
	message = json_vsprintf(fmt, ap);
	va_end(ap);
	if (message == NULL)
		message = json_string("failed");
	answer_put(r->m, r->batch, json_pack("{s:s, s:O, s:{s:i, s:o}}",
	    "jsonrpc", "2.0", "id", r->id, "error", "code", code, "message",
	    message), NULL);
	req_free(r);
}

static void
on_answer(void *arg, struct api_answer *a)
{
	struct req	*r = arg;

	r->ask = NULL;
	r->cb(r, a);
}

void
req_ask(struct req *r, const char *method, const char *path,
    const json_t *body, int flags, int timeout_ms, req_answer_cb cb)
{
	r->cb = cb;
	r->ask = mcp_ask(r->m, method, path, body, flags, timeout_ms,
	    on_answer, r);
}
