/*
 * The gate: the local HTTP and SSE API on sockets that it is given.  It has no
 * network of its own, holds no secret key, writes no file, and reads mesh.db;
 * what passes through it is checked here, what must last goes to the store.
 */

#include "common/inherit.h"
#include "common/log.h"
#include "common/privs.h"
#include "supervisor/gate/gate.h"

int
main(void)
{
	struct gate	*g;

	log_init("gate");
	privs_child(GATE_NOFILE);	/* root's powers end here */
	gate_memory();			/* what is freed is wiped from here */
	g = gate_new(INHERIT_CTL_FD);
	gate_loop(g);			/* set-up, requests, stop */
	gate_free(&g);
	return 0;
}
