/*
 * A worker: one session of one mesh, or one member of it.  It holds that
 * session's secret key and its connection to the broker; it may not write a
 * file, nor run a program, and sees nobody else's bodies or keys.
 */

#include <sodium.h>
#include <string.h>

#include "common/inherit.h"
#include "common/log.h"
#include "common/privs.h"
#include "worker/join.h"
#include "worker/worker.h"

#define MAX_FDS	64

int
main(int argc, char *argv[])
{
	struct worker	*w;

	if (argc > 1 && strcmp(argv[1], "--join") == 0)
		return join_main();	/* another role, by itself */
	log_init("worker");
	privs_child(MAX_FDS);
	if (sodium_init() == -1)
		fatalx("libsodium");
	w = worker_new(INHERIT_CTL_FD);
	worker_recv_setup(w);		/* identity, keys */
	worker_open_rows(w);		/* reads once: -wal, -shm open too */
	worker_open_loop(w);		/* certificates */
	worker_loop(w);
	worker_free(&w);
	return 0;
}
