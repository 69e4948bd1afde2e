#ifndef CLI_OPTS_H
#define CLI_OPTS_H

/*
 * Options by table.  They may stand anywhere behind the verb; "--" ends them.
 * Names are never abbreviated, so that a later option breaks no script.  No
 * verb has more than one that may be repeated.
 */

#include <stddef.h>

enum opt {
	OPT_ADMIN,
	OPT_ALL,
	OPT_AS,
	OPT_AT,
	OPT_AVATAR,
	OPT_BEFORE,
	OPT_BIO,
	OPT_CAPABILITY,
	OPT_CAPS,
	OPT_COLOR,
	OPT_CONFIG,
	OPT_CONFIRM,
	OPT_CRON,
	OPT_DESCRIPTION,
	OPT_DISPLAY_NAME,
	OPT_EXPIRES,
	OPT_FOREGROUND,
	OPT_FROM,
	OPT_GROUP,
	OPT_GROUPS,
	OPT_HELP,
	OPT_ID,
	OPT_JSON,
	OPT_KEY,
	OPT_LIMIT,
	OPT_MANIFEST,
	OPT_MESH,
	OPT_META,
	OPT_NAME,
	OPT_NO_MARK,
	OPT_PID,
	OPT_PRIORITY,
	OPT_QUARANTINE,
	OPT_REPLY_TO,
	OPT_REVOKE,
	OPT_ROLE,
	OPT_RUN_DIR,
	OPT_SESSION_ID,
	OPT_SINCE,
	OPT_SLUG,
	OPT_SOCKET,
	OPT_STALE,
	OPT_STATE_DIR,
	OPT_STATS,
	OPT_STATUS,
	OPT_STRING,
	OPT_SUMMARY,
	OPT_TAG,
	OPT_TIMEOUT,
	OPT_TITLE,
	OPT_TO,
	OPT_TOKEN_FILE,
	OPT_TOPIC,
	OPT_UNREAD,
	OPT_USES,
	OPT_VERSION,
	OPT_VISIBILITY,
	OPT_VISIBLE,
	OPT_WAIT,
	OPT_COUNT
};

struct opt_def {
	const char	*name;		/* without "--"; NULL ends a table */
	const char	*arg;		/* what follows; NULL: a flag; "[=...]":
					   a flag that may have a value */
	const char	*help;
	enum opt	 id;
};

#define OPTS_REPEAT_MAX	32
#define OPTS_TABLES_MAX	8

struct opts {
	const char	*value[OPT_COUNT];	/* NULL: absent; flag: "" */
	const char	*repeated[OPTS_REPEAT_MAX]; /* every value of the one */
	size_t		 nrepeated;		/* that may come again, in order */
	const char	**operands;		/* freed by opts_clear() */
	size_t		 noperands;
};

enum opts_stop {
	OPTS_ANYWHERE,		/* options may stand between operands */
	OPTS_COMMAND,		/* all behind the first operand is operands */
	OPTS_BEFORE,		/* end before the first operand */
};

/*
 * Read argv[0..argc) by the tables (up to OPTS_TABLES_MAX, NULL at the end).
 * Returns how many were read, or -1 with a sentence in err.  Values are
 * borrowed from argv; options that were read before stay unless they come
 * again.
 */
int	opts_parse(struct opts *, const struct opt_def *const tables[],
	    int argc, char *const argv[], enum opts_stop, char *err,
	    size_t errlen);
void	opts_clear(struct opts *);

/* Is there an option of this id in the tables? */
int	opts_has(const struct opt_def *const tables[], enum opt);

/* "30s", "45m", "12h", "7d": from one second to max.  0 and *s_r, or -1. */
int	opts_span(const char *value, long max, long *s_r);

/* A decimal number of min to max.  0, or -1 with a sentence in err. */
int	opts_number(const char *name, const char *value, long min, long max,
	    long *out, char *err, size_t errlen);

#endif
