/*
 * One layout per message, the only place that knows the order and the limits
 * of its fields.  Encoder and decoder (msg.c) both work from it.
 */

#include "common/msg_layout.h"

#define AT(s, f)	#f, offsetof(struct s, f), sizeof(((struct s *)0)->f)
#define FIELD(type, at, min, max)	FIELD_(type, at, min, max)
#define FIELD_(type, name, off, size, min, max) \
	{ name, type, off, size, min, max }

#define RANGE(s, f, lo, hi)	FIELD(FIELD_INT, AT(s, f), lo, hi)
#define NUM(s, f)	RANGE(s, f, 0, INT64_MAX)
#define BOOL(s, f)	RANGE(s, f, 0, 1)
#define UINT(s, f)	FIELD(FIELD_UINT, AT(s, f), 0, INT64_MAX)
#define UINT32(s, f, hi) FIELD(FIELD_UINT32, AT(s, f), 0, hi)
#define BYTES(s, f)	FIELD(FIELD_BYTES, AT(s, f), 0, 0)
#define STR(s, f)	FIELD(FIELD_STR, AT(s, f), 0, 0)
#define SLICE(s, f, hi)	FIELD(FIELD_SLICE, AT(s, f), 0, hi)
#define IDS(s, f, hi)	FIELD(FIELD_IDS, AT(s, f), 0, hi)

#define LEVEL(s, f)	RANGE(s, f, 0, LOG_LV_DEBUG)
#define JSON_MAX	(3 * 1024 * 1024)

static const struct msg_field f_setup_store[] = {
	LEVEL(msg_setup_store, log_level),
	STR(msg_setup_store, dir),
	NUM(msg_setup_store, retention_ms),
	NUM(msg_setup_store, max_age_ms),
	BOOL(msg_setup_store, boot_changed),
};

static const struct msg_field f_setup_gate[] = {
	LEVEL(msg_setup_gate, log_level),
	STR(msg_setup_gate, db),
	UINT(msg_setup_gate, owner_uid),
	BOOL(msg_setup_gate, system_mode),
	IDS(msg_setup_gate, allow_uids, MSG_UIDS_MAX),
	NUM(msg_setup_gate, started_at),
	UINT(msg_setup_gate, supervisor_pid),
	STR(msg_setup_gate, local_token),
};

static const struct msg_field f_setup_worker[] = {
	LEVEL(msg_setup_worker, log_level),
	RANGE(msg_setup_worker, kind, 0, ROW_KIND_MAX),
	BYTES(msg_setup_worker, owner),
	STR(msg_setup_worker, db),
	STR(msg_setup_worker, ca_file),
	STR(msg_setup_worker, mesh),
	STR(msg_setup_worker, mesh_id),
	STR(msg_setup_worker, member_id),
	BYTES(msg_setup_worker, member_pub),
	BYTES(msg_setup_worker, member_owner),
	STR(msg_setup_worker, host),
	UINT32(msg_setup_worker, port, 65535),
	BOOL(msg_setup_worker, tls),
	STR(msg_setup_worker, display_name),
	STR(msg_setup_worker, wire_session_id),
	UINT(msg_setup_worker, pid),
	STR(msg_setup_worker, cwd),
	STR(msg_setup_worker, role),
	SLICE(msg_setup_worker, groups, MSG_GROUPS_MAX),
	STR(msg_setup_worker, hostname),
	BYTES(msg_setup_worker, body_key),
	BYTES(msg_setup_worker, wrap_key),
	RANGE(msg_setup_worker, key_mode, 0, KEY_MODE_MAX),
	BYTES(msg_setup_worker, secret),
	BYTES(msg_setup_worker, wrapped),
	NUM(msg_setup_worker, attest_expires_at),
	BYTES(msg_setup_worker, attest_sig),
	BOOL(msg_setup_worker, parked),
};

static const struct msg_field f_setup_resolver[] = {
	LEVEL(msg_setup_resolver, log_level),
};

