/*
 * Rows received: copies, hand-over, notices.
 *
 * A push is a copy when the recipient has, or had and deleted, a row of the
 * same sender with one of its three keys.  Every key is looked up in a unique
 * index; nothing relies on the insert to fail.
 */

#include "supervisor/store/inbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/encode.h"
#include "common/uuid.h"
#include "common/xalloc.h"

/* The three keys: among the rows there are, and among those deleted. */
enum { KEY_CLIENT, KEY_BROKER, KEY_NONCE, NKEYS };

enum {
	LIVE_KEYS, DEAD_KEYS = LIVE_KEYS + NKEYS,
	INSERT = DEAD_KEYS + NKEYS, NOTICE, WHOSE, DROP, QUARANTINE, BY_ID,
	DELETED_BY, DROP_READERS, UNOPENED, NSTATEMENTS
};

struct inbox {
	struct db	*db;
	sqlite3_stmt	*st[NSTATEMENTS];
};

#define LIVE(key)							\
	"SELECT seq FROM inbox WHERE owner = :owner"			\
	" AND sender = :sender AND " key " = :key"
#define DEAD(key)							\
	"SELECT seq FROM tombstone WHERE owner = :owner"		\
	" AND sender = :sender AND " key " = :key AND expires_at > :now"

static const char sql_insert[] =
    "INSERT INTO inbox (id, owner, kind, state, mesh, recipient, sender,"
    " sender_member, sender_name, client_message_id, broker_message_id,"
    " nonce, priority, topic, subtype, reply_to, created_at, received_at,"
    " encrypted, authenticated, body_id, body)"
    " VALUES (:id, :owner, :kind, :state, :mesh, :recipient, :sender,"
    " :member, :name, :client, :broker, :nonce, :priority, :topic, :subtype,"
    " :reply_to, :created, :now, :encrypted, :authenticated, :body_id, :body)";

/* Without keys: a notice is never a copy of anything. */
static const char sql_notice[] =
    "INSERT INTO inbox (id, owner, kind, state, mesh, recipient, sender,"
    " priority, subtype, created_at, received_at, encrypted, authenticated,"
    " notice_client_id, notice_target, notice_reason)"
    " VALUES (:id, :owner, :kind, 3, :mesh, :recipient, 'system',"
    " 1, 'system', :now, :now, 0, 1, :client, :target, :reason)";

static const char sql_whose[] =
    "SELECT owner, state, id FROM inbox WHERE seq = :seq";

static const char sql_drop[] = "DELETE FROM inbox WHERE seq = :seq";

static const char sql_quarantine[] =
    "UPDATE inbox SET state = 2 WHERE seq = :seq";

/* Who deleted it before it was opened has deleted the message. */
static const char sql_deleted_by[] =
    "UPDATE OR REPLACE reader SET seq = :new, seen_at = NULL"
    " WHERE seq = :seq AND deleted_at IS NOT NULL";

static const char sql_drop_readers[] = "DELETE FROM reader WHERE seq = :seq";

static const char sql_by_id[] =
    "SELECT seq FROM inbox WHERE id = :id AND owner = :owner";

static const char sql_unopened[] =
    "SELECT 1 FROM inbox WHERE owner = :owner AND state IN (1, 2)"
    " AND state = 1 LIMIT 1";

static const char *const sql[NSTATEMENTS] = {
	[LIVE_KEYS + KEY_CLIENT] = LIVE("client_message_id"),
	[LIVE_KEYS + KEY_BROKER] = LIVE("broker_message_id"),
	[LIVE_KEYS + KEY_NONCE] = LIVE("nonce"),
	[DEAD_KEYS + KEY_CLIENT] = DEAD("client_message_id"),
	[DEAD_KEYS + KEY_BROKER] = DEAD("broker_message_id"),
	[DEAD_KEYS + KEY_NONCE] = DEAD("nonce"),
	[INSERT] = sql_insert,
	[NOTICE] = sql_notice,
	[WHOSE] = sql_whose,
	[DROP] = sql_drop,
	[QUARANTINE] = sql_quarantine,
	[BY_ID] = sql_by_id,
	[DELETED_BY] = sql_deleted_by,
	[DROP_READERS] = sql_drop_readers,
	[UNOPENED] = sql_unopened,
};

struct inbox *
inbox_new(struct db *d)
{
	struct inbox	*in = xcalloc(1, sizeof *in);

	in->db = d;
	db_prepare_all(d, in->st, sql, NSTATEMENTS);
	return in;
}

void
inbox_free(struct inbox **inp)
{
	struct inbox	*in = *inp;

	*inp = NULL;
	if (in == NULL)
		return;
	db_finalize_all(in->st, NSTATEMENTS);
	free(in);
}

/* The first column of the one row of a bound statement.  1, 0, -1. */
static int
inbox_number(struct inbox *in, sqlite3_stmt *st, int64_t *v)
{
	int	ret;

	if ((ret = db_step(in->db, st)) == 1) {
		*v = sqlite3_column_int64(st, 0);
		db_reset(st);
	}
	return ret;
}

