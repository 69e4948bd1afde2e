/*
 * Table of contents of the supervisor: places, locks, log, keys, registry,
 * then the children and the loop.
 */

#include <sys/stat.h>

#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <jansson.h>
#include <libgen.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/inherit.h"
#include "common/privs.h"
#include "common/version.h"
#include "common/xalloc.h"
#include "supervisor/activation.h"
#include "supervisor/capacity.h"
#include "supervisor/check.h"
#include "supervisor/keys.h"
#include "supervisor/lock.h"
#include "supervisor/logger.h"
#include "supervisor/notify.h"
#include "supervisor/registry.h"
#include "supervisor/signals.h"
#include "supervisor/supervisor.h"
#include "supervisor/upgrade.h"

struct options {
	const char	*config, *state_dir, *run_dir;
	int		 foreground, check, json, upgrade_check;
};

static void __attribute__((__noreturn__))
usage(int code)
{
	fprintf(code == 0 ? stdout : stderr,
	    "usage: supervisor [--config FILE] [--state-dir DIR] "
	    "[--run-dir DIR] [--foreground] [--check [--json]]\n"
	    "Started by `meshsup start`; see meshsup(1).\n");
	exit(code);
}

static void
parse_options(struct options *o, int argc, char *argv[])
{
	static const struct option	longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "state-dir", required_argument, NULL, 's' },
		{ "run-dir", required_argument, NULL, 'r' },
		{ "foreground", no_argument, NULL, 'f' },
		{ "check", no_argument, NULL, 'C' },
		{ "json", no_argument, NULL, 'J' },
		{ "upgrade-check", no_argument, NULL, 'U' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int	ch;

	memset(o, 0, sizeof *o);
	while ((ch = getopt_long(argc, argv, "c:s:r:fh", longs, NULL)) != -1) {
		switch (ch) {
		case 'c': o->config = optarg; break;
		case 's': o->state_dir = optarg; break;
		case 'r': o->run_dir = optarg; break;
		case 'f': o->foreground = 1; break;
		case 'C': o->check = 1; break;
		case 'J': o->json = 1; break;
		case 'U': o->upgrade_check = 1; break;
		case 'h': usage(0);
		default: usage(2);
		}
	}
	if (optind != argc || (o->json && !o->check))
		usage(2);
}

/* The pipe of `meshsup start`, out of the environment at once. */
static int
take_ready_fd(void)
{
	const char	*env = getenv(INHERIT_READY_ENV);
	char		*end;
	long		 fd = -1;

	if (env != NULL) {
		fd = strtol(env, &end, 10);
		if (*env == '\0' || *end != '\0' || fd < 3 || fd > INT_MAX ||
		    fd_cloexec((int)fd, 1) == -1)
			fd = -1;
	}
	unsetenv(INHERIT_READY_ENV);
	return (int)fd;
}

/* Make a directory, and those above it that are missing, with this mode. */
static int
make_dir(const char *path, mode_t mode, char *err, size_t errlen)
{
	char		*copy = xstrdup(path), *p;
	struct stat	 st;
	mode_t		 old = umask(0777 & ~mode);
	int		 ret = 0;

	for (p = copy + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		if (mkdir(copy, mode) == -1 && errno != EEXIST)
			ret = -1;
		*p = '/';
	}
	if (ret == 0 && mkdir(copy, mode) == -1 && errno != EEXIST)
		ret = -1;
	umask(old);
	if (ret == -1)
		snprintf(err, errlen, "%s: cannot make the directory: %s",
		    path, strerror(errno));
	else if (stat(copy, &st) == -1 || !S_ISDIR(st.st_mode) ||
	    access(copy, R_OK | W_OK | X_OK) == -1) {
		snprintf(err, errlen, "%s: not a directory that we can write "
		    "to", path);
		ret = -1;
	}
	free(copy);
	return ret;
}

static int
make_dirs(struct supervisor *s, char *err, size_t errlen)
{
	static const char *const below[] = { PATHS_STORE_DIR,
	    PATHS_BROKER_DIR, PATHS_MESHES, PATHS_LOCALS };
	char	*path;
	size_t	 i;
	int	 ret;

	if (make_dir(s->paths.state_dir, 0700, err, errlen) == -1 ||
	    make_dir(s->paths.run_dir, s->system_mode ? 0755 : 0700, err,
	    errlen) == -1)
		return -1;
	for (i = 0; i < sizeof below / sizeof below[0]; i++) {
		path = paths_join(s->paths.state_dir, below[i]);
		ret = make_dir(path, 0700, err, errlen);
		free(path);
		if (ret == -1)
			return -1;
	}
	return 0;
}

static int
take_locks(struct supervisor *s, char *err, size_t errlen)
{
	char	*path = paths_join(s->paths.state_dir, PATHS_LOCK);
	char	 text[32];

	s->state_lock = lock_take(path, err, errlen);
	free(path);
	if (s->state_lock == -1)
		return -1;
	path = paths_join(s->paths.run_dir, PATHS_RUN_LOCK);
	s->run_lock = lock_take(path, err, errlen);
	free(path);
	if (s->run_lock == -1)
		return -1;
	path = paths_join(s->paths.run_dir, PATHS_PID);
	snprintf(text, sizeof text, "%ld\n", (long)getpid());
	if (fd_write_file(path, 0644, text, strlen(text)) == -1)
		log_warn("%s", path);
	free(path);
	return 0;
}

