/* The sockets that clients know. */

#include "supervisor/listen.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"

int
listen_unix(const char *path, mode_t mode, char *err, size_t errlen)
{
	struct sockaddr_un	sun = { .sun_family = AF_UNIX };
	mode_t			old;
	int			fd, ret;

	if (strlen(path) >= sizeof sun.sun_path) {
		snprintf(err, errlen, "%s: too long for a socket (%zu bytes "
		    "at most)", path, sizeof sun.sun_path - 1);
		return -1;
	}
	strcpy(sun.sun_path, path);
	if (unlink(path) == -1 && errno != ENOENT) {
		snprintf(err, errlen, "%s: cannot remove: %s", path,
		    strerror(errno));
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		goto fail;
	old = umask(0777 & ~mode);
	ret = bind(fd, (struct sockaddr *)&sun, sizeof sun);
	umask(old);
	if (ret == -1 || listen(fd, LISTEN_BACKLOG) == -1)
		goto fail;
	return fd;

fail:
	snprintf(err, errlen, "%s: %s", path, strerror(errno));
	fd_close(&fd);
	return -1;
}

/*
 * "address:port" to its two halves; the brackets of IPv6 go.  getaddrinfo()
 * would take any port modulo 65536, with a sign, or none, and "*".
 */
static int
listen_split(const char *where, char *host, size_t hostlen, char *port,
    size_t portlen)
{
	const char	*colon = strrchr(where, ':');
	size_t		 n;

	if (colon == NULL)
		return -1;
	n = strspn(colon + 1, "0123456789");
	if (n == 0 || n > 5 || colon[1 + n] != '\0' || n >= portlen ||
	    strtoul(colon + 1, NULL, 10) > UINT16_MAX)
		return -1;
	n = (size_t)(colon - where);
	if (n >= 2 && where[0] == '[' && where[n - 1] == ']') {
		where++;
		n -= 2;
	}
	if (n == 0 || n >= hostlen || *where == '*')
		return -1;
	memcpy(host, where, n);
	host[n] = '\0';
	strcpy(port, colon + 1);
	return 0;
}

/* The caller frees *ai_r.  -1 with err. */
static int
listen_address(const char *where, struct addrinfo **ai_r, char *err,
    size_t errlen)
{
	struct addrinfo	 hints = { .ai_flags = AI_NUMERICHOST |
	    AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM };
	char		 host[64], port[8];

	if (listen_split(where, host, sizeof host, port, sizeof port) == 0 &&
	    getaddrinfo(host, port, &hints, ai_r) == 0)
		return 0;
	snprintf(err, errlen, "%s: not a numeric address:port", where);
	return -1;
}

/* Bound to that address, and not listening.  -1 with errno. */
static int
listen_bind(const struct addrinfo *ai)
{
	int	fd, on = 1;

	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (fd != -1 &&
	    (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1 ||
	    bind(fd, ai->ai_addr, ai->ai_addrlen) == -1))
		fd_close(&fd);
	return fd;
}

int
listen_tcp(const char *where, uint16_t *port_r, char *err, size_t errlen)
{
	struct addrinfo		*ai = NULL;
	struct sockaddr_storage	 ss;
	socklen_t		 sslen = sizeof ss;
	int			 fd;

	if (listen_address(where, &ai, err, errlen) == -1)
		return -1;
	fd = listen_bind(ai);
	freeaddrinfo(ai);
	if (fd == -1 || listen(fd, LISTEN_BACKLOG) == -1 ||
	    getsockname(fd, (struct sockaddr *)&ss, &sslen) == -1) {
		snprintf(err, errlen, "%s: cannot listen: %s", where,
		    strerror(errno));
		fd_close(&fd);
		return -1;
	}
	*port_r = ntohs(ss.ss_family == AF_INET6 ?
	    ((struct sockaddr_in6 *)&ss)->sin6_port :
	    ((struct sockaddr_in *)&ss)->sin_port);
	return fd;
}

int
listen_try(const char *where, int may_be_used, char *err, size_t errlen)
{
	struct addrinfo	*ai = NULL;
	int		 fd;

	if (listen_address(where, &ai, err, errlen) == -1)
		return -1;
	fd = listen_bind(ai);
	freeaddrinfo(ai);
	if (fd == -1 && (errno != EADDRINUSE || !may_be_used)) {
		snprintf(err, errlen, "%s: cannot listen: %s", where,
		    strerror(errno));
		return -1;
	}
	fd_close(&fd);
	return 0;
}
