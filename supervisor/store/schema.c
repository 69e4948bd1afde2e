/*
 * mesh.db: every table, column and index, and the versions of them.
 *
 * Times are milliseconds since 1970; a time that may be NULL has not come yet.
 * Keys of sessions and members are 32 bytes in the outbox, where they are ours,
 * and 64 hex digits in the inbox, where a sender may also be a word ("system",
 * "webhook:<name>").  An owner is the internal id of a session or a member.
 * Enumerations are those of common/rows.h.
 *
 * An index that work goes through covers only rows that are not ended, so that
 * its cost does not grow with history.  A partial index is used only by a
 * statement that repeats its condition word for word.
 *
 * Migrations go forward only: a new version is one more step at the end of
 * steps[]; a step that was ever released is not changed again.
 */

#include "supervisor/store/schema.h"

#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/rows.h"
#include "common/uuid.h"
#include "supervisor/store/db.h"

/* One row: about the file itself. */
#define META								\
    "CREATE TABLE meta ("						\
    " one INTEGER PRIMARY KEY CHECK (one = 1),"				\
    /* A UUID made with the file; part of the ids of events. */		\
    " epoch TEXT NOT NULL,"						\
    " created_at INTEGER NOT NULL"					\
    ") STRICT;"

/*
 * Who was ever at the other end of a worker's channel, as the supervisor said.
 * Says of what kind the recipient of a notice is when its worker is away.
 */
#define OWNER								\
    "CREATE TABLE owner ("						\
    " owner BLOB PRIMARY KEY NOT NULL CHECK (length(owner) = 16),"	\
    " kind INTEGER NOT NULL,"		/* enum row_kind */		\
    " mesh TEXT NOT NULL,"						\
    " pub BLOB NOT NULL,"		/* its key */			\
    " member_owner BLOB NOT NULL,"	/* the owner id of its member */\
    " seen_at INTEGER NOT NULL"		/* last channel */		\
    ") STRICT, WITHOUT ROWID;"

/*
 * Messages to send.  body is the last column, so that reading the others does
 * not walk its pages.
 */
#define OUTBOX								\
    "CREATE TABLE outbox ("						\
    " seq INTEGER PRIMARY KEY AUTOINCREMENT,"				\
    " id TEXT NOT NULL UNIQUE,"		/* UUID, what the API shows */	\
    " owner BLOB NOT NULL CHECK (length(owner) = 16),"			\
    " sender BLOB NOT NULL CHECK (length(sender) = 32),"		\
    " mesh TEXT NOT NULL,"		/* slug */			\
    " client_message_id TEXT NOT NULL,"					\
    " fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),"	\
    " target TEXT NOT NULL,"		/* targetSpec */		\
    " priority INTEGER NOT NULL,"	/* enum row_priority */		\
    " reply_to TEXT,"							\
    /* Frozen at accept, so that every ciphertext is the same. */	\
    " nonce BLOB NOT NULL CHECK (length(nonce) = 24),"			\
    /* Additional data of body; a requeued row keeps it. */		\
    " body_id BLOB NOT NULL CHECK (length(body_id) = 16),"		\
    " payload_bytes INTEGER NOT NULL,"	/* of the plaintext */		\
    " created_at INTEGER NOT NULL,"	/* of the message */		\
    " enqueued_at INTEGER NOT NULL,"	/* of the row; max_age */	\
    " state INTEGER NOT NULL DEFAULT 0,"/* enum row_state */		\
    " held INTEGER NOT NULL DEFAULT 0,"	/* kept out of the drain */	\
    " attempts INTEGER NOT NULL DEFAULT 0,"				\
    " next_attempt_at INTEGER NOT NULL DEFAULT 0,"	/* 0: at once */\
    " last_error TEXT,"			/* why it waits, or died */	\
    " broker_message_id TEXT,"						\
    " delivered_at INTEGER,"		/* the broker took it */	\
    " ended_at INTEGER,"		/* done, dead or aborted */	\
    " aborted_at INTEGER,"						\
    " aborted_by TEXT,"			/* which operator */		\
    " superseded_by TEXT,"		/* id of the row of a requeue */\
    /* Sealed under the owner's body key; NULL once it is wiped. */	\
    " body BLOB,"							\
    " UNIQUE (owner, client_message_id),"				\
    " CHECK ((state >= 2) = (ended_at IS NOT NULL))"			\
    ") STRICT;"								\
    /* Heads of targets. */						\
    "CREATE INDEX outbox_head ON outbox (owner, target, seq)"		\
    " WHERE ended_at IS NULL AND held = 0;"				\
    /* What is open of one owner, held rows included. */		\
    "CREATE INDEX outbox_open ON outbox (owner, seq, state)"		\
    " WHERE ended_at IS NULL;"						\
    /* What is too old. */						\
    "CREATE INDEX outbox_age ON outbox (enqueued_at)"			\
    " WHERE ended_at IS NULL;"						\
    /* What an operator lists, and what its retention has passed. */	\
    "CREATE INDEX outbox_past ON outbox (owner, state, seq)"		\
    " WHERE ended_at IS NOT NULL;"					\
    "CREATE INDEX outbox_ended ON outbox (ended_at)"			\
    " WHERE ended_at IS NOT NULL;"

