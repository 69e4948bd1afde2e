#ifndef SUPERVISOR_CHECK_H
#define SUPERVISOR_CHECK_H

/*
 * `meshsup check`: everything that a start reads is looked at as it would read
 * it.  Nothing is made, changed or locked: a daemon that runs does not notice.
 */

#include <stddef.h>

#include "common/conf.h"
#include "common/log.h"
#include "common/paths.h"

#define CHECK_TEXT_SIZE	1024

struct check_fault {
	char	*file;			/* "": of none */
	int	 line;			/* 0: of the whole file */
	char	*text;
};

struct check {
	const struct paths *paths;
	const char	*libexec;
	struct conf	 conf;
	int		 conf_ok;
	int		 lenient;	/* what a start bears is no fault */
	struct check_fault *faults;
	size_t		 n_faults;
};

/*
 * The whole of it; prints what is found.  Arguments as of paths_find().  The
 * exit code: 0, or 1 with findings.
 */
int	check_main(const char *libexec, const char *config,
	    const char *state_dir, const char *run_dir, int json);

/* One finding.  line 0: of the whole file. */
void	check_fault(struct check *, const char *file, int line,
	    const char *fmt, ...) LOG_FMT(4, 5);

/*
 * One that is a sentence already: "file: fault", "file:line: fault", or
 * "file fault"; file NULL: the one that it begins with.
 */
void	check_text(struct check *, const char *file, const char *text);
void	check_clear(struct check *);

/* The parts.  check_conf() fills conf for those behind it. */
void	check_conf(struct check *);
void	check_places(struct check *);
void	check_programs(struct check *);
void	check_state(struct check *);

/* Parts of these: what the embedded broker needs, and files of a newer one. */
void	check_tls(struct check *);
void	check_versions(struct check *);

/* An option of the configuration, where it is set. */
void	check_option(struct check *, const char *section, const char *name,
	    const char *fmt, ...) LOG_FMT(4, 5);

/* Can nobody else put something in the place of this path? */
void	check_way(struct check *, const char *path);

/* Is a daemon of ours there, as its lock file says? */
int	check_is_running(const struct check *);

#endif
