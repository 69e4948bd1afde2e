/*
 * A push becomes a row of the inbox: opened with our key, or readable as
 * multicast text, or handed to the member as it came.
 */

#include "worker/inbound.h"

#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/encode.h"
#include "common/xalloc.h"
#include "worker/secret.h"

#define HANDOVER_TURN	32

/* Plain text: allocated, NUL-terminated. */
struct text {
	char	*p;
	size_t	 len;
	int	 encrypted;
};

static void
text_clear(struct text *t)
{
	freezero(t->p, t->len);
	memset(t, 0, sizeof *t);
}

/* With our key.  0, or -1: it does not open, or holds no text. */
static int
text_open(struct text *t, const struct self *self, const uint8_t *sender,
    const uint8_t *nonce, const uint8_t *box, size_t len)
{
	memset(t, 0, sizeof *t);
	if (len < ENVELOPE_MAC_LEN)
		return -1;
	t->len = len - ENVELOPE_MAC_LEN;
	t->p = xcalloc(1, t->len + 1);
	t->encrypted = 1;
	if (secret_open(self->secret, (uint8_t *)t->p, sender, nonce, box,
	    len) == 0 && utf8_valid(t->p, t->len, 0) &&
	    memchr(t->p, '\0', t->len) == NULL)
		return 0;
	text_clear(t);
	return -1;
}

/* A webhook without text shows its event. */
static int
text_webhook(struct text *t, const struct push *p)
{
	json_t	*o;
	size_t	 size;

	if (p->event_data == NULL)
		return -1;
	o = json_object();
	json_object_set_new(o, "event", json_string(p->event));
	json_object_set(o, "eventData", (json_t *)(uintptr_t)p->event_data);
	size = json_dumpb(o, NULL, 0, JSON_COMPACT);
	t->p = xcalloc(1, size + 1);
	t->len = json_dumpb(o, t->p, size, JSON_COMPACT);
	json_decref(o);
	return 0;
}

/* As multicast travels. */
static int
text_plain(struct text *t, const struct push *p)
{
	memset(t, 0, sizeof *t);
	if (p->len == 0 && strcmp(p->subtype, "webhook") == 0 &&
	    text_webhook(t, p) == 0)
		return 0;
	if (!p->base64 || !utf8_valid(p->data, p->len, 1))
		return -1;
	t->len = p->len;
	t->p = xcalloc(1, t->len + 1);
	if (t->len > 0)
		memcpy(t->p, p->data, t->len);
	return 0;
}

/* Seal a text under the owner's body key into the row. */
static void
inbound_seal(const struct self *self, struct msg_put *m, const struct text *t)
{
	struct body_context	 ctx = { 0 };
	size_t			 len;

	m->state = INBOX_MESSAGE;
	m->encrypted = m->authenticated = t->encrypted;
	randombytes_buf(m->body_id, sizeof m->body_id);
	memcpy(ctx.body_id, m->body_id, sizeof ctx.body_id);
	ctx.direction = BODY_IN;
	ctx.mesh = self->mesh;
	memcpy(ctx.owner, self->owner, sizeof ctx.owner);
	ctx.sender = m->sender;
	ctx.recipient = m->recipient;
	ctx.recipient_kind = row_kind_name(self->kind);
	ctx.priority = (int)m->priority;
	ctx.reply_to = m->has_reply_to ? m->reply_to : NULL;
	ctx.topic = m->has_topic ? m->topic : NULL;
	ctx.subtype = m->has_subtype ? m->subtype : NULL;
	ctx.created_at = m->created_at;
	ctx.encrypted = (int)m->encrypted;
	ctx.authenticated = (int)m->authenticated;
	m->body.p = secret_body_seal(self->secret, &ctx, t->p, t->len, &len);
	m->body.len = len;
}

/* The raw bytes, to be opened by the member, or kept without being shown. */
static void
inbound_raw(struct msg_put *m, int64_t state, const uint8_t *p, size_t len)
{
	uint8_t	*copy = xmalloc(len + 1);

	if (len > 0)
		memcpy(copy, p, len);
	m->state = state;
	m->encrypted = m->authenticated = 0;
	randombytes_buf(m->body_id, sizeof m->body_id);
	m->body.p = copy;
	m->body.len = len;
}

/* Everything but the body. */
static void
inbound_row(const struct self *self, struct msg_put *m, const struct push *p)
{
	memset(m, 0, sizeof *m);
	uuid_v7(m->id);
	strcpy(m->recipient, self->pub_hex);
	strcpy(m->sender, p->sender);
	strcpy(m->sender_member, p->sender_member);
	strcpy(m->sender_name, p->sender_name);
	strcpy(m->client_id, p->client_id);
	strcpy(m->broker_id, p->message_id);
	m->has_nonce = p->has_nonce;
	memcpy(m->nonce, p->nonce, sizeof m->nonce);
	m->priority = p->priority;
	m->has_topic = p->has_topic;
	strcpy(m->topic, p->topic);
	m->has_subtype = p->has_subtype;
	strcpy(m->subtype, p->subtype);
	m->has_reply_to = p->has_reply_to;
	strcpy(m->reply_to, p->reply_to);
	m->created_at = p->created_at;
}

/* Without a row. */
static void
inbound_ack(struct puts *puts, const struct push *p)
{
	if (!p->history)
		puts_ack(puts, p->message_id, p->client_id);
}