static const struct msg_field f_setup_broker[] = {
	LEVEL(msg_setup_broker, log_level),
	STR(msg_setup_broker, db),
	STR(msg_setup_broker, tls_cert),
	STR(msg_setup_broker, tls_key),
	RANGE(msg_setup_broker, max_connections, 1, 1000000),
	RANGE(msg_setup_broker, rate_limit, 0, 60000),
	RANGE(msg_setup_broker, rate_burst, 1, 60000),
};

static const struct msg_field f_channel[] = {
	UINT32(msg_channel, peer, 0xff),
	BYTES(msg_channel, owner),
	RANGE(msg_channel, kind, 0, ROW_KIND_MAX),
	BYTES(msg_channel, member_owner),
	BYTES(msg_channel, pub),
	BYTES(msg_channel, member_pub),
	STR(msg_channel, mesh),
};

static const struct msg_field f_log_level[] = {
	LEVEL(msg_log_level, level),
};

static const struct msg_field f_listen[] = {
	RANGE(msg_listen, kind, 0, LISTEN_KIND_MAX),
};

static const struct msg_field f_owner[] = {
	BYTES(msg_owner, owner),
};

static const struct msg_field f_member[] = {
	BYTES(msg_member, owner),
	STR(msg_member, mesh),
	STR(msg_member, name),
	STR(msg_member, mesh_id),
	STR(msg_member, broker_url),
	BYTES(msg_member, pub),
	UINT(msg_member, owner_uid),
	IDS(msg_member, users, MSG_UIDS_MAX),
	BYTES(msg_member, body_key),
	RANGE(msg_member, state, 0, CONN_STATE_MAX),
	STR(msg_member, reason),
};

static const struct msg_field f_session[] = {
	BYTES(msg_session, owner),
	UINT(msg_session, uid),
	BYTES(msg_session, token_hash),
	BYTES(msg_session, token_prefix),
	STR(msg_session, session_id),
	STR(msg_session, mesh),
	STR(msg_session, display_name),
	UINT(msg_session, pid),
	STR(msg_session, cwd),
	STR(msg_session, role),
	SLICE(msg_session, groups, MSG_GROUPS_MAX),
	UINT32(msg_session, caps, CAP_ALL),
	BYTES(msg_session, pub),
	BYTES(msg_session, member_owner),
	BYTES(msg_session, member_pub),
	BYTES(msg_session, body_key),
	RANGE(msg_session, state, 0, CONN_STATE_MAX),
	STR(msg_session, reason),
	NUM(msg_session, registered_at),
};

static const struct msg_field f_register[] = {
	UINT(msg_register, uid),
	BYTES(msg_register, token_hash),
	BYTES(msg_register, token_prefix),
	STR(msg_register, session_id),
	STR(msg_register, mesh),
	STR(msg_register, display_name),
	UINT(msg_register, pid),
	STR(msg_register, cwd),
	STR(msg_register, role),
	SLICE(msg_register, groups, MSG_GROUPS_MAX),
	UINT32(msg_register, caps, CAP_ALL),
	BOOL(msg_register, caps_given),
	UINT32(msg_register, caps_most, CAP_ALL),
	RANGE(msg_register, key_mode, 0, KEY_MODE_MAX),
	BYTES(msg_register, pub),
	BYTES(msg_register, secret),
	NUM(msg_register, attest_expires_at),
	BYTES(msg_register, attest_sig),
};

static const struct msg_field f_registered[] = {
	RANGE(msg_registered, result, 0, REGISTER_RESULT_MAX),
	NUM(msg_registered, registered_at),
	BYTES(msg_registered, pub),
	NUM(msg_registered, limit),
	STR(msg_registered, detail),
};

static const struct msg_field f_end[] = {
	UINT(msg_end, uid),
	BYTES(msg_end, token_hash),
};

static const struct msg_field f_ended[] = {
	BOOL(msg_ended, found),
};

static const struct msg_field f_status[] = {
	UINT(msg_status, uid),
	BOOL(msg_status, all),
};

static const struct msg_field f_presence[] = {
	UINT(msg_presence, uid),
	BOOL(msg_presence, all),
	BOOL(msg_presence, pause),
	RANGE(msg_presence, kind, 0, ROW_KIND_MAX),
	BYTES(msg_presence, owner),
	STR(msg_presence, mesh),
};

