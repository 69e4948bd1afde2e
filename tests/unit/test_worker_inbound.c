/*
 * worker/inbound with real keys: what opens, what does not, and that a body
 * opens again for whoever reads the row (delivery.md section 6, "Opening").
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "common/encode.h"
#include "common/xalloc.h"
#include "worker/inbound.h"

static struct self	*bob, *member;	/* two of us */
static uint8_t		 bob_body[BODY_KEY_LEN], member_body[BODY_KEY_LEN];
static uint8_t		 alice_pub[KEY_PUBLIC_LEN];
static struct envelope_box *alice;
static char		 alice_hex[HEX_KEY_SIZE];

/* ---- what inbound calls ---- */

static struct msg_put	puts_got[8];
static int		nputs, nacks, full;
static char		last_ack[BROKER_ID_SIZE], put_ack[BROKER_ID_SIZE];

int
puts_add(struct puts *p, const struct msg_put *m, const char *broker_id,
    const char *client_id)
{
	(void)p;
	(void)client_id;
	assert_in_range(nputs, 0, 7);
	puts_got[nputs++] = *m;
	strcpy(put_ack, broker_id);
	return 0;
}

void
puts_ack(struct puts *p, const char *broker_id, const char *client_id)
{
	(void)p;
	(void)client_id;
	nacks++;
	strcpy(last_ack, broker_id);
}

int
puts_is_full(const struct puts *p)
{
	(void)p;
	return full;
}

static struct in_row	handover[3];
static int		nhandover;

int
rows_handover_after(struct rows *r, const uint8_t owner[OWNER_ID_LEN],
    int64_t after, int limit,
    int (*cb)(void *arg, const struct in_row *), void *arg)
{
	int	i, n = 0;

	(void)r;
	(void)limit;
	assert_memory_equal(owner, member->owner, OWNER_ID_LEN);
	for (i = 0; i < nhandover; i++)
		if (handover[i].seq > after && ++n && cb(arg, &handover[i]))
			break;
	return n;
}

static struct in_row	quarantine[4];
static int		nquarantine;

int
rows_unopened_after(struct rows *r, const uint8_t owner[OWNER_ID_LEN],
    int64_t after, int limit, int (*cb)(void *, const struct in_row *),
    void *arg)
{
	int	i, n = 0;

	(void)r;
	assert_memory_equal(owner, member->owner, OWNER_ID_LEN);
	for (i = 0; i < nquarantine && n < limit; i++)
		if (quarantine[i].seq > after && ++n &&
		    cb(arg, &quarantine[i]))
			break;
	return n;
}

/* As in rows_in.c, which would bring SQLite. */
const char *
row_kind_name(enum row_kind k)
{
	return k == OWNER_MEMBER ? "member" : "session";
}

int
row_priority_parse(const char *s, enum row_priority *p)
{
	*p = strcmp(s, "now") == 0 ? PRIO_NOW : PRIO_LOW;
	return 0;
}

/* ---- what tests do ---- */

static struct self *
self_make(enum row_kind kind, const uint8_t *sec, uint8_t *body_key)
{
	struct msg_setup_worker	*su = calloc(1, sizeof *su);
	uint8_t			 wrapped[WRAPPED_LEN];
	struct self		*s;

	su->kind = kind;
	su->key_mode = sec != NULL ? KEY_BROUGHT : KEY_MINT;
	if (sec != NULL) {
		memcpy(su->secret, sec, KEY_SECRET_LEN);
		crypto_sign_ed25519_sk_to_pk(su->member_pub, sec);
	}
	randombytes_buf(su->owner, sizeof su->owner);
	randombytes_buf(body_key, BODY_KEY_LEN);
	memcpy(su->body_key, body_key, BODY_KEY_LEN);
	strcpy(su->mesh, "acme");
	s = self_new(su, wrapped);
	assert_non_null(s);
	/* Nothing secret is left in the packet's copy. */
	assert_true(sodium_is_zero(su->secret, sizeof su->secret));
	assert_true(sodium_is_zero(su->body_key, sizeof su->body_key));
	assert_int_equal(sodium_is_zero(wrapped, sizeof wrapped),
	    kind == OWNER_MEMBER);
	free(su);
	return s;
}

