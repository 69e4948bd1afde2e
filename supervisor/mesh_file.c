/*
 * Mesh files.  One holds a member's secret key: it must be a regular file of
 * ours that nobody else can read, and what is looked at is what was opened.
 */

#include "supervisor/mesh.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/encode.h"
#include "common/fd.h"
#include "common/paths.h"
#include "common/xalloc.h"
#include "supervisor/mesh_impl.h"

/* Whose it is, and who can read it. */
static int
mesh_file_check(const char *path, const struct stat *st, char *err,
    size_t errlen)
{
	if (!S_ISREG(st->st_mode))
		snprintf(err, errlen, "%s: not a regular file", path);
	else if (st->st_uid != geteuid() && st->st_uid != 0)
		snprintf(err, errlen, "%s: it belongs to uid %lu, and must "
		    "belong to uid %lu%s: chown it", path,
		    (unsigned long)st->st_uid, (unsigned long)geteuid(),
		    geteuid() != 0 ? " or root" : "");
	else if ((st->st_mode & 077) != 0)
		snprintf(err, errlen, "%s: others can read the member's secret "
		    "key (mode %04o): chmod 600 it", path,
		    (unsigned)(st->st_mode & 07777));
	else
		return 0;
	return -1;
}

/* The text of a file that is as it should be; as fd_read_file(). */
static char *
mesh_file_text(const char *path, size_t max, struct stat *st, size_t *len_r,
    char *err, size_t errlen)
{
	char	*text = NULL;
	int	 fd;

	/* Not to wait for a writer, should it be a pipe. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK |
	    O_NOCTTY);
	if (fd == -1) {
		if (errno == ELOOP)
			snprintf(err, errlen, "%s: a symbolic link: put the "
			    "file itself there", path);
		else
			snprintf(err, errlen, "%s: %s", path, strerror(errno));
		return NULL;
	}
	if (fstat(fd, st) == -1)
		snprintf(err, errlen, "%s: %s", path, strerror(errno));
	else if (mesh_file_check(path, st, err, errlen) == 0 &&
	    (text = fd_read_all(fd, max, len_r)) == NULL)
		snprintf(err, errlen, "%s: %s", path, strerror(errno));
	fd_close(&fd);
	return text;
}

json_t *
mesh_file_load(const char *path, size_t max, struct mesh_text *t, char *err,
    size_t errlen)
{
	struct stat	 st;
	json_error_t	 je;
	json_t		*o;

	if ((t->p = mesh_file_text(path, max, &st, &t->len, err, errlen)) ==
	    NULL)
		return NULL;
	t->uid = st.st_uid;
	o = json_loadb(t->p, t->len, JSON_REJECT_DUPLICATES, &je);
	if (o != NULL && json_is_object(o))
		return o;
	snprintf(err, errlen, "%s:%d: not a JSON object", path,
	    o == NULL ? je.line : 1);
	json_decref(o);
	mesh_text_clear(t);
	return NULL;
}

void
mesh_text_clear(struct mesh_text *t)
{
	freezero(t->p, t->len + 1);
	t->p = NULL;
}

int
mesh_read(const char *path, struct mesh *m, uint8_t secret_r[KEY_SECRET_LEN],
    char *err, size_t errlen)
{
	struct mesh_fault	 f;
	struct mesh_text	 t;
	json_t			*o;
	int			 ret;

	memset(m, 0, sizeof *m);
	if ((o = mesh_file_load(path, MESH_FILE_MAX, &t, err, errlen)) == NULL)
		return -1;
	if ((ret = mesh_fill(o, m, t.uid, secret_r, &f)) == -1)
		snprintf(err, errlen, "%s:%d: %s", path,
		    mesh_line(t.p, NULL, 0, f.key), f.why);
	else
		m->path = xstrdup(path);
	mesh_text_clear(&t);
	json_decref(o);
	return ret;
}

int
mesh_secret(const struct mesh *m, uint8_t secret_r[KEY_SECRET_LEN], char *err,
    size_t errlen)
{
	struct mesh	now;
	int		ret;

	ret = m->reference ? mesh_read_reference(m->path, m->slug, &now,
	    secret_r, err, errlen) : mesh_read(m->path, &now, secret_r, err,
	    errlen);
	if (ret == -1)
		return -1;
	mesh_clear(&now);
	if (memcmp(now.pub, m->pub, KEY_PUBLIC_LEN) == 0)
		return 0;
	snprintf(err, errlen, "%s: it has another key than before: `meshsup "
	    "reload` takes it over", m->path);
	sodium_memzero(secret_r, KEY_SECRET_LEN);
	return -1;
}

int
mesh_write(const struct mesh *m, const uint8_t secret[KEY_SECRET_LEN],
    char *err, size_t errlen)
{
	char	 pub[2 * KEY_PUBLIC_LEN + 1], sec[2 * KEY_SECRET_LEN + 1];
	char	 now[CLOCK_ISO_SIZE], *text = NULL;
	json_t	*o, *users;
	json_free_t free_text;
	uint32_t i;
	int	 ret = -1;

	users = json_array();
	for (i = 0; i < m->users.n; i++)
		json_array_append_new(users,
		    json_integer((json_int_t)m->users.v[i]));
	o = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:o}",
	    "meshId", m->mesh_id, "memberId", m->member_id, "slug", m->slug,
	    "name", m->name, "displayName", m->display_name,
	    "pubkey", hex_encode(pub, m->pub, KEY_PUBLIC_LEN),
	    "secretKey", hex_encode(sec, secret, KEY_SECRET_LEN),
	    "brokerUrl", m->url, "joinedAt", clock_iso(clock_wall_ms(), now),
	    "owner", (json_int_t)m->owner_uid, "users", users);
	sodium_memzero(sec, sizeof sec);
	if (o != NULL)
		text = json_dumps(o, JSON_INDENT(2));
	json_decref(o);
	if (text == NULL)
		snprintf(err, errlen, "%s: cannot encode it", m->path);
	else if (fd_write_file(m->path, 0600, text, strlen(text)) == -1)
		snprintf(err, errlen, "%s: %s", m->path, strerror(errno));
	else
		ret = 0;
	if (text != NULL) {
		sodium_memzero(text, strlen(text));
		json_get_alloc_funcs(NULL, &free_text);
		free_text(text);
	}
	return ret;
}

static int
mesh_is_file(const struct dirent *d)
{
	size_t	n = strlen(d->d_name);

	return n > 5 && d->d_name[0] != '.' &&
	    strcmp(d->d_name + n - 5, ".json") == 0;
}

int
mesh_each(const char *dir, void (*cb)(void *arg, struct mesh *),
    void (*fault_cb)(void *arg, const char *err), void *arg)
{
	struct dirent	**names = NULL;
	struct mesh	  m;
	char		  err[MESH_ERR_SIZE], *path;
	int		  i, n;

	if ((n = scandir(dir, &names, mesh_is_file, alphasort)) == -1)
		return -1;
	for (i = 0; i < n; i++) {
		path = paths_join(dir, names[i]->d_name);
		if (i >= MESH_FILES_MAX) {
			snprintf(err, sizeof err, "%s: more than %d mesh files",
			    path, MESH_FILES_MAX);
			fault_cb(arg, err);
		} else if (mesh_read(path, &m, NULL, err, sizeof err) == -1)
			fault_cb(arg, err);
		else {
			cb(arg, &m);
			mesh_clear(&m);
		}
		free(path);
		free(names[i]);
	}
	free(names);
	return 0;
}
