#ifndef COMMON_MSG_H
#define COMMON_MSG_H

/*
 * The control protocol.  One packet is a msgpack array [type, seq, ...]; seq
 * is chosen by who asks and repeated by who answers, 0 when no answer is meant.
 * msg.c holds one layout per message, from which both the encoder and the
 * decoder work, so that they cannot disagree; nobody else touches msgpack.
 *
 * Bump MSG_PROTO when this list or a body changes.  Numbers of retired
 * messages are not used again.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/body.h"
#include "common/channel.h"
#include "common/envelope.h"
#include "common/fingerprint.h"
#include "common/identity.h"
#include "common/invite.h"
#include "common/log.h"
#include "common/rows.h"
#include "common/uuid.h"

#define MSG_PROTO	1

/* Kinds of peer, as bits for the tables of rules.h. */
#define PEER_SUPERVISOR	0x01u
#define PEER_STORE	0x02u
#define PEER_GATE	0x04u
#define PEER_WORKER	0x08u
#define PEER_RESOLVER	0x10u
#define PEER_BROKER	0x20u
#define PEER_JOIN	0x40u	/* a worker that joins a mesh */

/* The struct that goes with a type stands in brackets; none: no body. */
enum msg_type {
	/* From the supervisor. */
	MSG_SUP_SETUP_STORE = 1,   /* [setup_store] exactly once, first */
	MSG_SUP_SETUP_GATE = 2,	   /* [setup_gate] likewise */
	MSG_SUP_SETUP_WORKER = 3,  /* [setup_worker] likewise */
	MSG_SUP_SETUP_RESOLVER = 4,/* [setup_resolver] likewise */
	MSG_SUP_SETUP_BROKER = 5,  /* [setup_broker] likewise; listening fd */
	MSG_SUP_CHANNEL = 6,	/* [channel] an end to a sibling; one fd */
	MSG_SUP_STOP = 7,	/* finish what is begun, and exit */
	MSG_SUP_LOG_LEVEL = 8,	/* [log_level] */
	MSG_SUP_LISTEN = 9,	/* [listen] to the gate; one listening fd */
	MSG_SUP_MEMBER = 10,	/* [member] to the gate: new or changed */
	MSG_SUP_MEMBER_GONE = 11, /* [owner] to the gate */
	MSG_SUP_SESSION = 12,	/* [session] to the gate: new or changed */
	MSG_SUP_SESSION_GONE = 13, /* [owner] to the gate */
	MSG_SUP_REGISTERED = 14, /* [registered] answers MSG_GATE_REGISTER */
	MSG_SUP_ENDED = 15,	/* [ended] answers MSG_GATE_END */
	MSG_SUP_STATUS = 16,	/* [json] answers MSG_GATE_STATUS */
	MSG_SUP_ADDRESS = 17,	/* [address] to a worker: its broker's */
	MSG_SUP_ATTEST = 18,	/* [attest] to a member's worker */
	MSG_SUP_ATTESTATION = 19, /* [attestation] to a session's worker */
	MSG_SUP_DRAIN = 20,	/* to a worker: say when no row is open */
	MSG_SUP_RESOLVE = 21,	/* [resolve] to the resolver */
	MSG_SUP_MEMBER_ADD = 22, /* [member_add] to the embedded broker */
	MSG_SUP_END_ROWS = 23,	/* [end_rows] to the store: open ones die */
	MSG_SUP_PACE = 24,	/* [pace] to a worker: it may send, or ask */
	MSG_SUP_ANSWER = 25,	/* [answer] answers the gate's requests */
	MSG_SUP_PARK = 26,	/* [park] to a worker: keep away, or connect */
	MSG_SUP_QUIESCE = 37,	/* to gate and workers: begin nothing new */
	MSG_SUP_REPLACE = 38,	/* to the gate: as STOP; another one follows */
	MSG_SUP_ALLOW = 28,	/* [allow] to the gate: who may use the socket */

	MSG_SUP_SETUP_JOIN = 30, /* [setup_join] to a worker that joins */
	MSG_SUP_MESH_MAKE = 31,	/* [mesh_make] to the embedded broker */
	MSG_SUP_INVITE = 32,	/* [invite_make] to the embedded broker */

	/* From any child to the supervisor. */
	MSG_LOG = 40,		/* [log] */
	MSG_READY = 41,		/* set up, and able to work */