/* Whose row a put becomes. */
struct put_owner {
	const uint8_t	*owner;
	enum row_kind	 kind;
};

/* What cannot be opened with a session's key is for its member's worker. */
static int
put_owner(const struct msg_channel *ch, const struct msg_put *p,
    struct put_owner *o)
{
	static const uint8_t	nobody[OWNER_ID_LEN];

	o->owner = ch->owner;
	o->kind = (enum row_kind)ch->kind;
	if (p->state == INBOX_HANDOVER && ch->kind == OWNER_SESSION) {
		o->owner = ch->member_owner;
		o->kind = OWNER_MEMBER;
	}
	return memcmp(o->owner, nobody, sizeof nobody) != 0 ? 0 : -1;
}

/* What a reader would leave out must not get in. */
static int
put_sound(const struct msg_channel *ch, const struct msg_put *p)
{
	return p->state <= INBOX_QUARANTINE && uuid_is(p->id) &&
	    hex_is(p->recipient, HEX_KEY_SIZE - 1) && *p->sender != '\0' &&
	    db_utf8(p->sender) &&
	    db_utf8(p->sender_member) && db_utf8(p->sender_name) &&
	    db_utf8(p->client_id) && db_utf8(p->broker_id) &&
	    db_utf8(p->topic) && db_utf8(p->subtype) && db_utf8(p->reply_to) &&
	    (p->replaces == 0 || ch->kind == OWNER_MEMBER);
}

/* One key, in one place.  1 found, 0 not, or no such key; -1. */
static int
put_find_key(struct inbox *in, sqlite3_stmt *st, int key,
    const uint8_t *owner, const struct msg_put *p, int64_t *seq)
{
	if (key == KEY_NONCE ? !p->has_nonce :
	    *(key == KEY_CLIENT ? p->client_id : p->broker_id) == '\0')
		return 0;
	db_blob(st, ":owner", owner, OWNER_ID_LEN);
	db_text(st, ":sender", p->sender);
	if (key == KEY_NONCE)
		db_blob(st, ":key", p->nonce, sizeof p->nonce);
	else
		db_text(st, ":key", key == KEY_CLIENT ? p->client_id :
		    p->broker_id);
	return inbox_number(in, st, seq);
}

/*
 * 1: *seq is what it is a copy of, 0 when that was deleted.  0, -1.  A put
 * without any key that is repeated is known by the id that it brought.
 */
static int
put_copy(struct inbox *in, const uint8_t *owner, const struct msg_put *p,
    int64_t now, int64_t *seq)
{
	sqlite3_stmt	*st = in->st[BY_ID];
	int		 i, ret;

	db_text(st, ":id", p->id);
	db_blob(st, ":owner", owner, OWNER_ID_LEN);
	if ((ret = inbox_number(in, st, seq)) != 0)
		return ret;
	for (i = 0; i < NKEYS; i++) {
		st = in->st[LIVE_KEYS + i];
		if ((ret = put_find_key(in, st, i, owner, p, seq)) != 0)
			return ret;
	}
	for (i = 0; i < NKEYS && ret == 0; i++) {
		st = in->st[DEAD_KEYS + i];
		db_int(st, ":now", now);
		ret = put_find_key(in, st, i, owner, p, seq);
	}
	*seq = 0;
	return ret;
}

/* The row that a put opens or quarantines. */
struct put_old {
	uint8_t	owner[OWNER_ID_LEN];
	char	id[UUID_SIZE];
	int	state;
};

/* 1, 0, -1. */
static int
inbox_old(struct inbox *in, int64_t seq, struct put_old *old)
{
	sqlite3_stmt	*st = in->st[WHOSE];
	int		 ret;

	db_int(st, ":seq", seq);
	if ((ret = db_step(in->db, st)) != 1)
		return ret;
	db_col_blob(st, 0, old->owner, OWNER_ID_LEN);
	old->state = sqlite3_column_int(st, 1);
	snprintf(old->id, sizeof old->id, "%s",
	    (const char *)sqlite3_column_text(st, 2));
	db_reset(st);
	return 1;
}

/*
 * What becomes of the row that nobody had opened.  Quarantined it is kept as it
 * is.  Opened it goes, before it could be taken for a copy, and leaves its id:
 * who has listed it finds it again.  One that has gone already is no obstacle:
 * then the put is a repeat.
 */
static enum op
put_replace(struct inbox *in, const uint8_t *owner, const struct msg_put *p,
    struct msg_stored *r)
{
	struct put_old	 old;
	sqlite3_stmt	*st;
	int		 ret;

	if ((ret = inbox_old(in, p->replaces, &old)) != 1)
		return ret == -1 ? OP_FAULT : OP_DONE;
	if (memcmp(old.owner, owner, OWNER_ID_LEN) != 0 ||
	    strcmp(old.id, p->id) != 0 ||
	    (old.state != INBOX_HANDOVER && old.state != INBOX_QUARANTINE))
		return OP_NONSENSE;
	r->row = p->state == INBOX_QUARANTINE ? p->replaces : 0;
	st = in->st[p->state == INBOX_QUARANTINE ? QUARANTINE : DROP];
	db_int(st, ":seq", p->replaces);
	return db_run(in->db, st) == -1 ? OP_FAULT : OP_DONE;
}

