/* Questions to the embedded broker, and what creating and joining share. */

#include "supervisor/mesh_ask_impl.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/encode.h"
#include "common/xalloc.h"
#include "supervisor/answer.h"
#include "supervisor/child.h"
#include "supervisor/member.h"

#define ASK_MS	2500		/* the gate waits no longer */

void
ask_free(struct supervisor *s, struct mesh_ask *a)
{
	TAILQ_REMOVE(&s->asks, a, entry);
	sodium_free(a->secret);		/* wipes */
	free(a);
}

void
ask_fail(struct supervisor *s, struct mesh_ask *a, int status,
    const char *code, const char *detail)
{
	if (a->seq != 0)
		answer_error(s, a->seq, status, code, "%s", detail);
	ask_free(s, a);
}

void
ask_send(struct supervisor *s, struct mesh_ask *a)
{
	struct msg_mesh_make	make;

	if (a->broker_seq != 0 || !child_is_up(s->broker))
		return;
	a->broker_seq = ++s->next_seq;
	if (a->secret == NULL) {
		child_send(s->broker, MSG_SUP_INVITE, a->broker_seq,
		    &a->invite, -1);
		return;
	}
	memset(&make, 0, sizeof make);
	strcpy(make.mesh, a->mesh.slug);
	strcpy(make.name, a->mesh.display_name);
	memcpy(make.pub, a->mesh.pub, sizeof make.pub);
	child_send(s->broker, MSG_SUP_MESH_MAKE, a->broker_seq, &make, -1);
}

/* Those that nobody waits for any more, while the broker does not come up. */
static void
asks_expire(struct supervisor *s)
{
	struct mesh_ask	*a, *next;
	int64_t		 now = clock_mono_ms();

	for (a = TAILQ_FIRST(&s->asks); a != NULL; a = next) {
		next = TAILQ_NEXT(a, entry);
		if (a->broker_seq == 0 && now - a->asked > ASK_MS)
			ask_free(s, a);
	}
}

struct mesh_ask *
ask_new(struct supervisor *s, uint32_t seq)
{
	struct mesh_ask	*a = xcalloc(1, sizeof *a);

	asks_expire(s);
	a->seq = seq;
	a->asked = clock_mono_ms();
	TAILQ_INSERT_TAIL(&s->asks, a, entry);
	return a;
}

struct mesh_ask *
ask_find(struct supervisor *s, uint32_t seq, int is_mesh)
{
	struct mesh_ask	*a;

	TAILQ_FOREACH(a, &s->asks, entry)
		if (a->broker_seq != 0 && a->broker_seq == seq &&
		    (a->secret != NULL) == is_mesh)
			break;
	return a;
}

/* What nobody waits for any more is not made. */
void
mesh_ask_broker_up(struct supervisor *s)
{
	struct mesh_ask	*a, *next;

	for (a = TAILQ_FIRST(&s->asks); a != NULL; a = next) {
		next = TAILQ_NEXT(a, entry);
		if (a->seq == 0 || clock_mono_ms() - a->asked > ASK_MS)
			ask_free(s, a);
		else
			ask_send(s, a);
	}
}

void
mesh_ask_broker_down(struct supervisor *s)
{
	struct mesh_ask	*a, *next;

	for (a = TAILQ_FIRST(&s->asks); a != NULL; a = next) {
		next = TAILQ_NEXT(a, entry);
		if (a->broker_seq != 0)
			ask_fail(s, a, 503, "unavailable", "The embedded "
			    "broker is away: try again in a moment.");
	}
}

void
mesh_ask_forget_answers(struct supervisor *s)
{
	struct mesh_ask	*a;

	TAILQ_FOREACH(a, &s->asks, entry)
		a->seq = 0;
}

void
mesh_ask_free_all(struct supervisor *s)
{
	struct mesh_ask	*a;

	while ((a = TAILQ_FIRST(&s->asks)) != NULL)
		ask_free(s, a);
}

void
ask_refused(struct supervisor *s, struct mesh_ask *a, int64_t result,
    const char *error)
{
	switch ((enum broker_result)result) {
	case BROKER_EXISTS:
		ask_fail(s, a, 409, "mesh_exists", error);
		return;
	case BROKER_NONE:
		ask_fail(s, a, 404, "mesh_not_found", error);
		return;
	case BROKER_REFUSED:
		ask_fail(s, a, 400, "invalid_request", error);
		return;
	case BROKER_OK:
	case BROKER_FAILED:
		break;
	}
	ask_fail(s, a, 503, "broker_failed", error);
}

/* ---- what creating and joining share ---- */

/* As the gate shows it, which does not tell starting from connecting. */
static const char *
state_name(enum conn_state state)
{
	return conn_state_name(state == CONN_STARTING ||
	    state == CONN_REGISTERED ? CONN_CONNECTING : state);
}

json_t *
mesh_ask_json(const struct member *mb)
{
	const struct mesh	*m = &mb->mesh;
	char			 pub[2 * KEY_PUBLIC_LEN + 1], url[512];
	const char		*host;
	uint16_t		 port;
	int			 tls;
	json_t			*o;

	member_broker(mb, &host, &port, &tls);
	snprintf(url, sizeof url, strchr(host, ':') != NULL ?
	    "%s://[%s]:%u/ws" : "%s://%s:%u/ws", tls ? "wss" : "ws", host,
	    port);
	o = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "slug", m->slug, "name",
	    m->name, "meshId", m->mesh_id, "pubkey", hex_encode(pub, m->pub,
	    sizeof m->pub), "brokerUrl", url, "state", state_name(mb->state));
	if (o != NULL && mb->reason[0] != '\0')
		json_object_set_new(o, "reason", json_string(mb->reason));
	return o;
}

uint64_t
mesh_ask_owner(uint64_t uid, int64_t admin)
{
	return admin ? geteuid() : uid;
}

void
mesh_ask_display_name(const struct supervisor *s, const char *asked,
    char out[NAME_SIZE])
{
	if (*asked != '\0')
		snprintf(out, NAME_SIZE, "%s", asked);
	else
		snprintf(out, NAME_SIZE, "%.100s", s->hostname);
}

void
mesh_ask_bad_slug(struct supervisor *s, uint32_t seq)
{
	answer_error(s, seq, 400, "invalid_slug", "A mesh's slug has 1 to 64 "
	    "of a-z 0-9 . _ -, and does not begin with a dot.");
}

int
mesh_ask_has_room(struct supervisor *s, uint64_t uid, int64_t admin,
    uint32_t seq)
{
	struct member	*mb;
	unsigned	 n = 0;

	TAILQ_FOREACH(mb, &s->members, entry)
		n += mb->mesh.owner_uid == uid;
	if (admin || n < MESHES_UID_MAX)
		return 0;
	answer_error(s, seq, 409, "too_many_meshes", "You have %u meshes: "
	    "leave one first (meshsup mesh leave).", n);
	return -1;
}
