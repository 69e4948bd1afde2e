/* One HTTP request over a Unix socket, with a deadline. */

#include "supervisor/cli/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "supervisor/cli/call.h"

/* Until it can go on, or is stopped (-1), or poll() fails (errno). */
static int
client_wait(const struct call *c, int stop_fd, int *failed_r)
{
	struct pollfd	 pfd[2] = { { 0 }, { stop_fd, POLLIN, 0 } };
	int64_t		 left = call_poll(c, &pfd[0]) - clock_mono_ms();
	int		 n = poll(pfd, 2, left > 0 ? (int)left : 0);

	*failed_r = n == -1 && errno != EINTR ? errno : 0;
	return n > 0 && pfd[1].revents != 0 ? -1 : 0;
}

enum client_result
client_call(const struct client_request *req, struct http_parser *http,
    char *err, size_t errlen)
{
	struct call		*c = call_new(req, http);
	enum client_result	 r;
	int			 failed = 0;

	while ((r = call_step(c)) == CLIENT_GOING) {
		if (client_wait(c, req->stop_fd, &failed) == -1) {
			r = CLIENT_STOPPED;
			break;
		}
		if (failed != 0) {
			r = CLIENT_LOST;
			break;
		}
	}
	snprintf(err, errlen, "%s", r == CLIENT_STOPPED ? "interrupted" :
	    failed != 0 ? strerror(failed) : call_error(c));
	call_free(&c);
	return r;
}
