/*
 * Pushes: messages on their way out.
 */

#include "contrib/broker/push.h"

#include "common/clock.h"
#include "common/encode.h"
#include "contrib/broker/conn.h"
#include "contrib/broker/frame.h"
#include "contrib/broker/presence.h"

struct frame *
push_frame(const struct message *m, const char *mesh_id)
{
	struct frame	*f = frame_new("push");
	char		 hex[2 * FINGERPRINT_LEN + 1], iso[CLOCK_ISO_SIZE];

	frame_str_add(f, "messageId", m->id);
	frame_str_add(f, "meshId", mesh_id);
	frame_str_add(f, "senderPubkey", hex_encode(hex, m->sender_key,
	    sizeof m->sender_key));
	frame_str_add(f, "senderMemberPubkey", hex_encode(hex,
	    m->sender_member_key, sizeof m->sender_member_key));
	frame_str_add(f, "senderMemberId", m->sender_member_id);
	frame_str_add(f, "senderName", m->sender_name);
	frame_str_add(f, "priority", priority_name(m->priority));
	frame_str_add(f, "nonce", m->nonce);
	frame_str_add(f, "ciphertext", m->ciphertext);
	frame_str_add(f, "createdAt", clock_iso(m->created_at, iso));
	frame_str_add(f, "client_message_id", m->client_id);
	if (m->fingerprint != NULL)
		frame_str_add(f, "request_fingerprint", hex_encode(hex,
		    m->fingerprint, FINGERPRINT_LEN));
	frame_str_add(f, "replyToId", m->reply_to);
	frame_str_add(f, "subtype", m->subtype);
	frame_str_add(f, "topic", m->topic);
	frame_end(f);
	return f;
}

static struct peer *
peer_of(struct reader *reader)
{
	return table_entry(reader, struct peer, reader);
}

static int
room(struct reader *reader)
{
	return conn_has_room(peer_of(reader)->conn);
}

static void
push(struct reader *reader, const struct message *m)
{
	struct peer	*peer = peer_of(reader);
	struct frame	*f = push_frame(m, peer->mesh->mesh_id);

	conn_give(peer->conn, &f);
}

void
push_reader(struct reader *reader)
{
	reader->room = room;
	reader->push = push;
}
