/* A push, checked field by field. */

#include "worker/push.h"

#include <string.h>

#include "common/clock.h"
#include "common/encode.h"
#include "common/xalloc.h"

#define WEBHOOK	"webhook:"

/* A key, or "webhook:<name>", or "system" for a system push. */
static int
push_sender(struct push *p, const json_t *o)
{
	if (frame_string(o, "senderPubkey", p->sender, sizeof p->sender) != 1)
		return -1;
	if (hex_decode(p->sender_key, sizeof p->sender_key, p->sender) == 0) {
		p->has_key = 1;
		return 0;
	}
	if (p->system || strncmp(p->sender, WEBHOOK, strlen(WEBHOOK)) == 0)
		return 0;
	return -1;
}

/* An empty nonce is none, and so is one of another length. */
static void
push_nonce(struct push *p, const json_t *o)
{
	const json_t	*v = json_object_get(o, "nonce");
	uint8_t		 nonce[ENVELOPE_NONCE_LEN + 1];
	size_t		 len;

	if (!json_is_string(v) ||
	    base64_decode(nonce, sizeof nonce, &len, json_string_value(v),
	    json_string_length(v)) == -1 || len != sizeof p->nonce)
		return;
	memcpy(p->nonce, nonce, sizeof p->nonce);
	p->has_nonce = 1;
}

static int
push_data(struct push *p, const json_t *o)
{
	const json_t	*v = json_object_get(o, "ciphertext");
	const char	*s;
	size_t		 len;

	if (!json_is_string(v))
		return -1;
	s = json_string_value(v);
	len = json_string_length(v);
	p->data = xmalloc(len + 1);
	if (base64_decode(p->data, len, &p->len, s, len) == 0)
		p->base64 = 1;
	else {
		memcpy(p->data, s, len);
		p->len = len;
	}
	return 0;
}

/* What may be left out. */
static void
push_optional(struct push *p, const json_t *o)
{
	char	 text[64];

	(void)frame_string(o, "messageId", p->message_id,
	    sizeof p->message_id);
	(void)frame_string(o, "client_message_id", p->client_id,
	    sizeof p->client_id);
	(void)frame_string(o, "senderName", p->sender_name,
	    sizeof p->sender_name);
	if (frame_string(o, "senderMemberPubkey", p->sender_member,
	    sizeof p->sender_member) != 1 ||
	    !hex_is(p->sender_member, HEX_KEY_SIZE - 1))
		p->sender_member[0] = '\0';
	if (frame_string(o, "priority", text, sizeof text) != 1 ||
	    row_priority_parse(text, &p->priority) == -1)
		p->priority = PRIO_NEXT;
	p->has_topic = frame_string(o, "topic", p->topic,
	    sizeof p->topic) == 1;
	p->has_reply_to = frame_string(o, "replyToId", p->reply_to,
	    sizeof p->reply_to) == 1;
	if (frame_string(o, "createdAt", text, sizeof text) != 1 ||
	    clock_parse_iso(text, &p->created_at) == -1 || p->created_at < 0)
		p->created_at = -1;
	(void)frame_string(o, "event", p->event, sizeof p->event);
	p->event_data = json_object_get(o, "eventData");
	if (!json_is_object(p->event_data))
		p->event_data = NULL;
}

int
push_parse(struct push *p, const struct frame *f, int64_t now_ms)
{
	const json_t	*o = f->json;
	const char	*s;

	memset(p, 0, sizeof *p);
	/* However it is malformed, what calls itself so is never a message. */
	s = json_string_value(json_object_get(o, "subtype"));
	p->system = s != NULL && strcmp(s, "system") == 0;
	p->has_subtype = frame_string(o, "subtype", p->subtype,
	    sizeof p->subtype) == 1;
	push_optional(p, o);
	if (p->created_at == -1)
		p->created_at = now_ms;
	push_nonce(p, o);
	if (push_sender(p, o) == -1 || (!p->system && push_data(p, o) == -1)) {
		push_clear(p);
		return -1;
	}
	return 0;
}

void
push_clear(struct push *p)
{
	freezero(p->data, p->len);
	memset(p, 0, sizeof *p);
}