	/* From the gate. */
	MSG_GATE_REGISTER = 60,	/* [register] to the supervisor */
	MSG_GATE_END = 61,	/* [end] to the supervisor */
	MSG_GATE_STATUS = 62,	/* [status] to the supervisor */
	MSG_GATE_ACCEPT = 63,	/* [accept] to the store */
	MSG_GATE_SEEN = 64,	/* [seen] to the store */
	MSG_GATE_ASK = 65,	/* [ask] to a worker: ask your broker */
	MSG_GATE_OPERATE = 66,	/* [operate] to the store: hold, release, abort */
	MSG_GATE_REQUEUE = 67,	/* [requeue] to the store */
	MSG_GATE_DELETE = 68,	/* [seen] to the store: inbox rows go */
	MSG_GATE_PRESENCE = 70,	/* [presence] to the supervisor: pause, resume */
	MSG_GATE_RELOAD = 72,	/* [status] to the supervisor: by whom */
	MSG_GATE_LEAVE = 73,	/* [leave] to the supervisor: a mesh */

	MSG_GATE_UPGRADE = 85,	/* [status] to the supervisor: by whom */
	MSG_GATE_MESH_CREATE = 75, /* [mesh_create] to the supervisor */
	MSG_GATE_MESH_INVITE = 76, /* [mesh_invite] to the supervisor */
	MSG_GATE_MESH_JOIN = 77, /* [mesh_join] to the supervisor */

	/* From the store. */
	MSG_STORE_ACCEPTED = 100, /* [accepted] answers ACCEPT; synced */
	MSG_STORE_SEEN = 101,	/* [count] answers SEEN */
	MSG_STORE_ROWS = 102,	/* [rows] to the gate: inbox rows up to */
	MSG_STORE_WAKE = 103,	/* to a worker: there are new rows of yours */
	MSG_STORE_RECORDED = 104, /* [recorded] answers PROGRESS */
	MSG_STORE_STORED = 105,	/* [stored] answers PUT; synced */
	MSG_STORE_HANDOVER = 106, /* to a member's worker: rows to open */
	MSG_STORE_STATUS = 107,	/* [outcome] to the gate: a row has ended */
	MSG_STORE_CLAIM = 108,	/* [claim] to a worker: let go of a row? */
	MSG_STORE_UNCLAIM = 109, /* [claim] to a worker: look at it again */
	MSG_STORE_OPERATED = 110, /* [operated] answers OPERATE */
	MSG_STORE_REQUEUED = 111, /* [requeued] answers REQUEUE */
	MSG_STORE_DELETED = 112, /* [count] answers DELETE */
	MSG_STORE_ENDED = 113,	/* [owner] answers END_ROWS: synced */
	MSG_STORE_TOPIC = 114,	/* [count] answers TOPIC, TOPIC_LEAVE: synced */

	/* From a worker. */
	MSG_WRK_READY = 140,	/* [wrk_ready] to the supervisor: its keys */
	MSG_WRK_STATE = 141,	/* [wrk_state] to the supervisor */
	MSG_WRK_NEED_ADDRESS = 142, /* to the supervisor */
	MSG_WRK_NEED_ATTEST = 143, /* to the supervisor */
	MSG_WRK_ATTESTED = 144,	/* [attestation] from a member's worker */
	MSG_WRK_DRAINED = 145,	/* to the supervisor */
	MSG_WRK_PROGRESS = 146,	/* [progress] to the store */
	MSG_WRK_PUT = 147,	/* [put] to the store: an inbox row */
	MSG_WRK_ANSWER = 148,	/* [answer] to the gate, answers ASK */
	MSG_WRK_EVENT = 149,	/* [json] to the gate: a system event, or how
					   many of them were lost */
	MSG_WRK_CLAIMED = 150,	/* [claimed] to the store, answers CLAIM */
	MSG_WRK_RATE = 151,	/* [rate] to the supervisor: refused, or asks */
	MSG_WRK_TOPIC = 152,	/* [topic] to the store: joined, or read */
	MSG_WRK_TOPIC_LEAVE = 153, /* [topic_leave] to the store */

	/* From a worker that joins, to the supervisor. */
	MSG_JOIN_AT = 155,	/* [join_at] where is this host? */
	MSG_JOIN_DONE = 156,	/* [join_done] it is a member now */
	MSG_JOIN_REFUSED = 157,	/* [join_refused] it is not: why */

	MSG_WRK_QUIET = 160,	/* to the supervisor: no send is unanswered */

	/* From the others, to the supervisor. */
	MSG_RES_RESOLVED = 180,	/* [resolved] answers RESOLVE */
	MSG_BRK_MEMBER = 181,	/* [broker_member] answers MEMBER_ADD */
	MSG_BRK_MESH = 182,	/* [broker_mesh] answers MESH_MAKE */
	MSG_BRK_INVITE = 183,	/* [broker_invite] answers INVITE */
};
#define MSG_TYPE_MAX	255

