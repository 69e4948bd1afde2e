/* The programs that belong together. */

#include "supervisor/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/version.h"

void
check_programs(struct check *c)
{
	static const char *const names[] = { "broker", "gate", "resolver",
	    "store", "supervisor", "worker" };
	char	 version[VERSION_TEXT_SIZE], *path;
	size_t	 i;
	int	 proto;

	for (i = 0; i < sizeof names / sizeof *names; i++) {
		path = paths_join(c->libexec, names[i]);
		if (access(path, X_OK) == -1)
			check_fault(c, path, 0, "%s; install meshsup as a "
			    "whole", strerror(errno));
		else if (version_of_file(path, version, sizeof version,
		    &proto) == -1)
			check_fault(c, path, 0, "%s; install meshsup as a "
			    "whole", errno == ENOEXEC ?
			    "not a program of meshsup" : strerror(errno));
		else if (strcmp(version, version_text()) != 0 ||
		    proto != version_proto())
			check_fault(c, path, 0, "of version %s (protocol %d), "
			    "not %s (protocol %d): install meshsup as a whole",
			    version, proto, version_text(), version_proto());
		free(path);
	}
}
