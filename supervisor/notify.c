/* What a service manager is told. */

#include "supervisor/notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fd.h"
#include "common/xalloc.h"

#define ENV_SOCKET	"NOTIFY_SOCKET"
#define ENV_USEC	"WATCHDOG_USEC"
#define ENV_PID		"WATCHDOG_PID"
#define TEXT_SIZE	512

struct notify {
	struct sockaddr_un	 sun;
	socklen_t		 len;
	char			*path;
	uint64_t		 watchdog_us;	/* 0: none */
};

/* A number of the environment; 0: none, or no number. */
static uint64_t
notify_number(const char *name)
{
	const char	*v = getenv(name);
	char		*end;
	uint64_t	 n;

	if (v == NULL || *v < '0' || *v > '9')
		return 0;
	errno = 0;
	n = strtoull(v, &end, 10);
	return *end == '\0' && errno == 0 ? n : 0;
}

/* An absolute path, or "@" and a name without a file. */
static int
notify_address(struct notify *n, const char *path)
{
	size_t	len = strlen(path);

	if ((path[0] != '/' && path[0] != '@') || len < 2 ||
	    len >= sizeof n->sun.sun_path)
		return -1;
	n->sun.sun_family = AF_UNIX;
	memcpy(n->sun.sun_path, path, len + 1);
	n->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	if (path[0] == '@')
		n->sun.sun_path[0] = '\0';
	else
		n->len++;
	n->path = xstrdup(path);
	return 0;
}

struct notify *
notify_take(void)
{
	const char	*path = getenv(ENV_SOCKET);
	struct notify	*n = NULL;
	uint64_t	 pid = notify_number(ENV_PID);

	if (path != NULL) {
		n = xcalloc(1, sizeof *n);
		if (notify_address(n, path) == -1) {
			log_warnx(ENV_SOCKET " is no address of a socket");
			notify_free(&n);
		} else if (pid == 0 || pid == (uint64_t)getpid())
			n->watchdog_us = notify_number(ENV_USEC);
	}
	unsetenv(ENV_SOCKET);
	unsetenv(ENV_USEC);
	unsetenv(ENV_PID);
	return n;
}

void
notify_free(struct notify **np)
{
	struct notify	*n = *np;

	if (n == NULL)
		return;
	free(n->path);
	free(n);
	*np = NULL;
}

void
notify_export(const struct notify *n)
{
	char	number[32];

	if (n == NULL)
		return;
	setenv(ENV_SOCKET, n->path, 1);
	if (n->watchdog_us == 0)
		return;
	snprintf(number, sizeof number, "%" PRIu64, n->watchdog_us);
	setenv(ENV_USEC, number, 1);
	snprintf(number, sizeof number, "%ld", (long)getpid());
	setenv(ENV_PID, number, 1);
}

void
notify_say(const struct notify *n, const char *fmt, ...)
{
	char	text[TEXT_SIZE];
	va_list	ap;
	int	fd, len;

	if (n == NULL)
		return;
	va_start(ap, fmt);
	len = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= sizeof text)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1 || sendto(fd, text, (size_t)len, MSG_NOSIGNAL,
	    (const struct sockaddr *)&n->sun, n->len) == -1)
		log_debug("%s: %s", n->path, strerror(errno));
	fd_close(&fd);
}

void
notify_reloading(const struct notify *n)
{
	notify_say(n, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
	    clock_mono_ms() * 1000);
}

int64_t
notify_watchdog_ms(const struct notify *n)
{
	/* Half of it, as sd_watchdog_enabled(3) asks. */
	return n == NULL ? 0 : (int64_t)(n->watchdog_us / 2000);
}
