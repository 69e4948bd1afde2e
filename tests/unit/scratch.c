/* A directory for one test program. */

#include "scratch.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char	top[256];

static void
die(const char *what)
{
	perror(what);
	abort();
}

int
scratch_make(void **state)
{
	const char	*tmp = getenv("TMPDIR");

	(void)state;
	snprintf(top, sizeof top, "%s/unit.XXXXXX", tmp != NULL ? tmp :
	    "/tmp");
	if (mkdtemp(top) == NULL)
		die(top);
	return 0;
}

static int
remove_one(const char *path, const struct stat *st, int what, struct FTW *f)
{
	(void)st;
	(void)what;
	if (f->level > 0 && remove(path) == -1)
		die(path);
	return 0;
}

int
scratch_clean(void **state)
{
	(void)state;
	if (nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS) == -1)
		die(top);
	return 0;
}

int
scratch_remove(void **state)
{
	scratch_clean(state);
	if (rmdir(top) == -1)
		die(top);
	return 0;
}

const char *
scratch(const char *name)
{
	static char	 paths[5][512];
	static int	 next;
	char		*p = paths[next++ % 5];

	snprintf(p, sizeof paths[0], "%s%s%s", top, *name != '\0' ? "/" : "",
	    name);
	return p;
}

const char *
scratch_write(const char *name, mode_t mode, const void *data, size_t len)
{
	const char	*path = scratch(name);
	int		 fd;

	if (unlink(path) == -1 && errno != ENOENT)
		die(path);
	if ((fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
	    mode)) == -1 || fchmod(fd, mode) == -1 ||
	    write(fd, data, len) != (ssize_t)len || close(fd) == -1)
		die(path);
	return path;
}

int
scratch_mode(const char *name)
{
	struct stat	st;

	if (lstat(scratch(name), &st) == -1)
		return -1;
	return (int)(st.st_mode & 07777);
}

int
scratch_count(void)
{
	struct dirent	*d;
	DIR		*dir = opendir(top);
	int		 n = 0;

	if (dir == NULL)
		die(top);
	while ((d = readdir(dir)) != NULL)
		n += strcmp(d->d_name, ".") != 0 &&
		    strcmp(d->d_name, "..") != 0;
	closedir(dir);
	return n;
}