/* Limits, in bytes, the final NUL included. */
#define MSG_PATH_SIZE		1024
#define MSG_ID_SIZE		(IDENTITY_ID_MAX + 1)
#define MSG_SESSION_ID_SIZE	129	/* the client's session_id */
#define MSG_ROLE_SIZE		65
#define MSG_HOST_SIZE		INVITE_HOST_SIZE
#define MSG_ADDRS_SIZE		512	/* numeric addresses, spaces between */
#define MSG_GROUPS_MAX		8192	/* JSON text of a session's groups */
#define MSG_UIDS_MAX		64
#define MSG_SEEN_MAX		1000
#define MSG_ADDR_FAMILIES	2
/* A sealed body, with room for the rest of its row in the packet. */
#define MSG_BODY_MAX		(CHANNEL_BIG_MAX - CHANNEL_PACKET_MAX)

/*
 * Bytes that live in the packet: until the next channel_recv().  p is not NULL
 * when it was decoded, not even when there are none.
 */
struct msg_slice {
	const uint8_t	*p;
	size_t		 len;
};

struct msg_ids {
	uint32_t	 n;
	uint64_t	 v[MSG_SEEN_MAX];
};

struct msg_uids {
	uint32_t	 n;
	uint64_t	 v[MSG_UIDS_MAX];
};

/* ---- set-up ---- */

struct msg_setup_store {
	int64_t		 log_level;	/* enum log_level */
	char		 dir[MSG_PATH_SIZE];	/* mesh.db lives here */
	int64_t		 retention_ms;	/* ended rows and inbox */
	int64_t		 max_age_ms;	/* open rows */
	int64_t		 boot_changed;	/* check the file beside */
};

struct msg_setup_gate {
	int64_t		 log_level;
	char		 db[MSG_PATH_SIZE];
	uint64_t	 owner_uid;	/* whom a TCP caller counts as */
	int64_t		 system_mode;	/* 0, 1 */
	struct msg_uids	 allow_uids;	/* besides owner and root */
	int64_t		 started_at;	/* ms; the supervisor's */
	uint64_t	 supervisor_pid;
	char		 local_token[65]; /* for TCP, or "" */
};

enum key_mode { KEY_MINT, KEY_BROUGHT, KEY_WRAPPED };
#define KEY_MODE_MAX	KEY_WRAPPED

struct msg_setup_worker {
	int64_t		 log_level;
	int64_t		 kind;		/* enum row_kind */
	uint8_t		 owner[OWNER_ID_LEN];
	char		 db[MSG_PATH_SIZE];
	char		 ca_file[MSG_PATH_SIZE]; /* "": the system's */
	char		 mesh[MESH_SLUG_SIZE];
	char		 mesh_id[MSG_ID_SIZE];
	char		 member_id[MSG_ID_SIZE];
	uint8_t		 member_pub[KEY_PUBLIC_LEN];
	uint8_t		 member_owner[OWNER_ID_LEN];
	char		 host[MSG_HOST_SIZE];	/* of the broker URL */
	uint32_t	 port;
	int64_t		 tls;			/* 0, 1 */
	char		 display_name[NAME_SIZE];
	char		 wire_session_id[MSG_SESSION_ID_SIZE];
	uint64_t	 pid;			/* of the owner process */
	char		 cwd[MSG_PATH_SIZE];
	char		 role[MSG_ROLE_SIZE];	/* "": none */
	struct msg_slice groups;	/* JSON array; empty: not given */
	char		 hostname[MSG_HOST_SIZE];
	uint8_t		 body_key[BODY_KEY_LEN];
	uint8_t		 wrap_key[BODY_KEY_LEN];
	int64_t		 key_mode;	/* enum key_mode; member: BROUGHT */
	uint8_t		 secret[KEY_SECRET_LEN];	/* BROUGHT */
	uint8_t		 wrapped[WRAPPED_LEN];		/* WRAPPED */
	/* The client's own attestation, when expires_at is not 0. */
	int64_t		 attest_expires_at;
	uint8_t		 attest_sig[KEY_SIG_LEN];
	int64_t		 parked;	/* 0, 1: it keeps away from its broker */
};

struct msg_setup_resolver {
	int64_t		 log_level;
};

struct msg_setup_broker {
	int64_t		 log_level;
	char		 db[MSG_PATH_SIZE];
	char		 tls_cert[MSG_PATH_SIZE];	/* "": plain */
	char		 tls_key[MSG_PATH_SIZE];
	int64_t		 max_connections;
	int64_t		 rate_limit;	/* sends a minute of a member; 0: none */
	int64_t		 rate_burst;
};

