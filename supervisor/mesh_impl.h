#ifndef SUPERVISOR_MESH_IMPL_H
#define SUPERVISOR_MESH_IMPL_H

/* Between mesh.c, mesh_file.c and mesh_reference.c. */

#include <jansson.h>
#include <sys/types.h>

#include "supervisor/mesh.h"

/* The member of an object that is wrong; both are static text. */
struct mesh_fault {
	const char	*key, *why;
};

/* The text of a file, with secrets in it, and whose it is. */
struct mesh_text {
	char		*p;
	size_t		 len;
	uid_t		 uid;
};

/*
 * A mesh out of its object; m is zero but for reference.  -1 with the fault;
 * secret_r (may be NULL) is filled only when all is right.
 */
int	mesh_fill(const json_t *, struct mesh *, uid_t file_uid,
	    uint8_t secret_r[KEY_SECRET_LEN], struct mesh_fault *);

/* Read and parse a file.  NULL with err; else both are the caller's. */
json_t	*mesh_file_load(const char *path, size_t max, struct mesh_text *,
	    char *err, size_t errlen);
void	mesh_text_clear(struct mesh_text *);

/*
 * The line in which a key stands: of the object that the text is, or, when a
 * list is named, of the nth object in that list of it.  Where it does not
 * stand, the line in which the object begins.  The text is valid JSON.
 */
int	mesh_line(const char *text, const char *list, size_t nth,
	    const char *key);

#endif
