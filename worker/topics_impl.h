#ifndef WORKER_TOPICS_IMPL_H
#define WORKER_TOPICS_IMPL_H

/* Inside of topics.c and the files topic_*.c only. */

#include <sys/queue.h>

#include "worker/topics.h"

struct topic {
	TAILQ_ENTRY(topic) entry;
	struct topic_row row;
	int64_t		 next_ms;	/* monotonic: to be read */
	char		 error[65];	/* what is wrong, as it was logged */
	int		 rejoin;	/* tell the broker before */
	int		 reopen;	/* a connection came while it was read */
	int		 limit;		/* messages in a page */
	int		 lost;		/* the connection, at its last page */
	/*
	 * The way back through the history, newest first: each page is what is
	 * older than a cursor, the first one what is newest.
	 */
	char		**cursors;
	size_t		 ncursors;
	char		 edge[BROKER_ID_SIZE];	/* all older ones are read */
	int64_t		 floor;		/* what is older than that is not new */
	int		 deep;		/* logged: too far back */
};

/* A frame to the broker, and who waits for what it says to that. */
enum question_kind { Q_LIST, Q_HISTORY, Q_JOIN, Q_LEAVE };

/* One of both is NULL. */
typedef void (*question_cb)(struct topics *, void *arg, const struct frame *,
	    const char *error);

struct question {
	TAILQ_ENTRY(question) entry;
	enum question_kind kind;
	uint64_t	 no;		/* in the order of all that happened */
	char		 id[REQ_ID_SIZE];
	char		 topic[BROKER_ID_SIZE], before[BROKER_ID_SIZE];
	int		 limit;
	int		 sent;
	int64_t		 until_ms;	/* monotonic */
	question_cb	 cb;		/* NULL: nobody */
	void		*arg;
};

/* What the store is told, until it has committed it. */
struct saying {
	TAILQ_ENTRY(saying) entry;
	enum msg_type	 type;
	uint32_t	 seq;
	int		 unsent;
	struct msg_topic topic;		/* of a leave: topic and name */
	struct task	*task;		/* who waits for it, or NULL */
};

enum task_kind { TASK_RESOLVE, TASK_JOIN, TASK_LEAVE };

/* A question of the gate. */
struct task {
	TAILQ_ENTRY(task) entry;
	enum task_kind	 kind;
	uint32_t	 seq;
	uint64_t	 no;
	int64_t		 until_ms;	/* monotonic */
	int		 listing;	/* waits for the list of topics */
	int		 storing;	/* waits for the store */
	char		 name[TOPIC_SIZE];	/* as asked: an id, or a name */
	struct topic_row found;
};

enum reading {
	READ_NOTHING,
	READ_ASKED,		/* a page */
	READ_ROOM,		/* it waits for room among the puts */
	READ_SYNC,		/* its messages are with the store */
	READ_KEPT,		/* how far we are is with the store */
	READ_AGAIN,		/* the store could not: it is told again */
};

struct topics {
	struct lws_context *ctx;
	const struct self *self;
	struct rows	*rows;
	struct broker	*broker;
	struct puts	*puts;
	struct peer	*store, *gate;
	int		 woken, loaded, stopped;
	TAILQ_HEAD(topic_list, topic) list;
	unsigned	 n;
	TAILQ_HEAD(, question) questions;	/* oldest first */
	TAILQ_HEAD(, saying) sayings;
	TAILQ_HEAD(, task) tasks;
	unsigned	 ntasks;
	uint64_t	 no;
	unsigned	 last;		/* question id */
	uint32_t	 seq;		/* of sayings */
	lws_sorted_usec_list_t sul;
	int		 due;		/* it is set to fire at once */

	/* What exists at the broker. */
	json_t		*known;		/* array of objects, or NULL */
	uint64_t	 known_no;	/* when it was asked for */
	int64_t		 known_ms;	/* monotonic: too old then */
	uint64_t	 list_no;	/* of the question that is out, or 0 */
	int64_t		 list_ms;

	/* The one that is being read. */
	struct topic	*topic;		/* NULL: none */
	enum reading	 reading;
	unsigned	 pages;		/* in this round */
	json_t		*page;		/* messages, new ones only */
	uint32_t	 mark;		/* the last put of the page */
	uint32_t	 keep_seq;	/* of what the store is told then */
	char		 last_id[BROKER_ID_SIZE];	/* its newest */
	int64_t		 last_created_at;
	int64_t		 again_ms;
	unsigned	 malformed;	/* since it was logged */
	int64_t		 malformed_ms;
};

/* topics.c */
struct topic *topic_find(struct topics *, const char *id);
struct topic *topic_find_name(struct topics *, const char *name);
void	topic_add(struct topics *, const struct topic_row *);
void	topic_remove(struct topics *, struct topic *);
int	topic_id_ok(const char *id);
void	topics_schedule(struct topics *);	/* something may be due earlier */
void	topics_say(struct topics *, enum msg_type, const struct msg_topic *,
	    struct task *);

/* topic_ask.c */
struct question *question_new(struct topics *, enum question_kind,
	    const char *topic, int64_t ms, question_cb, void *arg);
void	questions_cancel(struct topics *, const void *arg);
void	questions_fail(struct topics *, const char *error);	/* all of them */
int64_t	questions_expire(struct topics *, int64_t now);	/* when next */

/* topic_task.c */
void	tasks_clear(struct topics *);
void	tasks_fail(struct topics *, int64_t status, const char *error);
int64_t	tasks_expire(struct topics *, int64_t now);
void	task_kept(struct topics *, struct task *, const struct msg_count *);

/* topic_known.c: how many are meant, one by its id, else those of that name. */
int	known_find(const struct topics *, const char *name,
	    struct topic_row *found_r);
void	topics_forget_known(struct topics *);

/* topic_read.c */
int64_t	read_next(struct topics *, int64_t now);
void	read_kept(struct topics *, uint32_t seq, int ok);
void	read_stop(struct topics *);	/* whatever is being read */
void	read_closed(struct topics *);	/* the connection is gone */

/*
 * topic_put.c: a message of the topic that is being read.  -1: there is no
 * room after all.
 */
int	topic_put(struct topics *, const json_t *);
void	topic_malformed(struct topics *);	/* one is left out */

/* topic_walk.c: the page in hand is what is older than the top, or newest. */
const char *walk_top(const struct topic *);
int	walk_push(struct topic *, const char *id);	/* 0: no further back */
void	walk_pop(struct topic *);
void	walk_clear(struct topic *);
int	walk_message_id(const json_t *, char id[BROKER_ID_SIZE]);	/* 1, 0 */

/*
 * How many of a page are new, newest first; the rest was read.  found: it is
 * known where what was read begins.  oldest: what may be gone on from, or "".
 */
size_t	walk_page(const struct topic *, const json_t *list, int *found_r,
	    char oldest_r[BROKER_ID_SIZE]);

#endif