static int
open_log(struct supervisor *s, char *err, size_t errlen)
{
	char	*file = paths_join(s->paths.state_dir, PATHS_LOG);
	const char *where = s->foreground ? "stderr" :
	    s->conf.log_file[0] != '\0' ? s->conf.log_file : file;

	log_set_level((enum log_level)s->conf.log_level);
	if ((s->logger = logger_open(where)) == NULL)
		snprintf(err, errlen, "%.400s: %s", where, strerror(errno));
	free(file);
	return s->logger != NULL ? 0 : -1;
}

/* Host key and registry belong together: one without the other is refused. */
static int
open_registry(struct supervisor *s, char *err, size_t errlen)
{
	char	*key = paths_join(s->paths.state_dir, PATHS_HOST_KEY);
	char	*db = paths_join(s->paths.state_dir, PATHS_SESSIONS);
	int	 is_new = !registry_in_use(db), ret = -1;

	/* What the store has is sealed with what derives from the key. */
	if (keys_load(s->host_key, key, is_new && access(s->mesh_db, F_OK) ==
	    -1, err, errlen) == 0 &&
	    (s->registry = registry_open(db, err, errlen)) != NULL &&
	    registry_bind(s->registry, db, s->host_key, err, errlen) == 0)
		ret = 0;
	if (ret == 0 && is_new && access(s->mesh_db, F_OK) == 0)
		log_warnx("sessions.db was not there: sessions that come "
		    "again have new keys, and empty inboxes");
	free(key);
	free(db);
	return ret;
}

/* Those that the service manager holds for us; it keeps their files. */
static int
take_sockets(struct supervisor *s, char *err, size_t errlen)
{
	if (activation_take(&s->listen_unix, &s->listen_admin, err,
	    errlen) == -1)
		return -1;
	s->given_unix = s->listen_unix != -1;
	s->given_admin = s->listen_admin != -1;
	return 0;
}

/* Where this program is, and with it the others.  NULL: errno. */
static char *
find_libexec(void)
{
	char	exe[PATH_MAX];
	ssize_t	n;

	if ((n = readlink("/proc/self/exe", exe, sizeof exe - 1)) == -1)
		return NULL;
	exe[n] = '\0';
	return xstrdup(dirname(exe));
}

/* By the options, or as it was when somebody hands over. */
static int
find_places(struct supervisor *s, const struct options *o, int handover,
    char *err, size_t errlen)
{
	if (handover != -1)
		return upgrade_take(s, handover, err, errlen);
	s->foreground = o->foreground;
	return paths_find(&s->paths, o->config, o->state_dir, o->run_dir, err,
	    errlen);
}

/* Everything before the loop.  -1 with a sentence in err. */
static int
set_up(struct supervisor *s, const struct options *o, int handover, char *err,
    size_t errlen)
{
	if ((s->libexec = find_libexec()) == NULL) {
		snprintf(err, errlen, "/proc/self/exe: %s", strerror(errno));
		return -1;
	}
	if (find_places(s, o, handover, err, errlen) == -1 ||
	    conf_load(&s->conf, s->paths.config, s->paths.config_named, err,
	    errlen) == -1 ||
	    make_dirs(s, err, errlen) == -1 ||
	    (handover == -1 && take_locks(s, err, errlen) == -1) ||
	    open_log(s, err, errlen) == -1)
		return -1;
	log_info("%s, meshsup %s, pid %ld, state %s", handover == -1 ?
	    "started" : "upgraded", version_text(), (long)getpid(),
	    s->paths.state_dir);
	capacity_raise(s);
	xasprintf(&s->mesh_db, "%s/%s/%s", s->paths.state_dir,
	    PATHS_STORE_DIR, PATHS_MESH_DB);
	if (open_registry(s, err, errlen) == -1)
		return -1;
	if ((s->base = event_base_new()) == NULL) {
		snprintf(err, errlen, "cannot make an event loop");
		return -1;
	}
	return supervisor_start(s, err, errlen);
}

/* Look, say what is wrong, and do nothing else. */
static int
only_look(const struct options *o)
{
	char	*libexec = find_libexec();
	int	 code;

	if (libexec == NULL)
		fatal("/proc/self/exe");
	code = o->upgrade_check ? upgrade_check_main(libexec) :
	    check_main(libexec, o->config, o->state_dir, o->run_dir, o->json);
	free(libexec);
	return code;
}

int
main(int argc, char *argv[])
{
	struct supervisor	*s;
	struct options		 o;
	char			 err[512] = "";
	int			 code = 1, ready = take_ready_fd();
	int			 handover = upgrade_take_fd();

	log_init("supervisor");
	signals_hold();
	umask(077);
	parse_options(&o, argc, argv);
	if (sodium_init() == -1)
		fatalx("libsodium does not start");
	json_set_alloc_funcs(wipe_malloc, wipe_free);
	privs_no_core();
	if (o.check || o.upgrade_check)
		return only_look(&o);
	s = supervisor_new();
	s->ready_fd = ready;
	s->argv = argv;
	s->notify = notify_take();
	if (take_sockets(s, err, sizeof err) == -1 ||
	    set_up(s, &o, handover, err, sizeof err) == -1)
		supervisor_fail(s, "%s", err);
	else
		code = supervisor_loop(s);
	supervisor_unlink(s);
	supervisor_free(&s);
	return code;
}
