/*
 * The reference client's config.json: its meshes are served as if each had a
 * file of its own.  The file is the reference's, and never written here.
 */

#include "supervisor/mesh.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/xalloc.h"
#include "supervisor/mesh_impl.h"

#define REFERENCE_MAX	(1024 * 1024)	/* bytes */
#define LIST		"meshes"

/* The list, borrowed, of a file of a version that we know. */
static json_t *
reference_list(const char *path, const json_t *o, const char *text, char *err,
    size_t errlen)
{
	const json_t	*version = json_object_get(o, "version");
	json_t		*list = json_object_get(o, LIST);

	if (json_integer_value(version) != 1)
		snprintf(err, errlen, "%s:%d: \"version\" must be 1", path,
		    mesh_line(text, NULL, 0, "version"));
	else if (!json_is_array(list))
		snprintf(err, errlen, "%s:%d: \"meshes\" must be a list",
		    path, mesh_line(text, NULL, 0, LIST));
	else
		return list;
	return NULL;
}

/* One of the list. */
static int
reference_mesh(const char *path, const json_t *o, size_t i,
    const struct mesh_text *t, struct mesh *m,
    uint8_t secret_r[KEY_SECRET_LEN], char *err, size_t errlen)
{
	const json_t		*list = json_object_get(o, LIST);
	const json_t		*name = json_object_get(o, "displayName");
	struct mesh_fault	 f = { "slug", "not an object" };

	memset(m, 0, sizeof *m);
	m->reference = 1;
	if (!json_is_object(json_array_get(list, i)) ||
	    mesh_fill(json_array_get(list, i), m, t->uid, secret_r, &f) ==
	    -1) {
		snprintf(err, errlen, "%s:%d: mesh %zu: %s", path,
		    mesh_line(t->p, LIST, i, f.key), i + 1, f.why);
		return -1;
	}
	/* One name for all of them, cut to what we can say. */
	if (m->display_name[0] == '\0' && json_is_string(name) &&
	    json_string_length(name) < sizeof m->display_name)
		strcpy(m->display_name, json_string_value(name));
	m->path = xstrdup(path);
	return 0;
}

int
mesh_each_reference(const char *path, void (*cb)(void *arg, struct mesh *),
    void (*fault_cb)(void *arg, const char *err), void *arg)
{
	struct mesh_text	 t;
	struct mesh		 m;
	json_t			*o, *list;
	char			 err[MESH_ERR_SIZE];
	size_t			 i;

	o = mesh_file_load(path, REFERENCE_MAX, &t, err, sizeof err);
	if (o == NULL) {
		fault_cb(arg, err);
		return -1;
	}
	if ((list = reference_list(path, o, t.p, err, sizeof err)) == NULL)
		fault_cb(arg, err);
	for (i = 0; list != NULL && i < json_array_size(list); i++) {
		if (i >= MESH_FILES_MAX) {
			snprintf(err, sizeof err, "%s: more than %d meshes",
			    path, MESH_FILES_MAX);
			fault_cb(arg, err);
			break;
		}
		if (reference_mesh(path, o, i, &t, &m, NULL, err,
		    sizeof err) == -1)
			fault_cb(arg, err);
		else {
			cb(arg, &m);
			mesh_clear(&m);
		}
	}
	mesh_text_clear(&t);
	json_decref(o);
	return list != NULL ? 0 : -1;
}

int
mesh_read_reference(const char *path, const char *slug, struct mesh *m,
    uint8_t secret_r[KEY_SECRET_LEN], char *err, size_t errlen)
{
	struct mesh_text	 t;
	json_t			*o, *list, *one;
	const char		*its;
	size_t			 i;
	int			 ret = -1;

	memset(m, 0, sizeof *m);
	o = mesh_file_load(path, REFERENCE_MAX, &t, err, errlen);
	if (o == NULL)
		return -1;
	list = reference_list(path, o, t.p, err, errlen);
	if (list != NULL)
		snprintf(err, errlen, "%s: the mesh %s is not in it any more",
		    path, slug);
	json_array_foreach(list, i, one) {
		its = json_string_value(json_object_get(one, "slug"));
		if (its == NULL || strcmp(its, slug) != 0)
			continue;
		ret = reference_mesh(path, o, i, &t, m, secret_r, err, errlen);
		break;
	}
	mesh_text_clear(&t);
	json_decref(o);
	return ret;
}
