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
 * steps[]; a step that was ever released is not changed again.
 */

#include "contrib/broker/schema.h"

#include <stddef.h>
#include <stdio.h>

#include "common/log.h"
#include "contrib/broker/db.h"

/* Meshes, members, and messages for one key. */
static const char version_1[] =
    /* A mesh: its members can find and write to each other. */
    "CREATE TABLE mesh ("
    " id INTEGER PRIMARY KEY,"
    " mesh_id TEXT NOT NULL UNIQUE,"	/* meshId, 22 characters */
    " slug TEXT NOT NULL UNIQUE,"	/* its name for people */
    " owner_pubkey BLOB NOT NULL,"	/* ed25519: signs invites */
    " owner_seckey BLOB NOT NULL,"	/* the whole reason for mode 0600 */
    " created_at INTEGER NOT NULL"
    ") STRICT;"

    /* A member: an identity that may connect, and attest sessions. */
    "CREATE TABLE member ("
    " id INTEGER PRIMARY KEY,"
    " mesh INTEGER NOT NULL REFERENCES mesh(id),"
    " member_id TEXT NOT NULL UNIQUE,"	/* memberId, 22 characters */
    " pubkey BLOB NOT NULL,"
    " name TEXT NOT NULL,"		/* display name */
    " joined_at INTEGER NOT NULL,"
    " last_seen_at INTEGER,"		/* its connection went; NULL: never */
    " revoked_at INTEGER,"		/* banned; NULL: not */
    " UNIQUE (mesh, pubkey)"
    ") STRICT;"

    /*
     * A key that a direct message may be sent to: of a member, or of a
     * session that has said hello in this mesh.
     */
    "CREATE TABLE peer_key ("
    " id INTEGER PRIMARY KEY,"
    " mesh INTEGER NOT NULL REFERENCES mesh(id),"
    " pubkey BLOB NOT NULL,"
    " member INTEGER NOT NULL REFERENCES member(id),"	/* whose it is */
    " is_member INTEGER NOT NULL,"	/* 1: the member's own */
    " first_seen_at INTEGER NOT NULL,"
    " UNIQUE (mesh, pubkey)"
    ") STRICT;"

    /* A message that was accepted. */
    "CREATE TABLE message ("
    " seq INTEGER PRIMARY KEY,"		/* order of acceptance */
    " message_id TEXT NOT NULL,"	/* messageId, 32 base62 */
    " sender INTEGER NOT NULL REFERENCES peer_key(id),"
    " sender_member INTEGER NOT NULL REFERENCES member(id),"
    " sender_name TEXT NOT NULL,"	/* as it was then */
    " client_id TEXT,"			/* client_message_id */
    " fingerprint BLOB,"		/* request_fingerprint */
    " target TEXT,"			/* of a multicast; NULL: direct */
    " recipient INTEGER REFERENCES peer_key(id),"	/* NULL: multicast */
    " priority INTEGER NOT NULL,"	/* 0 now, 1 next, 2 low */
    " reply_to TEXT,"
    " nonce TEXT NOT NULL,"		/* base64, as it came */
    " ciphertext TEXT NOT NULL,"	/* likewise; '' once delivered */
    " created_at INTEGER NOT NULL,"
    " delivered_at INTEGER"		/* NULL: waiting */
    ") STRICT;"

    /* A send that is repeated. */
    "CREATE UNIQUE INDEX message_client ON message (sender, client_id)"
    " WHERE client_id IS NOT NULL;"
    /* An acknowledgement, and later questions. */
    "CREATE UNIQUE INDEX message_id ON message (message_id);"
    /* What waits for a recipient, in order. */
    "CREATE INDEX message_waiting ON message"
    " (recipient, priority, seq, sender) WHERE delivered_at IS NULL;"
    /* What is old enough to go. */
    "CREATE INDEX message_age ON message (created_at);";

