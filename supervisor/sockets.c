/* Which sockets the supervisor listens on. */

#include "supervisor/supervisor.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/xalloc.h"
#include "supervisor/listen.h"
#include "supervisor/upgrade.h"

#define TOKEN_LEN	43	/* 32 bytes in base64url */

/* Where the embedded broker is reached: its address, or this host. */
int
supervisor_listen_broker(struct supervisor *s, char *err, size_t errlen)
{
	const char	*where = s->conf.broker_listen, *colon;
	size_t		 n;

	s->listen_broker = listen_tcp(where, &s->broker_port, err, errlen);
	if (s->listen_broker == -1)
		return -1;
	colon = strrchr(where, ':');
	n = (size_t)(colon - where);
	if (where[0] == '[') {
		where++;
		n -= 2;
	}
	snprintf(s->broker_host, sizeof s->broker_host, "%.*s", (int)n, where);
	if (strcmp(s->broker_host, "0.0.0.0") == 0)
		strcpy(s->broker_host, "127.0.0.1");
	else if (strcmp(s->broker_host, "::") == 0)
		strcpy(s->broker_host, "::1");
	return 0;
}

/* What a TCP caller must show: kept, so that clients need not ask again. */
static int
supervisor_token(struct supervisor *s, char *err, size_t errlen)
{
	const size_t	 want = sizeof s->local_token - 1;
	uint8_t		 raw[32];
	char		*path = paths_join(s->paths.run_dir, PATHS_TOKEN), *old;
	size_t		 len;
	int		 ret = 0;

	old = fd_read_file(path, want + 1, &len);
	if (old != NULL && len > 0 && old[len - 1] == '\n')
		old[--len] = '\0';
	if (old != NULL && len == TOKEN_LEN)
		memcpy(s->local_token, old, len + 1);
	else {
		randombytes_buf(raw, sizeof raw);
		sodium_bin2base64(s->local_token, sizeof s->local_token, raw,
		    sizeof raw, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
		sodium_memzero(raw, sizeof raw);
		ret = fd_write_file(path, 0600, s->local_token,
		    strlen(s->local_token));
		if (ret == -1)
			snprintf(err, errlen, "%.400s: %s", path,
			    strerror(errno));
	}
	freezero_str(old);
	free(path);
	return ret;
}

/* One Unix socket, unless it was given to us.  -1 with err. */
static int
supervisor_listen_unix(struct supervisor *s, int *fd, const char *name,
    mode_t mode, char *err, size_t errlen)
{
	char	*path;

	if (*fd != -1)
		return 0;
	path = paths_join(s->paths.run_dir, name);
	*fd = listen_unix(path, mode, err, errlen);
	free(path);
	return *fd != -1 ? 0 : -1;
}

/* The API's sockets; TCP only where it is configured. */
int
supervisor_listen(struct supervisor *s, char *err, size_t errlen)
{
	char		 where[32];
	uint16_t	 port;

	upgrade_sockets(s);
	if (supervisor_listen_unix(s, &s->listen_unix, PATHS_SOCKET,
	    s->system_mode ? 0666 : 0600, err, errlen) == -1 ||
	    supervisor_listen_unix(s, &s->listen_admin, PATHS_ADMIN, 0600,
	    err, errlen) == -1)
		return -1;
	if (s->conf.tcp_port != 0) {
		if (supervisor_token(s, err, errlen) == -1)
			return -1;
		snprintf(where, sizeof where, "127.0.0.1:%d",
		    (int)s->conf.tcp_port);
		if (s->listen_tcp == -1)
			s->listen_tcp = listen_tcp(where, &port, err, errlen);
		if (s->listen_tcp == -1)
			return -1;
	}
	if (!supervisor_wants_broker(s))
		fd_close(&s->listen_broker);
	else if (s->listen_broker == -1)
		return supervisor_listen_broker(s, err, errlen);
	return 0;
}