static const struct msg_field f_allow[] = {
	IDS(msg_allow, uids, MSG_UIDS_MAX),
};

static const struct msg_field f_leave[] = {
	UINT(msg_leave, uid),
	BOOL(msg_leave, all),
	STR(msg_leave, slug),
};

static const struct msg_field f_json[] = {
	SLICE(msg_json, json, JSON_MAX),
};

static const struct msg_field f_address[] = {
	STR(msg_address, addrs),
	UINT32(msg_address, port, 65535),
	STR(msg_address, error),
};

static const struct msg_field f_attest[] = {
	BYTES(msg_attest, owner),
	BYTES(msg_attest, pub),
};

static const struct msg_field f_attestation[] = {
	BYTES(msg_attestation, owner),
	BYTES(msg_attestation, pub),
	NUM(msg_attestation, expires_at),
	BYTES(msg_attestation, sig),
};

static const struct msg_field f_resolve[] = {
	STR(msg_resolve, host),
};

static const struct msg_field f_resolved[] = {
	STR(msg_resolved, host),
	STR(msg_resolved, addrs),
	STR(msg_resolved, error),
};

static const struct msg_field f_member_add[] = {
	STR(msg_member_add, mesh),
	STR(msg_member_add, name),
	BYTES(msg_member_add, pub),
};

static const struct msg_field f_broker_member[] = {
	BOOL(msg_broker_member, ok),
	STR(msg_broker_member, mesh_id),
	STR(msg_broker_member, member_id),
	STR(msg_broker_member, error),
};

static const struct msg_field f_mesh_make[] = {
	STR(msg_mesh_make, mesh),
	STR(msg_mesh_make, name),
	BYTES(msg_mesh_make, pub),
};

static const struct msg_field f_broker_mesh[] = {
	RANGE(msg_broker_mesh, result, 0, BROKER_RESULT_MAX),
	STR(msg_broker_mesh, mesh_id),
	STR(msg_broker_mesh, member_id),
	STR(msg_broker_mesh, error),
};

static const struct msg_field f_invite_make[] = {
	STR(msg_invite_make, mesh),
	STR(msg_invite_make, url),
	RANGE(msg_invite_make, role, 0, INVITE_ROLE_MAX),
	NUM(msg_invite_make, expires_at),
	NUM(msg_invite_make, max_uses),
	BOOL(msg_invite_make, revoke),
};

static const struct msg_field f_broker_invite[] = {
	RANGE(msg_broker_invite, result, 0, BROKER_RESULT_MAX),
	SLICE(msg_broker_invite, token, INVITE_LINK_MAX),
	NUM(msg_broker_invite, expires_at),
	NUM(msg_broker_invite, revoked),
	STR(msg_broker_invite, error),
};

static const struct msg_field f_mesh_create[] = {
	UINT(msg_mesh_create, uid),
	BOOL(msg_mesh_create, admin),
	STR(msg_mesh_create, mesh),
	STR(msg_mesh_create, name),
	STR(msg_mesh_create, display_name),
};

static const struct msg_field f_mesh_invite[] = {
	UINT(msg_mesh_invite, uid),
	BOOL(msg_mesh_invite, admin),
	STR(msg_mesh_invite, mesh),
	RANGE(msg_mesh_invite, role, 0, INVITE_ROLE_MAX),
	RANGE(msg_mesh_invite, expires_in, 0, UINT32_MAX),
	NUM(msg_mesh_invite, max_uses),
	BOOL(msg_mesh_invite, revoke),
};

static const struct msg_field f_mesh_join[] = {
	UINT(msg_mesh_join, uid),
	BOOL(msg_mesh_join, admin),
	STR(msg_mesh_join, mesh),
	STR(msg_mesh_join, display_name),
	SLICE(msg_mesh_join, link, INVITE_LINK_MAX),
};

static const struct msg_field f_setup_join[] = {
	LEVEL(msg_setup_join, log_level),
	STR(msg_setup_join, ca_file),
	STR(msg_setup_join, mesh),
	STR(msg_setup_join, display_name),
	SLICE(msg_setup_join, link, INVITE_LINK_MAX),
};