/*
 * Messages received.  The owner is the recipient.  seen_at and deleted_at are
 * the owner's own; other readers of a member's row are in the table reader.  A
 * row that only its owner sees is deleted for good, and leaves a tombstone.
 */
#define INBOX								\
    "CREATE TABLE inbox ("						\
    " seq INTEGER PRIMARY KEY AUTOINCREMENT,"	/* cursors */		\
    " id TEXT NOT NULL UNIQUE,"			/* UUID */		\
    " owner BLOB NOT NULL CHECK (length(owner) = 16),"			\
    " kind INTEGER NOT NULL,"		/* enum row_kind, of owner */	\
    " state INTEGER NOT NULL,"		/* enum inbox_state */		\
    " mesh TEXT NOT NULL,"						\
    " recipient TEXT NOT NULL,"		/* the owner's key then */	\
    " sender TEXT NOT NULL,"						\
    " sender_member TEXT,"						\
    " sender_name TEXT,"						\
    " client_message_id TEXT,"						\
    " broker_message_id TEXT,"						\
    " nonce BLOB CHECK (length(nonce) = 24),"				\
    " priority INTEGER NOT NULL,"	/* enum row_priority */		\
    " topic TEXT,"							\
    " subtype TEXT,"							\
    " reply_to TEXT,"							\
    " created_at INTEGER NOT NULL,"	/* the sender's time */		\
    " received_at INTEGER NOT NULL,"	/* ours, at the commit */	\
    " seen_at INTEGER,"							\
    " deleted_at INTEGER,"						\
    " encrypted INTEGER NOT NULL,"	/* it came in a crypto_box */	\
    " authenticated INTEGER NOT NULL,"	/* the box was the sender's */	\
    /* Of a notice: which message ended, to whom, and why. */		\
    " notice_client_id TEXT,"						\
    " notice_target TEXT,"						\
    " notice_reason TEXT,"						\
    " body_id BLOB CHECK (length(body_id) = 16),"			\
    /* Sealed; the raw envelope in handover and quarantine. */		\
    " body BLOB,"							\
    " CHECK ((state = 3) = (body IS NULL))"				\
    ") STRICT;"								\
    /* What makes a push a copy. */					\
    "CREATE UNIQUE INDEX inbox_client"					\
    " ON inbox (owner, sender, client_message_id)"			\
    " WHERE client_message_id IS NOT NULL;"				\
    "CREATE UNIQUE INDEX inbox_broker"					\
    " ON inbox (owner, sender, broker_message_id)"			\
    " WHERE broker_message_id IS NOT NULL;"				\
    "CREATE UNIQUE INDEX inbox_nonce ON inbox (owner, sender, nonce)"	\
    " WHERE nonce IS NOT NULL;"						\
    /* Listings and cursors. */						\
    "CREATE INDEX inbox_owner ON inbox (owner, seq);"			\
    "CREATE INDEX inbox_unread ON inbox (owner, seq)"			\
    " WHERE seen_at IS NULL;"						\
    "CREATE INDEX inbox_unopened ON inbox (owner, state, seq)"		\
    " WHERE state IN (1, 2);"						\
    /* Listings from a time on, and pruning owner by owner. */		\
    "CREATE INDEX inbox_received ON inbox (owner, received_at);"

/* The keys of deleted rows: a copy of one is still a copy. */
#define TOMBSTONE							\
    "CREATE TABLE tombstone ("						\
    " seq INTEGER PRIMARY KEY,"		/* of the row */		\
    " owner BLOB NOT NULL CHECK (length(owner) = 16),"			\
    " sender TEXT NOT NULL,"						\
    " client_message_id TEXT,"						\
    " broker_message_id TEXT,"						\
    " nonce BLOB,"							\
    " expires_at INTEGER NOT NULL"					\
    ") STRICT;"								\
    "CREATE INDEX tombstone_client"					\
    " ON tombstone (owner, sender, client_message_id)"			\
    " WHERE client_message_id IS NOT NULL;"				\
    "CREATE INDEX tombstone_broker"					\
    " ON tombstone (owner, sender, broker_message_id)"			\
    " WHERE broker_message_id IS NOT NULL;"				\
    "CREATE INDEX tombstone_nonce ON tombstone (owner, sender, nonce)"	\
    " WHERE nonce IS NOT NULL;"						\
    "CREATE INDEX tombstone_expiry ON tombstone (expires_at);"

