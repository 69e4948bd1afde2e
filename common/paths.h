#ifndef COMMON_PATHS_H
#define COMMON_PATHS_H

/*
 * Where things are.  Options win over environment, environment over defaults.
 *
 *             root (system mode)           a user
 * config      /etc/meshsup/meshsup.conf    $XDG_CONFIG_HOME/meshsup/meshsup.conf
 * state       /var/lib/meshsup             $XDG_STATE_HOME/meshsup
 * run         /run/meshsup                 $XDG_RUNTIME_DIR/meshsup
 *
 * XDG_CONFIG_HOME falls back to ~/.config, XDG_STATE_HOME to ~/.local/state,
 * and without XDG_RUNTIME_DIR the run directory is <state>/run.
 */

#include <stddef.h>

struct paths {
	char	*config;	/* may not exist, unless it was named */
	int	 config_named;	/* by option or environment */
	char	*state_dir;
	char	*run_dir;
	char	*reference;	/* ~/.claudemesh/config.json, which may not
				   exist; NULL for root, with a state directory
				   that was named, and without a home */
};

/*
 * Arguments are options as given, or NULL; the environment is MESHSUP_CONFIG,
 * MESHSUP_STATE_DIR, MESHSUP_RUN_DIR.  All results are absolute.  -1 with a
 * sentence in err (errlen bytes): no home, or a path too long for a socket
 * below the run directory (sun_path, 108 bytes).
 */
int	paths_find(struct paths *, const char *config, const char *state_dir,
	    const char *run_dir, char *err, size_t errlen);
void	paths_clear(struct paths *);

/* dir "/" name, allocated; the caller frees. */
char	*paths_join(const char *dir, const char *name);

/* Names below the run directory. */
#define PATHS_SOCKET	"daemon.sock"
#define PATHS_ADMIN	"admin.sock"
#define PATHS_RUN_LOCK	"meshsup.lock"	/* flocked; "<pid> <state>\n" */
#define PATHS_TOKEN	"local-token"	/* for TCP callers */
#define PATHS_PID	"meshsup.pid"	/* for people */

/* Names below the state directory. */
#define PATHS_LOCK	"lock"		/* flocked for life */
#define PATHS_HOST_KEY	"host.key"
#define PATHS_SESSIONS	"sessions.db"
#define PATHS_MESH_DB	"mesh.db"
#define PATHS_STORE_DIR	"store"		/* mesh.db lives in it */
#define PATHS_BROKER_DIR "broker"	/* broker.db */
#define PATHS_BROKER_DB	"broker.db"
#define PATHS_MESHES	"meshes.d"
#define PATHS_LOCALS	"local.d"	/* members of `local`, one per uid */
#define PATHS_LOG	"meshsup.log"

#endif
