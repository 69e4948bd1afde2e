/*
 * Who holds a lock that we wait for.  Only the kernel knows: it is asked over a
 * descriptor of our own on the file that SQLite locks, which stays open for
 * life, since closing any would end all our locks on that file.
 */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "supervisor/store/db_impl.h"

/* Bytes of <file>-shm: the locks to write, checkpoint and recover; readers. */
#define BYTE_WRITE	120
#define NBYTES_WRITE	3
#define BYTE_READ	123
#define NBYTES_READ	5

#define COMPLAIN_MS	60000

void
db_holder_open(struct db *d)
{
	char	*name;

	xasprintf(&name, "%s-shm", d->path);
	d->shm = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	free(name);
}

/* The first process with a lock in that range, or 0. */
static pid_t
db_holder(const struct db *d, off_t start, off_t n)
{
	struct flock	fl;

	memset(&fl, 0, sizeof fl);
	fl.l_type = F_WRLCK;		/* every lock is in its way */
	fl.l_whence = SEEK_SET;
	fl.l_start = start;
	fl.l_len = n;
	if (d->shm == -1 || fcntl(d->shm, F_GETLK, &fl) == -1 ||
	    fl.l_type == F_UNLCK || fl.l_pid <= 0)
		return 0;
	return fl.l_pid;
}

void
db_holder_complain(struct db *d)
{
	pid_t	pid = db_holder(d, BYTE_WRITE, NBYTES_WRITE);
	int64_t	now = clock_mono_ms();

	if (pid == 0 || (pid == d->holder &&
	    now - d->holder_complained < COMPLAIN_MS))
		return;
	d->holder = pid;
	d->holder_complained = now;
	log_warnx("%s: locked by process %d: nothing can be stored until that "
	    "lets go or ends", d->path, (int)pid);
}

pid_t
db_holder_reader(const struct db *d)
{
	return db_holder(d, BYTE_READ, NBYTES_READ);
}
