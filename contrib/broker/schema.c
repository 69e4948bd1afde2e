/*
 * What the broker's file looks like, version 1.
 *
 * Keys are kept once and are integers everywhere else.  Times are milliseconds
 * since 1970.  A message stays for 7 days after it came: until it is delivered
 * with its text, afterwards without, so that its sender can repeat the send
 * and be told the same.  The indexes that delivery walks cover waiting messages
 * only, so its cost does not grow with what was delivered before.
 */

#include "contrib/broker/schema.h"

const char schema_sql[] =
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
