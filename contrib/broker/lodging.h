#ifndef BROKER_LODGING_H
#define BROKER_LODGING_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/*
 * Who is here, as the file knows it, so that presences outlive the broker; and
 * what a member's last connection left behind.  All within the transaction.
 */

#include <stdint.h>

struct db;
struct lodging;
struct peer;

struct lodging *lodging_new(struct db *);
void	lodging_free(struct lodging **);

/* Write all of a peer but its topic_seq, unless it is new.  0 or -1. */
int	lodging_put(struct lodging *, const struct peer *);
int	lodging_put_seq(struct lodging *, const struct peer *, int64_t seq);
int	lodging_end(struct lodging *, const struct peer *);

/*
 * Everybody in the file whose member is not banned.  The callback owns the
 * peer, which is complete but for its place in a mesh; left_at is 0 when
 * nobody saw its connection end.  0 or -1.
 */
int	lodging_load(struct lodging *, void (*cb)(void *arg, struct peer *,
	    int64_t mesh, const char *mesh_id), void *arg);

/* Texts are the caller's; summary and stats may be NULL. */
struct past {
	char	*summary, *groups, *stats;
};

/* What a member left behind.  1, 0: nothing, -1. */
int	lodging_past(struct lodging *, int64_t member, struct past *);
void	past_clear(struct past *);

/* Its member's control plane: that is what it leaves behind.  0 or -1. */
int	lodging_put_past(struct lodging *, const struct peer *);

#endif
