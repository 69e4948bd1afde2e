#ifndef COMMON_INHERIT_H
#define COMMON_INHERIT_H

/* What survives exec: descriptor numbers and environment names. */

/* A child of the supervisor: its control socketpair, SOCK_SEQPACKET. */
#define INHERIT_CTL_FD		3

/*
 * The supervisor, when `meshsup start` waits for it: a pipe to write one line
 * to, "ok\n" when the API answers, or "error <sentence>\n", and to close.
 * Its number stands in the environment, which is cleaned at once.
 */
#define INHERIT_READY_ENV	"MESHSUP_READY_FD"

/*
 * The supervisor, executed in the place of an older one: the number of the
 * memfd with what that one hands over.  For `supervisor --upgrade-check` it is
 * INHERIT_CTL_FD.
 */
#define INHERIT_HANDOVER_ENV	"MESHSUP_HANDOVER_FD"

/*
 * A child of the supervisor: MSG_PROTO of its supervisor, in decimal.  It ends
 * when that is not its own.
 */
#define INHERIT_PROTO_ENV	"MESHSUP_PROTO"

#endif
