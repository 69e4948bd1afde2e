/* What the state directory holds: keys, sessions, meshes. */

#include "supervisor/check.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/body.h"
#include "common/broker_db.h"
#include "common/fd.h"
#include "common/rows.h"
#include "common/xalloc.h"
#include "supervisor/keys.h"
#include "supervisor/plan.h"
#include "supervisor/registry.h"

/* In the header of a file of SQLite, big-endian. */
#define HEADER_LEN	100
#define AT_VERSION	60
#define AT_ID		68

/* That the rows are well-formed is all that is asked. */
static int
session_cb(void *arg, const struct reg_session *rec)
{
	(void)arg;
	(void)rec;
	return 0;
}

/* The file of the sessions, and that nobody else reads it.  1: it is there. */
static int
check_registry_file(struct check *c, const char *path)
{
	struct stat	st;

	if (lstat(path, &st) == -1) {
		if (errno != ENOENT)
			check_fault(c, path, 0, "%s", strerror(errno));
		return 0;
	}
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid()) {
		check_fault(c, path, 0, "not a regular file of uid %lu, who "
		    "runs the daemon", (unsigned long)geteuid());
		return 0;
	}
	if ((st.st_mode & 077) != 0)
		check_fault(c, path, 0, "others can read it (mode %04o): "
		    "chmod 600 it", (unsigned)(st.st_mode & 07777));
	return st.st_size > 0;
}

static void
check_keys(struct check *c)
{
	uint8_t		 host_key[HOST_KEY_LEN];
	struct stat	 st;
	int		 has_key = 0;
	char		 err[CHECK_TEXT_SIZE];
	char		*key = paths_join(c->paths->state_dir, PATHS_HOST_KEY);
	char		*db = paths_join(c->paths->state_dir, PATHS_SESSIONS);
	char		*mesh_db;

	xasprintf(&mesh_db, "%s/%s/%s", c->paths->state_dir, PATHS_STORE_DIR,
	    PATHS_MESH_DB);
	/* With nothing that is sealed by it, the start makes a new one. */
	if (registry_in_use(db) || access(mesh_db, F_OK) == 0 ||
	    lstat(key, &st) == 0 || errno != ENOENT) {
		has_key = keys_load(host_key, key, 0, err, sizeof err) == 0;
		if (!has_key)
			check_text(c, key, err);
	}
	if (check_registry_file(c, db)) {
		if (registry_look(db, session_cb, NULL, err, sizeof err) == -1)
			check_text(c, db, err);
		else if (has_key && registry_look_host(db, host_key) == 0)
			check_fault(c, key, 0, "not the host key with which "
			    "%s was written: restore both from one backup",
			    db);
	}
	sodium_memzero(host_key, sizeof host_key);
	free(key);
	free(db);
	free(mesh_db);
}

static uint32_t
number_at(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

/*
 * Made by a newer meshsup, so that the process to which it belongs would not
 * start?  Only the header is looked at: nobody else opens these files.
 */
static void
check_version(struct check *c, const char *dir, const char *name, uint32_t id,
    uint32_t known)
{
	uint8_t	 head[HEADER_LEN];
	char	*path;
	int	 fd;

	xasprintf(&path, "%s/%s/%s", c->paths->state_dir, dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd != -1 && read(fd, head, sizeof head) == sizeof head &&
	    number_at(head + AT_ID) == id &&
	    number_at(head + AT_VERSION) > known)
		check_fault(c, path, 0, "of schema %u, and this meshsup knows "
		    "1 to %u: run the newer meshsup that made it",
		    number_at(head + AT_VERSION), known);
	fd_close(&fd);
	free(path);
}

void
check_versions(struct check *c)
{
	check_version(c, PATHS_STORE_DIR, PATHS_MESH_DB, ROWS_APPLICATION_ID,
	    ROWS_SCHEMA_VERSION);
	check_version(c, PATHS_BROKER_DIR, PATHS_BROKER_DB,
	    BROKER_DB_APPLICATION_ID, BROKER_DB_VERSION);
}

static void
fault_cb(void *arg, const char *text)
{
	check_text(arg, NULL, text);
}

static void
no_cb(void *arg, struct mesh *m)
{
	(void)arg;
	(void)m;
}

/* Before the first start there is only the reference's file. */
static void
check_reference(struct check *c)
{
	const char	*path = c->conf.reference_config;
	struct stat	 st;

	if (strcmp(path, "none") == 0)
		return;
	if (strcmp(path, "auto") == 0) {
		path = c->paths->reference;
		if (path == NULL || lstat(path, &st) == -1)
			return;
	}
	(void)mesh_each_reference(path, no_cb, fault_cb, c);
}

static void
check_meshes(struct check *c)
{
	struct supervisor	*s;
	struct plan		 plan;
	struct stat		 st;
	char			*dir = paths_join(c->paths->state_dir,
				    PATHS_MESHES);
	size_t			 i;

	if (lstat(dir, &st) == -1) {
		check_reference(c);
		free(dir);
		return;
	}
	free(dir);
	s = supervisor_new();
	s->paths = *c->paths;
	(void)plan_read(&plan, s, &c->conf);
	for (i = 0; i < plan.n_faults; i++)
		check_text(c, NULL, plan.faults[i]);
	plan_clear(&plan);
	memset(&s->paths, 0, sizeof s->paths);	/* they are the caller's */
	supervisor_free(&s);
}

void
check_state(struct check *c)
{
	check_keys(c);
	check_versions(c);
	check_meshes(c);
}
