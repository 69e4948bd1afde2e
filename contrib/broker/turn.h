#ifndef BROKER_TURN_H
#define BROKER_TURN_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/*
 * One turn of the loop: everything that could be read is handled in one
 * transaction; at its end that is committed, and only then what was answered
 * is released.
 */

struct broker;
struct conn;
struct lws_context;
struct turn;

struct turn *turn_new(struct broker *, struct lws_context *);

/* Commits what is left.  The loop and its connections are gone. */
void	turn_free(struct turn **);

/* This turn concerns a connection, or one soon; and it is gone. */
void	turn_add(struct conn *);
void	turn_add_later(struct conn *);
void	turn_forget(struct conn *);

/* Commit what this turn did so far.  -1: it was undone. */
int	turn_commit(struct turn *);

/*
 * Also at the end of a timer that did something: those run before poll(), and
 * the loop would come here only after the wait.
 */
void	turn_end(struct turn *);

#endif
