#ifndef COMMON_ROWS_H
#define COMMON_ROWS_H

/*
 * The read side of mesh.db, for gate and workers.  Opened read-only; every
 * statement is reset after use, so that no reader holds back a checkpoint.
 * The schema is in supervisor/store/schema.c.  What is read is checked: types,
 * lengths and ranges, since the store may be under somebody else's control; a
 * row that is not sound is left out, with a log line.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/body.h"
#include "common/envelope.h"
#include "common/fingerprint.h"
#include "common/uuid.h"

/* What makes the file ours, and the version of its schema. */
#define ROWS_APPLICATION_ID	0x6d736870	/* "mshp" */
#define ROWS_SCHEMA_VERSION	2

enum row_state {			/* outbox */
	ROW_PENDING,
	ROW_INFLIGHT,
	ROW_DONE,
	ROW_DEAD,
	ROW_ABORTED,
};
#define ROW_STATE_MAX	ROW_ABORTED
const char *row_state_name(enum row_state);
int	row_state_parse(const char *, enum row_state *);	/* 0, -1 */

enum row_priority { PRIO_NOW, PRIO_NEXT, PRIO_LOW };
#define ROW_PRIORITY_MAX PRIO_LOW
const char *row_priority_name(enum row_priority);
int	row_priority_parse(const char *, enum row_priority *);

enum row_kind { OWNER_SESSION, OWNER_MEMBER };
#define ROW_KIND_MAX	OWNER_MEMBER
const char *row_kind_name(enum row_kind);	/* "session", "member" */

enum inbox_state { INBOX_MESSAGE, INBOX_HANDOVER, INBOX_QUARANTINE,
    INBOX_NOTICE };
#define INBOX_STATE_MAX	INBOX_NOTICE

/* Limits of columns, in bytes, the final NUL included. */
#define MESH_SLUG_SIZE		65
#define CLIENT_ID_SIZE		257	/* client_message_id */
#define BROKER_ID_SIZE		129	/* a broker's messageId */
#define TARGET_SIZE		257	/* targetSpec */
#define REASON_SIZE		257
#define NAME_SIZE		129	/* display names */
#define TOPIC_SIZE		129
#define SUBTYPE_SIZE		33
#define HEX_KEY_SIZE		65
#define SENDER_SIZE		137	/* hex key, "system", "webhook:.." */
#define ROW_BODY_MAX		(4 * 1024 * 1024)

#define TOPICS_MAX		256	/* that one owner may have joined */

struct out_row {
	int64_t		 seq;
	char		 id[UUID_SIZE];
	uint8_t		 owner[OWNER_ID_LEN];
	uint8_t		 sender[KEY_PUBLIC_LEN];
	char		 mesh[MESH_SLUG_SIZE];
	char		 client_id[CLIENT_ID_SIZE];
	uint8_t		 fingerprint[FINGERPRINT_LEN];
	char		 target[TARGET_SIZE];
	enum row_priority priority;
	int		 has_reply_to;
	char		 reply_to[CLIENT_ID_SIZE];
	uint8_t		 nonce[ENVELOPE_NONCE_LEN];
	uint8_t		 body_id[BODY_ID_LEN];
	int64_t		 payload_bytes;
	int64_t		 created_at, enqueued_at;
	enum row_state	 state;
	int64_t		 attempts, next_attempt_at;	/* 0: at once */
	char		 last_error[REASON_SIZE];	/* "": none */
	int64_t		 delivered_at, ended_at, aborted_at;	/* 0: not */
	char		 broker_id[BROKER_ID_SIZE];	/* "": none */
	char		 aborted_by[NAME_SIZE];
	char		 superseded_by[UUID_SIZE];
	int		 held;
	uint8_t		*body;		/* sealed, allocated; NULL when wiped */
	size_t		 bodylen;
};

