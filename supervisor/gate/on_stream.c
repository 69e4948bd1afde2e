/* GET /v1/events: where a stream begins. */

#include "supervisor/gate/handlers.h"

#include <errno.h>
#include <event2/http.h>
#include <stdlib.h>
#include <string.h>

#include "common/rows.h"
#include "common/xalloc.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"
#include "supervisor/gate/scope.h"
#include "supervisor/gate/stream.h"

#define REPLAY_MAX	1000

struct replay {
	int64_t	*seqs;
	size_t	 n, room;
};

static int
replay_row(void *arg, const struct in_row *row)
{
	struct replay	*p = arg;

	if (p->n == p->room) {
		p->room = p->room > 0 ? 2 * p->room : 64;
		p->seqs = xreallocarray(p->seqs, p->room, sizeof *p->seqs);
	}
	p->seqs[p->n++] = row->seq;
	return 0;
}

static int
seq_cmp(const void *a, const void *b)
{
	const int64_t	*x = a, *y = b;

	return (*x < *y) - (*x > *y);		/* newest first */
}

/* Below the last count messages of the scope, or last.  0, -1. */
static int
cursor_before(const struct request *r, int64_t count, int64_t last,
    int64_t *cursor_r)
{
	struct rows_filter	 filter;
	struct rows_scope	 rs;
	struct replay		 p = { NULL, 0, 0 };
	struct scope		 sc;
	struct fault		 f;
	size_t			 i, n;
	int			 ret;

	memset(&filter, 0, sizeof filter);
	filter.limit = (int)count;
	ret = scope_find(&sc, r, NULL, &f);
	for (i = 0; ret == 0 && i < sc.n; i++) {
		view_rows(&sc.views[i], &rs);
		if (rows_in_list(r->gate->rows, &rs, &filter, replay_row,
		    &p) == -1)
			ret = -1;
	}
	*cursor_r = last;
	if ((n = p.n < (size_t)count ? p.n : (size_t)count) > 0) {
		qsort(p.seqs, p.n, sizeof *p.seqs, seq_cmp);
		*cursor_r = p.seqs[n - 1] - 1;
	}
	free(p.seqs);
	scope_clear(&sc);
	return ret;
}

/* "<epoch>-<sequence>" of this database.  -1: of another, or something else. */
static int
event_id_parse(const char *id, const char *epoch, int64_t last,
    int64_t *seq_r)
{
	size_t	 len = strlen(epoch);
	char	*end;

	if (strncmp(id, epoch, len) != 0 || id[len] != '-' ||
	    id[len + 1] < '0' || id[len + 1] > '9')
		return -1;
	errno = 0;
	*seq_r = strtoll(id + len + 1, &end, 10);
	if (*end != '\0' || errno != 0)
		return -1;
	if (*seq_r > last)
		*seq_r = last;
	return 0;
}

/*
 * The answer says where it begins, for a client that has to come back before
 * it has seen a message.  (A replay of what is unread is asked for anew.)
 */
static void
stream_head(struct request *r, int64_t cursor, int64_t unread_to)
{
	struct evkeyvalq	*h = evhttp_request_get_output_headers(r->http);
	char			*id;

	if (unread_to == 0) {
		xasprintf(&id, "%s-%lld", r->gate->epoch, (long long)cursor);
		evhttp_add_header(h, "Last-Event-ID", id);
		free(id);
	}
	evhttp_add_header(h, "Content-Type", "text/event-stream");
	evhttp_add_header(h, "Cache-Control", "no-cache, no-transform");
	evhttp_add_header(h, "X-Accel-Buffering", "no");
}

void
on_events(struct request *r)
{
	const char	*id = request_header(r, "Last-Event-ID");
	int64_t		 replay, last, cursor, unread_to = 0;
	struct fault	 f;

	if (query_int(&r->query, "replay", 0, REPLAY_MAX, 0, &replay,
	    &f) == -1) {
		reply_fault(r, &f);
		return;
	}
	if (r->gate->rows == NULL ||
	    rows_inbox_last(r->gate->rows, &last) == -1) {
		reply_unanswered(r, 0, "database");
		return;
	}
	cursor = last;
	if (id != NULL && *id != '\0') {
		if (event_id_parse(id, r->gate->epoch, last, &cursor) == -1) {
			cursor = 0;
			unread_to = last;
		}
	} else if (replay > 0 &&
	    cursor_before(r, replay, last, &cursor) == -1) {
		reply_unanswered(r, 0, "database");
		return;
	}
	stream_head(r, cursor, unread_to);
	stream_open(r, cursor, unread_to);
	if (r->gate->state == GATE_STOPPING)	/* the next gate goes on */
		streams_stop(r->gate->streams);
}
