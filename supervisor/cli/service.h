#ifndef CLI_SERVICE_H
#define CLI_SERVICE_H

/* Questions to the API about the one mesh that is meant. */

#include <jansson.h>

#include "supervisor/cli/buf.h"
#include "supervisor/cli/cli.h"

/*
 * A path: the first operand, escaped, in place of "{}" when it has one, and
 * --mesh behind "?".  CLI_OK, or CLI_USAGE with the reason printed.
 */
int	service_path(const struct cli *, const char *pattern, struct buf *);

/*
 * Ask there, as api_show() does, and print.  service_send() takes the body;
 * NULL stands for one that is no UTF-8.
 */
int	service_show(const struct cli *, const char *method,
	    const char *pattern, void (*print)(const struct cli *, json_t *));
int	service_send(const struct cli *, const char *method,
	    const char *pattern, json_t *body,
	    void (*print)(const struct cli *, json_t *));

/*
 * An option into the body, as text under the name.  CLI_OK, or CLI_USAGE with
 * the reason printed.
 */
int	service_option(const struct cli *, json_t *body, enum opt,
	    const char *name);

/* Every value of the repeated option as a list, when there is any; likewise. */
int	service_repeated(const struct cli *, json_t *body, const char *name);

/* The path and the body are whole: ask, free both, and print. */
int	service_call(const struct cli *, const char *method, struct buf *path,
	    json_t *body, void (*print)(const struct cli *, json_t *));

/* " on MESH" from the answer, or "". Static. */
const char *service_on(const json_t *answer);

#endif