/* A push from alice. */
static void
push_make(struct push *p, int sealed, const struct self *to,
    const void *text, size_t len)
{
	memset(p, 0, sizeof *p);
	strcpy(p->message_id, "m1");
	strcpy(p->client_id, "c1");
	strcpy(p->sender, alice_hex);
	strcpy(p->sender_name, "alice");
	memcpy(p->sender_key, alice_pub, sizeof alice_pub);
	p->has_key = p->has_nonce = p->base64 = 1;
	p->has_reply_to = 1;
	strcpy(p->reply_to, "r1");
	p->priority = PRIO_NOW;
	p->created_at = 1795471510538LL;
	randombytes_buf(p->nonce, sizeof p->nonce);
	p->data = malloc(len + ENVELOPE_MAC_LEN);
	p->len = len + (sealed ? ENVELOPE_MAC_LEN : 0);
	if (!sealed)
		memcpy(p->data, text, len);
	else
		assert_int_equal(envelope_seal(alice, p->data, to->pub,
		    p->nonce, text, len), 0);
}

static void
deliver(const struct self *to, struct push *p)
{
	inbound_push(to, NULL, p);
	push_clear(p);
}

/* What a reader of the row sees, who knows only its columns. */
static void
body_is(const struct self *owner, const uint8_t *key, const char *want)
{
	const struct msg_put	*m = &puts_got[nputs - 1];
	struct body_context	 c = { .direction = BODY_IN };
	const char		*text, *meta;
	uint8_t			*buf;
	size_t			 len, textlen;

	memcpy(c.body_id, m->body_id, sizeof c.body_id);
	memcpy(c.owner, owner->owner, sizeof c.owner);
	c.mesh = "acme";
	c.sender = m->sender;
	c.recipient = owner->pub_hex;
	c.recipient_kind = row_kind_name(owner->kind);
	c.priority = (int)m->priority;
	c.reply_to = m->has_reply_to ? m->reply_to : NULL;
	c.topic = m->has_topic ? m->topic : NULL;
	c.subtype = m->has_subtype ? m->subtype : NULL;
	c.created_at = m->created_at;
	c.encrypted = (int)m->encrypted;
	c.authenticated = (int)m->authenticated;
	assert_int_equal(body_open(key, &c, m->body.p, m->body.len, &buf,
	    &len, &text, &textlen, &meta), 0);
	assert_string_equal(text, want);
	assert_null(meta);
	freezero(buf, len);
}

static void
clear(void)
{
	while (nputs > 0)
		free((void *)(uintptr_t)puts_got[--nputs].body.p);
	nacks = full = nhandover = 0;
}

static int
setup_all(void **state)
{
	uint8_t	sec[KEY_SECRET_LEN], pub[KEY_PUBLIC_LEN];

	(void)state;
	if (sodium_init() == -1)
		return -1;
	crypto_sign_keypair(alice_pub, sec);
	hex_encode(alice_hex, alice_pub, sizeof alice_pub);
	alice = envelope_box_new(sec);
	crypto_sign_keypair(pub, sec);
	member = self_make(OWNER_MEMBER, sec, member_body);
	bob = self_make(OWNER_SESSION, NULL, bob_body);
	return 0;
}

static int
teardown_all(void **state)
{
	(void)state;
	self_free(&bob);
	self_free(&member);
	envelope_box_free(&alice);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	clear();
	return 0;
}

