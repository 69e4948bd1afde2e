/*
 * The first frame of a connection: who it is, checked, or why not.
 *
 * A refusal is an error frame and a close.  The order of the checks is part of
 * the protocol: what is cheap and says nothing of anyone comes first.
 */

#include "contrib/broker/hello.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/encode.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "contrib/broker/arrive.h"
#include "contrib/broker/broker.h"
#include "contrib/broker/conn.h"
#include "contrib/broker/frame.h"
#include "contrib/broker/hello_fields.h"
#include "contrib/broker/members.h"
#include "contrib/broker/quiet.h"

/* What has been read of a hello so far. */
struct hello {
	struct conn	*conn;
	const json_t	*json;
	const char	*type;		/* as in messages: "session_hello" */
	const char	*mesh_id;
	int64_t		 timestamp;
	uint8_t		 key[KEY_PUBLIC_LEN];	/* who speaks */
	uint8_t		 member_key[KEY_PUBLIC_LEN];
	uint8_t		 signature[KEY_SIG_LEN];
	struct member	 member;
};

/* Always -1.  code and reason are static text. */
static int
refuse(struct hello *h, int close_code, const char *code, const char *reason,
    const char *message)
{
	struct frame	*f = frame_new("error");

	frame_str_add(f, "code", code);
	frame_str_add(f, "message", message);
	frame_end(f);
	conn_give(h->conn, &f);
	conn_close(h->conn, close_code, reason);
	quiet_info("hello refused: %s", code);
	return -1;
}

static int
refuse_as(struct hello *h, const char *code, const char *what)
{
	char	 message[96];

	snprintf(message, sizeof message, "%s rejected: %s", what, code);
	return refuse(h, CLOSE_POLICY, code, code, message);
}

/*
 * Without one of these a hello gets no answer at all.  A connection speaks for
 * a process somewhere, and they say which.
 */
static int
is_complete(const json_t *json)
{
	const json_t	*pid = json_object_get(json, "pid");

	return frame_str(json, "sessionId", FRAME_MAX) != NULL &&
	    frame_str_or_empty(json, "cwd", FRAME_MAX, NULL) != NULL &&
	    json_is_integer(pid);
}

/* A member that is lower-case hex of len bytes. */
static int
hex_get(const json_t *json, const char *name, void *out, size_t len)
{
	const char	*s = frame_str(json, name, 2 * len);

	return s != NULL ? hex_decode(out, len, s) : -1;
}

/* A mesh full of connections.  The one that this would replace goes. */
static int
check_capacity(struct hello *h)
{
	const struct broker	*b = h->conn->broker;
	const struct mesh	*mesh = NULL;
	const char		*session_id;
	unsigned		 n;

	if (h->mesh_id != NULL)
		mesh = presence_mesh(&b->presence, h->mesh_id);
	if (mesh == NULL)
		return 0;
	n = mesh->npeers;
	session_id = frame_str(h->json, "sessionId", PEER_SESSION_ID_MAX);
	if ((session_id != NULL && mesh_session_id(mesh, session_id) != NULL)
	    || mesh_session_key(mesh, h->key) != NULL)
		n--;
	if (n < b->options->max_connections)
		return 0;
	return refuse(h, CLOSE_POLICY, "capacity", "capacity",
	    "too many connections in this mesh");
}

/* Time and form of what is signed; the signature is the caller's. */
static int
check_signed(struct hello *h)
{
	const json_t	*timestamp = json_object_get(h->json, "timestamp");
	int64_t		 now = clock_wall_ms();

	h->timestamp = json_integer_value(timestamp);
	if (json_is_integer(timestamp) &&
	    (h->timestamp < now - IDENTITY_SKEW_MS ||
	    h->timestamp > now + IDENTITY_SKEW_MS))
		return refuse_as(h, "timestamp_skew", h->type);
	if (!json_is_integer(timestamp) || h->mesh_id == NULL ||
	    hex_get(h->json, "signature", h->signature,
	    sizeof h->signature) == -1 || !hello_fields_ok(h->json))
		return refuse_as(h, "malformed", h->type);
	return 0;
}

/* Is the member one of the mesh?  Fills in h->member. */
static int
check_member(struct hello *h, const char *who)
{
	char	 message[64];

	switch (members_find(h->conn->broker->members, h->mesh_id,
	    h->member_key, &h->member)) {
	case 1:
		break;
	case 0:
		snprintf(message, sizeof message, "%s not found in mesh", who);
		return refuse(h, CLOSE_POLICY, "unauthorized", "unauthorized",
		    message);
	default:
		return -1;	/* the loop closes it */
	}
	if (h->member.revoked)
		return refuse(h, CLOSE_BANNED, "revoked", "banned",
		    "this member was banned from the mesh");
	return 0;
}

