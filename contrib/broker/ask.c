/*
 * What a frame asks for: a table of types, and the requests that need no file
 * of their own.
 *
 * A frame that is not a JSON object, or of an unknown type, gets no answer.
 */

#include "contrib/broker/ask.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "contrib/broker/broker.h"
#include "contrib/broker/conn.h"
#include "contrib/broker/db.h"
#include "contrib/broker/fate.h"
#include "contrib/broker/frame.h"
#include "contrib/broker/hello.h"
#include "contrib/broker/quiet.h"
#include "contrib/broker/route.h"
#include "contrib/broker/turn.h"

#define TYPE_MAX	64

/* Workers take frames of up to 4 MiB. */
#define ROSTER_MAX	(4 * 1024 * 1024 - 4096)

static void
row_add(struct frame *f, const struct peer *peer)
{
	char	 iso[CLOCK_ISO_SIZE];

	frame_raw(f, "{\"pubkey\":", 10);
	frame_quote(f, peer->key_hex);
	frame_str_add(f, "memberPubkey", peer->member_key_hex);
	frame_str_add(f, "displayName", peer->name);
	frame_str_add(f, "status", "idle");
	frame_null_add(f, "summary");
	frame_raw(f, ",\"groups\":", 10);
	frame_raw(f, peer->groups, strlen(peer->groups));
	frame_str_add(f, "sessionId", peer->session_id);
	frame_str_add(f, "connectedAt", clock_iso(peer->connected_at, iso));
	frame_str_add(f, "cwd", peer->cwd != NULL ? peer->cwd : "");
	frame_str_add(f, "peerRole", peer->kind == PEER_MEMBER ?
	    "control-plane" : "session");
	frame_str_add(f, "hostname", peer->hostname);
	frame_str_add(f, "peerType", peer->peer_type);
	frame_str_add(f, "channel", peer->channel);
	frame_str_add(f, "model", peer->model);
	frame_bool_add(f, "visible", peer->visible);
	frame_end(f);
}

/* The answer up to the end of the list; kept until somebody comes or goes. */
static struct frame *
roster(struct mesh *mesh)
{
	struct frame	*f;
	struct peer	*peer;
	unsigned	 n = 0;

	if (mesh->roster != NULL)
		return mesh->roster;
	f = frame_new("peers_list");
	frame_raw(f, ",\"peers\":[", 10);
	TAILQ_FOREACH(peer, &mesh->peers, entry) {
		if (f->len > ROSTER_MAX) {
			quiet_info("roster: %u of %u peers fit", n,
			    mesh->npeers);
			break;
		}
		if (n++ > 0)
			frame_raw(f, ",", 1);
		row_add(f, peer);
	}
	frame_raw(f, "]", 1);
	if (n < mesh->npeers)
		frame_bool_add(f, "truncated", 1);
	mesh->roster = f;
	return f;
}

static void
on_list_peers(struct conn *c, const json_t *json)
{
	struct frame	*list = roster(c->peer->mesh), *f;

	f = frame_copy(list);
	frame_req_id_add(f, json);
	frame_end(f);
	conn_give(c, &f);
}

static void
on_client_ack(struct conn *c, const json_t *json)
{
	struct deliver	*d = c->broker->deliver;
	const char	*id;

	if (c->broker->options->ack_only)
		return;
	if ((id = frame_str(json, "brokerMessageId", QUEUE_ID_LEN)) != NULL)
		deliver_ack(d, &c->peer->reader, id);
	else if (json_object_get(json, "brokerMessageId") == NULL &&
	    (id = frame_str(json, "clientMessageId",
	    QUEUE_CLIENT_ID_MAX)) != NULL)
		deliver_ack_client(d, &c->peer->reader, id);
}

static const struct {
	const char	*type;
	int		 greeted;	/* after the hello, or as one */
	void		(*handle)(struct conn *, const json_t *);
} requests[] = {
	{ "client_ack",		1, on_client_ack },
	{ "hello",		0, hello_member },
	{ "list_peers",		1, on_list_peers },
	{ "message_status",	1, fate_ask },
	{ "send",		1, route_send },
	{ "session_hello",	0, hello_session },
};

static void
no_hello(struct conn *c)
{
	struct frame	*f = frame_new("error");

	frame_str_add(f, "code", "no_hello");
	frame_str_add(f, "message", "must send hello first");
	frame_end(f);
	conn_give(c, &f);
}

static void
dispatch(struct conn *c, const json_t *json)
{
	const char	*type = frame_str(json, "type", TYPE_MAX);
	int		 greeted = c->peer != NULL;
	size_t		 i;

	for (i = 0; type != NULL &&
	    i < sizeof requests / sizeof *requests; i++) {
		if (requests[i].greeted == greeted &&
		    strcmp(requests[i].type, type) == 0) {
			requests[i].handle(c, json);
			return;
		}
	}
	if (!greeted)
		no_hello(c);
}

void
ask_frame(struct conn *c, const char *text, size_t len)
{
	json_t	*json;

	/* The transaction failed: everybody in it will be closed. */
	turn_add(c);
	if (db_failed(c->broker->db) ||
	    (json = frame_parse(text, len)) == NULL)
		return;
	dispatch(c, json);
	json_decref(json);
}
