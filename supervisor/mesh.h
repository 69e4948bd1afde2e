#ifndef SUPERVISOR_MESH_H
#define SUPERVISOR_MESH_H

/*
 * Mesh files, meshes.d/<name>.json, one member of one mesh each:
 *
 *	{"meshId","memberId","slug","name","pubkey","secretKey","brokerUrl",
 *	 "joinedAt","displayName"?,"owner"?:<uid>,"users"?:[<uid>...]}
 *
 * as the reference client keeps them in its config.json, all in one list;
 * brokerUrl "embedded" is our own broker.  A file must belong to us or to root,
 * and nobody else may read it.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/msg.h"

#define MESH_EMBEDDED	"embedded"
#define MESH_LOCAL	"local"
#define MESH_FILE_MAX	65536	/* bytes */
#define MESH_FILES_MAX	1024
#define MESH_ERR_SIZE	512

struct mesh {
	char		*path;		/* of its file */
	char		 slug[MESH_SLUG_SIZE];
	char		 name[NAME_SIZE];
	char		 mesh_id[MSG_ID_SIZE];
	char		 member_id[MSG_ID_SIZE];
	char		 display_name[NAME_SIZE];
	uint8_t		 pub[KEY_PUBLIC_LEN];
	char		 url[MSG_PATH_SIZE];
	int		 embedded;
	int		 reference;	/* of the reference's config.json */
	int		 automatic;	/* a uid's own member of `local` */
	char		 host[MSG_HOST_SIZE];	/* of the URL */
	uint16_t	 port;
	int		 tls;
	uint64_t	 owner_uid;
	struct msg_uids	 users;
};

/* 1 to 64 of A-Z a-z 0-9 . _ -, and not "." first. */
int	mesh_slug_valid(const char *);

/*
 * Read one file.  secret_r may be NULL; else it gets the secret key, which the
 * caller wipes.  -1 with "file:line: what is wrong" in err.
 */
int	mesh_read(const char *path, struct mesh *,
	    uint8_t secret_r[KEY_SECRET_LEN], char *err, size_t errlen);

/* Write it, 0600, whole or not at all.  0 or -1 with err. */
int	mesh_write(const struct mesh *, const uint8_t secret[KEY_SECRET_LEN],
	    char *err, size_t errlen);
void	mesh_clear(struct mesh *);

/* Are both on the same broker? */
int	mesh_same_url(const struct mesh *, const struct mesh *);

/*
 * Its secret key, from its file, which must still have the same pair.  -1 with
 * err; else the caller wipes it.
 */
int	mesh_secret(const struct mesh *, uint8_t secret_r[KEY_SECRET_LEN],
	    char *err, size_t errlen);

/*
 * Every *.json of the directory, sorted by name.  A file with a fault goes to
 * fault_cb instead.  -1: the directory cannot be read.
 */
int	mesh_each(const char *dir, void (*cb)(void *arg, struct mesh *),
	    void (*fault_cb)(void *arg, const char *err), void *arg);

/*
 * Every mesh of a config.json of the reference, in its order; faults likewise.
 * -1: nothing of it could be used.
 */
int	mesh_each_reference(const char *path,
	    void (*cb)(void *arg, struct mesh *),
	    void (*fault_cb)(void *arg, const char *err), void *arg);

/* One of them, by its slug; as mesh_read(). */
int	mesh_read_reference(const char *path, const char *slug,
	    struct mesh *, uint8_t secret_r[KEY_SECRET_LEN], char *err,
	    size_t errlen);

/* "ws://host:port/ws", "wss://host/ws".  0 or -1. */
int	mesh_parse_url(const char *, char host[MSG_HOST_SIZE], uint16_t *port_r,
	    int *tls_r);

#endif