/* Who is here, and topics. */
static const char version_2[] =
    /*
     * Somebody who is here, or whose connection ended not long ago: after a
     * restart of the broker it may come back as who it was.
     */
    "CREATE TABLE presence ("
    " presence_id TEXT PRIMARY KEY NOT NULL,"	/* 32 base62 */
    " mesh INTEGER NOT NULL REFERENCES mesh(id),"
    " member INTEGER NOT NULL REFERENCES member(id),"
    " kind INTEGER NOT NULL,"		/* enum peer_kind */
    " pubkey BLOB NOT NULL,"		/* its own */
    " session_id TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " cwd TEXT,"
    " hostname TEXT,"
    " peer_type TEXT,"
    " channel TEXT,"
    " model TEXT,"
    " groups TEXT NOT NULL,"		/* JSON: [{name, role?}] */
    " hello_groups TEXT NOT NULL,"	/* likewise, as its hello said */
    " status INTEGER NOT NULL,"		/* enum peer_status */
    " summary TEXT,"
    " stats TEXT,"			/* JSON */
    " visible INTEGER NOT NULL,"
    " profile TEXT,"			/* JSON */
    " connected_at INTEGER NOT NULL,"
    " left_at INTEGER,"			/* NULL: its connection is open */
    " topic_seq INTEGER NOT NULL"	/* it has topic messages up to it */
    ") STRICT, WITHOUT ROWID;"

    /* What a member's last connection left behind. */
    "CREATE TABLE member_past ("
    " member INTEGER PRIMARY KEY REFERENCES member(id),"
    " summary TEXT,"
    " groups TEXT NOT NULL,"		/* JSON */
    " stats TEXT"			/* JSON */
    ") STRICT;"

    /* A topic: messages for whoever subscribes to it, and its history. */
    "CREATE TABLE topic ("
    " id INTEGER PRIMARY KEY,"
    " mesh INTEGER NOT NULL REFERENCES mesh(id),"
    " topic_id TEXT NOT NULL UNIQUE,"	/* 32 base62; '#' and this: a target */
    " name TEXT NOT NULL,"
    " description TEXT,"
    " visibility TEXT NOT NULL,"	/* a label: public, private, dm */
    " created_by INTEGER NOT NULL REFERENCES member(id),"
    " created_at INTEGER NOT NULL,"
    " UNIQUE (mesh, name)"
    ") STRICT;"

    /* A member that subscribes to a topic. */
    "CREATE TABLE topic_member ("
    " topic INTEGER NOT NULL REFERENCES topic(id),"
    " member INTEGER NOT NULL REFERENCES member(id),"
    " role TEXT NOT NULL,"		/* lead: who made it; member */
    " joined_at INTEGER NOT NULL,"
    " joined_seq INTEGER NOT NULL,"	/* later messages are pushed */
    " last_read_at INTEGER,"		/* NULL: never */
    " PRIMARY KEY (topic, member)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX topic_member_member ON topic_member (member);"

    /*
     * A message of a topic, with its text.  That a send is a repeated one is
     * known from the table message, as for all sends.
     */
    "CREATE TABLE topic_message ("
    " seq INTEGER PRIMARY KEY AUTOINCREMENT,"	/* presences count by it */
    " topic INTEGER NOT NULL REFERENCES topic(id),"
    " message_id TEXT NOT NULL UNIQUE,"
    " sender INTEGER NOT NULL REFERENCES peer_key(id),"
    " sender_member INTEGER NOT NULL REFERENCES member(id),"
    " sender_name TEXT NOT NULL,"	/* as it was then */
    " client_id TEXT,"
    " fingerprint BLOB,"
    " priority INTEGER NOT NULL,"
    " reply_to TEXT,"
    " nonce TEXT NOT NULL,"
    " ciphertext TEXT NOT NULL,"
    " body_version INTEGER NOT NULL,"
    " created_at INTEGER NOT NULL"
    ") STRICT;"
    /* Its history. */
    "CREATE INDEX topic_message_topic ON topic_message (topic, seq);"
    /* What is old enough to go. */
    "CREATE INDEX topic_message_age ON topic_message (created_at);";

/*
 * What a member has stored in one of the services below, kept by triggers, so
 * that its limits cost one look-up.
 */
#define USAGE								\
    "CREATE TABLE usage ("						\
    " member INTEGER NOT NULL REFERENCES member(id),"			\
    " service INTEGER NOT NULL,"	/* enum service */		\
    " entries INTEGER NOT NULL,"					\
    " bytes INTEGER NOT NULL,"						\
    " PRIMARY KEY (member, service)"					\
    ") STRICT, WITHOUT ROWID;"

#define USAGE_ADD(n)							\
    " INSERT INTO usage VALUES (new.member, " #n ", 1, new.size)"	\
    "  ON CONFLICT DO UPDATE SET entries = entries + 1,"		\
    "   bytes = bytes + excluded.bytes;"
#define USAGE_SUB(n)							\
    " UPDATE usage SET entries = entries - 1, bytes = bytes - old.size"	\
    "  WHERE member = old.member AND service = " #n ";"