static const struct msg_field f_join_at[] = {
	STR(msg_join_at, host),
	UINT32(msg_join_at, port, 65535),
	STR(msg_join_at, mesh),
	STR(msg_join_at, mesh_id),
};

static const struct msg_field f_join_done[] = {
	STR(msg_join_done, mesh),
	STR(msg_join_done, mesh_id),
	STR(msg_join_done, member_id),
	STR(msg_join_done, host),
	UINT32(msg_join_done, port, 65535),
	BOOL(msg_join_done, tls),
	BOOL(msg_join_done, already),
	BYTES(msg_join_done, pub),
	BYTES(msg_join_done, secret),
};

static const struct msg_field f_join_refused[] = {
	RANGE(msg_join_refused, status, 400, 599),
	STR(msg_join_refused, error),
};

static const struct msg_field f_wrk_ready[] = {
	BYTES(msg_wrk_ready, pub),
	BYTES(msg_wrk_ready, wrapped),
};

static const struct msg_field f_wrk_state[] = {
	RANGE(msg_wrk_state, state, 0, CONN_STATE_MAX),
	BOOL(msg_wrk_state, whole),
	STR(msg_wrk_state, reason),
};

static const struct msg_field f_park[] = {
	BOOL(msg_park, parked),
	STR(msg_park, reason),
};

static const struct msg_field f_ask[] = {
	STR(msg_ask, what),
	SLICE(msg_ask, args, MSG_ARGS_MAX),
};

static const struct msg_field f_answer[] = {
	RANGE(msg_answer, status, 0, 599),
	SLICE(msg_answer, json, JSON_MAX),
	STR(msg_answer, error),
};

static const struct msg_field f_log[] = {
	LEVEL(msg_log, level),
	STR(msg_log, text),
};

static const struct msg_field f_accept[] = {
	BYTES(msg_accept, owner),
	BYTES(msg_accept, sender),
	STR(msg_accept, id),
	STR(msg_accept, mesh),
	STR(msg_accept, client_id),
	BYTES(msg_accept, fingerprint),
	STR(msg_accept, target),
	RANGE(msg_accept, priority, 0, ROW_PRIORITY_MAX),
	BOOL(msg_accept, has_reply_to),
	STR(msg_accept, reply_to),
	BYTES(msg_accept, nonce),
	BYTES(msg_accept, body_id),
	SLICE(msg_accept, body, MSG_BODY_MAX),
	NUM(msg_accept, payload_bytes),
	NUM(msg_accept, created_at),
};

static const struct msg_field f_accepted[] = {
	RANGE(msg_accepted, result, 0, ACCEPT_RESULT_MAX),
	NUM(msg_accepted, row),
	STR(msg_accepted, id),
	RANGE(msg_accepted, state, 0, ROW_STATE_MAX),
	BYTES(msg_accepted, fingerprint),
	STR(msg_accepted, target),
	STR(msg_accepted, broker_id),
	STR(msg_accepted, reason),
};

static const struct msg_field f_seen[] = {
	BYTES(msg_seen, reader),
	IDS(msg_seen, rows, MSG_SEEN_MAX),
};

static const struct msg_field f_count[] = {
	RANGE(msg_count, result, 0, ACCEPT_RESULT_MAX),
	NUM(msg_count, count),
};

static const struct msg_field f_rows[] = {
	BYTES(msg_rows, owner),
	NUM(msg_rows, seq),
};

static const struct msg_field f_progress[] = {
	NUM(msg_progress, row),
	RANGE(msg_progress, state, 0, ROW_DEAD),
	NUM(msg_progress, attempts),
	NUM(msg_progress, next_attempt_at),
	STR(msg_progress, broker_id),
	STR(msg_progress, reason),
};

static const struct msg_field f_recorded[] = {
	NUM(msg_recorded, row),
	RANGE(msg_recorded, result, 0, ACCEPT_RESULT_MAX),
	RANGE(msg_recorded, state, 0, ROW_STATE_MAX),
};

