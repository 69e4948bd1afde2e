/*
 * Preloaded into the store: writes down what it does to the files of one
 * directory, so that the test can tell which of it a loss of power would have
 * left.
 *
 * Below the directory DISKLOG_DIR, every write, change of length, deletion,
 * creation and sync is appended to the file DISKLOG_LOG, after it was done
 * and before the store hears that it was; a record that is in the log when an
 * answer arrives was there before the answer.  SQLite maps only its -shm file,
 * which a restart makes anew.
 *
 * A record is a struct record, the file's name without the directory, and for
 * a write the data.
 */

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disklog.h"

#define FD_MAX	1024
#define FD_LOG	900	/* out of the way of the store's own */

static char		 dir[PATH_MAX];
static size_t		 dirlen;
static int		 log_fd = -1;
static char		*names[FD_MAX];	/* of what is open below it */
static pthread_mutex_t	 lock = PTHREAD_MUTEX_INITIALIZER;

static ssize_t	(*real_pwrite64)(int, const void *, size_t, off64_t);
static ssize_t	(*real_write)(int, const void *, size_t);
static int	(*real_ftruncate64)(int, off64_t);
static int	(*real_fallocate)(int, int, off_t, off_t);
static int	(*real_fsync)(int);
static int	(*real_fdatasync)(int);
static int	(*real_unlink)(const char *);
static int	(*real_rename)(const char *, const char *);
static int	(*real_open64)(const char *, int, ...);
static int	(*real_close)(int);
static int	(*real_close_range)(unsigned, unsigned, int);
static void	*(*real_mmap64)(void *, size_t, int, int, int, off64_t);

static void
die(const char *what)
{
	dprintf(STDERR_FILENO, "disklog: %s\n", what);
	abort();
}

static void *
find(const char *name)
{
	void	*f = dlsym(RTLD_NEXT, name);

	if (f == NULL)
		die(name);
	return f;
}

__attribute__((constructor)) static void
begin(void)
{
	const char	*d = getenv("DISKLOG_DIR"), *l =
	    getenv("DISKLOG_LOG");
	int		 fd;

	if (log_fd != -1)
		return;
	real_pwrite64 = find("pwrite64");
	real_write = find("write");
	real_ftruncate64 = find("ftruncate64");
	real_fallocate = find("fallocate");
	real_fsync = find("fsync");
	real_fdatasync = find("fdatasync");
	real_unlink = find("unlink");
	real_rename = find("rename");
	real_open64 = find("open64");
	real_close = find("close");
	real_close_range = find("close_range");
	real_mmap64 = find("mmap64");
	if (d == NULL || l == NULL || realpath(d, dir) == NULL)
		die("DISKLOG_DIR and DISKLOG_LOG say where");
	if ((fd = real_open64(l, O_WRONLY | O_APPEND | O_CLOEXEC)) == -1 ||
	    (log_fd = fcntl(fd, F_DUPFD_CLOEXEC, FD_LOG)) == -1)
		die(l);
	real_close(fd);
	dirlen = strlen(dir);
}

/* The part of a path below the directory, or NULL. */
static const char *
below(const char *path)
{
	if (dirlen == 0)
		begin();	/* another constructor is at work */
	if (path == NULL || strncmp(path, dir, dirlen) != 0 ||
	    path[dirlen] != '/')
		return NULL;
	return path + dirlen + 1;
}

static const char *
name_of(int fd)
{
	return fd >= 0 && fd < FD_MAX ? names[fd] : NULL;
}

/* One record, whole: the log is opened for appending. */
static void
put(enum what what, const char *name, off64_t at, const void *data,
    size_t len)
{
	struct record	r = { .magic = RECORD_MAGIC, .what = what,
	    .at = at, .len = len, .namelen = (uint32_t)strlen(name) };
	struct iovec	v[3] = { { &r, sizeof r },
	    { (void *)(uintptr_t)name, r.namelen },
	    { (void *)(uintptr_t)data, data != NULL ? len : 0 } };
	size_t		all = v[0].iov_len + v[1].iov_len + v[2].iov_len;

	if (writev(log_fd, v, 3) != (ssize_t)all)
		die("the log cannot be written");
}

#define LOGGED(fd, call, good, ...) do {			\
	pthread_mutex_lock(&lock);				\
	ret = call;						\
	if (ret != -1 && name_of(fd) != NULL && (good))		\
		put(__VA_ARGS__);				\
	pthread_mutex_unlock(&lock);				\
} while (0)

