#ifndef SUPERVISOR_HANDOVER_H
#define SUPERVISOR_HANDOVER_H

/*
 * What travels across the exec of an upgrade, in a sealed memfd: where
 * everything is, and the descriptors that stay open.  Everything else is on the
 * disk.  The layout has a number of its own, and a reader takes no other: who
 * would have to guess refuses, and the running one goes on.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/body.h"
#include "common/conf.h"
#include "common/paths.h"
#include "common/version.h"

#define HANDOVER_LAYOUT		1
#define HANDOVER_PATH_SIZE	4096
#define HANDOVER_LIST_MAX	200000

/* The process that a session belongs to. */
struct handover_owner {
	uint8_t		 owner[OWNER_ID_LEN];
	int32_t		 pidfd;
};

struct handover {
	char		 version[VERSION_TEXT_SIZE];	/* who hands over */
	uint32_t	 proto;
	char		 config[HANDOVER_PATH_SIZE];
	uint32_t	 config_named;
	char		 state_dir[HANDOVER_PATH_SIZE];
	char		 run_dir[HANDOVER_PATH_SIZE];
	char		 reference[HANDOVER_PATH_SIZE];	/* "": none */
	uint32_t	 foreground;
	int64_t		 started_at, started_mono;
	uint32_t	 upgrades;	/* before this one */
	int32_t		 state_lock, run_lock;
	int32_t		 listen_unix, listen_admin;
	int32_t		 listen_tcp, listen_broker;	/* -1: none */
	uint32_t	 given_unix, given_admin;
	uint32_t	 tcp_port;			/* as configured */
	char		 broker_listen[CONF_STR_SIZE];	/* likewise */
	char		 broker_host[64];
	uint32_t	 broker_port;
	uint32_t	 n_owners, n_open;
	struct handover_owner *owners;
	uint8_t		(*open)[OWNER_ID_LEN];	/* were connected */
};

/* Allocated; the caller frees. */
uint8_t	*handover_encode(const struct handover *, size_t *len_r);

/*
 * To be cleared in any case.  -1 with a sentence in err: damaged, of another
 * layout, or with values that cannot be.
 */
int	handover_decode(struct handover *, const uint8_t *, size_t, char *err,
	    size_t errlen);
void	handover_clear(struct handover *);

/* The same in a sealed memfd, close-on-exec.  -1 with errno. */
int	handover_write(const struct handover *);

/* Does not close fd. */
int	handover_read(struct handover *, int fd, char *err, size_t errlen);

#endif