/* An end of a channel to a sibling. */
struct msg_channel {
	uint32_t	 peer;		/* PEER_*, who is at the other end */
	/* Of the worker at either end; zero between gate and store. */
	uint8_t		 owner[OWNER_ID_LEN];
	int64_t		 kind;		/* enum row_kind */
	uint8_t		 member_owner[OWNER_ID_LEN];	/* its member */
	uint8_t		 pub[KEY_PUBLIC_LEN];
	uint8_t		 member_pub[KEY_PUBLIC_LEN];
	char		 mesh[MESH_SLUG_SIZE];
};

struct msg_log_level {
	int64_t		 level;
};

enum listen_kind { LISTEN_UNIX, LISTEN_TCP, LISTEN_ADMIN };
#define LISTEN_KIND_MAX	LISTEN_ADMIN
struct msg_listen {
	int64_t		 kind;
};

struct msg_owner {
	uint8_t		 owner[OWNER_ID_LEN];
};

/* ---- what the gate is told ---- */

enum conn_state { CONN_REGISTERED, CONN_STARTING, CONN_CONNECTING, CONN_OPEN,
    CONN_PARKED, CONN_DRAINING, CONN_ENDED, CONN_RECONNECTING };
#define CONN_STATE_MAX	CONN_RECONNECTING
/* "registered" ...; RECONNECTING is "connecting" for a session. */
const char *conn_state_name(enum conn_state);

struct msg_member {
	uint8_t		 owner[OWNER_ID_LEN];
	char		 mesh[MESH_SLUG_SIZE];
	char		 name[NAME_SIZE];
	char		 mesh_id[MSG_ID_SIZE];
	char		 broker_url[MSG_PATH_SIZE];
	uint8_t		 pub[KEY_PUBLIC_LEN];
	uint64_t	 owner_uid;
	struct msg_uids	 users;		/* besides owner_uid */
	uint8_t		 body_key[BODY_KEY_LEN];
	int64_t		 state;		/* enum conn_state */
	char		 reason[REASON_SIZE];
};

/* Capabilities of a session, design.md "Keys". */
#define CAP_DM			0x001u
#define CAP_BROADCAST		0x002u
#define CAP_STATE_READ		0x004u
#define CAP_STATE_WRITE		0x008u
#define CAP_GRANT		0x010u
#define CAP_KICK		0x020u
#define CAP_BAN			0x040u
#define CAP_PROFILE_WRITE	0x080u
#define CAP_SERVICE_DEPLOY	0x100u
#define CAP_ALL			0x1ffu

struct msg_session {
	uint8_t		 owner[OWNER_ID_LEN];
	uint64_t	 uid;
	uint8_t		 token_hash[32];
	uint8_t		 token_prefix[4];
	char		 session_id[MSG_SESSION_ID_SIZE];
	char		 mesh[MESH_SLUG_SIZE];
	char		 display_name[NAME_SIZE];
	uint64_t	 pid;
	char		 cwd[MSG_PATH_SIZE];
	char		 role[MSG_ROLE_SIZE];
	struct msg_slice groups;
	uint32_t	 caps;		/* CAP_* */
	uint8_t		 pub[KEY_PUBLIC_LEN];
	uint8_t		 member_owner[OWNER_ID_LEN];
	uint8_t		 member_pub[KEY_PUBLIC_LEN];
	uint8_t		 body_key[BODY_KEY_LEN];
	int64_t		 state;
	char		 reason[REASON_SIZE];
	int64_t		 registered_at;
};

struct msg_register {
	uint64_t	 uid;		/* of the caller, by the kernel */
	uint8_t		 token_hash[32];	/* BLAKE2b-256 of the token */
	uint8_t		 token_prefix[4];
	char		 session_id[MSG_SESSION_ID_SIZE];
	char		 mesh[MESH_SLUG_SIZE];
	char		 display_name[NAME_SIZE];
	uint64_t	 pid;
	char		 cwd[MSG_PATH_SIZE];
	char		 role[MSG_ROLE_SIZE];
	struct msg_slice groups;	/* [{"name","role"?}], or empty */
	uint32_t	 caps;
	int64_t		 caps_given;	/* 0: what it had, or all; 1 */
	uint32_t	 caps_most;	/* of the session that asks, or all */
	int64_t		 key_mode;	/* MINT or BROUGHT */
	uint8_t		 pub[KEY_PUBLIC_LEN];
	uint8_t		 secret[KEY_SECRET_LEN];
	int64_t		 attest_expires_at;	/* 0: none brought */
	uint8_t		 attest_sig[KEY_SIG_LEN];
};