#define USAGE_OF(table, n)						\
    "CREATE TRIGGER " #table "_in AFTER INSERT ON " #table " BEGIN"	\
    USAGE_ADD(n) " END;"						\
    "CREATE TRIGGER " #table "_out AFTER DELETE ON " #table " BEGIN"	\
    USAGE_SUB(n) " END;"						\
    "CREATE TRIGGER " #table "_set AFTER UPDATE OF member, size ON "	\
    #table " BEGIN" USAGE_SUB(n) USAGE_ADD(n) " END;"

/*
 * The text of a message apart, so that what stays of a delivered one is short
 * and the pages of texts are free again; who may administer a mesh; and the
 * services: state, memory, skills, scheduled messages.
 */
static const char version_3[] =
    "DROP INDEX message_client;"
    "DROP INDEX message_id;"
    "DROP INDEX message_waiting;"
    "DROP INDEX message_age;"
    "ALTER TABLE message RENAME TO message_old;"

    /* A message that was accepted; delivered ones so that repeats are known. */
    "CREATE TABLE message ("
    " seq INTEGER PRIMARY KEY,"		/* order of acceptance */
    " message_id TEXT NOT NULL,"	/* messageId, 32 base62 */
    " sender INTEGER NOT NULL REFERENCES peer_key(id),"
    " client_id TEXT,"			/* client_message_id */
    " fingerprint BLOB,"		/* request_fingerprint */
    " target TEXT,"			/* of a multicast; NULL: direct */
    " recipient INTEGER REFERENCES peer_key(id),"	/* NULL: multicast */
    " priority INTEGER NOT NULL,"	/* 0 now, 1 next, 2 low */
    " created_at INTEGER NOT NULL,"
    " delivered_at INTEGER"		/* NULL: waiting */
    ") STRICT;"

    /* The rest of one that waits. */
    "CREATE TABLE message_text ("
    " seq INTEGER PRIMARY KEY REFERENCES message(seq) ON DELETE CASCADE,"
    " sender_member INTEGER NOT NULL REFERENCES member(id),"
    " sender_name TEXT NOT NULL,"	/* as it was then */
    " subtype TEXT,"			/* reminder; NULL: none */
    " reply_to TEXT,"
    " nonce TEXT NOT NULL,"		/* base64, as it came */
    " ciphertext TEXT NOT NULL"		/* likewise */
    ") STRICT;"

    "INSERT INTO message SELECT seq, message_id, sender, client_id,"
    " fingerprint, target, recipient, priority, created_at, delivered_at"
    " FROM message_old ORDER BY seq;"
    "INSERT INTO message_text SELECT seq, sender_member, sender_name, NULL,"
    " reply_to, nonce, ciphertext FROM message_old"
    " WHERE delivered_at IS NULL ORDER BY seq;"
    "DROP TABLE message_old;"

    /* A send that is repeated. */
    "CREATE UNIQUE INDEX message_client ON message (sender, client_id)"
    " WHERE client_id IS NOT NULL;"
    /* An acknowledgement, and later questions. */
    "CREATE UNIQUE INDEX message_id ON message (message_id);"
    /* What waits for a recipient, in order. */
    "CREATE INDEX message_waiting ON message"
    " (recipient, priority, seq, sender) WHERE delivered_at IS NULL;"
    /* What is old enough to go. */
    "CREATE INDEX message_age ON message (created_at);"

    /* Whoever made a mesh may kick and ban; of old ones, its first member. */
    "ALTER TABLE member ADD COLUMN is_admin INTEGER NOT NULL DEFAULT 0;"
    "UPDATE member SET is_admin = 1 WHERE id IN"
    " (SELECT min(id) FROM member GROUP BY mesh);"

    USAGE

    /* What a mesh agrees on: JSON by name. */
    "CREATE TABLE state ("
    " id INTEGER PRIMARY KEY,"
    " mesh INTEGER NOT NULL REFERENCES mesh(id),"
    " key TEXT NOT NULL,"
    " value TEXT NOT NULL,"		/* JSON, not null */
    " member INTEGER NOT NULL REFERENCES member(id),"	/* set it last */
    " by_name TEXT NOT NULL,"		/* as it was then */
    " updated_at INTEGER NOT NULL,"
    " size INTEGER NOT NULL,"		/* of key and value */
    " UNIQUE (mesh, key)"
    ") STRICT;"
    USAGE_OF(state, 1)

    /*
     * What a mesh remembers, and an index of its words, which memory.c keeps:
     * triggers may not, with a schema that is not trusted.
     */
    "CREATE TABLE memory ("
    " id INTEGER PRIMARY KEY,"
    " memory_id TEXT NOT NULL UNIQUE,"	/* 32 base62 */
    " mesh INTEGER NOT NULL REFERENCES mesh(id),"
    " scope TEXT NOT NULL,"		/* the mesh as a word: m<mesh> */
    " content TEXT NOT NULL,"
    " tags TEXT NOT NULL,"		/* JSON: [text, ...] */
    " member INTEGER NOT NULL REFERENCES member(id),"
    " by_name TEXT NOT NULL,"		/* as it was then */
    " created_at INTEGER NOT NULL,"
    " size INTEGER NOT NULL"		/* of content and tags */
    ") STRICT;"
    "CREATE INDEX memory_mesh ON memory (mesh, id);"
    "CREATE VIRTUAL TABLE memory_word USING fts5 (content, tags, scope,"
    " content='memory', content_rowid='id',"
    " tokenize='porter unicode61 remove_diacritics 2');"
    USAGE_OF(memory, 2)

    /* What members of a mesh teach each other. */
    "CREATE TABLE skill ("
    " id INTEGER PRIMARY KEY,"
    " mesh INTEGER NOT NULL REFERENCES mesh(id),"
    " name TEXT NOT NULL,"
    " description TEXT NOT NULL,"
    " tags TEXT NOT NULL,"		/* JSON: [text, ...] */
    " instructions TEXT NOT NULL,"
    " manifest TEXT,"			/* JSON */
    " member INTEGER NOT NULL REFERENCES member(id),"	/* shared it last */
    " by_name TEXT NOT NULL,"		/* as it was then */
    " created_at INTEGER NOT NULL,"
    " size INTEGER NOT NULL,"		/* of all its texts */
    " UNIQUE (mesh, name)"
    ") STRICT;"
    USAGE_OF(skill, 3)

    /* Messages for a later time. */
    "CREATE TABLE scheduled ("
    " id INTEGER PRIMARY KEY,"
    " scheduled_id TEXT NOT NULL UNIQUE,"	/* 32 base62 */
    " mesh INTEGER NOT NULL REFERENCES mesh(id),"
    " member INTEGER NOT NULL REFERENCES member(id),"
    " sender INTEGER NOT NULL REFERENCES peer_key(id),"
    " sender_name TEXT NOT NULL,"	/* as it was then */
    " target TEXT NOT NULL,"		/* targetSpec */
    " message TEXT NOT NULL,"
    " cron TEXT,"			/* NULL: once */
    " deliver_at INTEGER NOT NULL,"	/* next */
    " fired_at INTEGER,"		/* last; NULL: not yet */
    " held INTEGER NOT NULL DEFAULT 0,"	/* nobody is there to get it */
    " created_at INTEGER NOT NULL,"
    " size INTEGER NOT NULL"		/* of message */
    ") STRICT;"
    "CREATE INDEX scheduled_due ON scheduled (held, deliver_at);"
    "CREATE INDEX scheduled_member ON scheduled (member, sender);"
    USAGE_OF(scheduled, 4);
/* Invites. */
static const char version_4[] =
    /* Shared by the members of a mesh; made with its first invite. */
    "ALTER TABLE mesh ADD COLUMN root_key TEXT;"

    /* An invite.  Its token, which lets anyone in, is not kept. */
    "CREATE TABLE invite ("
    " id INTEGER PRIMARY KEY,"
    " mesh INTEGER NOT NULL REFERENCES mesh(id),"
    " token_hash BLOB NOT NULL UNIQUE,"	/* BLAKE2b-256 */
    " role TEXT NOT NULL,"		/* of who joins: admin, member */
    " expires_at INTEGER NOT NULL,"	/* seconds, as in the token */
    " max_uses INTEGER NOT NULL,"	/* 0: any number */
    " uses INTEGER NOT NULL DEFAULT 0,"
    " revoked_at INTEGER,"		/* NULL: not */
    " created_at INTEGER NOT NULL"
    ") STRICT;"
    /* Those of a mesh, to revoke them. */
    "CREATE INDEX invite_mesh ON invite (mesh);";

static const char *const steps[] = {
	version_1,
	version_2,
	version_3,
	version_4,
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
