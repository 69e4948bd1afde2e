/*
 * How much a member may store in the services.
 */

#include "contrib/broker/quota.h"

#include <stdlib.h>

#include "common/xalloc.h"
#include "contrib/broker/db.h"

struct quota {
	struct db	*db;
	sqlite3_stmt	*find;
};

static const char sql_find[] =
    "SELECT entries, bytes FROM usage"
    " WHERE member = :member AND service = :service";

static const struct {
	int64_t	 entries, bytes;
} limits[] = {
	[SERVICE_STATE] = { QUOTA_STATE_ENTRIES, QUOTA_STATE_BYTES },
	[SERVICE_MEMORY] = { QUOTA_MEMORY_ENTRIES, QUOTA_MEMORY_BYTES },
	[SERVICE_SKILL] = { QUOTA_SKILL_ENTRIES, QUOTA_SKILL_BYTES },
	[SERVICE_SCHEDULED] = { QUOTA_SCHEDULED_ENTRIES,
	    QUOTA_SCHEDULED_BYTES },
	[SERVICE_WAITING] = { QUOTA_WAITING_ENTRIES, QUOTA_WAITING_BYTES },
	[SERVICE_TOPICS] = { QUOTA_TOPICS_ENTRIES, QUOTA_TOPICS_BYTES },
};

struct quota *
quota_new(struct db *db)
{
	struct quota	*q = xcalloc(1, sizeof *q);

	q->db = db;
	q->find = db_prepare(db, sql_find);
	return q;
}

void
quota_free(struct quota **qp)
{
	free(*qp);
	*qp = NULL;
}

int
quota_allows(struct quota *q, int64_t member, enum service service,
    int64_t bytes)
{
	int64_t	 have = 0, size = 0;
	int	 rc;

	db_bind_int(q->find, ":member", member);
	db_bind_int(q->find, ":service", (int64_t)service);
	if ((rc = db_step(q->db, q->find)) == 1) {
		have = sqlite3_column_int64(q->find, 0);
		size = sqlite3_column_int64(q->find, 1);
	}
	db_reset(q->find);
	if (rc == -1)
		return -1;
	return have < limits[service].entries &&
	    size + bytes <= limits[service].bytes;
}