enum register_result {
	REGISTER_OK,
	REGISTER_MESH_NOT_ATTACHED,	/* 404 */
	REGISTER_PID_NOT_YOURS,		/* 400 */
	REGISTER_TOKEN_IN_USE,		/* 409 */
	REGISTER_FAILED,		/* 503: could not start or store it */
	REGISTER_CAPS_WIDER,		/* 409: more than it had */
	REGISTER_TOO_MANY,		/* 429: max_sessions */
	REGISTER_TOO_MANY_OF_UID,	/* 429: max_sessions_per_uid */
	REGISTER_TOO_MANY_FILES,	/* 429: no descriptors for more */
};
#define REGISTER_RESULT_MAX	REGISTER_TOO_MANY_FILES

struct msg_registered {
	int64_t		 result;
	int64_t		 registered_at;
	uint8_t		 pub[KEY_PUBLIC_LEN];
	int64_t		 limit;		/* with REGISTER_TOO_MANY... */
	char		 detail[REASON_SIZE];
};

struct msg_end {
	uint64_t	 uid;
	uint8_t		 token_hash[32];
};

struct msg_ended {
	int64_t		 found;		/* 0, 1 */
};

struct msg_status {
	uint64_t	 uid;		/* whose sessions to show */
	int64_t		 all;		/* operator scope */
};

/* Pause or resume; the answer is MSG_SUP_ANSWER. */
struct msg_presence {
	uint64_t	 uid;		/* whose sessions, or own meshes */
	int64_t		 all;		/* operator scope */
	int64_t		 pause;		/* 0: resume */
	int64_t		 kind;		/* enum row_kind: a session, or meshes */
	uint8_t		 owner[OWNER_ID_LEN];	/* the session */
	char		 mesh[MESH_SLUG_SIZE];	/* "": every mesh of the uid */
};

struct msg_allow {
	struct msg_uids	 uids;		/* besides owner and root */
};

struct msg_leave {
	uint64_t	 uid;		/* who asks */
	int64_t		 all;		/* operator scope */
	char		 slug[MESH_SLUG_SIZE];
};

struct msg_json {
	struct msg_slice json;		/* an object */
};

/* ---- broker connections ---- */

struct msg_address {
	char		 addrs[MSG_ADDRS_SIZE];	/* "": not resolvable now */
	uint32_t	 port;
	char		 error[REASON_SIZE];
};

struct msg_attest {
	uint8_t		 owner[OWNER_ID_LEN];	/* of the session */
	uint8_t		 pub[KEY_PUBLIC_LEN];
};

struct msg_attestation {
	uint8_t		 owner[OWNER_ID_LEN];
	uint8_t		 pub[KEY_PUBLIC_LEN];
	int64_t		 expires_at;
	uint8_t		 sig[KEY_SIG_LEN];
};

struct msg_resolve {
	char		 host[MSG_HOST_SIZE];
};

struct msg_resolved {
	char		 host[MSG_HOST_SIZE];
	char		 addrs[MSG_ADDRS_SIZE];
	char		 error[REASON_SIZE];
};

struct msg_member_add {
	char		 mesh[MESH_SLUG_SIZE];
	char		 name[NAME_SIZE];	/* display name of the member */
	uint8_t		 pub[KEY_PUBLIC_LEN];
};

struct msg_broker_member {
	int64_t		 ok;
	char		 mesh_id[MSG_ID_SIZE];
	char		 member_id[MSG_ID_SIZE];
	char		 error[REASON_SIZE];
};

/* ---- meshes and invites ---- */

/* A mesh of the embedded broker, and its first member. */
struct msg_mesh_make {
	char		 mesh[MESH_SLUG_SIZE];
	char		 name[NAME_SIZE];	/* display name of the member */
	uint8_t		 pub[KEY_PUBLIC_LEN];
};

enum broker_result {
	BROKER_OK,
	BROKER_EXISTS,		/* a mesh of that name, already */
	BROKER_NONE,		/* there is no mesh of that name */
	BROKER_REFUSED,		/* what was asked cannot be */
	BROKER_FAILED,		/* its file did */
};
#define BROKER_RESULT_MAX	BROKER_FAILED

struct msg_broker_mesh {
	int64_t		 result;
	char		 mesh_id[MSG_ID_SIZE];
	char		 member_id[MSG_ID_SIZE];
	char		 error[REASON_SIZE];
};

