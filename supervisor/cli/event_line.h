#ifndef CLI_EVENT_LINE_H
#define CLI_EVENT_LINE_H

/* An event as one line. */

#include "supervisor/cli/cli.h"
#include "supervisor/cli/sse.h"

/*
 * For a program {"event","id"?,"data"}; for a person a time, what happened,
 * and the beginning of a message's text.
 */
void	event_line_print(const struct cli *, const struct sse_event *);

/* What happened, of the event's name and its data; not cleaned yet. */
void	event_line_text(struct buf *, const char *event, const json_t *data);

#endif
