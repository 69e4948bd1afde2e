/*
 * What the broker's file looks like, and the versions of it.
 *
 * Keys are kept once and are integers everywhere else.  Times are milliseconds
 * since 1970.  A message stays for 7 days after it came: until it is delivered
 * with its text, afterwards without, in some 240 bytes, so that its sender can
 * repeat the send and be told the same.  The indexes that delivery walks cover
 * waiting messages only, so its cost does not grow with what was delivered
 * before.
 *
 * Migrations go forward only: a new version is one more step at the end of
 * steps[].
 */

#include "contrib/broker/schema.h"

#include <stddef.h>
#include <stdio.h>

#include "common/log.h"
#include "contrib/broker/db.h"
#include "contrib/broker/schema_steps.h"

static const char *const steps[] = {
	schema_1,
	schema_2,
	schema_3,
	schema_4,
	schema_5,
};

_Static_assert(sizeof steps / sizeof steps[0] == SCHEMA_VERSION,
    "one step per version");

const char *
schema_step(int version)
{
	return version >= 1 && version <= SCHEMA_VERSION ?
	    steps[version - 1] : NULL;
}

/* Step by step, within the transaction. */
static int
steps_run(struct db *db, int version)
{
	char	 pragmas[96];

	for (; version < SCHEMA_VERSION; version++)
		if (db_exec(db, steps[version]) == -1)
			return -1;
	snprintf(pragmas, sizeof pragmas, "PRAGMA application_id = %d;"
	    "PRAGMA user_version = %d", SCHEMA_APPLICATION_ID,
	    SCHEMA_VERSION);
	return db_exec(db, pragmas);
}

/* Which version is it?  A file without any table is a new one: 0. */
static int
version_get(struct db *db)
{
	int	 id, version;

	id = db_pragma(db, "PRAGMA application_id");
	version = db_pragma(db, "PRAGMA user_version");
	if (id == 0 && version == 0 && db_pragma(db,
	    "SELECT count(*) FROM sqlite_schema") == 0)
		return 0;
	if (id != SCHEMA_APPLICATION_ID) {
		log_warnx("%s: not the file of a broker", db_path(db));
		return -1;
	}
	if (version < 1 || version > SCHEMA_VERSION) {
		log_warnx("%s: version %d of the file, this program knows 1 "
		    "to %d", db_path(db), version, SCHEMA_VERSION);
		return -1;
	}
	return version;
}

int
schema_open(struct db *db)
{
	int	 version;

	/* Two starts at once: the second waits, and then finds it made. */
	if (db_exec(db, "BEGIN IMMEDIATE") == -1)
		return -1;
	version = version_get(db);
	if (version != -1 && version < SCHEMA_VERSION &&
	    steps_run(db, version) == 0 && db_exec(db, "COMMIT") == 0) {
		if (version > 0)
			log_info("%s: version %d of the file -> %d",
			    db_path(db), version, SCHEMA_VERSION);
		return 0;
	}
	if (db_exec(db, "ROLLBACK") == -1)
		return -1;
	return version == SCHEMA_VERSION ? 0 : -1;
}