struct msg_invite_make {
	char		 mesh[MESH_SLUG_SIZE];
	char		 url[INVITE_URL_MAX + 1];	/* of the broker */
	int64_t		 role;		/* enum invite_role */
	int64_t		 expires_at;	/* seconds */
	int64_t		 max_uses;	/* 0: any number */
	int64_t		 revoke;	/* 1: make none, void all there are */
};

struct msg_broker_invite {
	int64_t		 result;
	struct msg_slice token;		/* a secret */
	int64_t		 expires_at;	/* as it was made */
	int64_t		 revoked;	/* how many */
	char		 error[REASON_SIZE];
};

/* Who asks, and whether by admin.sock. */
struct msg_mesh_create {
	uint64_t	 uid;
	int64_t		 admin;
	char		 mesh[MESH_SLUG_SIZE];
	char		 name[NAME_SIZE];
	char		 display_name[NAME_SIZE];	/* "": the host's */
};

struct msg_mesh_invite {
	uint64_t	 uid;
	int64_t		 admin;
	char		 mesh[MESH_SLUG_SIZE];
	int64_t		 role;
	int64_t		 expires_in;	/* seconds */
	int64_t		 max_uses;
	int64_t		 revoke;
};

struct msg_mesh_join {
	uint64_t	 uid;
	int64_t		 admin;
	char		 mesh[MESH_SLUG_SIZE];	/* here; "": as the invite */
	char		 display_name[NAME_SIZE];
	struct msg_slice link;		/* a secret */
};

struct msg_setup_join {
	int64_t		 log_level;
	char		 ca_file[MSG_PATH_SIZE]; /* "": the system's */
	char		 mesh[MESH_SLUG_SIZE];	/* here; "": as the invite */
	char		 display_name[NAME_SIZE];
	struct msg_slice link;
};

/* The answer is MSG_SUP_ADDRESS, unless the mesh is there already. */
struct msg_join_at {
	char		 host[MSG_HOST_SIZE];
	uint32_t	 port;
	char		 mesh[MESH_SLUG_SIZE];	/* "": not known yet */
	char		 mesh_id[MSG_ID_SIZE];
};

struct msg_join_done {
	char		 mesh[MESH_SLUG_SIZE];
	char		 mesh_id[MSG_ID_SIZE];
	char		 member_id[MSG_ID_SIZE];
	char		 host[MSG_HOST_SIZE];	/* of its broker */
	uint32_t	 port;
	int64_t		 tls;
	int64_t		 already;	/* the broker knew this key */
	uint8_t		 pub[KEY_PUBLIC_LEN];
	uint8_t		 secret[KEY_SECRET_LEN];
};

struct msg_join_refused {
	int64_t		 status;	/* HTTP, to give */
	char		 error[REASON_SIZE];	/* as in struct msg_answer */
};

struct msg_wrk_ready {
	uint8_t		 pub[KEY_PUBLIC_LEN];
	uint8_t		 wrapped[WRAPPED_LEN];	/* zero for a member */
};

struct msg_wrk_state {
	int64_t		 state;		/* enum conn_state */
	int64_t		 whole;		/* 0, 1: PARKED is meant for its mesh */
	char		 reason[REASON_SIZE];
};

/* Away from the broker, and back; what its rows are does not change. */
struct msg_park {
	int64_t		 parked;	/* 0, 1 */
	char		 reason[REASON_SIZE];
};

#define MSG_ARGS_MAX	65536	/* what a broker's frame may have */

struct msg_ask {
	char		 what[33];	/* one of worker/request_kind.c */
	struct msg_slice args;	/* JSON object, or empty */
};

struct msg_answer {
	int64_t		 status;	/* 0, or an HTTP status to give */
	struct msg_slice json;		/* the broker's frame, or an object */
	char		 error[REASON_SIZE];
};

struct msg_log {
	int64_t		 level;
	char		 text[LOG_LINE_MAX + 1];
};

/* ---- rows ---- */

/* The gate asks for one new outbox row. */
struct msg_accept {
	uint8_t		 owner[OWNER_ID_LEN];	/* the sender */
	uint8_t		 sender[KEY_PUBLIC_LEN];
	char		 id[UUID_SIZE];
	char		 mesh[MESH_SLUG_SIZE];
	char		 client_id[CLIENT_ID_SIZE];
	uint8_t		 fingerprint[FINGERPRINT_LEN];
	char		 target[TARGET_SIZE];
	int64_t		 priority;
	int64_t		 has_reply_to;
	char		 reply_to[CLIENT_ID_SIZE];
	uint8_t		 nonce[ENVELOPE_NONCE_LEN];
	uint8_t		 body_id[BODY_ID_LEN];
	struct msg_slice body;		/* sealed */
	int64_t		 payload_bytes;
	int64_t		 created_at;
};

