/* What every child of the supervisor gives up before it hears anything. */

#include "common/privs.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/inherit.h"
#include "common/log.h"
#include "common/version.h"

/* Lower a limit for good; one that is lower already stays. */
static void
privs_limit(int what, rlim_t value)
{
	struct rlimit	rl;

	if (getrlimit(what, &rl) == -1)
		fatal("getrlimit");
	if (rl.rlim_max != RLIM_INFINITY && rl.rlim_max < value)
		value = rl.rlim_max;
	rl.rlim_cur = rl.rlim_max = value;
	if (setrlimit(what, &rl) == -1)
		fatal("setrlimit");
}

void
privs_no_core(void)
{
	privs_limit(RLIMIT_CORE, 0);
#ifndef WITH_SANITIZERS			/* LeakSanitizer attaches to itself */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		fatal("dumpable");
#endif
}

/*
 * A supervisor of another build would be misunderstood, and worse, believed to
 * be understood.
 */
static void
privs_check_build(void)
{
	const char	*v = getenv(INHERIT_PROTO_ENV);
	char		 own[16];

	snprintf(own, sizeof own, "%d", version_proto());
	if (v == NULL || strcmp(v, own) != 0)
		fatalx("of another build than its supervisor (control "
		    "protocol %s, not %.15s): install meshsup as a whole", own,
		    v != NULL ? v : "unknown");
}

/*
 * The environment holds nothing else that a child needs.  Sanitizers read
 * theirs at load, before this.
 */
void
privs_child(int nofile)
{
	pid_t		parent = getppid();
	socklen_t	len = sizeof(int);
	int		type = 0;

	if (getsockopt(INHERIT_CTL_FD, SOL_SOCKET, SO_TYPE, &type, &len) ==
	    -1 || type != SOCK_SEQPACKET)
		fatalx("this program is run by `meshsup start`");
	privs_check_build();
	fd_close_from(INHERIT_CTL_FD + 1);
	if (clearenv() != 0)
		fatalx("clearenv failed");
	umask(027);
	(void)setsid();			/* fails only where it is one already */
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		fatal("signal");
	privs_no_core();
	if (nofile > 0)
		privs_limit(RLIMIT_NOFILE, (rlim_t)nofile);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		fatal("no_new_privs");
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1)
		fatal("parent-death signal");
	if (getppid() != parent)	/* it died before we asked */
		_exit(1);
}
