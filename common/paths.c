/*
 * Where files are: options win over the environment, the environment over the
 * defaults, which differ for root and for a user.  Nothing is made here, and
 * nothing needs to exist.
 */

#include "common/paths.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/xalloc.h"

#define SYSTEM_CONFIG	"/etc/meshsup/meshsup.conf"
#define SYSTEM_STATE	"/var/lib/meshsup"
#define SYSTEM_RUN	"/run/meshsup"
#define APP		"meshsup"
#define REFERENCE	".claudemesh/config.json"

struct err {
	char	*buf;
	size_t	 len;
};

static char *err_set(struct err *, const char *, ...)
	    __attribute__((__format__(printf, 2, 3)));

/* Say what is wrong.  Returns NULL, for the caller to return. */
static char *
err_set(struct err *err, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(err->buf, err->len, fmt, ap);
	va_end(ap);
	return NULL;
}

/* An environment variable, or NULL when it is unset or empty. */
static const char *
env_get(const char *name)
{
	const char	*v = getenv(name);

	return v != NULL && *v != '\0' ? v : NULL;
}

/* dir "/" name, without doubling a slash. */
char *
paths_join(const char *dir, const char *name)
{
	size_t	 len = strlen(dir);
	char	*path;

	xasprintf(&path, "%s%s%s", dir,
	    len > 0 && dir[len - 1] == '/' ? "" : "/", name);
	return path;
}

/*
 * A path as somebody gave it, made absolute, because a daemon changes to "/".
 * what names it in the error.
 */
static char *
path_absolute(const char *given, const char *what, struct err *err)
{
	char	*cwd, *path;
	size_t	 len;

	if (*given == '\0')
		return err_set(err, "%s: the path is empty", what);
	if (*given == '/')
		path = xstrdup(given);
	else {
		if ((cwd = getcwd(NULL, 0)) == NULL)
			return err_set(err, "%s: %s is relative, and the "
			    "current directory has no name", what, given);
		path = paths_join(cwd, given);
		free(cwd);
	}
	for (len = strlen(path); len > 1 && path[len - 1] == '/'; len--)
		path[len - 1] = '\0';
	return path;
}

/* The home directory: $HOME, else the password file's. */
static char *
home_find(struct err *err)
{
	const char	*home = env_get("HOME");
	struct passwd	*pw;

	if (home != NULL && *home == '/')
		return xstrdup(home);
	if ((pw = getpwuid(geteuid())) != NULL && pw->pw_dir != NULL &&
	    *pw->pw_dir == '/')
		return xstrdup(pw->pw_dir);
	return err_set(err, "no home directory: HOME is not set, and uid %ld "
	    "has none; name the directories with --config, --state-dir and "
	    "--run-dir", (long)geteuid());
}

/*
 * $<var>/<rest>, or ~/<fallback>/<rest>.  A relative value of an XDG variable
 * is ignored, as its specification asks.
 */
static char *
xdg_find(const char *var, const char *fallback, const char *rest,
    struct err *err)
{
	const char	*base = env_get(var);
	char		*home, *path;

	if (base != NULL && *base == '/')
		return paths_join(base, rest);
	if ((home = home_find(err)) == NULL)
		return NULL;
	xasprintf(&path, "%s%s%s/%s", home, home[1] == '\0' ? "" : "/",
	    fallback, rest);
	free(home);
	return path;
}

/* The run directory of a user who named none. */
static char *
run_default(const struct paths *p)
{
	const char	*base = env_get("XDG_RUNTIME_DIR");

	if (base != NULL && *base == '/')
		return paths_join(base, APP);
	return paths_join(p->state_dir, "run");
}

/* What was named, by option or by environment; NULL: nothing. */
static const char *
named(const char *option, const char *var)
{
	return option != NULL ? option : env_get(var);
}

static int
config_find(struct paths *p, const char *option, struct err *err)
{
	const char	*v = named(option, "MESHSUP_CONFIG");

	p->config_named = v != NULL;
	if (v != NULL)
		p->config = path_absolute(v, "configuration file", err);
	else if (geteuid() == 0)
		p->config = xstrdup(SYSTEM_CONFIG);
	else
		p->config = xdg_find("XDG_CONFIG_HOME", ".config",
		    APP "/meshsup.conf", err);
	return p->config == NULL ? -1 : 0;
}

static int
state_find(struct paths *p, const char *option, struct err *err)
{
	const char	*v = named(option, "MESHSUP_STATE_DIR");

	if (v != NULL)
		p->state_dir = path_absolute(v, "state directory", err);
	else if (geteuid() == 0)
		p->state_dir = xstrdup(SYSTEM_STATE);
	else
		p->state_dir = xdg_find("XDG_STATE_HOME", ".local/state", APP,
		    err);
	return p->state_dir == NULL ? -1 : 0;
}

/* After state_find(): a default may lie below it. */
static int
run_find(struct paths *p, const char *option, struct err *err)
{
	const char	*v = named(option, "MESHSUP_RUN_DIR");
	const size_t	 max = sizeof ((struct sockaddr_un *)0)->sun_path;
	size_t		 need;

	if (v != NULL)
		p->run_dir = path_absolute(v, "run directory", err);
	else if (geteuid() == 0)
		p->run_dir = xstrdup(SYSTEM_RUN);
	else
		p->run_dir = run_default(p);
	if (p->run_dir == NULL)
		return -1;
	need = strlen(p->run_dir) + 1 + sizeof PATHS_SOCKET;
	if (need > max) {
		err_set(err, "run directory %s: the path is %zu bytes too "
		    "long for a socket below it; choose a shorter one with "
		    "--run-dir", p->run_dir, need - max);
		return -1;
	}
	return 0;
}

/*
 * The reference's own, for a user's only daemon: one beside it, with a state
 * directory of its own, does not get into its meshes by itself.
 */
static void
reference_find(struct paths *p, const char *state_dir)
{
	char		 unsaid[256];
	struct err	 err = { unsaid, sizeof unsaid };
	char		*home;

	if (geteuid() == 0 || named(state_dir, "MESHSUP_STATE_DIR") != NULL ||
	    (home = home_find(&err)) == NULL)
		return;
	p->reference = paths_join(home, REFERENCE);
	free(home);
}

int
paths_find(struct paths *p, const char *config, const char *state_dir,
    const char *run_dir, char *errbuf, size_t errlen)
{
	struct err	 err = { errbuf, errlen };

	memset(p, 0, sizeof *p);
	if (config_find(p, config, &err) == -1 ||
	    state_find(p, state_dir, &err) == -1 ||
	    run_find(p, run_dir, &err) == -1) {
		paths_clear(p);
		return -1;
	}
	reference_find(p, state_dir);
	return 0;
}

void
paths_clear(struct paths *p)
{
	free(p->config);
	free(p->state_dir);
	free(p->run_dir);
	free(p->reference);
	memset(p, 0, sizeof *p);
}
