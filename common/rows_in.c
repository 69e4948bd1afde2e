/*
 * The inbox, read, by scope.
 *
 * In a session's scope one message can have two rows, the session's and its
 * member's.  Which one is shown is decided here, for every way of reading: the
 * one with the lower sequence, before any filter and whatever became of it.
 * Each row looks its twin up through the unique indexes of the three keys, so
 * that a listing costs no more than it shows.  A session's row that was
 * deleted is a tombstone, which still hides its later twin.
 *
 * Both owners' rows come out of the index (owner, seq) in order, and the two
 * streams are merged.
 */

#include "common/rows.h"

#include <stdlib.h>
#include <string.h>

#include "common/encode.h"
#include "common/rows_impl.h"

#define IN_COLS(seen)							\
	"r.seq AS seq, r.id, r.owner, r.kind, r.state, r.mesh,"		\
	" r.recipient, r.sender, r.sender_member, r.sender_name,"	\
	" ifnull(r.client_message_id, r.notice_client_id),"		\
	" r.broker_message_id, r.nonce, r.priority, r.topic, r.subtype,"\
	" r.reply_to, r.created_at, r.received_at, " seen ","		\
	" r.encrypted, r.authenticated, r.notice_target,"		\
	" r.notice_reason, r.body_id, r.body"

/* A row of the other owner that stands for r, by one of the keys. */
#define TWIN_BY(key, owner)						\
	"EXISTS (SELECT 1 FROM inbox t WHERE t.owner = " owner		\
	" AND t.sender = r.sender AND t." key " = r." key		\
	" AND t.seq < r.seq AND t.state IN (0, 3))"
#define GONE_BY(key)							\
	"EXISTS (SELECT 1 FROM tombstone t WHERE t.owner = :session"	\
	" AND t.sender = r.sender AND t." key " = r." key		\
	" AND t.seq < r.seq)"
#define NO_TWIN(owner)							\
	" AND NOT " TWIN_BY("client_message_id", owner)			\
	" AND NOT " TWIN_BY("broker_message_id", owner)			\
	" AND NOT " TWIN_BY("nonce", owner)
#define NOT_GONE							\
	" AND NOT " GONE_BY("client_message_id")			\
	" AND NOT " GONE_BY("broker_message_id")			\
	" AND NOT " GONE_BY("nonce")

/* The two halves of a session's scope, and a member's own. */
#define SESSION_FROM							\
	" FROM inbox r"							\
	" WHERE r.owner = :session AND r.state IN (0, 3)"		\
	"   AND r.deleted_at IS NULL" NO_TWIN(":member")
#define SHARED_FROM							\
	" FROM inbox r LEFT JOIN reader x"				\
	"   ON x.seq = r.seq AND x.reader = :session"			\
	" WHERE r.owner = :member AND r.state IN (0, 3)"		\
	"   AND x.deleted_at IS NULL" NO_TWIN(":session") NOT_GONE
#define MEMBER_FROM							\
	" FROM inbox r"							\
	" WHERE r.owner = :member AND r.state IN (0, 3)"		\
	"   AND r.deleted_at IS NULL"

#define SESSION_ROWS	"SELECT " IN_COLS("r.seen_at") SESSION_FROM
#define SHARED_ROWS	"SELECT " IN_COLS("x.seen_at") SHARED_FROM
#define MEMBER_ROWS	"SELECT " IN_COLS("r.seen_at") MEMBER_FROM

/* Newest first.  The floor is a sequence below which all are too old. */
#define FILTER(floor)							\
	" AND r.seq >= " floor " AND r.received_at >= :since"		\
	" AND (:topic IS NULL OR r.topic = :topic)"			\
	" AND (:mesh IS NULL OR r.mesh = :mesh)"			\
	" AND (:from IS NULL OR r.sender = :from"			\
	"   OR r.sender_member = :from OR r.sender_name = :from)"
#define NEWEST	" ORDER BY seq DESC LIMIT :limit"

static const char sql_list_session[] =
    SESSION_ROWS FILTER(":sfloor") " UNION ALL "
    SHARED_ROWS FILTER(":mfloor") NEWEST;
static const char sql_unread_session[] =
    SESSION_ROWS " AND r.seen_at IS NULL" FILTER(":sfloor") " UNION ALL "
    SHARED_ROWS " AND x.seen_at IS NULL" FILTER(":mfloor") NEWEST;
static const char sql_list_member[] =
    MEMBER_ROWS FILTER(":mfloor") NEWEST;
static const char sql_unread_member[] =
    MEMBER_ROWS " AND r.seen_at IS NULL" FILTER(":mfloor") NEWEST;