static void
accept(struct hello *h, enum peer_kind kind)
{
	struct peer	*peer = peer_new(h->conn, kind);

	memcpy(peer->key, h->key, sizeof peer->key);
	memcpy(peer->member_key, h->member_key, sizeof peer->member_key);
	peer->member_id = xstrdup(h->member.member_id);
	hello_fields_read(h->json, peer, h->member.name);
	if (arrive(h->conn, peer, &h->member, h->mesh_id) == -1)
		peer_free(&peer);
}

void
hello_member(struct conn *c, const json_t *json)
{
	struct hello	 h = { .conn = c, .json = json, .type = "hello" };
	const char	*member_id;

	if (!is_complete(json))
		return;
	h.mesh_id = frame_str(json, "meshId", IDENTITY_ID_MAX);
	if (hex_get(json, "pubkey", h.key, sizeof h.key) == -1) {
		refuse_as(&h, "bad_member_pubkey", h.type);
		return;
	}
	memcpy(h.member_key, h.key, sizeof h.member_key);
	if (check_capacity(&h) == -1 || check_signed(&h) == -1)
		return;
	member_id = frame_str(json, "memberId", IDENTITY_ID_MAX);
	if (member_id == NULL || identity_hello_verify(h.signature, h.mesh_id,
	    member_id, h.key, h.timestamp) == -1) {
		refuse_as(&h, "bad_signature", h.type);
		return;
	}
	if (check_member(&h, "pubkey") == -1)
		return;
	if (strcmp(member_id, h.member.member_id) != 0) {
		refuse(&h, CLOSE_POLICY, "unauthorized", "unauthorized",
		    "memberId does not match pubkey");
		return;
	}
	accept(&h, PEER_MEMBER);
}

/* Does the attestation speak of these two keys? */
static int
check_binding(struct hello *h, const json_t *attestation)
{
	uint8_t	 session[KEY_PUBLIC_LEN], parent[KEY_PUBLIC_LEN];

	if (hex_get(attestation, "sessionPubkey", session,
	    sizeof session) == 0 && hex_get(attestation, "parentMemberPubkey",
	    parent, sizeof parent) == 0 &&
	    memcmp(session, h->key, sizeof session) == 0 &&
	    memcmp(parent, h->member_key, sizeof parent) == 0)
		return 0;
	return refuse(h, CLOSE_POLICY, "attestation_mismatch",
	    "attestation_mismatch", "parentAttestation does not bind the "
	    "claimed session+parent pubkeys");
}

static int
check_attestation(struct hello *h, const json_t *attestation)
{
	const json_t	*expires = json_object_get(attestation, "expiresAt");
	uint8_t		 signature[KEY_SIG_LEN];
	int64_t		 at, now = clock_wall_ms();

	if (!json_is_integer(expires) || hex_get(attestation, "signature",
	    signature, sizeof signature) == -1)
		return refuse_as(h, "malformed", "attestation");
	at = json_integer_value(expires);
	if (at <= now)
		return refuse_as(h, "expired", "attestation");
	if (at > now + IDENTITY_TTL_MAX_MS)
		return refuse_as(h, "ttl_too_long", "attestation");
	if (identity_attest_verify(signature, h->member_key, h->key, at) == -1)
		return refuse_as(h, "bad_signature", "attestation");
	return 0;
}

void
hello_session(struct conn *c, const json_t *json)
{
	struct hello	 h = { .conn = c, .json = json,
			    .type = "session_hello" };
	const json_t	*attestation;
	const char	*parent_id;

	if (!is_complete(json))
		return;
	h.mesh_id = frame_str(json, "meshId", IDENTITY_ID_MAX);
	attestation = json_object_get(json, "parentAttestation");
	if (hex_get(json, "sessionPubkey", h.key, sizeof h.key) == -1) {
		refuse_as(&h, "bad_session_pubkey", h.type);
		return;
	}
	if (hex_get(json, "parentMemberPubkey", h.member_key,
	    sizeof h.member_key) == -1) {
		refuse_as(&h, "bad_parent_pubkey", h.type);
		return;
	}
	if (check_binding(&h, attestation) == -1 ||
	    check_capacity(&h) == -1 ||
	    check_attestation(&h, attestation) == -1 ||
	    check_signed(&h) == -1)
		return;
	if (identity_session_hello_verify(h.signature, h.mesh_id,
	    h.member_key, h.key, h.timestamp) == -1) {
		refuse_as(&h, "bad_signature", h.type);
		return;
	}
	if (check_member(&h, "parent pubkey") == -1)
		return;
	parent_id = frame_str(json, "parentMemberId", IDENTITY_ID_MAX);
	if (parent_id == NULL || strcmp(parent_id, h.member.member_id) != 0) {
		refuse(&h, CLOSE_POLICY, "parent_member_id_mismatch",
		    "parent_member_id_mismatch",
		    "parentMemberId does not match parentMemberPubkey");
		return;
	}
	accept(&h, PEER_SESSION);
}
