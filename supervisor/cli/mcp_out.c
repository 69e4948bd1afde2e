/*
 * Lines to the host.  The descriptor may be shared with others, so it is not
 * made non-blocking: a socket is asked not to block with each write, and
 * into a pipe goes what poll() promises room for.
 */

#include "supervisor/cli/mcp_out.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "supervisor/cli/buf.h"
#include "supervisor/cli/cli.h"

#define FULL		(256 * 1024)	/* unwritten bytes */
#define SHIFT		65536		/* written bytes that are kept */
#define KEEP_MAX	(1024 * 1024)	/* memory that is kept when empty */

struct mcp_out {
	int		 fd;
	int		 is_socket;
	struct buf	 buf;
	size_t		 off;		/* of what is not written */
	uint64_t	 written;	/* bytes ever */
	int		 is_gone;	/* nobody reads */
};

struct mcp_out *
mcp_out_new(int fd)
{
	struct mcp_out	*o = xcalloc(1, sizeof *o);
	struct stat	 st;

	o->fd = fd;
	o->is_socket = fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
	return o;
}

void
mcp_out_free(struct mcp_out **op)
{
	if (*op == NULL)
		return;
	buf_free(&(*op)->buf);
	freezero(*op, sizeof **op);
	*op = NULL;
}

static size_t
unwritten(const struct mcp_out *o)
{
	return o->buf.len - o->off;
}

uint64_t
mcp_out_put(struct mcp_out *o, const json_t *j)
{
	if (o->is_gone)
		return UINT64_MAX;	/* never written */
	cli_json_dump(&o->buf, j);
	buf_adds(&o->buf, "\n");
	return o->written + unwritten(o);
}

uint64_t
mcp_out_written(const struct mcp_out *o)
{
	return o->written;
}

int
mcp_out_is_full(const struct mcp_out *o)
{
	return unwritten(o) >= FULL;
}

int
mcp_out_is_empty(const struct mcp_out *o)
{
	return unwritten(o) == 0;
}

void
mcp_out_forget(struct mcp_out *o)
{
	o->is_gone = 1;
	buf_free(&o->buf);
	o->off = 0;
}

void
mcp_out_prepare(const struct mcp_out *o, struct pollset *ps)
{
	if (o->is_gone)
		return;
	/* Without data only its end is heard of (POLLERR). */
	pollset_add(ps, o->fd, mcp_out_is_empty(o) ? 0 : POLLOUT);
}

/* Forget what is written, so that a host that never catches up is no leak. */
static void
shift(struct mcp_out *o)
{
	size_t	 left = unwritten(o);

	if (left == 0) {
		if (o->buf.cap > KEEP_MAX)
			buf_free(&o->buf);
		else
			buf_reset(&o->buf);
		o->off = 0;
	} else if (o->off >= SHIFT && o->off >= left) {
		memcpy(o->buf.p, o->buf.p + o->off, left);
		explicit_bzero(o->buf.p + left, o->off);
		o->buf.len = left;
		o->off = 0;
	}
}

/* Bytes that went, 0: not now, -1: never more. */
static ssize_t
write_some(struct mcp_out *o)
{
	struct pollfd	 pfd = { o->fd, POLLOUT, 0 };
	const char	*p = o->buf.p + o->off;
	size_t		 len = unwritten(o);
	ssize_t		 n;

	if (o->is_socket)
		n = send(o->fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	else {
		if (poll(&pfd, 1, 0) <= 0)
			return 0;
		if (pfd.revents & (POLLERR | POLLNVAL))
			return -1;
		n = write(o->fd, p, len < PIPE_BUF ? len : PIPE_BUF);
	}
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return n;
}

int
mcp_out_step(struct mcp_out *o)
{
	struct pollfd	 pfd = { o->fd, 0, 0 };
	ssize_t		 n;

	if (o->is_gone)
		return 0;
	if (mcp_out_is_empty(o))
		return poll(&pfd, 1, 0) > 0 &&
		    (pfd.revents & (POLLERR | POLLNVAL)) ? -1 : 0;
	while (unwritten(o) > 0 && (n = write_some(o)) != 0) {
		if (n == -1)
			return -1;
		o->off += (size_t)n;
		o->written += (uint64_t)n;
	}
	shift(o);
	return 0;
}