static const char sql_quarantine[] =
    "SELECT " IN_COLS("r.seen_at") " FROM inbox r LEFT JOIN reader x"
    "   ON x.seq = r.seq AND x.reader = :session"
    " WHERE r.owner IN (:session, :member) AND r.state IN (1, 2)"
    "   AND r.deleted_at IS NULL AND x.deleted_at IS NULL"
    FILTER("0") NEWEST;

static const char sql_floor[] =
    "SELECT ifnull(min(seq), 9223372036854775807) FROM inbox"
    " WHERE owner = :owner AND received_at >= :since";

static const char sql_after_session[] =
    SESSION_ROWS " AND r.seq > :after UNION ALL "
    SHARED_ROWS " AND r.seq > :after ORDER BY seq LIMIT :limit";
static const char sql_after_member[] =
    MEMBER_ROWS " AND r.seq > :after ORDER BY seq LIMIT :limit";

static const char sql_seq[] =
    "SELECT r.seq FROM inbox r LEFT JOIN reader x"
    "   ON x.seq = r.seq AND x.reader = :session"
    " WHERE r.id = :id AND r.state <> 1"
    "   AND r.owner IN (:session, :member)"
    "   AND r.deleted_at IS NULL AND x.deleted_at IS NULL";

#define SEQS	"SELECT r.seq AS seq"
#define RANGE								\
	" AND r.seq > :after AND r.seq <= :last"			\
	" AND r.received_at < :before"
static const char sql_seqs_session[] =
    SEQS SESSION_FROM RANGE " UNION ALL "
    SEQS SHARED_FROM RANGE " ORDER BY seq LIMIT :limit";
static const char sql_seqs_member[] =
    SEQS MEMBER_FROM RANGE " ORDER BY seq LIMIT :limit";

static const char sql_ceiling[] =
    "SELECT ifnull(max(seq), 0) FROM inbox"
    " WHERE owner = :owner AND received_at < :before";

#define UNOPENED							\
	"SELECT " IN_COLS("r.seen_at") " FROM inbox r"			\
	" WHERE r.owner = :member AND r.state IN (1, 2)"		\
	"   AND r.seq > :after"
#define OLDEST	" ORDER BY r.seq LIMIT :limit"

static const char sql_handover[] =
    UNOPENED " AND r.state = 1" OLDEST;
static const char sql_unopened[] =
    UNOPENED " AND r.deleted_at IS NULL" OLDEST;

/* Survives the deletion of the newest rows. */
static const char sql_last[] =
    "SELECT ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'inbox'), 0)";

_Static_assert(INBOX_MESSAGE == 0 && INBOX_HANDOVER == 1 &&
    INBOX_QUARANTINE == 2 && INBOX_NOTICE == 3,
    "states are in SQL and in the file");

void
in_row_clear(struct in_row *i)
{
	free(i->body);
	memset(i, 0, sizeof *i);
}

void
in_row_context(const struct in_row *i, struct body_context *ctx)
{
	memset(ctx, 0, sizeof *ctx);
	memcpy(ctx->body_id, i->body_id, sizeof ctx->body_id);
	memcpy(ctx->owner, i->owner, sizeof ctx->owner);
	ctx->direction = BODY_IN;
	ctx->mesh = i->mesh;
	ctx->sender = i->sender;
	ctx->recipient = i->recipient;
	ctx->recipient_kind = row_kind_name(i->kind);
	ctx->priority = (int)i->priority;
	ctx->reply_to = i->has_reply_to ? i->reply_to : NULL;
	ctx->topic = i->has_topic ? i->topic : NULL;
	ctx->subtype = i->has_subtype ? i->subtype : NULL;
	ctx->created_at = i->created_at;
	ctx->encrypted = i->encrypted;
	ctx->authenticated = i->authenticated;
}

/* A notice has no body; every other row has one. */
static int
in_row_sound(const struct in_row *i)
{
	if (!uuid_is(i->id) || !hex_is(i->recipient, HEX_KEY_SIZE - 1))
		return 0;
	return (i->state == INBOX_NOTICE) == (i->body == NULL);
}

