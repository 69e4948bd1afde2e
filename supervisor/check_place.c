/*
 * Directories: who owns them, and who could put another in their place.  What
 * does not exist is made by the start, which must be able to.
 */

#include "supervisor/check.h"

#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/xalloc.h"

#define LINKS_MAX	40

static int
is_ours(uid_t uid)
{
	return uid == 0 || uid == geteuid();
}

/*
 * Of a directory on the way, and the name in it that is meant: who can change
 * what that name means?  -1, with the fault.
 */
static int
way_dir(struct check *c, const char *dir, const struct stat *st,
    const char *entry, const struct stat *est)
{
	int	others = (st->st_mode & 022) != 0;

	if (!is_ours(st->st_uid))
		check_fault(c, dir, 0, "belongs to uid %lu, who can put "
		    "another %s in its place: chown it to root or uid %lu",
		    (unsigned long)st->st_uid, entry,
		    (unsigned long)geteuid());
	else if (others && !(st->st_mode & S_ISVTX))
		check_fault(c, dir, 0, "others can write to it (mode %04o), "
		    "and put another %s in its place: chmod go-w it",
		    (unsigned)(st->st_mode & 07777), entry);
	else if (others && !is_ours(est->st_uid))
		check_fault(c, entry, 0, "belongs to uid %lu, in a directory "
		    "where everybody can write: chown it, or choose another "
		    "place", (unsigned long)est->st_uid);
	else if (S_ISLNK(est->st_mode) && !is_ours(est->st_uid))
		check_fault(c, entry, 0, "a symbolic link of uid %lu, who can "
		    "make it point elsewhere: chown -h it",
		    (unsigned long)est->st_uid);
	else
		return 0;
	return -1;
}

/* What the link at path means: absolute, allocated.  NULL: not readable. */
static char *
way_follow(const char *path)
{
	char	 to[PATH_MAX], *out, *dir;
	ssize_t	 n = readlink(path, to, sizeof to - 1);

	if (n == -1)
		return NULL;
	to[n] = '\0';
	if (to[0] == '/')
		return xstrdup(to);
	dir = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	xasprintf(&out, "%s/%s", dir, to);
	free(dir);
	return out;
}

/* Nothing is there: can it be made? */
static void
way_missing(struct check *c, const char *dir, const char *path)
{
	if (errno != ENOENT)
		check_fault(c, path, 0, "%s", strerror(errno));
	else if (access(dir, W_OK | X_OK) == -1)
		check_fault(c, path, 0, "does not exist, and cannot be made "
		    "in %s: %s", dir, strerror(errno));
}

static void
way_check(struct check *c, const char *path, int links)
{
	struct stat	 st, est;
	char		*copy = xstrdup(path), *p = copy, *end, *to, *rest;
	char		*dir = xstrdup("/");

	for (; p != NULL && *p != '\0'; p = end) {
		p += strspn(p, "/");
		if (*p == '\0')
			break;
		if ((end = strchr(p, '/')) != NULL)
			*end = '\0';
		if (stat(dir, &st) == -1 || lstat(copy, &est) == -1) {
			way_missing(c, dir, copy);
			break;
		}
		if (way_dir(c, dir, &st, copy, &est) == -1)
			break;
		if (S_ISLNK(est.st_mode)) {
			if (links == 0 || (to = way_follow(copy)) == NULL) {
				check_fault(c, copy, 0, "a symbolic link that "
				    "leads nowhere");
				break;
			}
			xasprintf(&rest, "%s%s%s", to, end != NULL ? "/" : "",
			    end != NULL ? end + 1 : "");
			way_check(c, rest, links - 1);
			free(rest);
			free(to);
			break;
		}
		free(dir);
		dir = xstrdup(copy);
		if (end != NULL)
			*end = '/';
	}
	free(dir);
	free(copy);
}

void
check_way(struct check *c, const char *path)
{
	way_check(c, path, LINKS_MAX);
}

/* A directory of ours, if it is there. */
static void
check_own_dir(struct check *c, const char *path)
{
	struct stat	st;

	if (stat(path, &st) == -1)
		return;			/* said, or made by the start */
	if (!S_ISDIR(st.st_mode))
		check_fault(c, path, 0, "not a directory: move it away");
	else if (st.st_uid != geteuid())
		check_fault(c, path, 0, "belongs to uid %lu, and must belong "
		    "to uid %lu, who runs the daemon: chown it",
		    (unsigned long)st.st_uid, (unsigned long)geteuid());
	else if ((st.st_mode & 022) != 0)
		check_fault(c, path, 0, "others can write to it (mode %04o): "
		    "chmod go-w it", (unsigned)(st.st_mode & 07777));
	else if ((st.st_mode & 0700) != 0700)
		check_fault(c, path, 0, "its owner may not use it (mode "
		    "%04o): chmod u+rwx it", (unsigned)(st.st_mode & 07777));
}

void
check_places(struct check *c)
{
	static const char *const below[] = { PATHS_STORE_DIR,
	    PATHS_BROKER_DIR, PATHS_MESHES, PATHS_LOCALS };
	char	*path;
	size_t	 i;

	check_way(c, c->paths->state_dir);
	check_own_dir(c, c->paths->state_dir);
	for (i = 0; i < sizeof below / sizeof *below; i++) {
		path = paths_join(c->paths->state_dir, below[i]);
		check_own_dir(c, path);
		free(path);
	}
	check_way(c, c->paths->run_dir);
	check_own_dir(c, c->paths->run_dir);
}