static const struct msg_field f_put[] = {
	STR(msg_put, id),
	RANGE(msg_put, state, 0, INBOX_QUARANTINE),
	NUM(msg_put, replaces),
	STR(msg_put, recipient),
	STR(msg_put, sender),
	STR(msg_put, sender_member),
	STR(msg_put, sender_name),
	STR(msg_put, client_id),
	STR(msg_put, broker_id),
	BOOL(msg_put, has_nonce),
	BYTES(msg_put, nonce),
	RANGE(msg_put, priority, 0, ROW_PRIORITY_MAX),
	BOOL(msg_put, has_topic),
	STR(msg_put, topic),
	BOOL(msg_put, has_subtype),
	STR(msg_put, subtype),
	BOOL(msg_put, has_reply_to),
	STR(msg_put, reply_to),
	NUM(msg_put, created_at),
	BOOL(msg_put, encrypted),
	BOOL(msg_put, authenticated),
	BYTES(msg_put, body_id),
	SLICE(msg_put, body, MSG_BODY_MAX),
};

static const struct msg_field f_stored[] = {
	RANGE(msg_stored, result, 0, PUT_RESULT_MAX),
	NUM(msg_stored, row),
};

static const struct msg_field f_topic[] = {
	STR(msg_topic, topic),
	STR(msg_topic, name),
	BOOL(msg_topic, join),
	STR(msg_topic, last_id),
	NUM(msg_topic, last_created_at),
	BOOL(msg_topic, gone),
};

static const struct msg_field f_topic_leave[] = {
	STR(msg_topic_leave, topic),
};

static const struct msg_field f_outcome[] = {
	BYTES(msg_outcome, owner),
	STR(msg_outcome, client_id),
	RANGE(msg_outcome, state, 0, ROW_STATE_MAX),
	STR(msg_outcome, reason),
};

static const struct msg_field f_end_rows[] = {
	BYTES(msg_end_rows, owner),
	STR(msg_end_rows, reason),
};

static const struct msg_field f_claim[] = {
	NUM(msg_claim, row),
};

static const struct msg_field f_claimed[] = {
	NUM(msg_claimed, row),
	BOOL(msg_claimed, free),
};

static const struct msg_field f_operate[] = {
	RANGE(msg_operate, operation, 0, OPERATION_MAX),
	STR(msg_operate, by),
	IDS(msg_operate, rows, OPERATE_ROWS_MAX),
};

static const struct msg_field f_operated[] = {
	IDS(msg_operated, rows, OPERATE_ROWS_MAX),
	IDS(msg_operated, results, OPERATE_ROWS_MAX),
};

static const struct msg_field f_requeue[] = {
	NUM(msg_requeue, row),
	STR(msg_requeue, by),
	STR(msg_requeue, id),
	STR(msg_requeue, client_id),
	BOOL(msg_requeue, has_to),
	STR(msg_requeue, target),
	BYTES(msg_requeue, fingerprint),
	BYTES(msg_requeue, nonce),
	BYTES(msg_requeue, body_id),
	SLICE(msg_requeue, body, MSG_BODY_MAX),
};

static const struct msg_field f_requeued[] = {
	RANGE(msg_requeued, result, 0, OPERATE_RESULT_MAX),
	RANGE(msg_requeued, state, 0, ROW_STATE_MAX),
	NUM(msg_requeued, row),
};

static const struct msg_field f_rate[] = {
	BOOL(msg_rate, refused),
	UINT32(msg_rate, per_minute, 1000000),
	UINT32(msg_rate, burst, 1000000),
	BOOL(msg_rate, due),
};

static const struct msg_field f_pace[] = {
	BOOL(msg_pace, limited),
	UINT32(msg_pace, sends, 1),
};

