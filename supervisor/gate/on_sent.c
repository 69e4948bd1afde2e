/* GET /v1/send/{client_message_id}: what became of a send. */

#include "supervisor/gate/handlers.h"

#include <string.h>

#include "supervisor/gate/gate.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"
#include "supervisor/gate/scope.h"
#include "supervisor/gate/waits.h"

/* Of the first owner of the scope that has one.  1, 0, -1. */
static int
sent_find(const struct request *r, const struct scope *sc,
    uint8_t owner[OWNER_ID_LEN])
{
	const uint8_t	*owners[2];
	struct out_row	 row;
	size_t		 i, j, n;
	int		 found = 0;

	if (r->gate->rows == NULL)
		return -1;
	for (i = 0; i < sc->n && found == 0; i++) {
		n = view_owners(&sc->views[i], owners);
		for (j = 0; j < n && found == 0; j++) {
			found = rows_out_by_client_id(r->gate->rows,
			    owners[j], r->arg, &row);
			if (found == 1) {
				memcpy(owner, owners[j], OWNER_ID_LEN);
				out_row_clear(&row);
			}
		}
	}
	return found;
}

static int
sent_query(const struct request *r, enum wait_for *what_r, int64_t *ms_r,
    struct fault *f)
{
	const char	*what = query_get(&r->query, "wait");
	int64_t		 seconds;

	*what_r = WAIT_NOT;
	*ms_r = 0;
	if (query_int(&r->query, "timeout", 0, WAIT_MAX_S, WAIT_DEFAULT_S,
	    &seconds, f) == -1)
		return -1;
	if (what == NULL)
		return 0;
	if (strcmp(what, "sent") == 0)
		*what_r = WAIT_SENT;
	else if (strcmp(what, "delivered") == 0)
		*what_r = WAIT_DELIVERED;
	else
		return fault_set(f, 400, "invalid_query",
		    "'wait' must be sent or delivered.");
	*ms_r = seconds * 1000;
	return 0;
}

void
on_sent(struct request *r)
{
	struct scope	 sc = { 0, NULL };
	struct fault	 f;
	uint8_t		 owner[OWNER_ID_LEN];
	enum wait_for	 what;
	int64_t		 ms;

	if (sent_query(r, &what, &ms, &f) == -1 ||
	    scope_find(&sc, r, query_get(&r->query, "mesh"), &f) == -1) {
		reply_fault(r, &f);
		scope_clear(&sc);
		return;
	}
	switch (sent_find(r, &sc, owner)) {
	case -1:
		reply_unanswered(r, 0, "database");
		break;
	case 0:
		reply_error(r, 404, "row_not_found", "You have sent nothing "
		    "with this client_message_id, or it ended long ago.");
		break;
	default:
		wait_begin(r, owner, r->arg, what, ms);
		break;
	}
	scope_clear(&sc);
}
