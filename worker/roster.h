#ifndef WORKER_ROSTER_H
#define WORKER_ROSTER_H

/*
 * Who is on the mesh, as the broker said last: its peers_list, kept for 5 s.
 * A push names only a part of a row, and kicks, bans and replacements bring
 * none, so that nothing is patched: what changes makes the whole old.
 */

#include <libwebsockets.h>
#include <stddef.h>
#include <stdint.h>

#define ROSTER_MAX_MS	5000

struct roster;

struct roster *roster_new(struct lws_context *);
void	roster_free(struct roster **);

/*
 * A list, and when it was asked for (monotonic).  changes: what
 * roster_changes() said then; a list that may not tell of a later change is
 * not kept.
 */
void	roster_keep(struct roster *, const char *frame, size_t len,
	    int64_t sent_ms, unsigned changes);
unsigned roster_changes(const struct roster *);

/* Somebody came or went, or the connection is gone. */
void	roster_changed(struct roster *);

/* The peers_list; NULL: none that is new enough.  Valid until changed. */
const char *roster_get(const struct roster *, size_t *len_r);

#endif