static void
a_direct_message(void **state)
{
	struct push	p;

	(void)state;
	push_make(&p, 1, bob, "hello \x07 bob", 11);
	deliver(bob, &p);
	assert_int_equal(nputs, 1);
	assert_int_equal(puts_got[0].state, INBOX_MESSAGE);
	assert_true(puts_got[0].encrypted && puts_got[0].authenticated);
	assert_string_equal(puts_got[0].client_id, "c1");
	assert_string_equal(puts_got[0].broker_id, "m1");
	assert_string_equal(put_ack, "m1");
	assert_int_equal(nacks, 0);
	body_is(bob, bob_body, "hello \x07 bob");
}

static void
multicast_is_not_verified(void **state)
{
	struct push	p;

	(void)state;
	push_make(&p, 0, NULL, "to\tall\r\n", 8);
	p.has_topic = 1;
	strcpy(p.topic, "news");
	deliver(bob, &p);
	assert_int_equal(puts_got[0].state, INBOX_MESSAGE);
	assert_false(puts_got[0].encrypted || puts_got[0].authenticated);
	body_is(bob, bob_body, "to\tall\r\n");
	push_make(&p, 0, NULL, "", 0);
	deliver(bob, &p);
	body_is(bob, bob_body, "");
}

static void
what_does_not_open_goes_to_the_member(void **state)
{
	static const char *const	texts[] = { "a\0b", "\xff\xfe",
	    "a\x01" };
	struct push			p;
	uint8_t				raw[100];
	size_t				i, len;

	(void)state;
	push_make(&p, 1, member, "for the member", 14);
	len = p.len;
	memcpy(raw, p.data, len);
	deliver(bob, &p);
	assert_int_equal(puts_got[0].state, INBOX_HANDOVER);
	assert_false(puts_got[0].encrypted || puts_got[0].authenticated);
	assert_int_equal(puts_got[0].body.len, len);
	assert_memory_equal(puts_got[0].body.p, raw, len);
	for (i = 0; i < 3; i++) {		/* binary, but no text */
		push_make(&p, 0, NULL, texts[i], i == 0 ? 3 : 2);
		deliver(bob, &p);
		assert_int_equal(puts_got[nputs - 1].state, INBOX_HANDOVER);
	}
	push_make(&p, 1, bob, "a\0b", 3);	/* opens, but is no text */
	deliver(bob, &p);
	assert_int_equal(puts_got[nputs - 1].state, INBOX_HANDOVER);
	push_make(&p, 0, NULL, "not base64", 10);
	p.base64 = 0;
	deliver(bob, &p);
	assert_int_equal(puts_got[nputs - 1].state, INBOX_HANDOVER);
}

static void
a_forged_box_does_not_open(void **state)
{
	struct push	p;

	(void)state;
	push_make(&p, 1, bob, "hello", 5);
	p.data[3] ^= 1;
	deliver(bob, &p);
	assert_int_equal(puts_got[0].state, INBOX_HANDOVER);
	push_make(&p, 1, bob, "hello", 5);	/* in another's name */
	strcpy(p.sender, member->pub_hex);
	memcpy(p.sender_key, member->pub, sizeof p.sender_key);
	deliver(bob, &p);
	assert_int_equal(puts_got[1].state, INBOX_HANDOVER);
}

/* A reminder comes in the name of who asked for it, maybe for itself. */
static void
our_own_reminder_is_kept(void **state)
{
	struct push	p;

	(void)state;
	push_make(&p, 0, NULL, "tea", 3);
	strcpy(p.sender, bob->pub_hex);
	strcpy(p.sender_member, member->pub_hex);
	strcpy(p.subtype, "reminder");
	p.has_subtype = 1;
	p.has_nonce = 0;
	deliver(bob, &p);
	assert_int_equal(nputs, 1);
	push_make(&p, 0, NULL, "tea", 3);
	strcpy(p.sender_member, member->pub_hex);
	strcpy(p.subtype, "reminder");
	p.has_subtype = 1;
	p.has_nonce = 0;
	deliver(member, &p);
	assert_int_equal(nputs, 2);
	/* One to many is an echo as others are. */
	push_make(&p, 0, NULL, "tea", 3);
	strcpy(p.sender, bob->pub_hex);
	strcpy(p.subtype, "reminder");
	p.has_subtype = 1;
	p.has_nonce = 1;
	deliver(bob, &p);
	assert_int_equal(nputs, 2);
}

