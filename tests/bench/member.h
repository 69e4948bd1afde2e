#ifndef BENCH_MEMBER_H
#define BENCH_MEMBER_H

/* A key pair, and a member of a mesh of a broker of ours. */

#include "common/identity.h"

#define MEMBER_ID_SIZE	(IDENTITY_ID_MAX + 1)

struct key {
	uint8_t	 pub[KEY_PUBLIC_LEN], sec[KEY_SECRET_LEN];
	char	 hex[2 * KEY_PUBLIC_LEN + 1];	/* of pub */
};

struct member {
	struct key	 key;
	char		 slug[65];
	char		 mesh_id[MEMBER_ID_SIZE], member_id[MEMBER_ID_SIZE];
};

void	key_new(struct key *);

/* The text of a mesh file, allocated. */
char	*member_file(const struct member *, int port);

/* Read one that meshsup wrote.  0 or -1. */
int	member_read(struct member *, const char *path);

/* Text of the hello of a session of it, allocated. */
char	*member_session_hello(const struct member *, const struct key *,
	    const char *name);

#endif
