#ifndef SUPERVISOR_LOGGER_H
#define SUPERVISOR_LOGGER_H

/* The one writer of the log: JSON lines to a file, stderr or syslog. */

#include "common/log.h"

struct logger;

/*
 * where: "stderr", "syslog" or a path.  Becomes the sink of the supervisor's
 * own lines.  NULL with errno when the file cannot be opened.
 */
struct logger *logger_open(const char *where);

/* Could it?  Nothing is made.  0, or -1 with errno. */
int	logger_try(const char *where);
void	logger_close(struct logger **);

/* Open the file again, after it was moved away. */
void	logger_reopen(struct logger *);

void	logger_write(struct logger *, const struct log_who *, enum log_level,
	    const char *msg);

#endif
