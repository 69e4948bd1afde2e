#ifndef BROKER_INFO_H
#define BROKER_INFO_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/* What there is in a mesh, in one answer. */

#include <jansson.h>

struct conn;
struct db;
struct info;

struct info *info_new(struct db *);
void	info_free(struct info **);

/* The request mesh_info. */
void	info_ask(struct conn *, const json_t *);

#endif
