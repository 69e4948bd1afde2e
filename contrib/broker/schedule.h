#ifndef BROKER_SCHEDULE_H
#define BROKER_SCHEDULE_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/*
 * Messages for a later time, once or as often as an expression of cron.h says:
 * what is stored of them, and the requests.  fire.c sends them.
 */

#include <jansson.h>
#include <stdint.h>

#include "common/identity.h"
#include "contrib/broker/members.h"
#include "contrib/broker/queue.h"

struct conn;
struct db;
struct schedule;

#define SCHEDULE_MESSAGE_MAX	(32 * 1024)	/* bytes */
#define SCHEDULE_AHEAD_MS	(3660LL * 24 * 3600 * 1000)
#define SCHEDULE_SUBTYPE	"reminder"

/* One that is due. */
struct scheduled {
	int64_t		 id, mesh, member, sender, deliver_at;
	int		 revoked;		/* its member is banned */
	char		 mesh_id[MEMBERS_ID_SIZE];
	char		 member_id[MEMBERS_ID_SIZE];
	uint8_t		 sender_key[KEY_PUBLIC_LEN];
	uint8_t		 member_key[KEY_PUBLIC_LEN];
	char		 sender_name[QUEUE_NAME_MAX + 1];
	char		 target[QUEUE_TARGET_MAX + 1];
	char		*message, *cron;	/* cron NULL: once */
};

struct schedule *schedule_new(struct db *);
void	schedule_free(struct schedule **);

/* "*", "@name": it goes to those who are here. */
int	schedule_is_multicast(const char *target);

/*
 * The one that has been due longest by now; without multicasts, if so asked.
 * 1: free with scheduled_clear(), 0: none, -1.
 */
int	schedule_due(struct schedule *, int64_t now, int multicasts,
	    struct scheduled *);
void	scheduled_clear(struct scheduled *);

/* When the next is due: ms since 1970; INT64_MAX: nothing is. */
int64_t	schedule_next(struct schedule *);

/*
 * It was sent, or cannot be: it goes, or is planned for its next time.  Or it
 * waits until somebody is there to get it.  Both -1 on error.
 */
int	schedule_done(struct schedule *, const struct scheduled *,
	    int64_t now);
int	schedule_hold(struct schedule *, const struct scheduled *);

/*
 * One of a mesh that waits so, above an id; as schedule_due().  And are there
 * any at all?
 */
int	schedule_held(struct schedule *, int64_t mesh, int64_t above,
	    struct scheduled *);
int	schedule_holds(struct schedule *);

/*
 * The clock went back, maybe: what comes again is planned anew where its next
 * time was computed from one that is not yet.  And those are dropped that
 * nobody was there for in 7 days.
 */
int	schedule_replan(struct schedule *, int64_t now);
int	schedule_prune(struct schedule *, int64_t now);

/* Requests. */
void	schedule_add(struct conn *, const json_t *);
void	schedule_list(struct conn *, const json_t *);
void	schedule_cancel(struct conn *, const json_t *);

#endif
