/* GET /v1/outbox and /v1/outbox/{id}: what was accepted, and what became of it. */

#include "supervisor/gate/handlers.h"

#include <stdlib.h>

#include "common/xalloc.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/item.h"
#include "supervisor/gate/mine.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"
#include "supervisor/gate/scope.h"

#define LIST_MAX	500
#define LIST_DEFAULT	50

struct entry {
	int64_t	 seq;
	json_t	*item;
};

struct listing {
	struct entry	*entries;
	size_t		 n, room;
};

static int
list_row(void *arg, const struct out_row *row)
{
	struct listing	*l = arg;
	json_t		*item = item_outbox(row);

	if (item == NULL)
		return 0;
	if (l->n == l->room) {
		l->room = l->room > 0 ? 2 * l->room : 64;
		l->entries = xreallocarray(l->entries, l->room,
		    sizeof *l->entries);
	}
	l->entries[l->n].seq = row->seq;
	l->entries[l->n].item = item;
	l->n++;
	return 0;
}

static int
entry_cmp(const void *a, const void *b)
{
	const struct entry	*x = a, *y = b;

	return (x->seq < y->seq) - (x->seq > y->seq);	/* newest first */
}

static int
list_read(struct request *r, const struct scope *sc, int state, int limit,
    struct listing *l)
{
	const uint8_t	*owners[2];
	size_t		 i, j, n;

	for (i = 0; i < sc->n; i++) {
		n = view_owners(&sc->views[i], owners);
		for (j = 0; j < n; j++)
			if (rows_out_list(r->gate->rows, owners[j], state,
			    limit, list_row, l) == -1)
				return -1;
	}
	if (l->n > 1)
		qsort(l->entries, l->n, sizeof *l->entries, entry_cmp);
	return 0;
}

static int
list_query(const struct request *r, int *state_r, int64_t *limit_r,
    struct fault *f)
{
	const char	*status = query_get(&r->query, "status");
	enum row_state	 state;

	*state_r = -1;
	if (status != NULL) {
		if (row_state_parse(status, &state) == -1)
			return fault_set(f, 400, "invalid_query", "'status' "
			    "must be pending, inflight, done, dead or "
			    "aborted.");
		*state_r = (int)state;
	}
	return query_int(&r->query, "limit", 1, LIST_MAX, LIST_DEFAULT,
	    limit_r, f);
}

void
on_outbox(struct request *r)
{
	struct listing	 l = { NULL, 0, 0 };
	struct scope	 sc = { 0, NULL };
	struct fault	 f;
	json_t		*items;
	int64_t		 limit;
	size_t		 i;
	int		 state;

	if (list_query(r, &state, &limit, &f) == -1 ||
	    scope_find(&sc, r, query_get(&r->query, "mesh"), &f) == -1) {
		reply_fault(r, &f);
	} else if (r->gate->rows == NULL ||
	    list_read(r, &sc, state, (int)limit, &l) == -1) {
		reply_unanswered(r, 0, "database");
	} else {
		items = json_array();
		for (i = 0; i < l.n && i < (size_t)limit; i++)
			json_array_append(items, l.entries[i].item);
		reply_json(r, 200, json_pack("{s:o}", "items", items));
	}
	for (i = 0; i < l.n; i++)
		json_decref(l.entries[i].item);
	free(l.entries);
	scope_clear(&sc);
}

void
on_outbox_row(struct request *r)
{
	struct scope	 sc = { 0, NULL };
	struct out_row	 row;
	struct fault	 f;
	json_t		*item, *body;

	if (scope_find(&sc, r, NULL, &f) == -1) {
		reply_fault(r, &f);
		return;
	}
	switch (mine_row(r, &sc, r->arg, 1, &row)) {
	case -1:
		reply_unanswered(r, 0, "database");
		break;
	case 0:
		reply_error(r, 404, "row_not_found", "Your outbox has no row "
		    "with this id.");
		break;
	default:
		if ((item = item_outbox(&row)) != NULL &&
		    mine_is_own(r, &row) &&
		    (body = item_outbox_body(r->gate, &row)) != NULL)
			json_object_set_new(item, "body", body);
		reply_json(r, 200, item);
		out_row_clear(&row);
		break;
	}
	scope_clear(&sc);
}
