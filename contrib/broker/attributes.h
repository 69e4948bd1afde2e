#ifndef BROKER_ATTRIBUTES_H
#define BROKER_ATTRIBUTES_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/*
 * What a peer says of itself: status, summary, stats, visibility, profile.
 * They are those of its presence, and end with it.
 */

#include <jansson.h>

struct conn;
struct peer;

/* Bytes of JSON, or of the texts of a profile. */
#define ATTRIBUTES_STATS_MAX	4096
#define ATTRIBUTES_AVATAR_MAX	512
#define ATTRIBUTES_TITLE_MAX	128
#define ATTRIBUTES_BIO_MAX	1024
#define ATTRIBUTES_CAPABILITIES_MAX	32	/* how many */
#define ATTRIBUTES_CAPABILITY_MAX	64	/* bytes of one */

/* What a roster shows of it, and what the file keeps, has changed. */
void	attributes_changed(struct peer *);

/* Requests. */
void	attributes_set_status(struct conn *, const json_t *);
void	attributes_set_summary(struct conn *, const json_t *);
void	attributes_set_stats(struct conn *, const json_t *);
void	attributes_set_visible(struct conn *, const json_t *);
void	attributes_set_profile(struct conn *, const json_t *);

#endif
