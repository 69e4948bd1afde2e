#ifndef BROKER_QUEUE_H
#define BROKER_QUEUE_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/*
 * Stored messages: acceptance without copies, what waits for whom, and what
 * is old.  Knows nothing of connections.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/fingerprint.h"
#include "common/identity.h"

struct db;
struct queue;

#define QUEUE_ID_LEN		32	/* characters of a messageId */
#define QUEUE_ID_SIZE		(QUEUE_ID_LEN + 1)
#define QUEUE_CLIENT_ID_MAX	256	/* bytes */
#define QUEUE_TARGET_MAX	256	/* likewise, of a targetSpec */
#define QUEUE_NAME_MAX		128	/* likewise, of a member's name */
#define QUEUE_KEEP_MS		(7 * 24 * 3600 * 1000LL)

enum priority { PRIORITY_NOW, PRIORITY_NEXT, PRIORITY_LOW };
#define PRIORITY_MAX	PRIORITY_LOW
const char *priority_name(enum priority);	/* "now", "next", "low" */
int	priority_parse(const char *, enum priority *);	/* 0, -1 */

/*
 * One message.  Keys and members are their integer ids, with what a push says
 * about them; strings are borrowed.
 */
struct message {
	int64_t		 seq;
	char		 id[QUEUE_ID_SIZE];
	int64_t		 sender, sender_member;
	uint8_t		 sender_key[KEY_PUBLIC_LEN];
	uint8_t		 sender_member_key[KEY_PUBLIC_LEN];
	const char	*sender_member_id, *sender_name;
	const char	*client_id;	/* NULL: none */
	const uint8_t	*fingerprint;	/* FINGERPRINT_LEN bytes, or NULL */
	const char	*target;	/* of a multicast, or NULL */
	const char	*topic;		/* its name, or NULL */
	int		 body_version;
	int64_t		 recipient;	/* 0: multicast */
	enum priority priority;
	const char	*reply_to;	/* NULL: none */
	const char	*subtype;	/* NULL: none; else it comes later */
	const char	*nonce, *ciphertext;
	int64_t		 created_at;
};

enum queue_result {
	QUEUE_STORED,
	QUEUE_DUPLICATE,	/* the same send, seen before */
	QUEUE_REUSED,		/* another send with that client id */
	QUEUE_FAILED,
};

struct queue *queue_new(struct db *);
void	queue_free(struct queue **);

/* 32 random characters of base62. */
void	queue_make_id(char out[QUEUE_ID_SIZE]);

/*
 * Store a message, in the transaction.  Fills in seq, and id: a new one, or,
 * for a duplicate, that of the first.  A multicast is remembered without its
 * text, and only when it has a client id.
 */
enum queue_result queue_accept(struct queue *, struct message *);

/* What one that waits counts for, in bytes. */
int64_t	queue_size(const struct message *);

/* Was there a send of this sender with this client id (or NULL)?  1, 0, -1. */
int	queue_knows(struct queue *, int64_t sender, const char *client_id);

/*
 * Messages that wait for a recipient in one priority, in order, from the one
 * above *above; those from not_from (0: nobody) are left out.  *above moves
 * past every message for which cb returned 0; otherwise it stops.  A message
 * is borrowed until cb returns, and cb must not come back here.  How many were
 * looked at, or -1.
 */
int	queue_waiting(struct queue *, int64_t recipient, enum priority,
	    int64_t *above, int64_t not_from, int limit,
	    int (*cb)(void *arg, const struct message *), void *arg);

/* A waiting message by its id.  1, 0, -1. */
int	queue_find(struct queue *, const char *id, int64_t *seq_r,
	    int64_t *recipient_r);

/* What became of a message that its sender asks for. */
struct queue_status {
	char		 id[QUEUE_ID_SIZE];
	char		 target[QUEUE_TARGET_MAX + 1];	/* "": direct */
	int64_t		 recipient;	/* 0: multicast */
	uint8_t		 recipient_key[KEY_PUBLIC_LEN];
	char		 recipient_name[QUEUE_NAME_MAX + 1];	/* its member's */
	int64_t		 delivered_at;	/* 0: waiting; multicast: given out */
};

/*
 * A sender's own message, by its id or the beginning of it (base62 digits).
 * 1, 0: none, 2: several begin so, -1.
 */
int	queue_status(struct queue *, int64_t sender, const char *id,
	    struct queue_status *);

/* It was delivered: its text goes.  0 or -1. */
int	queue_delivered(struct queue *, int64_t seq, int64_t now);

/* Delete at most limit messages older than 7 days.  How many, or -1. */
int	queue_prune(struct queue *, int64_t now, int limit);

#endif