/*
 * A direct reminder, which we asked for: the broker sends it, in our name, to
 * whom we named, and that may be ourselves.
 */
static int
is_reminder(const struct push *p)
{
	return p->has_subtype && strcmp(p->subtype, "reminder") == 0 &&
	    !p->has_nonce;
}

int
inbound_push(const struct self *self, struct puts *puts, const struct push *p)
{
	struct msg_put	m;
	struct text	t;

	if (strcmp(p->sender, self->pub_hex) == 0 && !is_reminder(p)) {
		/* our own echo */
		inbound_ack(puts, p);
		return 0;
	}
	inbound_row(self, &m, p);
	if (p->has_key && p->has_nonce && p->base64 && text_open(&t, self,
	    p->sender_key, p->nonce, p->data, p->len) == 0)
		inbound_seal(self, &m, &t);
	else if (text_plain(&t, p) == 0) {
		if (self->kind == OWNER_MEMBER && strcmp(p->sender_member,
		    self->pub_hex) == 0 && !is_reminder(p)) {
			/* what our own member sent to many */
			text_clear(&t);
			inbound_ack(puts, p);
			return 0;
		}
		inbound_seal(self, &m, &t);
	} else
		inbound_raw(&m, self->kind == OWNER_SESSION ?
		    INBOX_HANDOVER : INBOX_QUARANTINE, p->data, p->len);
	text_clear(&t);
	if (p->history)
		return puts_add(puts, &m, "", "");
	return puts_add(puts, &m, p->message_id, p->client_id);
}

/* ---- rows that nobody has opened ---- */

struct unopened {
	const struct self *self;
	struct puts	*puts;
	int64_t		*after;
};

/* Everything of the old row but its body and its state. */
static void
inbound_from(const struct self *self, struct msg_put *m,
    const struct in_row *r)
{
	memset(m, 0, sizeof *m);
	uuid_v7(m->id);
	strcpy(m->recipient, self->pub_hex);
	strcpy(m->sender, r->sender);
	strcpy(m->sender_member, r->sender_member);
	strcpy(m->sender_name, r->sender_name);
	strcpy(m->client_id, r->client_id);
	strcpy(m->broker_id, r->broker_id);
	m->has_nonce = r->has_nonce;
	memcpy(m->nonce, r->nonce, sizeof m->nonce);
	m->priority = r->priority;
	m->has_topic = r->has_topic;
	strcpy(m->topic, r->topic);
	m->has_subtype = r->has_subtype;
	strcpy(m->subtype, r->subtype);
	m->has_reply_to = r->has_reply_to;
	strcpy(m->reply_to, r->reply_to);
	m->created_at = r->created_at;
}

/* It is the same message still: people know it by its id. */
static void
inbound_replaces(struct msg_put *m, const struct in_row *r)
{
	strcpy(m->id, r->id);
	m->replaces = r->seq;
}

/* With our key, into the new row.  0 or -1. */
static int
inbound_open(const struct self *self, struct msg_put *m,
    const struct in_row *r)
{
	struct text	t;
	uint8_t		sender[KEY_PUBLIC_LEN];

	if (!r->has_nonce || r->body == NULL ||
	    hex_decode(sender, sizeof sender, r->sender) == -1 ||
	    text_open(&t, self, sender, r->nonce, r->body, r->bodylen) == -1)
		return -1;
	inbound_seal(self, m, &t);
	text_clear(&t);
	return 0;
}

static int
inbound_handover_cb(void *arg, const struct in_row *r)
{
	struct unopened	*u = arg;
	struct msg_put	 m;

	inbound_from(u->self, &m, r);
	inbound_replaces(&m, r);
	if (inbound_open(u->self, &m, r) == -1)
		inbound_raw(&m, INBOX_QUARANTINE, r->body, r->body != NULL ?
		    r->bodylen : 0);
	if (puts_add(u->puts, &m, "", "") == -1)
		return 1;
	*u->after = r->seq;
	return 0;
}

int
inbound_handover(const struct self *self, struct puts *puts,
    struct rows *rows, int64_t *after)
{
	struct unopened	u = { self, puts, after };
	int64_t		before;

	do {
		if (puts_is_full(puts))
			return 1;
		before = *after;
		if (rows_handover_after(rows, self->owner, *after,
		    HANDOVER_TURN, inbound_handover_cb, &u) == -1)
			return -1;
	} while (*after != before);
	return 0;
}

/*
 * What is in handover yet may be for us as well: once its member's worker has
 * found no key for it, nobody would look again.
 */
static int
inbound_retry_cb(void *arg, const struct in_row *r)
{
	struct unopened	*u = arg;
	struct msg_put	 m;
	int		 ours = u->self->kind == OWNER_MEMBER;

	inbound_from(u->self, &m, r);
	if (ours)
		inbound_replaces(&m, r);
	if (!(ours && r->state == INBOX_HANDOVER) &&
	    inbound_open(u->self, &m, r) == 0 &&
	    puts_add(u->puts, &m, "", "") == -1)
		return 1;
	*u->after = r->seq;
	return 0;
}

int
inbound_retry(const struct self *self, struct puts *puts, struct rows *rows,
    int64_t *after)
{
	struct unopened	u = { self, puts, after };
	int64_t		before = *after;

	if (puts_is_full(puts))
		return 1;
	if (rows_unopened_after(rows, self->member_owner, *after,
	    HANDOVER_TURN, inbound_retry_cb, &u) == -1)
		return -1;
	return *after != before;
}
