/*
 * Later versions of the file: the services, invites, and limits.
 */

#include "contrib/broker/schema_steps.h"

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
const char schema_3[] =
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
const char schema_4[] =
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

/*
 * Nothing grows for ever: keys of sessions that were not here for long go;
 * what a member sent and nobody has taken yet, or topics keep, is counted.
 */
const char schema_5[] =
    "ALTER TABLE peer_key ADD COLUMN last_seen_at INTEGER NOT NULL DEFAULT 0;"
    "UPDATE peer_key SET last_seen_at ="
    " CAST(strftime('%s', 'now') AS INTEGER) * 1000;"
    /* Keys of sessions that may go. */
    "CREATE INDEX peer_key_seen ON peer_key (last_seen_at)"
    " WHERE is_member = 0;"

    /* Is a key in use?  For SQLite's own look too, so for all rows. */
    "DROP INDEX message_client;"
    "CREATE UNIQUE INDEX message_client ON message (sender, client_id);"
    "CREATE INDEX message_recipient ON message (recipient);"
    "CREATE INDEX topic_message_sender ON topic_message (sender);"
    "CREATE INDEX scheduled_sender ON scheduled (sender);"
    "CREATE INDEX scheduled_target ON scheduled (target);"
    "CREATE INDEX presence_pubkey ON presence (pubkey);"

    "ALTER TABLE message_text ADD COLUMN size INTEGER NOT NULL DEFAULT 0;"
    "UPDATE message_text SET size = length(CAST(nonce AS BLOB))"
    " + length(CAST(ciphertext AS BLOB));"
    "INSERT INTO usage SELECT sender_member, 5, count(*), sum(size)"
    " FROM message_text GROUP BY sender_member;"
    "CREATE TRIGGER message_text_in AFTER INSERT ON message_text BEGIN"
    " INSERT INTO usage VALUES (new.sender_member, 5, 1, new.size)"
    "  ON CONFLICT DO UPDATE SET entries = entries + 1,"
    "   bytes = bytes + excluded.bytes;"
    " END;"
    "CREATE TRIGGER message_text_out AFTER DELETE ON message_text BEGIN"
    " UPDATE usage SET entries = entries - 1, bytes = bytes - old.size"
    "  WHERE member = old.sender_member AND service = 5;"
    " END;"

    "ALTER TABLE topic_message ADD COLUMN size INTEGER NOT NULL DEFAULT 0;"
    "UPDATE topic_message SET size = length(CAST(nonce AS BLOB))"
    " + length(CAST(ciphertext AS BLOB));"
    "INSERT INTO usage SELECT sender_member, 6, count(*), sum(size)"
    " FROM topic_message GROUP BY sender_member;"
    "CREATE TRIGGER topic_message_in AFTER INSERT ON topic_message BEGIN"
    " INSERT INTO usage VALUES (new.sender_member, 6, 1, new.size)"
    "  ON CONFLICT DO UPDATE SET entries = entries + 1,"
    "   bytes = bytes + excluded.bytes;"
    " END;"
    "CREATE TRIGGER topic_message_out AFTER DELETE ON topic_message BEGIN"
    " UPDATE usage SET entries = entries - 1, bytes = bytes - old.size"
    "  WHERE member = old.sender_member AND service = 6;"
    " END;";