static void
our_own_echo_is_dropped(void **state)
{
	struct push	p;

	(void)state;
	push_make(&p, 0, NULL, "echo", 4);
	strcpy(p.sender, bob->pub_hex);
	deliver(bob, &p);
	assert_int_equal(nputs, 0);
	assert_int_equal(nacks, 1);
	assert_string_equal(last_ack, "m1");

	/* On the member's connection also what its sessions multicast ... */
	push_make(&p, 0, NULL, "to all", 6);
	strcpy(p.sender_member, member->pub_hex);
	deliver(member, &p);
	assert_int_equal(nputs, 0);
	assert_int_equal(nacks, 2);
	/* ... but not what they write to it, */
	push_make(&p, 1, member, "direct", 6);
	strcpy(p.sender_member, member->pub_hex);
	deliver(member, &p);
	assert_int_equal(nputs, 1);
	body_is(member, member_body, "direct");
	/* nor what another member multicasts. */
	push_make(&p, 0, NULL, "to all", 6);
	strcpy(p.sender_member, bob->pub_hex);
	deliver(member, &p);
	assert_int_equal(nputs, 2);
	/* A session keeps what a sibling multicasts. */
	push_make(&p, 0, NULL, "to all", 6);
	strcpy(p.sender_member, member->pub_hex);
	deliver(bob, &p);
	assert_int_equal(nputs, 3);
}

static void
a_member_has_nobody_to_hand_over_to(void **state)
{
	struct push	p;

	(void)state;
	push_make(&p, 1, bob, "not for it", 10);
	deliver(member, &p);
	assert_int_equal(puts_got[0].state, INBOX_QUARANTINE);
}

static void
a_webhook_shows_its_event(void **state)
{
	struct push	p;
	json_t		*data = json_pack("{s:i}", "n", 7);

	(void)state;
	push_make(&p, 0, NULL, "", 0);
	p.has_key = p.has_nonce = 0;
	strcpy(p.sender, "webhook:ci");
	p.has_subtype = 1;
	strcpy(p.subtype, "webhook");
	strcpy(p.event, "build");
	p.event_data = data;
	deliver(bob, &p);
	assert_string_equal(puts_got[0].sender, "webhook:ci");
	assert_false(puts_got[0].authenticated);
	body_is(bob, bob_body,
	    "{\"event\":\"build\",\"eventData\":{\"n\":7}}");
	json_decref(data);
}

/* A row as a session's worker handed it over. */
static void
unopened(struct in_row *r, int64_t seq, const struct self *to,
    const char *text)
{
	struct push	 p;

	push_make(&p, 1, to, text, strlen(text));
	memset(r, 0, sizeof *r);
	r->seq = seq;
	uuid_v7(r->id);
	r->kind = OWNER_MEMBER;
	r->state = INBOX_HANDOVER;
	strcpy(r->recipient, bob->pub_hex);
	strcpy(r->sender, p.sender);
	strcpy(r->client_id, "c1");
	r->has_nonce = 1;
	memcpy(r->nonce, p.nonce, sizeof r->nonce);
	r->priority = PRIO_LOW;
	r->created_at = 7;
	r->body = p.data;
	r->bodylen = p.len;
}

static void
handover_add(int64_t seq, const struct self *to, const char *text)
{
	unopened(&handover[nhandover++], seq, to, text);
}

