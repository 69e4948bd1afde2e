/* Listening sockets that a service manager made for us. */

#include "supervisor/activation.h"

#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/xalloc.h"

#define FIRST_FD	3		/* SD_LISTEN_FDS_START */
#define FDS_MAX		64
#define ENV_PID		"LISTEN_PID"
#define ENV_FDS		"LISTEN_FDS"
#define ENV_NAMES	"LISTEN_FDNAMES"

static long
activation_number(const char *name, long max)
{
	const char	*v = getenv(name);
	char		*end;
	long		 n;

	if (v == NULL || *v < '0' || *v > '9')
		return 0;
	errno = 0;
	n = strtol(v, &end, 10);
	return *end == '\0' && errno == 0 && n <= max ? n : 0;
}

static int
socket_is(int fd, int option, int want)
{
	int		value;
	socklen_t	len = sizeof value;

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 &&
	    value == want;
}

/* A Unix stream socket that listens? */
static int
activation_check(int fd, char *err, size_t errlen)
{
	int	flags;

	if (!socket_is(fd, SO_DOMAIN, AF_UNIX) ||
	    !socket_is(fd, SO_TYPE, SOCK_STREAM) ||
	    !socket_is(fd, SO_ACCEPTCONN, 1)) {
		snprintf(err, errlen, "descriptor %d of the service manager "
		    "is not a listening Unix stream socket: see ListenStream= "
		    "of its socket unit", fd);
		return -1;
	}
	if ((flags = fcntl(fd, F_GETFL)) == -1 ||
	    fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1 ||
	    fd_cloexec(fd, 1) == -1) {
		snprintf(err, errlen, "descriptor %d of the service manager: "
		    "%s", fd, strerror(errno));
		return -1;
	}
	return 0;
}

/* The i-th of "a:b:c", in buf; "" when there is none. */
static const char *
activation_name(const char *names, long i, char *buf, size_t size)
{
	size_t	n;

	buf[0] = '\0';
	for (; names != NULL && i > 0; i--)
		if ((names = strchr(names, ':')) != NULL)
			names++;
	if (names == NULL || (n = strcspn(names, ":")) >= size)
		return buf;
	memcpy(buf, names, n);
	buf[n] = '\0';
	return buf;
}

static int
activation_assign(int fd, const char *name, int alone, int *daemon_r,
    int *admin_r, char *err, size_t errlen)
{
	int	*to = NULL;

	if (strcmp(name, "daemon") == 0 || alone)
		to = daemon_r;
	else if (strcmp(name, "admin") == 0)
		to = admin_r;
	if (to == NULL || *to != -1) {
		snprintf(err, errlen, "descriptor %d of the service manager "
		    "is called \"%.64s\": FileDescriptorName= of a socket unit "
		    "must be \"daemon\" or \"admin\", each once", fd, name);
		return -1;
	}
	*to = fd;
	return 0;
}

int
activation_take(int *daemon_r, int *admin_r, char *err, size_t errlen)
{
	char	*names = NULL, name[64];
	long	 i, n = 0;
	int	 fd, ret = 0;

	*daemon_r = *admin_r = -1;
	if (activation_number(ENV_PID, 1L << 30) == (long)getpid())
		n = activation_number(ENV_FDS, FDS_MAX);
	if (getenv(ENV_NAMES) != NULL)
		names = xstrdup(getenv(ENV_NAMES));
	unsetenv(ENV_PID);
	unsetenv(ENV_FDS);
	unsetenv(ENV_NAMES);
	for (i = 0; i < n && ret == 0; i++) {
		fd = FIRST_FD + (int)i;
		activation_name(names, i, name, sizeof name);
		if (activation_check(fd, err, errlen) == -1 ||
		    activation_assign(fd, name, n == 1 &&
		    strcmp(name, "admin") != 0, daemon_r, admin_r, err,
		    errlen) == -1)
			ret = -1;
	}
	free(names);
	return ret;
}
