#ifndef CLI_LIST_H
#define CLI_LIST_H

/* Lists in answers of the API, for a person. */

#include <jansson.h>

#include "supervisor/cli/buf.h"
#include "supervisor/cli/cli.h"
#include "supervisor/cli/table.h"

/* Is it one of texts and groups only, and not empty? */
int	list_is_words(const json_t *array);

/*
 * The items of an array behind each other: texts as they are, groups, which
 * come as objects, as "@name:role".  Not cleaned.
 */
void	list_join(struct buf *, const json_t *array, const char *between);

/* Likewise, as a cell; "-" when there are none. */
void	list_cell(struct table *, const json_t *array, const char *between);

/*
 * What is not in a list, on stderr: meshes that did not answer, and that the
 * broker has more.
 */
void	list_missing(const struct cli *, const json_t *answer);

#endif
