/*
 * The first versions of the file: meshes, members, messages, who is here,
 * topics.
 */

#include "contrib/broker/schema_steps.h"

/* Meshes, members, and messages for one key. */
const char schema_1[] =
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
const char schema_2[] =
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
