/* Attestations and system events. */

#include "worker/member.h"

#include <jansson.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "worker/secret.h"

#define EVENT_MAX	(64 * 1024)

void
member_attest(const struct self *self, struct peer *sup, uint32_t seq,
    const struct msg_attest *ask)
{
	struct msg_attestation	a = { 0 };

	memcpy(a.owner, ask->owner, sizeof a.owner);
	memcpy(a.pub, ask->pub, sizeof a.pub);
	a.expires_at = clock_wall_ms() + IDENTITY_TTL_MS;
	if (secret_sign_attest(self->secret, a.sig, a.pub,
	    a.expires_at) == -1) {
		log_warnx("attest: cannot sign");
		return;
	}
	if (peer_send(sup, MSG_WRK_ATTESTED, seq, &a) == -1)
		log_warn("attest: answer");
}

/* 0, -1. */
static int
member_publish(struct peer *gate, const json_t *o, size_t size)
{
	struct msg_json	 m = { { 0 } };
	char		*text = xmalloc(size + 1);
	int		 ret;

	m.json.len = json_dumpb(o, text, size, JSON_COMPACT);
	m.json.p = (const uint8_t *)text;
	ret = peer_send(gate, MSG_WRK_EVENT, 0, &m);
	freezero(text, size);
	return ret;
}

int
member_event(struct peer *gate, const struct push *p)
{
	json_t		*o;
	char		 when[CLOCK_ISO_SIZE];
	size_t		 size;
	int		 ret = -1;

	if (gate == NULL || p->event[0] == '\0')
		return 0;
	o = json_object();
	json_object_set_new(o, "type", json_string("push"));
	json_object_set_new(o, "subtype", json_string("system"));
	json_object_set_new(o, "event", json_string(p->event));
	if (p->event_data != NULL)
		json_object_set(o, "eventData",
		    (json_t *)(uintptr_t)p->event_data);
	else
		json_object_set_new(o, "eventData", json_object());
	json_object_set_new(o, "createdAt",
	    json_string(clock_iso(p->created_at, when)));
	if ((size = json_dumpb(o, NULL, 0, JSON_COMPACT)) <= EVENT_MAX)
		ret = member_publish(gate, o, size);
	else
		log_warnx("event: %s: %zu bytes are too many", p->event,
		    size);
	json_decref(o);
	return ret;
}

int
member_lost(struct peer *gate, unsigned n)
{
	json_t	*o = json_object();
	int	 ret;

	json_object_set_new(o, "type", json_string("lost"));
	json_object_set_new(o, "events", json_integer(n));
	ret = member_publish(gate, o, json_dumpb(o, NULL, 0, JSON_COMPACT));
	json_decref(o);
	return ret;
}
