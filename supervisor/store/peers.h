#ifndef STORE_PEERS_H
#define STORE_PEERS_H

#ifndef PROCESS_STORE
#error "this header belongs to the store"
#endif

/*
 * The gate and the workers: who is there, who has something to say, and what
 * they are told.  When a peer is replaced, its old channel is read to its end
 * before the new one counts.
 */

#include <stdint.h>
#include <sys/queue.h>

#include "common/evpeer.h"
#include "common/msg.h"
#include "supervisor/store/notes.h"
#include "supervisor/store/refused.h"

struct event_base;
struct peers;

struct peer {
	TAILQ_ENTRY(peer) entry;	/* all, oldest first */
	TAILQ_ENTRY(peer) place_entry;
	TAILQ_ENTRY(peer) ready_entry;
	struct peers	*peers;
	struct evpeer	*ev;
	uint64_t	 id;		/* never used again */
	unsigned	 kind;		/* PEER_GATE, PEER_WORKER */
	struct msg_channel channel;	/* what the supervisor said */
	int64_t		 since;		/* monotonic ms */
	int		 counts;	/* nobody older is in its place */
	int		 greeted;	/* was told that there may be rows */
	int		 ready;		/* on the list */
	int		 bad;		/* to be dropped after the batch */
	int		 full;		/* does not read: not listened to */
	int		 owed;		/* bits of NOTE_*, when it reads */
	struct notes	 owed_rows;	/* of a gate */
	struct refused	 refused;	/* puts of a worker */
};

TAILQ_HEAD(peer_list, peer);

/* ready_cb: somebody has something to say (peers_ready), or is new. */
struct peers *peers_new(struct event_base *, void (*ready_cb)(void *),
	    void *arg);
void	peers_free(struct peers **);

/* A new channel.  Takes fd. */
void	peers_add(struct peers *, const struct msg_channel *, int fd);

/* Those with something to say, the gate first. */
struct peer_list *peers_ready(struct peers *);
void	peer_not_ready(struct peer *);

/* Everybody counts as having something to say: for the last batch. */
void	peers_all_ready(struct peers *);

/* The worker of this owner, and the gate; NULL when none is here. */
struct peer *peers_worker(struct peers *, const uint8_t owner[OWNER_ID_LEN]);
struct peer *peers_gate(struct peers *);

/* The channel of every worker that counts. */
void	peers_each_worker(struct peers *,
	    void (*cb)(void *arg, const struct msg_channel *), void *arg);

/*
 * Whom to tell of workers: one counts from now on, or is gone and about to be
 * freed.  From the loop, or from a batch that drops one.
 */
void	peers_watch(struct peers *, void (*came_cb)(void *, struct peer *),
	    void (*gone_cb)(void *, struct peer *), void *arg);

/* Talked nonsense; dropped, logged, by peers_drop_bad. */
void	peer_bad(struct peer *);
void	peers_drop_bad(struct peers *);

/* Send; who does not read what he is sent is not listened to. */
void	peer_send(struct peer *, enum msg_type, uint32_t seq, const void *);

/* Tell everybody what is noted, and forget it. */
void	peers_tell(struct peers *, struct notes *);
void	peer_wake(struct peer *, int handover);

/* Write what is queued, waiting at most that long for all. */
void	peers_drain(struct peers *, int timeout_ms);

#endif
