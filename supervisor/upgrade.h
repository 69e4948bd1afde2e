#ifndef SUPERVISOR_UPGRADE_H
#define SUPERVISOR_UPGRADE_H

/*
 * Upgrade in place.  The program that lies where the running one was started
 * from, when it is another one now, is asked first whether it takes what it
 * would be given: `supervisor --upgrade-check`, a short-lived process.  When it
 * does, nothing new is begun, the children end, the gate first so that every
 * request that it took is answered, and the new program is executed in our
 * place, with the listening sockets, the locks and the pidfds.  Whatever goes
 * wrong before that leaves everything as it was.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/msg.h"
#include "supervisor/supervisor.h"

/* ---- the old one ---- */

/*
 * Begin.  seq is the gate's question, 0 for a signal; it is answered when the
 * new program has said whether it takes over.
 */
void	upgrade_begin(struct supervisor *, uint32_t seq);

/* It stops instead; or is freed. */
void	upgrade_cancel(struct supervisor *);

/* A process has ended, perhaps ours. */
void	upgrade_reap(struct supervisor *);

/* Nobody waits for the answer any more. */
void	upgrade_forget_answer(struct supervisor *);

/* Message. */
int	on_upgrade(void *child, struct msg *);

/* ---- upgrade_exec.c ---- */

/* Who is connected now: the new one waits a moment for them. */
void	upgrade_note_open(struct supervisor *);

/* What would be handed over now, as a sealed memfd.  -1 with errno. */
int	upgrade_state(struct supervisor *);

/*
 * Execute that program, with signals held: they wait for it.  Returns only when
 * it cannot, with errno.
 */
void	upgrade_exec(struct supervisor *, const char *path);

/* ---- the new one, before it runs: upgrade_check.c ---- */

/* `supervisor --upgrade-check`: the exit code. */
int	upgrade_check_main(const char *libexec);
#define UPGRADE_CHECK_OPTION	"--upgrade-check"
#define UPGRADE_CHECK_FINE	"meshsup: takes over"

/* ---- the new one: upgrade_take.c ---- */

/* The hand-over, out of the environment.  -1: this is a start. */
int	upgrade_take_fd(void);

/*
 * Take over what was handed over: places, locks, listening sockets.  -1 with
 * err.  It stays with the supervisor until all are connected again.
 */
int	upgrade_take(struct supervisor *, int fd, char *err, size_t errlen);

/* The pidfd of a session's owner, the caller's from now on; -1: none. */
int	upgrade_pidfd(struct supervisor *, const uint8_t owner[OWNER_ID_LEN]);

/*
 * Close what the configuration wants no more, or elsewhere; before the
 * missing ones are opened.
 */
void	upgrade_sockets(struct supervisor *);

/*
 * Shall the API wait for those that were connected, for a moment more?  Then
 * ready_cb is called later.
 */
int	upgrade_waits(struct supervisor *,
	    void (*ready_cb)(struct supervisor *));
void	upgrade_take_free(struct supervisor *);

#endif