struct in_row {
	int64_t		 seq;
	char		 id[UUID_SIZE];
	uint8_t		 owner[OWNER_ID_LEN];
	enum row_kind	 kind;			/* of recipient */
	enum inbox_state state;
	char		 mesh[MESH_SLUG_SIZE];
	char		 recipient[HEX_KEY_SIZE];
	char		 sender[SENDER_SIZE];
	char		 sender_member[HEX_KEY_SIZE];	/* "": not known */
	char		 sender_name[NAME_SIZE];	/* "": not known */
	char		 client_id[CLIENT_ID_SIZE];	/* "": none; of a */
				/* notice: the message that it is about */
	char		 broker_id[BROKER_ID_SIZE];	/* "": none */
	int		 has_nonce;
	uint8_t		 nonce[ENVELOPE_NONCE_LEN];
	enum row_priority priority;
	int		 has_topic, has_subtype, has_reply_to;
	char		 topic[TOPIC_SIZE];
	char		 subtype[SUBTYPE_SIZE];
	char		 reply_to[CLIENT_ID_SIZE];
	int64_t		 created_at, received_at;
	int64_t		 seen_at;		/* 0: not */
	int		 encrypted, authenticated;
	char		 notice_target[TARGET_SIZE];	/* INBOX_NOTICE only */
	char		 notice_reason[REASON_SIZE];
	uint8_t		 body_id[BODY_ID_LEN];
	uint8_t		*body;		/* sealed (raw envelope in handover) */
	size_t		 bodylen;
};

void	out_row_clear(struct out_row *);	/* frees the body */
void	in_row_clear(struct in_row *);

/*
 * What a row's body is bound to, for whoever seals it as for whoever opens it
 * (of an outbox row, encrypted and authenticated are 0).  Strings are those of
 * the row, which must outlive the context.
 */
void	out_row_context(const struct out_row *, struct body_context *,
	    char sender_hex[HEX_KEY_SIZE]);
void	in_row_context(const struct in_row *, struct body_context *);

struct rows;

/*
 * Open read-only and read once (-wal and -shm get opened too).  Retries for
 * at most 2 s what passes by itself (the store is starting or resetting the
 * log).  NULL with a log line.
 */
struct rows *rows_open(const char *path);
void	rows_close(struct rows **);

/*
 * All of these return -1 on a database error (logged; busy is retried,
 * bounded) and do not leave a statement open.  A cb must not call the function
 * that called it; the row is cleared after it.
 */

/* The epoch, made with the database. */
int	rows_epoch(struct rows *, char epoch_r[UUID_SIZE]);

/* Greatest outbox/inbox sequence so far, 0 when empty. */
int	rows_inbox_last(struct rows *, int64_t *seq_r);

/*
 * Targets with open rows of one owner, in order: the first one above after
 * ("" for the first).  1 found, 0 no more.
 */
int	rows_target_next(struct rows *, const uint8_t owner[OWNER_ID_LEN],
	    const char *after, char target_r[TARGET_SIZE]);

/*
 * The first row of the target that is not ended and not held, with a sequence
 * above after; body included.  1, 0.
 */
int	rows_target_row(struct rows *, const uint8_t owner[OWNER_ID_LEN],
	    const char *target, int64_t after, struct out_row *);

/*
 * Targets of open rows with a sequence above *after, oldest first: cb for each
 * row, *after moves on.  At most limit rows.  Returns how many.
 */
int	rows_new_since(struct rows *, const uint8_t owner[OWNER_ID_LEN],
	    int64_t *after, int limit,
	    void (*cb)(void *arg, int64_t seq, const char *target), void *arg);

/* Any open (not ended) row of the owner, held ones included?  1, 0. */
int	rows_has_open(struct rows *, const uint8_t owner[OWNER_ID_LEN]);

/* One row by sequence, id, or client id; without body unless asked. 1, 0. */
int	rows_out_by_id(struct rows *, const char *id, int body,
	    struct out_row *);
int	rows_out_by_client_id(struct rows *,
	    const uint8_t owner[OWNER_ID_LEN], const char *client_id,
	    struct out_row *);

/*
 * Newest first, without bodies; state -1: any.  cb returns non-zero to stop.
 * This and the listings below return how many rows they handed out.
 */
int	rows_out_list(struct rows *, const uint8_t owner[OWNER_ID_LEN],
	    int state, int limit,
	    int (*cb)(void *arg, const struct out_row *), void *arg);

