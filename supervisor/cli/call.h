#ifndef CLI_CALL_H
#define CLI_CALL_H

/*
 * One HTTP request over the daemon's Unix socket, in steps that never block.
 * Whoever drives it polls for what call_poll() says, and steps it then.
 */

#include <poll.h>
#include <stdint.h>

#include "supervisor/cli/client.h"

struct call;

/*
 * Begin.  Nothing of the request is kept but copies, so it may go; stop_fd
 * is not looked at.  The parser is borrowed until call_free().
 */
struct call *call_new(const struct client_request *, struct http_parser *);
void	call_free(struct call **);

/*
 * What to wait for, in pfd (fd -1: only for the time); when to step at the
 * latest, in monotonic ms.
 */
int64_t	call_poll(const struct call *, struct pollfd *);

/* As far as it gets; CLIENT_GOING while it has not ended. */
enum client_result call_step(struct call *);

/* Nobody read it for a while; its silence begins now. */
void	call_touch(struct call *);

/* A sentence, once it ended with anything but CLIENT_OK. */
const char *call_error(const struct call *);

#endif