/* What readers made of the row that was replaced by this one, or (0) by none. */
static int
put_readers(struct inbox *in, int64_t old, int64_t row)
{
	sqlite3_stmt	*st = in->st[DELETED_BY];

	db_int(in->st[DROP_READERS], ":seq", old);
	db_int(st, ":seq", old);
	db_int(st, ":new", row);
	if (row != 0 && db_run(in->db, st) == -1)
		return -1;
	db_reset(st);
	return db_run(in->db, in->st[DROP_READERS]);
}

static int
put_insert(struct inbox *in, const struct put_owner *o, const char *mesh,
    const struct msg_put *p, int64_t now)
{
	sqlite3_stmt	*st = in->st[INSERT];

	db_text(st, ":id", p->id);
	db_blob(st, ":owner", o->owner, OWNER_ID_LEN);
	db_int(st, ":kind", o->kind);
	db_int(st, ":state", p->state);
	db_text(st, ":mesh", mesh);
	db_text(st, ":recipient", p->recipient);
	db_text(st, ":sender", p->sender);
	db_text_opt(st, ":member", p->sender_member);
	db_text_opt(st, ":name", p->sender_name);
	db_text_opt(st, ":client", p->client_id);
	db_text_opt(st, ":broker", p->broker_id);
	if (p->has_nonce)
		db_blob(st, ":nonce", p->nonce, sizeof p->nonce);
	db_int(st, ":priority", p->priority);
	db_text(st, ":topic", p->has_topic ? p->topic : NULL);
	db_text(st, ":subtype", p->has_subtype ? p->subtype : NULL);
	db_text(st, ":reply_to", p->has_reply_to ? p->reply_to : NULL);
	db_int(st, ":created", p->created_at);
	db_int(st, ":now", now);
	db_int(st, ":encrypted", p->encrypted);
	db_int(st, ":authenticated", p->authenticated);
	db_blob(st, ":body_id", p->body_id, sizeof p->body_id);
	db_blob(st, ":body", p->body.p, p->body.len);
	return db_run(in->db, st);
}

enum op
inbox_put(struct inbox *in, const struct msg_channel *ch,
    const struct msg_put *p, int64_t now, struct notes *notes,
    struct msg_stored *r)
{
	struct put_owner	o;
	enum op			ret;
	int			found;

	if (!put_sound(ch, p) || put_owner(ch, p, &o) == -1)
		return OP_NONSENSE;
	r->row = 0;
	r->result = PUT_NEW;
	if (p->replaces != 0 &&
	    ((ret = put_replace(in, o.owner, p, r)) != OP_DONE || r->row != 0))
		return ret;
	if ((found = put_copy(in, o.owner, p, now, &r->row)) == -1)
		return OP_FAULT;
	r->result = found ? PUT_COPY : PUT_NEW;
	if (!found) {
		if (put_insert(in, &o, ch->mesh, p, now) == -1)
			return db_fault(in->db) == DB_CONSTRAINT ?
			    OP_NONSENSE : OP_FAULT;
		r->row = db_last_row(in->db);
	}
	if (p->replaces != 0 && put_readers(in, p->replaces, r->row) == -1)
		return OP_FAULT;
	if (found)
		return OP_DONE;
	if (p->state == INBOX_MESSAGE)
		notes_add(notes, NOTE_ROWS, o.owner, r->row);
	else if (p->state == INBOX_HANDOVER)
		notes_add(notes, NOTE_HANDOVER, o.owner, 0);
	return OP_DONE;
}

enum op
inbox_notice(struct inbox *in, const struct inbox_notice *n, int64_t now,
    struct notes *notes)
{
	sqlite3_stmt	*st = in->st[NOTICE];
	char		 id[UUID_SIZE], recipient[HEX_KEY_SIZE];

	db_text(st, ":id", uuid_v7(id));
	db_blob(st, ":owner", n->owner, OWNER_ID_LEN);
	db_int(st, ":kind", n->kind);
	db_text(st, ":mesh", n->mesh);
	db_text(st, ":recipient", hex_encode(recipient, n->sender,
	    KEY_PUBLIC_LEN));
	db_int(st, ":now", now);
	db_text(st, ":client", n->client_id);
	db_text(st, ":target", n->target);
	db_text(st, ":reason", n->reason);
	if (db_run(in->db, st) == -1)
		return OP_FAULT;
	notes_add(notes, NOTE_ROWS, n->owner, db_last_row(in->db));
	return OP_DONE;
}

enum op
inbox_has_handover(struct inbox *in, const uint8_t owner[OWNER_ID_LEN],
    int *has_r)
{
	int64_t	one;

	db_blob(in->st[UNOPENED], ":owner", owner, OWNER_ID_LEN);
	*has_r = inbox_number(in, in->st[UNOPENED], &one);
	return *has_r == -1 ? OP_FAULT : OP_DONE;
}
