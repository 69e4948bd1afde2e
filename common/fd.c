/* Descriptors: closing, flags, whole files. */

#include "common/fd.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/xalloc.h"

/* Close if open. */
void
fd_close(int *fd)
{
	int	saved = errno;

	if (*fd != -1)
		close(*fd);
	*fd = -1;
	errno = saved;
}

/* Reads and writes never wait. */
int
fd_nonblock(int fd)
{
	int	flags = fcntl(fd, F_GETFL);

	if (flags == -1)
		return -1;
	return fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1 ? -1 : 0;
}

/* Whether exec closes it. */
int
fd_cloexec(int fd, int on)
{
	return fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) == -1 ? -1 : 0;
}

/* Everything from lowest upwards. */
void
fd_close_from(int lowest)
{
	long	fd, max;

#ifdef HAVE_CLOSE_RANGE
	if (close_range((unsigned)lowest, ~0u, 0) == 0)
		return;
#endif
	if ((max = sysconf(_SC_OPEN_MAX)) == -1 || max > 65536)
		max = 65536;
	for (fd = lowest; fd < max; fd++)
		close((int)fd);
}

/* Through EINTR and short writes. */
int
fd_write_all(int fd, const void *buf, size_t len)
{
	const char	*p = buf;
	ssize_t		 n;

	while (len > 0) {
		if ((n = write(fd, p, len)) == -1) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* A whole small file that is open. */
char *
fd_read_all(int fd, size_t max, size_t *len_r)
{
	struct stat	 st;
	char		*buf = NULL;
	size_t		 len = 0;
	ssize_t		 n;

	if (fstat(fd, &st) == -1)
		return NULL;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return NULL;
	}
	buf = xcalloc(1, max + 2);
	while (len <= max) {
		if ((n = read(fd, buf + len, max + 1 - len)) == -1) {
			if (errno == EINTR)
				continue;
			goto fail;
		}
		if (n == 0)
			break;
		len += (size_t)n;
	}
	if (len > max) {
		errno = EFBIG;
		goto fail;
	}
	*len_r = len;
	return buf;

fail:
	freezero(buf, max + 2);
	return NULL;
}

char *
fd_read_file(const char *path, size_t max, size_t *len_r)
{
	char	*buf;
	int	 fd;

	/* Not to wait for a writer, should it be a pipe. */
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) ==
	    -1)
		return NULL;
	buf = fd_read_all(fd, max, len_r);
	fd_close(&fd);
	return buf;
}

/* Make a rename or a new name in path's directory durable. */
static int
fd_sync_dir(const char *path)
{
	char	*copy = xstrdup(path);
	int	 fd, ret;

	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(copy);
	if (fd == -1)
		return -1;
	ret = fsync(fd);
	fd_close(&fd);
	return ret;
}

/* Whole or not at all. */
int
fd_write_file(const char *path, mode_t mode, const void *buf, size_t len)
{
	char	*tmp = NULL;
	int	 fd = -1, saved;

	xasprintf(&tmp, "%s.new", path);
	if (unlink(tmp) == -1 && errno != ENOENT)
		goto fail;
	if ((fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
	    O_CLOEXEC, mode)) == -1)
		goto fail;
	if (fchmod(fd, mode) == -1 || fd_write_all(fd, buf, len) == -1 ||
	    fsync(fd) == -1 || rename(tmp, path) == -1 ||
	    fd_sync_dir(path) == -1)
		goto fail;
	fd_close(&fd);
	free(tmp);
	return 0;

fail:
	saved = errno;
	if (fd != -1)
		unlink(tmp);
	fd_close(&fd);
	free(tmp);
	errno = saved;
	return -1;
}