static void
the_member_opens_what_was_handed_over(void **state)
{
	int64_t	after = 0;
	int	i;

	(void)state;
	handover_add(3, member, "for the member");
	handover_add(5, bob, "for nobody");
	full = 1;
	assert_int_equal(inbound_handover(member, NULL, NULL, &after), 1);
	assert_int_equal(nputs, 0);
	full = 0;
	assert_int_equal(inbound_handover(member, NULL, NULL, &after), 0);
	assert_int_equal(nputs, 2);
	assert_int_equal(after, 5);
	assert_int_equal(puts_got[1].state, INBOX_QUARANTINE);
	assert_int_equal(puts_got[1].replaces, 5);
	assert_string_equal(puts_got[1].id, handover[1].id);
	assert_memory_equal(puts_got[1].body.p, handover[1].body,
	    handover[1].bodylen);
	assert_string_equal(put_ack, "");	/* the broker knows already */
	free((void *)(uintptr_t)puts_got[--nputs].body.p);
	assert_int_equal(puts_got[0].state, INBOX_MESSAGE);
	assert_int_equal(puts_got[0].replaces, 3);
	assert_string_equal(puts_got[0].id, handover[0].id);
	assert_true(puts_got[0].authenticated);
	body_is(member, member_body, "for the member");
	assert_int_equal(inbound_handover(member, NULL, NULL, &after), 0);
	assert_int_equal(nputs, 1);		/* each once */
	for (i = 0; i < nhandover; i++)
		free(handover[i].body);
}

/* "tried again when a key is added": ours may be that key. */
static void
quarantined_rows_are_tried_with_our_key(void **state)
{
	int64_t	after = 0;
	int	i;

	(void)state;
	memcpy(bob->member_owner, member->owner, OWNER_ID_LEN);
	memcpy(member->member_owner, member->owner, OWNER_ID_LEN);
	nquarantine = 4;
	unopened(&quarantine[0], 3, bob, "for bob");
	unopened(&quarantine[1], 5, member, "for the member");
	quarantine[1].state = INBOX_QUARANTINE;
	unopened(&quarantine[2], 6, bob, "damaged");
	unopened(&quarantine[3], 7, member, "the member will come to it");
	quarantine[2].body[3] ^= 1;
	assert_int_equal(inbound_retry(bob, NULL, NULL, &after), 1);
	assert_int_equal(after, 7);
	assert_int_equal(inbound_retry(bob, NULL, NULL, &after), 0);
	assert_int_equal(nputs, 1);
	assert_int_equal(puts_got[0].state, INBOX_MESSAGE);
	assert_int_equal(puts_got[0].replaces, 0);
	assert_string_not_equal(puts_got[0].id, quarantine[0].id);
	assert_string_equal(puts_got[0].recipient, bob->pub_hex);
	assert_string_equal(puts_got[0].client_id, "c1");
	assert_true(puts_got[0].authenticated);
	assert_string_equal(put_ack, "");
	body_is(bob, bob_body, "for bob");
	after = 0;
	full = 1;
	assert_int_equal(inbound_retry(member, NULL, NULL, &after), 1);
	assert_int_equal(nputs, 1);
	full = 0;
	assert_int_equal(inbound_retry(member, NULL, NULL, &after), 1);
	assert_int_equal(nputs, 2);
	assert_int_equal(puts_got[1].replaces, 5);
	assert_string_equal(puts_got[1].id, quarantine[1].id);
	body_is(member, member_body, "for the member");
	for (i = 0; i < nquarantine; i++)
		free(quarantine[i].body);
	nquarantine = 0;
}

#define T(f)	cmocka_unit_test_teardown(f, teardown)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		T(a_direct_message),
		T(multicast_is_not_verified),
		T(what_does_not_open_goes_to_the_member),
		T(a_forged_box_does_not_open),
		T(our_own_echo_is_dropped),
		T(our_own_reminder_is_kept),
		T(a_member_has_nobody_to_hand_over_to),
		T(a_webhook_shows_its_event),
		T(the_member_opens_what_was_handed_over),
		T(quarantined_rows_are_tried_with_our_key),
	};

	return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