/* The row under the statement.  -1: it is not sound; nothing to free then. */
static int
in_row_read(sqlite3_stmt *st, struct in_row *i)
{
	struct rows_cur	c = { .st = st };

	memset(i, 0, sizeof *i);
	i->seq = cur_int(&c, 1, INT64_MAX);
	cur_text(&c, i->id, sizeof i->id);
	cur_blob(&c, i->owner, sizeof i->owner);
	i->kind = (enum row_kind)cur_int(&c, 0, ROW_KIND_MAX);
	i->state = (enum inbox_state)cur_int(&c, 0, INBOX_STATE_MAX);
	cur_text(&c, i->mesh, sizeof i->mesh);
	cur_text(&c, i->recipient, sizeof i->recipient);
	cur_text(&c, i->sender, sizeof i->sender);
	cur_text_opt(&c, i->sender_member, sizeof i->sender_member);
	cur_text_opt(&c, i->sender_name, sizeof i->sender_name);
	cur_text_opt(&c, i->client_id, sizeof i->client_id);
	cur_text_opt(&c, i->broker_id, sizeof i->broker_id);
	i->has_nonce = cur_blob_opt(&c, i->nonce, sizeof i->nonce);
	i->priority = (enum row_priority)cur_int(&c, 0, ROW_PRIORITY_MAX);
	i->has_topic = cur_text_opt(&c, i->topic, sizeof i->topic);
	i->has_subtype = cur_text_opt(&c, i->subtype, sizeof i->subtype);
	i->has_reply_to = cur_text_opt(&c, i->reply_to, sizeof i->reply_to);
	i->created_at = cur_int(&c, 0, INT64_MAX);
	i->received_at = cur_int(&c, 0, INT64_MAX);
	i->seen_at = cur_time(&c);
	i->encrypted = (int)cur_int(&c, 0, 1);
	i->authenticated = (int)cur_int(&c, 0, 1);
	cur_text_opt(&c, i->notice_target, sizeof i->notice_target);
	cur_text_opt(&c, i->notice_reason, sizeof i->notice_reason);
	cur_blob_opt(&c, i->body_id, sizeof i->body_id);
	cur_body(&c, &i->body, &i->bodylen);
	if (!c.bad && in_row_sound(i))
		return 0;
	in_row_clear(i);
	return -1;
}

/* Hand out what the bound statement finds.  How many, or -1. */
static int
in_each(struct rows *r, sqlite3_stmt *st,
    int (*cb)(void *arg, const struct in_row *), void *arg)
{
	struct in_row	i;
	int		n = 0, ret = 0, stop = 0;

	while (!stop && (ret = rows_step(r, st)) == 1) {
		if (in_row_read(st, &i) == -1) {
			rows_skipped(r, "inbox", sqlite3_column_int64(st, 0));
			continue;
		}
		n++;
		stop = cb(arg, &i);
		in_row_clear(&i);
	}
	if (stop)
		rows_done(st);
	else if (ret == -1)
		return -1;
	return n;
}

/* A statement of the member's own scope has no session to bind. */
static void
in_bind_scope(sqlite3_stmt *st, const struct rows_scope *s)
{
	if (sqlite3_bind_parameter_index(st, ":session") != 0)
		rows_bind_blob(st, ":session", s->session, OWNER_ID_LEN);
	rows_bind_blob(st, ":member", s->member, OWNER_ID_LEN);
}

/*
 * The lowest sequence of an owner that is not older than since; above it few
 * are.  A listing from a time on need not walk the whole history for it.
 */
static int
in_floor(struct rows *r, const uint8_t *owner, int64_t since, int64_t *seq_r)
{
	sqlite3_stmt	*st;

	*seq_r = 0;
	if (since <= 0 || owner == NULL)
		return 0;
	if ((st = rows_use(r, ROWS_IN_FLOOR, sql_floor)) == NULL)
		return -1;
	rows_bind_blob(st, ":owner", owner, OWNER_ID_LEN);
	rows_bind_int(st, ":since", since);
	if (rows_step(r, st) != 1)
		return -1;
	*seq_r = sqlite3_column_int64(st, 0);
	rows_done(st);
	return 0;
}

static sqlite3_stmt *
in_list_use(struct rows *r, int session, const struct rows_filter *f)
{
	if (f->quarantine)
		return rows_use(r, ROWS_IN_QUARANTINE, sql_quarantine);
	if (session)
		return f->unread_only ?
		    rows_use(r, ROWS_IN_UNREAD_SESSION, sql_unread_session) :
		    rows_use(r, ROWS_IN_LIST_SESSION, sql_list_session);
	return f->unread_only ?
	    rows_use(r, ROWS_IN_UNREAD_MEMBER, sql_unread_member) :
	    rows_use(r, ROWS_IN_LIST_MEMBER, sql_list_member);
}

int
rows_in_list(struct rows *r, const struct rows_scope *s,
    const struct rows_filter *f,
    int (*cb)(void *arg, const struct in_row *), void *arg)
{
	sqlite3_stmt	*st;
	int64_t		 sfloor, mfloor;

	if (in_floor(r, s->session, f->since, &sfloor) == -1 ||
	    in_floor(r, s->member, f->since, &mfloor) == -1 ||
	    (st = in_list_use(r, s->session != NULL, f)) == NULL)
		return -1;
	in_bind_scope(st, s);
	if (!f->quarantine) {
		if (s->session != NULL)
			rows_bind_int(st, ":sfloor", sfloor);
		rows_bind_int(st, ":mfloor", mfloor);
	}
	rows_bind_int(st, ":since", f->since);
	rows_bind_text(st, ":topic", f->topic);
	rows_bind_text(st, ":mesh", f->mesh);
	rows_bind_text(st, ":from", f->from);
	rows_bind_int(st, ":limit", f->limit);
	return in_each(r, st, cb, arg);
}

