#ifndef BROKER_BAN_H
#define BROKER_BAN_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/* An admin shuts a member out of its mesh, until it lets it in again. */

#include <jansson.h>

struct bans;
struct conn;
struct db;

struct bans *bans_new(struct db *);
void	bans_free(struct bans **);

/* Requests. */
void	ban_ban(struct conn *, const json_t *);
void	ban_unban(struct conn *, const json_t *);
void	ban_list(struct conn *, const json_t *);

#endif