ssize_t
pwrite64(int fd, const void *p, size_t len, off64_t at)
{
	ssize_t	ret;

	LOGGED(fd, real_pwrite64(fd, p, len, at), ret > 0, WROTE,
	    name_of(fd), at, p, (size_t)ret);
	return ret;
}

ssize_t
pwrite(int fd, const void *p, size_t len, off_t at)
{
	return pwrite64(fd, p, len, at);
}

ssize_t
write(int fd, const void *p, size_t len)
{
	if (name_of(fd) != NULL)
		die("write() to a file that the test follows");
	return real_write(fd, p, len);
}

int
ftruncate64(int fd, off64_t len)
{
	int	ret;

	LOGGED(fd, real_ftruncate64(fd, len), 1, CUT, name_of(fd), len,
	    NULL, 0);
	return ret;
}

int
ftruncate(int fd, off_t len)
{
	return ftruncate64(fd, len);
}

int
fallocate(int fd, int mode, off_t at, off_t len)
{
	if (name_of(fd) != NULL)
		die("fallocate() of a file that the test follows");
	return real_fallocate(fd, mode, at, len);
}

int
fsync(int fd)
{
	int	ret;

	LOGGED(fd, real_fsync(fd), 1, SYNCED, name_of(fd), 0, NULL, 0);
	return ret;
}

int
fdatasync(int fd)
{
	int	ret;

	LOGGED(fd, real_fdatasync(fd), 1, SYNCED, name_of(fd), 0, NULL, 0);
	return ret;
}

int
unlink(const char *path)
{
	int	ret;

	pthread_mutex_lock(&lock);
	ret = real_unlink(path);
	if (ret != -1 && below(path) != NULL)
		put(GONE, below(path), 0, NULL, 0);
	pthread_mutex_unlock(&lock);
	return ret;
}

int
rename(const char *from, const char *to)
{
	if (below(from) != NULL || below(to) != NULL)
		die("rename() of a file that the test follows");
	return real_rename(from, to);
}

/* Remember the name; a file that is made, or emptied, is a record. */
static int
opened(const char *path, int flags, mode_t mode)
{
	const char	*name = below(path);
	struct stat	 st;
	int		 fd, there;

	if (name == NULL && strcmp(path, dir) == 0)
		name = "";		/* to sync what it holds */
	pthread_mutex_lock(&lock);
	there = stat(path, &st) == 0;
	fd = real_open64(path, flags, mode);
	if (fd != -1 && name != NULL) {
		if (fd >= FD_MAX)
			die("too many descriptors");
		free(names[fd]);
		if ((names[fd] = strdup(name)) == NULL)
			die("no memory");
		if (!there)
			put(MADE, name, 0, NULL, 0);
		else if (flags & O_TRUNC)
			put(CUT, name, 0, NULL, 0);
	}
	pthread_mutex_unlock(&lock);
	return fd;
}

#define OPEN(name)						\
int								\
name(const char *path, int flags, ...)				\
{								\
	mode_t	mode = 0;					\
	va_list	ap;						\
								\
	if (flags & O_CREAT) {					\
		va_start(ap, flags);				\
		mode = va_arg(ap, mode_t);			\
		va_end(ap);					\
	}							\
	return opened(path, flags, mode);			\
}

OPEN(open)
OPEN(open64)

int
close(int fd)
{
	if (real_close == NULL)
		begin();
	pthread_mutex_lock(&lock);
	if (fd >= 0 && fd < FD_MAX) {
		free(names[fd]);
		names[fd] = NULL;
	}
	pthread_mutex_unlock(&lock);
	return real_close(fd);
}

/* The store closes all that it might have inherited; the log stays. */
int
close_range(unsigned first, unsigned last, int flags)
{
	unsigned	l = (unsigned)log_fd;

	if (first > l || last < l)
		return real_close_range(first, last, flags);
	if (first < l && real_close_range(first, l - 1, flags) == -1)
		return -1;
	return last > l ? real_close_range(l + 1, last, flags) : 0;
}

/* Stores to a shared map would pass us by. */
void *
mmap64(void *at, size_t len, int prot, int flags, int fd, off64_t off)
{
	const char	*name = name_of(fd), *end;

	if (real_mmap64 == NULL)
		real_mmap64 = find("mmap64");
	if (name != NULL && (flags & MAP_SHARED) && (prot & PROT_WRITE)) {
		end = strrchr(name, '-');
		if (end == NULL || strcmp(end, "-shm") != 0)
			die("mmap() of a file that the test follows");
	}
	return real_mmap64(at, len, prot, flags, fd, off);
}

void *
mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	return mmap64(at, len, prot, flags, fd, off);
}
