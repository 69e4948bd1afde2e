#ifndef BROKER_TAGS_H
#define BROKER_TAGS_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/* Tags of what is remembered and of skills. */

#include <jansson.h>

#define TAGS_MAX	32
#define TAG_MAX		64	/* bytes of one */

/*
 * The member "tags" of a request as JSON text, "[]" when it is absent or null.
 * Free with wipe_free().  NULL: not a list of short texts.
 */
char	*tags_text(const json_t *request);

#endif