enum accept_result {
	ACCEPT_NEW,			/* inserted */
	ACCEPT_KNOWN,			/* the row of that client id */
	ACCEPT_FULL,			/* no space: 507 */
	ACCEPT_BUSY,			/* locked or failing: 503 */
};
#define ACCEPT_RESULT_MAX	ACCEPT_BUSY

/* The row as it is, new or known. */
struct msg_accepted {
	int64_t		 result;
	int64_t		 row;		/* outbox sequence */
	char		 id[UUID_SIZE];
	int64_t		 state;		/* enum row_state */
	uint8_t		 fingerprint[FINGERPRINT_LEN];
	char		 target[TARGET_SIZE];
	char		 broker_id[BROKER_ID_SIZE];
	char		 reason[REASON_SIZE];
};

struct msg_seen {
	uint8_t		 reader[OWNER_ID_LEN];
	struct msg_ids	 rows;		/* inbox sequences */
};

struct msg_count {
	int64_t		 result;	/* ACCEPT_NEW is fine, FULL, BUSY */
	int64_t		 count;
};

/* Rows of an owner, up to this sequence, are committed. */
struct msg_rows {
	uint8_t		 owner[OWNER_ID_LEN];
	int64_t		 seq;
};

/* A row of the outbox as its worker sees it. */
struct msg_progress {
	int64_t		 row;
	int64_t		 state;		/* PENDING, INFLIGHT, DONE, DEAD */
	int64_t		 attempts;
	int64_t		 next_attempt_at;	/* PENDING: ms, 0 at once */
	char		 broker_id[BROKER_ID_SIZE];
	char		 reason[REASON_SIZE];
};

struct msg_recorded {
	int64_t		 row;
	int64_t		 result;	/* enum accept_result, NEW is fine */
	int64_t		 state;		/* as it is in the file now */
};

/* One row for the inbox. */
struct msg_put {
	char		 id[UUID_SIZE];	/* of what it replaces, or a new one */
	int64_t		 state;		/* MESSAGE, HANDOVER, QUARANTINE */
	int64_t		 replaces;	/* handover row that this opens, or 0 */
	char		 recipient[HEX_KEY_SIZE];
	char		 sender[SENDER_SIZE];
	char		 sender_member[HEX_KEY_SIZE];
	char		 sender_name[NAME_SIZE];
	char		 client_id[CLIENT_ID_SIZE];
	char		 broker_id[BROKER_ID_SIZE];
	int64_t		 has_nonce;
	uint8_t		 nonce[ENVELOPE_NONCE_LEN];
	int64_t		 priority;
	int64_t		 has_topic;
	char		 topic[TOPIC_SIZE];
	int64_t		 has_subtype;
	char		 subtype[SUBTYPE_SIZE];
	int64_t		 has_reply_to;
	char		 reply_to[CLIENT_ID_SIZE];
	int64_t		 created_at;
	int64_t		 encrypted;
	int64_t		 authenticated;
	uint8_t		 body_id[BODY_ID_LEN];
	struct msg_slice body;		/* sealed; raw box in a handover */
};

enum put_result {
	PUT_NEW,
	PUT_COPY,			/* acknowledge it all the same */
	PUT_FULL,			/* do not acknowledge, try later */
	PUT_BUSY,
};
#define PUT_RESULT_MAX	PUT_BUSY

struct msg_stored {
	int64_t		 result;
	int64_t		 row;		/* inbox sequence, or 0 */
};

/*
 * A topic of the worker's owner: joined now, or how far its history is read.
 * A join of what is joined already does not change how far that is; a reading
 * of what is not joined is nothing.
 */
struct msg_topic {
	char		 topic[BROKER_ID_SIZE];	/* the broker's id of it */
	char		 name[TOPIC_SIZE];
	int64_t		 join;		/* 0, 1 */
	char		 last_id[BROKER_ID_SIZE];	/* "": nothing yet */
	int64_t		 last_created_at;	/* of that message */
	int64_t		 gone;		/* the broker knows it no more */
};

struct msg_topic_leave {
	char		 topic[BROKER_ID_SIZE];
};

/* An outbox row changed state: for send_status events and waits. */
struct msg_outcome {
	uint8_t		 owner[OWNER_ID_LEN];
	char		 client_id[CLIENT_ID_SIZE];
	int64_t		 state;
	char		 reason[REASON_SIZE];
};

/* The open rows of an owner die with this reason ("sender_ended"). */
struct msg_end_rows {
	uint8_t		 owner[OWNER_ID_LEN];
	char		 reason[REASON_SIZE];
};

