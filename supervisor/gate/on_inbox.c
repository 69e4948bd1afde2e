/*
 * GET /v1/inbox and POST /v1/inbox/seen.  What is listed is read from the
 * database here, view by view, and opened; that it was seen is for the store
 * to write.
 */

#include "supervisor/gate/handlers.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/ids.h"
#include "supervisor/gate/item.h"
#include "supervisor/gate/marks.h"
#include "supervisor/gate/member.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"
#include "supervisor/gate/scope.h"

#define LIST_MAX	1000
#define LIST_DEFAULT	100
#define LIST_BYTES	(8 * 1024 * 1024)	/* of bodies, in one answer */

struct entry {
	int64_t		 seq;
	json_t		*item;
	const uint8_t	*reader;	/* into the scope's session or member */
	int		 unseen;
};

struct listing {
	struct gate	*gate;
	struct rows_filter filter;
	int		 mark_seen;
	struct entry	*entries;
	size_t		 n, room;

	/* Of the view that is being read. */
	const uint8_t	*reader;
	size_t		 bytes, bytes_max;
	int		 truncated;
};

static int
list_row(void *arg, const struct in_row *row)
{
	struct listing	*l = arg;
	struct entry	*e;
	json_t		*item;

	if (l->bytes > 0 && l->bytes + row->bodylen > l->bytes_max) {
		l->truncated = 1;
		return 1;
	}
	if ((item = item_inbox(l->gate, row)) == NULL)
		return 0;
	l->bytes += row->bodylen;
	if (l->n == l->room) {
		l->room = l->room > 0 ? 2 * l->room : 64;
		l->entries = xreallocarray(l->entries, l->room,
		    sizeof *l->entries);
	}
	e = &l->entries[l->n++];
	e->seq = row->seq;
	e->item = item;
	e->reader = l->reader;
	e->unseen = row->seen_at == 0;
	return 0;
}

static int
entry_cmp(const void *a, const void *b)
{
	const struct entry	*x = a, *y = b;

	return (x->seq < y->seq) - (x->seq > y->seq);	/* newest first */
}

/* All views, merged and cut to the limit.  -1: the database failed. */
static int
list_read(struct listing *l, const struct scope *sc)
{
	struct rows_scope	 rs;
	size_t			 i;

	for (i = 0; i < sc->n; i++) {
		view_rows(&sc->views[i], &rs);
		l->reader = view_reader(&sc->views[i]);
		l->bytes = 0;
		l->bytes_max = LIST_BYTES / sc->n;
		if (rows_in_list(l->gate->rows, &rs, &l->filter, list_row,
		    l) == -1)
			return -1;
	}
	if (sc->n > 1 && l->n > 1)
		qsort(l->entries, l->n, sizeof *l->entries, entry_cmp);
	while (l->n > (size_t)l->filter.limit)
		json_decref(l->entries[--l->n].item);
	return 0;
}

static void
list_clear(struct listing *l)
{
	size_t	i;

	for (i = 0; i < l->n; i++)
		json_decref(l->entries[i].item);
	free(l->entries);
}

static void
list_reply(struct request *r, struct listing *l)
{
	json_t		*items = json_array(), *answer;
	struct marks	*k;
	size_t		 i;

	answer = json_pack("{s:o}", "items", items);
	if (l->truncated)
		json_object_set_new(answer, "truncated", json_true());
	k = marks_new(answer);
	for (i = 0; i < l->n; i++) {
		json_array_append(items, l->entries[i].item);
		/* A reader other than the one who asks is not marked for. */
		if (l->mark_seen && l->entries[i].unseen &&
		    !request_is_operator(r))
			(void)marks_add(k, l->entries[i].reader,
			    l->entries[i].seq);
	}
	marks_send(r, k);
}

static int
list_query(struct request *r, struct listing *l, struct fault *f)
{
	const struct query	*q = &r->query;
	const char		*since = query_get(q, "since");
	int64_t			 limit;

	l->filter.topic = query_get(q, "topic");
	l->filter.from = query_get(q, "from");
	l->filter.mesh = query_get(q, "mesh");
	if (since != NULL && clock_parse_iso(since, &l->filter.since) == -1)
		return fault_set(f, 400, "invalid_query", "'since' must be a "
		    "time like 2026-01-31T12:00:00Z.");
	if (query_int(q, "limit", 1, LIST_MAX, LIST_DEFAULT, &limit,
	    f) == -1 ||
	    query_bool(q, "unread_only", 0, &l->filter.unread_only,
	    f) == -1 ||
	    query_bool(q, "mark_seen", 1, &l->mark_seen, f) == -1 ||
	    query_bool(q, "quarantine", 0, &l->filter.quarantine, f) == -1)
		return -1;
	l->filter.limit = (int)limit;
	if (l->filter.quarantine)
		l->mark_seen = 0;
	return 0;
}

void
on_inbox(struct request *r)
{
	struct listing	 l;
	struct scope	 sc = { 0, NULL };
	struct fault	 f;

	memset(&l, 0, sizeof l);
	l.gate = r->gate;
	if (list_query(r, &l, &f) == -1 ||
	    scope_find(&sc, r, l.filter.mesh, &f) == -1)
		reply_fault(r, &f);
	else if (r->gate->rows == NULL || list_read(&l, &sc) == -1)
		reply_unanswered(r, 0, "database");
	else
		list_reply(r, &l);
	list_clear(&l);
	scope_clear(&sc);
}

/* An id that the scope does not have is no error: it may be pruned. */
static int
seen_add(struct request *r, const struct scope *sc, const char *id,
    struct marks *k)
{
	struct rows_scope	 rs;
	int64_t			 seq;
	size_t			 i;
	int			 found = 0;

	for (i = 0; i < sc->n && found == 0; i++) {
		view_rows(&sc->views[i], &rs);
		found = rows_in_seq(r->gate->rows, &rs, id, &seq);
		if (found == 1)
			(void)marks_add(k, view_reader(&sc->views[i]), seq);
	}
	return found == -1 ? -1 : 0;
}

static int
seen_ids(struct request *r, const json_t *ids, const struct scope *sc,
    struct marks *k)
{
	json_t	*v;
	size_t	 i;

	json_array_foreach(ids, i, v)
		if (seen_add(r, sc, json_string_value(v), k) == -1)
			return -1;
	return 0;
}

void
on_inbox_seen(struct request *r)
{
	const json_t	*ids;
	struct scope	 sc = { 0, NULL };
	struct fault	 f;
	struct marks	*k;

	if ((ids = ids_parse(r->body, LIST_MAX, &f)) == NULL) {
		reply_fault(r, &f);
		return;
	}
	if (request_is_operator(r)) {
		reply_error(r, 403, "session_required", "Only a reader marks "
		    "as seen: ask on daemon.sock, or with a session's token.");
		return;
	}
	if (scope_find(&sc, r, NULL, &f) == -1) {
		reply_fault(r, &f);
		return;
	}
	k = marks_new(json_object());
	if (r->gate->rows == NULL || seen_ids(r, ids, &sc, k) == -1) {
		marks_free(k);
		reply_unanswered(r, 0, "database");
	} else
		marks_send(r, k);
	scope_clear(&sc);
}