#define BODY(s)		f_ ## s, sizeof f_ ## s / sizeof f_ ## s[0], \
	sizeof(struct msg_ ## s)
#define NONE		NULL, 0, 0
#define PLAIN		0
#define BIG		1

static const struct msg_layout layouts[MSG_TYPE_MAX + 1] = {
	[MSG_SUP_SETUP_STORE] = { "setup_store", BODY(setup_store), PLAIN },
	[MSG_SUP_SETUP_GATE] = { "setup_gate", BODY(setup_gate), PLAIN },
	[MSG_SUP_SETUP_WORKER] = { "setup_worker", BODY(setup_worker),
	    PLAIN },
	[MSG_SUP_SETUP_RESOLVER] = { "setup_resolver", BODY(setup_resolver),
	    PLAIN },
	[MSG_SUP_SETUP_BROKER] = { "setup_broker", BODY(setup_broker), PLAIN },
	[MSG_SUP_CHANNEL] = { "channel", BODY(channel), PLAIN },
	[MSG_SUP_STOP] = { "stop", NONE, PLAIN },
	[MSG_SUP_LOG_LEVEL] = { "log_level", BODY(log_level), PLAIN },
	[MSG_SUP_LISTEN] = { "listen", BODY(listen), PLAIN },
	[MSG_SUP_MEMBER] = { "member", BODY(member), PLAIN },
	[MSG_SUP_MEMBER_GONE] = { "member_gone", BODY(owner), PLAIN },
	[MSG_SUP_SESSION] = { "session", BODY(session), PLAIN },
	[MSG_SUP_SESSION_GONE] = { "session_gone", BODY(owner), PLAIN },
	[MSG_SUP_REGISTERED] = { "registered", BODY(registered), PLAIN },
	[MSG_SUP_ENDED] = { "ended", BODY(ended), PLAIN },
	[MSG_SUP_STATUS] = { "status_json", BODY(json), BIG },
	[MSG_SUP_ADDRESS] = { "address", BODY(address), PLAIN },
	[MSG_SUP_ATTEST] = { "attest", BODY(attest), PLAIN },
	[MSG_SUP_ATTESTATION] = { "attestation", BODY(attestation), PLAIN },
	[MSG_SUP_DRAIN] = { "drain", NONE, PLAIN },
	[MSG_SUP_RESOLVE] = { "resolve", BODY(resolve), PLAIN },
	[MSG_SUP_MEMBER_ADD] = { "member_add", BODY(member_add), PLAIN },
	[MSG_SUP_END_ROWS] = { "end_rows", BODY(end_rows), PLAIN },

	[MSG_SUP_PACE] = { "pace", BODY(pace), PLAIN },
	[MSG_SUP_ANSWER] = { "sup_answer", BODY(answer), BIG },
	[MSG_SUP_PARK] = { "park", BODY(park), PLAIN },
	[MSG_SUP_REPLACE] = { "replace", NONE, PLAIN },
	[MSG_SUP_QUIESCE] = { "quiesce", NONE, PLAIN },
	[MSG_SUP_ALLOW] = { "allow", BODY(allow), PLAIN },

	[MSG_SUP_SETUP_JOIN] = { "setup_join", BODY(setup_join), PLAIN },
	[MSG_SUP_MESH_MAKE] = { "mesh_make", BODY(mesh_make), PLAIN },
	[MSG_SUP_INVITE] = { "invite", BODY(invite_make), PLAIN },

	[MSG_LOG] = { "log", BODY(log), PLAIN },
	[MSG_READY] = { "ready", NONE, PLAIN },

	[MSG_GATE_REGISTER] = { "register", BODY(register), PLAIN },
	[MSG_GATE_END] = { "end", BODY(end), PLAIN },
	[MSG_GATE_STATUS] = { "status", BODY(status), PLAIN },
	[MSG_GATE_ACCEPT] = { "accept", BODY(accept), BIG },
	[MSG_GATE_SEEN] = { "seen", BODY(seen), PLAIN },
	[MSG_GATE_ASK] = { "ask", BODY(ask), BIG },

	[MSG_GATE_OPERATE] = { "operate", BODY(operate), PLAIN },
	[MSG_GATE_REQUEUE] = { "requeue", BODY(requeue), BIG },
	[MSG_GATE_DELETE] = { "delete", BODY(seen), PLAIN },
	[MSG_GATE_PRESENCE] = { "presence", BODY(presence), PLAIN },
	[MSG_GATE_UPGRADE] = { "upgrade", BODY(status), PLAIN },
	[MSG_GATE_RELOAD] = { "reload", BODY(status), PLAIN },
	[MSG_GATE_LEAVE] = { "leave", BODY(leave), PLAIN },

	[MSG_GATE_MESH_CREATE] = { "mesh_create", BODY(mesh_create), PLAIN },
	[MSG_GATE_MESH_INVITE] = { "mesh_invite", BODY(mesh_invite), PLAIN },
	[MSG_GATE_MESH_JOIN] = { "mesh_join", BODY(mesh_join), PLAIN },

	[MSG_STORE_ACCEPTED] = { "accepted", BODY(accepted), PLAIN },
	[MSG_STORE_SEEN] = { "seen_count", BODY(count), PLAIN },
	[MSG_STORE_ROWS] = { "rows", BODY(rows), PLAIN },
	[MSG_STORE_WAKE] = { "wake", NONE, PLAIN },
	[MSG_STORE_RECORDED] = { "recorded", BODY(recorded), PLAIN },
	[MSG_STORE_STORED] = { "stored", BODY(stored), PLAIN },
	[MSG_STORE_HANDOVER] = { "handover", NONE, PLAIN },
	[MSG_STORE_STATUS] = { "outcome", BODY(outcome), PLAIN },

	[MSG_STORE_CLAIM] = { "claim", BODY(claim), PLAIN },
	[MSG_STORE_UNCLAIM] = { "unclaim", BODY(claim), PLAIN },
	[MSG_STORE_OPERATED] = { "operated", BODY(operated), PLAIN },
	[MSG_STORE_REQUEUED] = { "requeued", BODY(requeued), PLAIN },
	[MSG_STORE_DELETED] = { "deleted", BODY(count), PLAIN },
	[MSG_STORE_ENDED] = { "rows_ended", BODY(owner), PLAIN },
	[MSG_STORE_TOPIC] = { "topic_kept", BODY(count), PLAIN },

	[MSG_WRK_READY] = { "worker_ready", BODY(wrk_ready), PLAIN },
	[MSG_WRK_STATE] = { "worker_state", BODY(wrk_state), PLAIN },
	[MSG_WRK_NEED_ADDRESS] = { "need_address", NONE, PLAIN },
	[MSG_WRK_NEED_ATTEST] = { "need_attest", NONE, PLAIN },
	[MSG_WRK_ATTESTED] = { "attested", BODY(attestation), PLAIN },
	[MSG_WRK_DRAINED] = { "drained", NONE, PLAIN },
	[MSG_WRK_PROGRESS] = { "progress", BODY(progress), PLAIN },
	[MSG_WRK_PUT] = { "put", BODY(put), BIG },
	[MSG_WRK_ANSWER] = { "answer", BODY(answer), BIG },
	[MSG_WRK_EVENT] = { "event", BODY(json), BIG },

	[MSG_WRK_CLAIMED] = { "claimed", BODY(claimed), PLAIN },
	[MSG_WRK_RATE] = { "rate", BODY(rate), PLAIN },
	[MSG_WRK_TOPIC] = { "topic", BODY(topic), PLAIN },
	[MSG_WRK_TOPIC_LEAVE] = { "topic_leave", BODY(topic_leave), PLAIN },

	[MSG_JOIN_AT] = { "join_at", BODY(join_at), PLAIN },
	[MSG_JOIN_DONE] = { "join_done", BODY(join_done), PLAIN },
	[MSG_JOIN_REFUSED] = { "join_refused", BODY(join_refused),
	    PLAIN },
	[MSG_WRK_QUIET] = { "quiet", NONE, PLAIN },

	[MSG_RES_RESOLVED] = { "resolved", BODY(resolved), PLAIN },
	[MSG_BRK_MEMBER] = { "broker_member", BODY(broker_member), PLAIN },
	[MSG_BRK_MESH] = { "broker_mesh", BODY(broker_mesh), PLAIN },
	[MSG_BRK_INVITE] = { "broker_invite", BODY(broker_invite), PLAIN },
};

const struct msg_layout *
msg_layout(int type)
{
	if (type < 0 || type > MSG_TYPE_MAX || layouts[type].name == NULL)
		return NULL;
	return &layouts[type];
}
