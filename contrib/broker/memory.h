#ifndef BROKER_MEMORY_H
#define BROKER_MEMORY_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/* Memory: what a mesh remembers, and finds again by its words. */

#include <jansson.h>
#include <stdint.h>

struct conn;
struct db;
struct memory;

#define MEMORY_CONTENT_MAX	(32 * 1024)	/* bytes */
#define MEMORY_FOUND_MAX	20		/* results of one question */

struct memory *memory_new(struct db *);
void	memory_free(struct memory **);

/* How much a mesh remembers, or -1. */
int64_t	memory_count(struct memory *, int64_t mesh);

/* Requests. */
void	memory_remember(struct conn *, const json_t *);
void	memory_recall(struct conn *, const json_t *);
void	memory_forget(struct conn *, const json_t *);

#endif
