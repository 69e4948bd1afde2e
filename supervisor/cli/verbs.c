/* Finding a verb, and the options that it takes. */

#include "supervisor/cli/verbs.h"

#include <string.h>

static const struct opt_def opts_any[] = {
	{ "color", "auto|always|never", "colours; auto: on a terminal, "
	    "unless NO_COLOR is set", OPT_COLOR },
	{ "help", NULL, "show this", OPT_HELP },
	{ NULL, NULL, NULL, 0 }
};

static const struct opt_def opts_place[] = {
	{ "run-dir", "DIR", "the run directory of the meshsup that is meant",
	    OPT_RUN_DIR },
	{ NULL, NULL, NULL, 0 }
};

static const struct opt_def opts_socket[] = {
	{ "socket", "PATH", "its socket, when that is elsewhere", OPT_SOCKET },
	{ NULL, NULL, NULL, 0 }
};

static const struct opt_def opts_admin[] = {
	{ "admin", NULL, "for whoever runs meshsup: everybody's, by "
	    "admin.sock", OPT_ADMIN },
	{ NULL, NULL, NULL, 0 }
};

static const struct opt_def opts_mesh[] = {
	{ "mesh", "MESH", "needed without a session when there are several",
	    OPT_MESH },
	{ NULL, NULL, NULL, 0 }
};

static const struct opt_def opts_meshes[] = {
	{ "mesh", "MESH", "only of this mesh", OPT_MESH },
	{ NULL, NULL, NULL, 0 }
};

static const struct opt_def opts_json[] = {
	{ "json", NULL, "print JSON", OPT_JSON },
	{ NULL, NULL, NULL, 0 }
};

static const struct opt_def opts_token[] = {
	{ "as", "NAME", "speak for the session registered by this name",
	    OPT_AS },
	{ "token-file", "FILE", "speak for the session of this token file",
	    OPT_TOKEN_FILE },
	{ NULL, NULL, NULL, 0 }
};

static const struct opt_def opts_version[] = {
	{ "version", NULL, "print the version", OPT_VERSION },
	{ NULL, NULL, NULL, 0 }
};

const struct verb *
verb_find(const char *first, const char *second, int *words_r)
{
	const struct verb	*v, *one = NULL;
	size_t			 len = strlen(first);

	*words_r = 0;
	for (v = verb_table; v->name != NULL; v++) {
		if (strncmp(v->name, first, len) != 0)
			continue;
		if (v->name[len] == '\0')
			one = v;
		else if (v->name[len] != ' ')
			continue;
		else if (second != NULL &&
		    strcmp(v->name + len + 1, second) == 0) {
			*words_r = 2;
			return v;
		}
		*words_r = 1;
	}
	return one;
}

const struct verb *
verb_next(const struct verb *v)
{
	v = v == NULL ? verb_table : v + 1;
	return v->name != NULL ? v : NULL;
}

void
verb_tables(const struct verb *v,
    const struct opt_def *tables_r[OPTS_TABLES_MAX + 1])
{
	size_t	 n = 0;

	if (v == NULL) {
		tables_r[n++] = opts_place;
		tables_r[n++] = opts_socket;
		tables_r[n++] = opts_admin;
		tables_r[n++] = opts_token;
		tables_r[n++] = opts_json;
		tables_r[n++] = opts_any;
		tables_r[n++] = opts_version;
		tables_r[n] = NULL;
		return;
	}
	if (v->opts != NULL)
		tables_r[n++] = v->opts;
	if (v->flags & VERB_MESH)
		tables_r[n++] = opts_mesh;
	if (v->flags & VERB_MESHES)
		tables_r[n++] = opts_meshes;
	if (v->flags & VERB_TOKEN)
		tables_r[n++] = opts_token;
	if (v->flags & VERB_PLACE)
		tables_r[n++] = opts_place;
	if (v->flags & VERB_API)
		tables_r[n++] = opts_socket;
	if (v->flags & VERB_ADMIN)
		tables_r[n++] = opts_admin;
	if (v->flags & VERB_JSON)
		tables_r[n++] = opts_json;
	tables_r[n++] = opts_any;
	tables_r[n] = NULL;
}