/*
 * Before an operator or expiry changes an open row, its worker, if one is
 * connected, says whether the row is free: not in its window, and not to be
 * sent before MSG_STORE_UNCLAIM, which follows whatever the store decided.
 */
struct msg_claim {
	int64_t		 row;
};

struct msg_claimed {
	int64_t		 row;
	int64_t		 free;		/* 0: in the window, 1 */
};

enum operation { OPERATE_HOLD, OPERATE_RELEASE, OPERATE_ABORT };
#define OPERATION_MAX	OPERATE_ABORT
#define OPERATE_ROWS_MAX 500

/* The gate has checked that the rows are the caller's to change. */
struct msg_operate {
	int64_t		 operation;
	char		 by[NAME_SIZE];	/* who, for aborted_by */
	struct msg_ids	 rows;		/* outbox sequences */
};

/* Why an operation does not apply to a row, or OPERATE_OK. */
enum operate_result {
	OPERATE_OK,
	OPERATE_NOT_FOUND,
	OPERATE_ENDED,			/* of a state that it does not fit */
	OPERATE_INFLIGHT,		/* in the window of its worker */
	OPERATE_FULL,			/* no space: 507 */
	OPERATE_BUSY,			/* locked or failing: 503 */
	OPERATE_ID_IN_USE,		/* requeue: new client id is known */
};
#define OPERATE_RESULT_MAX	OPERATE_ID_IN_USE

struct msg_operated {
	struct msg_ids	 rows;		/* as asked */
	struct msg_ids	 results;	/* enum operate_result of each */
};

/*
 * The old row becomes aborted and superseded, a new one pending.  Without
 * has_to the new row keeps target, nonce, fingerprint, body_id and body.
 */
struct msg_requeue {
	int64_t		 row;
	char		 by[NAME_SIZE];
	char		 id[UUID_SIZE];		/* of the new row */
	char		 client_id[CLIENT_ID_SIZE];
	int64_t		 has_to;
	char		 target[TARGET_SIZE];
	uint8_t		 fingerprint[FINGERPRINT_LEN];
	uint8_t		 nonce[ENVELOPE_NONCE_LEN];
	uint8_t		 body_id[BODY_ID_LEN];
	struct msg_slice body;
};

struct msg_requeued {
	int64_t		 result;	/* enum operate_result */
	int64_t		 state;		/* ENDED: enum row_state it is in */
	int64_t		 row;		/* sequence of the new one */
};

/* ---- rate ---- */

/*
 * The broker's rate limit is the member's: once one of its workers has met it,
 * the supervisor hands out sends one by one, in turn, to the workers that ask.
 */
struct msg_rate {
	int64_t		 refused;	/* 1: a send was refused just now */
	uint32_t	 per_minute;	/* as the refusal says; 0: does not */
	uint32_t	 burst;
	int64_t		 due;		/* 1: asks for one send, 0: gives the
					   send back that it was given */
};

struct msg_pace {
	int64_t		 limited;	/* 1: ask before each send */
	uint32_t	 sends;		/* to be made now: 0 or 1 */
};

/* ---- encoding ---- */

struct msg {
	enum msg_type	 type;
	uint32_t	 seq;
	int		 fd;		/* -1, or the receiver's to close */
	int		 big;
	const uint8_t	*data;		/* the whole packet */
	size_t		 len;
};

/* Name of a type for logs, never NULL. */
const char *msg_name(enum msg_type);

/*
 * Encode body (the struct of the type, or NULL when it has none) and send.
 * As channel_send(); EINVAL: a field is out of its limits, nothing was sent.
 */
int	msg_send(struct channel *, enum msg_type, uint32_t seq,
	    const void *body, int fd);

/*
 * Receive one, checked as far as type and seq.  As channel_recv().  EPROTO:
 * the bytes are no message, or a large one that may not be large.
 */
int	msg_recv(struct channel *, struct msg *);

/*
 * Decode into the struct of the type.  -1: a field is missing, of the wrong
 * type or out of its limits, or something is left over.  Slices point into
 * the packet; strings are NUL-terminated, and hold no NUL before that.
 */
int	msg_decode(const struct msg *, void *body);

/* The same without a channel, for tests and fuzzing.  buf is malloc'ed. */
int	msg_encode(enum msg_type, uint32_t seq, const void *body,
	    uint8_t **buf_r, size_t *len_r);
int	msg_parse(struct msg *, const uint8_t *, size_t);

/* Close a descriptor that came with a message and that nobody took. */
void	msg_drop_fd(struct msg *);

/* Take the descriptor out of a message; -1 when there is none. */
int	msg_take_fd(struct msg *);

#endif
