/*
 * The store: the only process that writes mesh.db.
 *
 * It has no network and no key: bodies come to it sealed.  Whose rows a peer
 * may touch, the supervisor said when it introduced the peer.
 */

#include <signal.h>
#include <sodium.h>

#include "common/inherit.h"
#include "common/log.h"
#include "common/privs.h"
#include "supervisor/store/store.h"

int
main(void)
{
	struct store	*s;
	int		 status;

	log_init("store");
	privs_child(0);			/* environment and descriptors end */
	(void)signal(SIGXFSZ, SIG_IGN);	/* then it is like a full disk */
	if (sodium_init() == -1)
		fatalx("sodium_init failed");
	s = store_new(INHERIT_CTL_FD);
	status = store_loop(s);
	store_free(&s);
	return status;
}
