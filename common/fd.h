#ifndef COMMON_FD_H
#define COMMON_FD_H

/* Descriptors. */

#include <stddef.h>
#include <sys/types.h>

/* Close if open, and set to -1. */
void	fd_close(int *);

int	fd_nonblock(int fd);
int	fd_cloexec(int fd, int on);

/* Close everything from lowest upwards, where the kernel allows in one call. */
void	fd_close_from(int lowest);

/* All of it, through EINTR and short writes.  0 or -1. */
int	fd_write_all(int fd, const void *, size_t);

/*
 * Read a whole small file, at most max bytes; NUL-terminated, allocated (free
 * with freezero(buf, *len_r + 1)).  NULL with errno; EFBIG: larger than max.
 */
char	*fd_read_file(const char *path, size_t max, size_t *len_r);

/* The same of one that is open. */
char	*fd_read_all(int fd, size_t max, size_t *len_r);

/*
 * Write a file whole or not at all: temporary file beside it, fsync, rename,
 * fsync of the directory.  0 or -1 with errno.
 */
int	fd_write_file(const char *path, mode_t, const void *, size_t);

#endif
