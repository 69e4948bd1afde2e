/* Whose row of the outbox is it? */

#include "supervisor/gate/mine.h"

#include <stdio.h>
#include <string.h>

#include "supervisor/gate/gate.h"
#include "supervisor/gate/request.h"
#include "supervisor/gate/scope.h"
#include "supervisor/gate/session.h"

int
mine_row(const struct request *r, const struct scope *sc, const char *id,
    int body, struct out_row *row)
{
	int	found;

	if (r->gate->rows == NULL)
		return -1;
	/* Without the body first: what is not the caller's takes no longer. */
	found = rows_out_by_id(r->gate->rows, id, 0, row);
	if (found != 1)
		return found;
	if (!request_is_operator(r) && !scope_has_owner(sc, row->owner)) {
		out_row_clear(row);
		return 0;
	}
	if (!body)
		return 1;
	out_row_clear(row);
	return rows_out_by_id(r->gate->rows, id, 1, row);
}

int
mine_is_own(const struct request *r, const struct out_row *row)
{
	if (r->session != NULL)
		return memcmp(r->session->owner, row->owner,
		    OWNER_ID_LEN) == 0;
	return !request_is_operator(r);
}

void
mine_name(const struct request *r, char out[NAME_SIZE])
{
	if (r->session != NULL)
		snprintf(out, NAME_SIZE, "%s", r->session->display_name);
	else
		snprintf(out, NAME_SIZE, "uid %llu",
		    (unsigned long long)r->uid);
}
