#ifndef BROKER_TOPIC_ROWS_H
#define BROKER_TOPIC_ROWS_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/*
 * Topics in the file: what there is, who subscribes, and the history.  Knows
 * nothing of connections.  All within the transaction.
 */

#include <stddef.h>
#include <stdint.h>

#include "contrib/broker/queue.h"

struct db;
struct topic_rows;

#define TOPIC_NAME_MAX		64	/* bytes */
#define TOPIC_DESCRIPTION_MAX	512	/* likewise */
#define TOPIC_VISIBILITY_MAX	16
#define TOPIC_MESH_MAX		1000	/* topics of one mesh */
#define TOPIC_KEEP_MS		(30 * 24 * 3600 * 1000LL)

struct topic {
	int64_t	 row;
	char	 id[QUEUE_ID_SIZE];
	char	 name[TOPIC_NAME_MAX + 1];
	char	 visibility[TOPIC_VISIBILITY_MAX + 1];
};

/* As lists show one; texts are borrowed until the callback returns. */
struct topic_info {
	const char	*id, *name, *description, *visibility;
	int64_t		 members, created_at;
};

struct topic_member {
	const char	*member_id, *name, *role;
	uint8_t		 pubkey[KEY_PUBLIC_LEN];
	int64_t		 joined_at, last_read_at;	/* 0: never */
};

/* Callbacks: 0 to go on, 1 to stop. */
typedef int	topic_info_cb(void *arg, const struct topic_info *);
typedef int	topic_member_cb(void *arg, const struct topic_member *);
typedef int	topic_message_cb(void *arg, const struct message *);

struct topic_rows *topic_rows_new(struct db *);
void	topic_rows_free(struct topic_rows **);

/* The number of the last message that any topic got. */
int64_t	topic_rows_last(const struct topic_rows *);

/* A topic by its id, or by its id or name.  1, 0, -1. */
int	topic_by_id(struct topic_rows *, int64_t mesh, const char *id,
	    struct topic *);
int	topic_by_name(struct topic_rows *, int64_t mesh, const char *id_or_name,
	    struct topic *);

/* How many a mesh has, or -1. */
int64_t	topic_count(struct topic_rows *, int64_t mesh);

/*
 * Make one with the name and visibility given; fills in the rest.  Whoever
 * makes it subscribes, as its lead.  0 or -1.
 */
int	topic_add(struct topic_rows *, int64_t mesh, int64_t member,
	    const char *description, struct topic *);

/* Subscribe, to what comes from now on; and no more; and "read".  0, -1. */
int	topic_subscribe(struct topic_rows *, int64_t topic, int64_t member,
	    const char *role);
int	topic_unsubscribe(struct topic_rows *, int64_t topic, int64_t member);
int	topic_read(struct topic_rows *, int64_t topic, int64_t member,
	    int64_t now);

/* Lists.  1 when the callback stopped it, else 0; -1. */
int	topic_each(struct topic_rows *, int64_t mesh, topic_info_cb *, void *);
int	topic_each_member(struct topic_rows *, int64_t topic,
	    topic_member_cb *, void *);

/* Rows of the subscribed members, ascending, for the caller.  How many, -1. */
int	topic_subscribers(struct topic_rows *, int64_t topic, int64_t **);

/* A message for its history; sets m->seq, which is not the queue's. 0, -1. */
int	topic_store(struct topic_rows *, int64_t topic, struct message *m);

/*
 * The history, newest first, at most limit, from before the message with that
 * id (NULL: from the end).  Like a list; -2: no message has that id.
 */
int	topic_history(struct topic_rows *, int64_t topic, const char *before,
	    int limit, topic_message_cb *, void *);

/*
 * Messages above a number, up to another, of the topics that a member
 * subscribes to, in order, at most limit, but those that a key sent.  *n_r:
 * how many were given.
 */
int	topic_waiting(struct topic_rows *, int64_t member, int64_t not_from,
	    int64_t above, int64_t to, int limit, int *n_r, topic_message_cb *,
	    void *);

/* Delete at most limit messages older than 30 days.  How many, or -1. */
int	topic_prune(struct topic_rows *, int64_t now, int limit);

#endif