int
rows_in_after(struct rows *r, const struct rows_scope *s, int64_t after,
    int limit, int (*cb)(void *arg, const struct in_row *), void *arg)
{
	sqlite3_stmt	*st;

	st = s->session != NULL ?
	    rows_use(r, ROWS_IN_AFTER_SESSION, sql_after_session) :
	    rows_use(r, ROWS_IN_AFTER_MEMBER, sql_after_member);
	if (st == NULL)
		return -1;
	in_bind_scope(st, s);
	rows_bind_int(st, ":after", after);
	rows_bind_int(st, ":limit", limit);
	return in_each(r, st, cb, arg);
}

int
rows_in_seq(struct rows *r, const struct rows_scope *s, const char *id,
    int64_t *seq_r)
{
	sqlite3_stmt	*st;
	int		 ret;

	if ((st = rows_use(r, ROWS_IN_SEQ, sql_seq)) == NULL)
		return -1;
	in_bind_scope(st, s);
	rows_bind_text(st, ":id", id);
	if ((ret = rows_step(r, st)) == 1) {
		*seq_r = sqlite3_column_int64(st, 0);
		rows_done(st);
	}
	return ret;
}

int
rows_in_seqs(struct rows *r, const struct rows_scope *s, int64_t after,
    int64_t last, int64_t before, int limit, uint64_t *seqs)
{
	sqlite3_stmt	*st;
	int		 n = 0, ret = 0;

	st = s->session != NULL ?
	    rows_use(r, ROWS_IN_SEQS_SESSION, sql_seqs_session) :
	    rows_use(r, ROWS_IN_SEQS_MEMBER, sql_seqs_member);
	if (st == NULL)
		return -1;
	in_bind_scope(st, s);
	rows_bind_int(st, ":after", after);
	rows_bind_int(st, ":last", last);
	rows_bind_int(st, ":before", before);
	rows_bind_int(st, ":limit", limit);
	while (n < limit && (ret = rows_step(r, st)) == 1)
		seqs[n++] = (uint64_t)sqlite3_column_int64(st, 0);
	if (n == limit)
		rows_done(st);
	return ret == -1 ? -1 : n;
}

int
rows_in_before(struct rows *r, const struct rows_scope *s, int64_t before,
    int64_t *seq_r)
{
	const uint8_t	*owners[] = { s->session, s->member };
	sqlite3_stmt	*st;
	int64_t		 seq;
	size_t		 i;

	*seq_r = 0;
	for (i = 0; i < 2; i++) {
		if (owners[i] == NULL)
			continue;
		if ((st = rows_use(r, ROWS_IN_CEILING, sql_ceiling)) == NULL)
			return -1;
		rows_bind_blob(st, ":owner", owners[i], OWNER_ID_LEN);
		rows_bind_int(st, ":before", before);
		if (rows_step(r, st) != 1)
			return -1;
		if ((seq = sqlite3_column_int64(st, 0)) > *seq_r)
			*seq_r = seq;
		rows_done(st);
	}
	return 0;
}

static int
in_unopened(struct rows *r, sqlite3_stmt *st,
    const uint8_t member[OWNER_ID_LEN], int64_t after, int limit,
    int (*cb)(void *, const struct in_row *), void *arg)
{
	if (st == NULL)
		return -1;
	rows_bind_blob(st, ":member", member, OWNER_ID_LEN);
	rows_bind_int(st, ":after", after);
	rows_bind_int(st, ":limit", limit);
	return in_each(r, st, cb, arg);
}

int
rows_handover_after(struct rows *r, const uint8_t member[OWNER_ID_LEN],
    int64_t after, int limit, int (*cb)(void *, const struct in_row *),
    void *arg)
{
	return in_unopened(r, rows_use(r, ROWS_IN_HANDOVER, sql_handover),
	    member, after, limit, cb, arg);
}

int
rows_unopened_after(struct rows *r, const uint8_t member[OWNER_ID_LEN],
    int64_t after, int limit, int (*cb)(void *, const struct in_row *),
    void *arg)
{
	return in_unopened(r, rows_use(r, ROWS_IN_UNOPENED, sql_unopened),
	    member, after, limit, cb, arg);
}

int
rows_inbox_last(struct rows *r, int64_t *seq_r)
{
	sqlite3_stmt	*st;

	if ((st = rows_use(r, ROWS_INBOX_LAST, sql_last)) == NULL ||
	    rows_step(r, st) != 1)
		return -1;
	*seq_r = sqlite3_column_int64(st, 0);
	rows_done(st);
	return 0;
}
