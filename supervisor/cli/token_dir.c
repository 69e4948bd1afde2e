/* Where the caller's tokens are, and what their files are called. */

#include "supervisor/cli/token.h"

#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/paths.h"
#include "common/xalloc.h"
#include "supervisor/cli/buf.h"

#define SUFFIX	".token"

char *
token_file_name(const char *name)
{
	struct buf	 b = { 0 };
	char		*out = NULL;
	int		 dot = *name == '.';

	buf_adds(&b, dot ? "%2E" : "");
	buf_add_escaped(&b, name + dot);
	buf_adds(&b, SUFFIX);
	/* Room for the ".XXXXXX" of a draft. */
	if (*name != '\0' && b.len + 7 <= NAME_MAX)
		out = xstrdup(b.p);
	buf_free(&b);
	return out;
}

/* A directory of the caller's, where nobody else can put a file. */
static int
is_own_dir(const char *path)
{
	struct stat	 st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
	    st.st_uid == geteuid() && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* <run_dir>/tokens, or NULL when that cannot be the caller's. */
static char *
dir_of_run(const char *run_dir, int make)
{
	char	*path = paths_join(run_dir, "tokens");

	if (make)
		mkdir(path, 0700);
	if (is_own_dir(path))
		return path;
	free(path);
	return NULL;
}

static const char *
home_dir(void)
{
	const char	*home = getenv("HOME");
	struct passwd	*pw;

	if (home != NULL && *home == '/')
		return home;
	if ((pw = getpwuid(geteuid())) != NULL && *pw->pw_dir == '/')
		return pw->pw_dir;
	return NULL;
}

/* Make a directory and those above it.  errno tells why not. */
static int
make_dirs(const char *path)
{
	char	*copy = xstrdup(path), *p;
	int	 r = 0;

	for (p = strchr(copy + 1, '/'); p != NULL && r == 0;
	    p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(copy, 0700) == -1 && errno != EEXIST)
			r = -1;
		*p = '/';
	}
	if (r == 0 && mkdir(copy, 0700) == -1 && errno != EEXIST)
		r = -1;
	free(copy);
	return r;
}

/* $XDG_STATE_HOME/meshsup/tokens, or below ~/.local/state. */
static char *
dir_of_user(int make, char *err, size_t errlen)
{
	const char	*state = getenv("XDG_STATE_HOME"), *home;
	char		*path;

	if (state != NULL && *state == '/')
		path = paths_join(state, "meshsup/tokens");
	else if ((home = home_dir()) != NULL)
		path = paths_join(home, ".local/state/meshsup/tokens");
	else {
		snprintf(err, errlen, "no home directory to keep tokens in; "
		    "name a file with --token-file");
		return NULL;
	}
	if (make && make_dirs(path) == -1) {
		snprintf(err, errlen, "cannot make %s: %s", path,
		    strerror(errno));
		free(path);
		return NULL;
	}
	if (make && !is_own_dir(path)) {
		snprintf(err, errlen, "%s is not a directory that only you "
		    "can write to", path);
		free(path);
		return NULL;
	}
	return path;
}

char *
token_dir(const char *run_dir, int make, char *err, size_t errlen)
{
	char	*path = NULL;

	if (run_dir != NULL)
		path = dir_of_run(run_dir, make);
	return path != NULL ? path : dir_of_user(make, err, errlen);
}
