#ifndef STORE_JOBS_H
#define STORE_JOBS_H

#ifndef PROCESS_STORE
#error "this header belongs to the store"
#endif

/*
 * What operators ask for, from the question to the answer: it waits until the
 * workers of its rows have spoken, and is then applied in the next batch.
 */

#include <stdint.h>

#include "supervisor/store/claims.h"
#include "supervisor/store/tables.h"

struct job;
struct jobs;

/* Borrows all.  ready_cb: a job has waited enough (jobs_next). */
struct jobs *jobs_new(struct tables *, struct peers *, struct claims *,
	    void (*ready_cb)(void *), void *arg);
void	jobs_free(struct jobs **);

/*
 * In a transaction.  OP_FAULT: the job is there all the same, waits for nobody,
 * and is to be answered as failed.
 */
enum op	jobs_operate(struct jobs *, struct peer *, uint32_t seq,
	    const struct msg_operate *);
enum op	jobs_requeue(struct jobs *, struct peer *, uint32_t seq,
	    const struct msg_requeue *);

/*
 * The next job that waits for nobody, or NULL.  It is applied, in a
 * transaction, or failed, if nothing of it happened, and then answered.
 */
struct job *jobs_next(struct jobs *);
struct peer *job_peer(const struct job *);	/* who asked */
enum op	job_apply(struct job *, int64_t now, struct notes *);
void	job_failed(struct job *, int full);
void	job_answer(struct job *);

/* All that were handed out have been answered: their rows are let go. */
void	jobs_settle(struct jobs *);

#endif
