#ifndef SUPERVISOR_COMPLAINT_H
#define SUPERVISOR_COMPLAINT_H

/*
 * What a child writes to its standard error, line by line.  It has a log of
 * its own; this is what libraries, the loader and sanitizers say.
 */

struct complaint;
struct event_base;

typedef void (*complaint_cb)(void *arg, const char *line);

/* Takes fd, the reading end of a pipe. */
struct complaint *complaint_new(struct event_base *, int fd, complaint_cb,
	    void *arg);
void	complaint_free(struct complaint **);

/* Read what is still there, after the child has ended. */
void	complaint_drain(struct complaint *);

#endif