/*
 * A scope: a session's rows and its member's, or (session NULL) the member's
 * alone.  Of two rows of one message (same sender and client id, broker id or
 * nonce) only the one with the lower sequence is seen, before any filter.
 * Handover and quarantined rows are never seen here; quarantine lists those.
 * seen_at and deletion of a member's row are per reader: the reader is the
 * session, or the member when session is NULL.
 */
struct rows_scope {
	const uint8_t	*session;	/* internal id, or NULL */
	const uint8_t	*member;	/* internal id, or NULL */
};

struct rows_filter {
	int64_t		 since;		/* received_at >=, ms; 0: all */
	const char	*topic, *mesh;	/* NULL: any */
	const char	*from;		/* key, member's key or name; NULL */
	int		 unread_only, quarantine;
	int		 limit;
};
int	rows_in_list(struct rows *, const struct rows_scope *,
	    const struct rows_filter *,
	    int (*cb)(void *arg, const struct in_row *), void *arg);

/* Rows of the scope above the cursor, oldest first, at most limit. */
int	rows_in_after(struct rows *, const struct rows_scope *, int64_t after,
	    int limit, int (*cb)(void *arg, const struct in_row *), void *arg);

/* Sequence of an inbox row of the scope that is not deleted, by its id. */
int	rows_in_seq(struct rows *, const struct rows_scope *, const char *id,
	    int64_t *seq_r);

/*
 * Sequences of rows of the scope above after and up to last that were received
 * before a time: at most limit, oldest first.  How many.
 */
int	rows_in_seqs(struct rows *, const struct rows_scope *, int64_t after,
	    int64_t last, int64_t before, int limit, uint64_t *seqs_r);

/* The greatest sequence of any row of the scope received before; 0: none. */
int	rows_in_before(struct rows *, const struct rows_scope *,
	    int64_t before, int64_t *seq_r);

/*
 * Handover rows of a member above the cursor, oldest first; or all that nobody
 * has opened yet, the quarantined ones included.
 */
int	rows_handover_after(struct rows *, const uint8_t member[OWNER_ID_LEN],
	    int64_t after, int limit,
	    int (*cb)(void *arg, const struct in_row *), void *arg);
int	rows_unopened_after(struct rows *,
	    const uint8_t member[OWNER_ID_LEN], int64_t after, int limit,
	    int (*cb)(void *arg, const struct in_row *), void *arg);

/*
 * Count rows by state, at most limit at a time, beginning with a walk of zeros
 * and going on where it ended.  Returns how many were counted, 0 at the end.
 */
enum rows_counted {
	ROWS_COUNT_OPEN,		/* outbox, by enum row_state */
	ROWS_COUNT_ENDED,
	ROWS_COUNT_INBOX,		/* all, as the first state */
	ROWS_COUNT_UNOPENED,		/* inbox, by enum inbox_state */
	ROWS_COUNTED_N
};
#define ROWS_COUNT_STATES	(ROW_STATE_MAX + 1)

struct rows_walk {
	uint8_t		owner[OWNER_ID_LEN], next[OWNER_ID_LEN];
	int64_t		state, seq;
};
int	rows_count(struct rows *, enum rows_counted, struct rows_walk *,
	    int limit, int64_t counts[ROWS_COUNT_STATES]);

/* A topic that an owner has joined, and how far its history is read. */
struct topic_row {
	char		 topic[BROKER_ID_SIZE];	/* the broker's id of it */
	char		 name[TOPIC_SIZE];
	char		 last_id[BROKER_ID_SIZE];	/* "": nothing yet */
	int64_t		 last_created_at;	/* of that message; 0 */
	int		 gone;		/* the broker knew it no more */
};
int	rows_topics(struct rows *, const uint8_t owner[OWNER_ID_LEN],
	    void (*cb)(void *arg, const struct topic_row *), void *arg);

/* Has another owner of the same member joined it too?  1, 0. */
int	rows_topic_shared(struct rows *, const uint8_t member[OWNER_ID_LEN],
	    const uint8_t owner[OWNER_ID_LEN], const char *topic);

#endif
