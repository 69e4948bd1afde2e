#ifndef COMMON_LOG_H
#define COMMON_LOG_H

/*
 * One line per event: subject, action, reason.
 * "session 7f3a: connect: certificate expired".
 *
 * The supervisor writes JSON lines {"ts","level","process","msg",...}; a child
 * installs a sink that sends its lines to the supervisor, which adds who it
 * was.  A program that runs by itself (the broker, tests) writes the JSON
 * lines to stderr.  Secrets, tokens and bodies are never arguments.
 */

#include <stdarg.h>
#include <stdio.h>

enum log_level {
	LOG_LV_ERROR,
	LOG_LV_WARN,
	LOG_LV_INFO,
	LOG_LV_DEBUG,
};
#define LOG_LINE_MAX	1024	/* bytes of one message; the rest is cut */

/* process is kept by pointer; call first in main(). */
void	log_init(const char *process);
void	log_set_level(enum log_level);

/* Level by name ("error", "warn", "info", "debug"); -1: no such name. */
int	log_level_parse(const char *);
const char *log_level_name(enum log_level);

/*
 * Where lines go instead of stderr.  NULL: stderr again.  A sink gets valid
 * UTF-8 without control characters, LOG_LINE_MAX bytes at most; what it logs
 * itself goes to stderr.
 */
typedef void (*log_sink_cb)(void *arg, enum log_level, const char *msg);
void	log_set_sink(log_sink_cb, void *arg);

/*
 * Write one JSON line to a stream: ts, level, process, then the optional
 * members whose value is not NULL, then msg.  For the default sink and for
 * the supervisor, who logs in the name of its children.  One write() to a
 * stream with a descriptor; errno stays; anything may be in the strings.
 */
struct log_who {
	const char	*process;	/* "worker" */
	long		 pid;		/* 0: not written */
	const char	*session;	/* 8 digits of an internal id, or NULL */
	const char	*mesh;		/* slug, or NULL */
};
void	log_write_line(FILE *, const struct log_who *, enum log_level,
	    const char *msg);

#define LOG_FMT(f, a)	__attribute__((__format__(printf, f, a)))

/*
 * The plain ones append strerror(errno), the x ones do not; errno stays.
 * log_warn and log_warnx are level "warn"; fatal and fatalx are "error", and
 * exit(1).
 */
void	log_warn(const char *, ...) LOG_FMT(1, 2);
void	log_warnx(const char *, ...) LOG_FMT(1, 2);
void	log_info(const char *, ...) LOG_FMT(1, 2);
void	log_debug(const char *, ...) LOG_FMT(1, 2);
void	fatal(const char *, ...) LOG_FMT(1, 2) __attribute__((__noreturn__));
void	fatalx(const char *, ...) LOG_FMT(1, 2) __attribute__((__noreturn__));

#endif
