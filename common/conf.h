#ifndef COMMON_CONF_H
#define COMMON_CONF_H

/* The INI file: every option with its default and its range is in conf.c. */

#include <stddef.h>
#include <stdint.h>

#define CONF_STR_SIZE	512
#define CONF_UIDS_MAX	64

enum conf_auto { CONF_NO, CONF_YES, CONF_AUTO };

struct conf {
	/* [daemon] */
	int64_t	 log_level;		/* enum log_level */
	char	 log_file[CONF_STR_SIZE]; /* "": in the state directory;
					     "syslog", "stderr", or a path */
	int64_t	 drain_timeout_ms;	/* of a stop, for what is under way */
	/* [api] */
	int64_t	 tcp_port;		/* on 127.0.0.1; 0: no TCP */
	int64_t	 n_allow_uids;		/* several lines add up */
	uint64_t allow_uids[CONF_UIDS_MAX]; /* besides owner and root */

	/* [broker], the embedded one */
	int64_t	 broker_enabled;	/* enum conf_auto */
	char	 broker_url[CONF_STR_SIZE];	/* in invites; "": as it listens */
	char	 broker_listen[CONF_STR_SIZE];	/* address:port, 0: any */
	char	 broker_tls_cert[CONF_STR_SIZE];
	char	 broker_tls_key[CONF_STR_SIZE];
	int64_t	 broker_max_connections;
	int64_t	 broker_rate_limit;	/* sends a minute; 0: no limit */
	int64_t	 broker_rate_burst;

	/* [meshes] */
	char	 reference_config[CONF_STR_SIZE]; /* "auto", "none", a path */

	/* [worker] */
	char	 ca_file[CONF_STR_SIZE];	/* "": the system's */

	/* [store] */
	int64_t	 retention_ms;
	int64_t	 max_age_ms;

	/* [sessions] */
	int64_t	 linger_ms;
	int64_t	 max_sessions;		/* of all */
	int64_t	 max_sessions_per_uid;
};

/* The defaults alone. */
void	conf_init(struct conf *);

/*
 * Defaults, then the file.  A file that does not exist is no error unless
 * must_exist.  -1 with "file:line: what is wrong" in err: an unknown section or
 * option, one that was set before, a value of the wrong type or out of range, a
 * line that is no INI or too long for inih (198 bytes, as it is built here).
 */
int	conf_load(struct conf *, const char *path, int must_exist, char *err,
	    size_t errlen);

/* The same, with every fault and not only the first. */
#define CONF_FAULT_SIZE	1024
int	conf_load_all(struct conf *, const char *path, int must_exist,
	    void (*fault_cb)(void *arg, const char *text), void *arg);

/* The line in which an option is set, the last one; 0: in none. */
int	conf_where(const char *path, const char *section, const char *name);

/*
 * Every option in which the two differ, by section and name; and one option
 * as it is in src.
 */
void	conf_differ(const struct conf *, const struct conf *,
	    void (*cb)(void *arg, const char *section, const char *name),
	    void *arg);
void	conf_take(struct conf *dst, const struct conf *src,
	    const char *section, const char *name);

/* "90s", "15m", "12h", "30d", or "0", to ms.  0 or -1. */
int	conf_duration(const char *, int64_t *ms_r);

#endif