/* What sessions have seen and deleted of their member's rows. */
#define READER								\
    "CREATE TABLE reader ("						\
    " seq INTEGER NOT NULL,"		/* of the inbox row */		\
    " reader BLOB NOT NULL CHECK (length(reader) = 16),"		\
    " seen_at INTEGER,"							\
    " deleted_at INTEGER,"						\
    " PRIMARY KEY (seq, reader)"					\
    ") STRICT, WITHOUT ROWID;"

/*
 * How far an owner has read the history of a topic at its broker, where
 * messages of a topic are not pushed.
 */
#define TOPIC								\
    "CREATE TABLE topic ("						\
    " owner BLOB NOT NULL CHECK (length(owner) = 16),"			\
    " topic TEXT NOT NULL,"		/* the broker's id of it */	\
    " last_message_id TEXT,"						\
    " updated_at INTEGER NOT NULL,"					\
    " PRIMARY KEY (owner, topic)"					\
    ") STRICT, WITHOUT ROWID;"

/*
 * Version 2.  What is older than the message that was read last is not new,
 * also when the broker has that message no more: its time says so.
 */
#define TOPIC_2								\
    "ALTER TABLE topic ADD COLUMN name TEXT NOT NULL DEFAULT '';"	\
    /* Of last_message_id, by the broker's clock. */			\
    "ALTER TABLE topic ADD COLUMN last_created_at INTEGER;"		\
    "ALTER TABLE topic ADD COLUMN joined_at INTEGER NOT NULL DEFAULT 0;"\
    /* Since when the broker knows it no more. */			\
    "ALTER TABLE topic ADD COLUMN gone_at INTEGER;"

#define TEXT(x)		TEXT_(x)
#define TEXT_(x)	#x
#define IDENTITY	"PRAGMA application_id = " TEXT(ROWS_APPLICATION_ID) ";"
#define SET_VERSION(n)	"PRAGMA user_version = " #n ";"

static const char *const steps[] = {
	META OWNER OUTBOX INBOX TOMBSTONE READER TOPIC IDENTITY SET_VERSION(1),
	TOPIC_2 SET_VERSION(2),
};

#define NSTEPS	((int)(sizeof steps / sizeof steps[0]))

_Static_assert(sizeof steps / sizeof steps[0] == ROWS_SCHEMA_VERSION,
    "one step per version");

const char *
schema_step(int version)
{
	return version >= 1 && version <= NSTEPS ? steps[version - 1] : NULL;
}

/* Is it ours?  A file without any table is a new one. */
static int
schema_check(struct db *d, int64_t *version)
{
	int64_t	id, tables;

	if (db_number(d, "PRAGMA application_id", &id) == -1 ||
	    db_number(d, "PRAGMA user_version", version) == -1 ||
	    db_number(d, "SELECT count(*) FROM sqlite_schema", &tables) == -1)
		return -1;
	if (id == 0 && *version == 0 && tables == 0)
		return 0;
	if (id != ROWS_APPLICATION_ID) {
		log_warnx("%s: is not a database of meshsup (application id "
		    "%#llx): not touched", db_path(d), (long long)id);
		return -1;
	}
	if (*version < 1 || *version > NSTEPS) {
		log_warnx("%s: has schema %lld, this version knows 1 to %d: "
		    "not touched; run the version that made it", db_path(d),
		    (long long)*version, NSTEPS);
		return -1;
	}
	return 0;
}

/* A new file gets its epoch. */
static int
schema_epoch(struct db *d)
{
	sqlite3_stmt	*st;
	char		 epoch[UUID_SIZE];
	int		 ret;

	st = db_prepare(d, "INSERT INTO meta (one, epoch, created_at)"
	    " VALUES (1, :epoch, :now)");
	db_text(st, ":epoch", uuid_v4(epoch));
	db_int(st, ":now", clock_wall_ms());
	ret = db_run(d, st);
	sqlite3_finalize(st);
	return ret;
}

/* Step by step, all or nothing. */
static int
schema_migrate(struct db *d, int version)
{
	int	v;

	if (db_begin(d) == -1)
		return -1;
	for (v = version; v < NSTEPS; v++)
		if (db_exec(d, steps[v]) == -1 ||
		    (v == 0 && schema_epoch(d) == -1))
			goto fail;
	return db_commit(d);

fail:
	db_rollback(d);
	return -1;
}

int
schema_open(struct db *d)
{
	int64_t	version;

	if (schema_check(d, &version) == -1 || db_configure(d) == -1)
		return -1;
	if (version == NSTEPS)
		return 0;
	if (schema_migrate(d, (int)version) == -1) {
		log_warnx("%s: schema %d could not be made", db_path(d),
		    NSTEPS);
		return -1;
	}
	log_info("%s: schema %lld -> %d", db_path(d), (long long)version,
	    NSTEPS);
	return 0;
}
