/* The INI file, read with inih. */

#include "common/conf.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/invite.h"
#include "common/log.h"

enum conf_type { CONF_T_INT, CONF_T_STR, CONF_T_PATH, CONF_T_DURATION,
    CONF_T_LEVEL, CONF_T_AUTO, CONF_T_UIDS, CONF_T_LOG, CONF_T_URL,
    CONF_T_PLACE };

#define HOUR	(3600 * 1000LL)
#define DAY	(24 * HOUR)

/* Every option: where it goes, its range (durations in ms), its default. */
static const struct option {
	const char	*section, *name;
	enum conf_type	 type;
	size_t		 offset;
	int64_t		 min, max;
	const char	*value;
} options[] = {
	{ "daemon", "log_level", CONF_T_LEVEL,
	    offsetof(struct conf, log_level), 0, 0, "info" },
	{ "daemon", "log_file", CONF_T_LOG,
	    offsetof(struct conf, log_file), 0, 0, "" },
	{ "daemon", "drain_timeout", CONF_T_DURATION,
	    offsetof(struct conf, drain_timeout_ms), 0, 300 * 1000, "10s" },
	{ "api", "tcp_port", CONF_T_INT,
	    offsetof(struct conf, tcp_port), 0, 65535, "0" },
	{ "api", "allow_uids", CONF_T_UIDS,
	    offsetof(struct conf, n_allow_uids), 0, 0, "" },
	{ "broker", "enabled", CONF_T_AUTO,
	    offsetof(struct conf, broker_enabled), 0, 0, "auto" },
	{ "broker", "listen", CONF_T_STR,
	    offsetof(struct conf, broker_listen), 0, 0, "127.0.0.1:0" },
	{ "broker", "url", CONF_T_URL,
	    offsetof(struct conf, broker_url), 0, 0, "" },
	{ "broker", "tls_cert", CONF_T_PATH,
	    offsetof(struct conf, broker_tls_cert), 0, 0, "" },
	{ "broker", "tls_key", CONF_T_PATH,
	    offsetof(struct conf, broker_tls_key), 0, 0, "" },
	{ "broker", "max_connections", CONF_T_INT,
	    offsetof(struct conf, broker_max_connections), 1, 1000000,
	    "10000" },
	{ "broker", "rate_limit", CONF_T_INT,
	    offsetof(struct conf, broker_rate_limit), 0, 60000, "0" },
	{ "broker", "rate_burst", CONF_T_INT,
	    offsetof(struct conf, broker_rate_burst), 1, 60000, "10" },
	{ "meshes", "reference_config", CONF_T_PLACE,
	    offsetof(struct conf, reference_config), 0, 0, "auto" },
	{ "worker", "ca_file", CONF_T_PATH,
	    offsetof(struct conf, ca_file), 0, 0, "" },
	{ "store", "retention", CONF_T_DURATION,
	    offsetof(struct conf, retention_ms), HOUR, 3650 * DAY, "30d" },
	{ "store", "max_age", CONF_T_DURATION,
	    offsetof(struct conf, max_age_ms), 60 * 1000, 365 * DAY, "7d" },
	{ "sessions", "linger", CONF_T_DURATION,
	    offsetof(struct conf, linger_ms), 0, 30 * DAY, "1h" },
	{ "sessions", "max_sessions", CONF_T_INT,
	    offsetof(struct conf, max_sessions), 1, 100000, "2000" },
	{ "sessions", "max_sessions_per_uid", CONF_T_INT,
	    offsetof(struct conf, max_sessions_per_uid), 1, 100000, "1000" },
};
#define N_OPTIONS	(sizeof options / sizeof options[0])

/* While a file is read; of one line the first complaint stands. */
struct reading {
	struct conf	*conf;
	const char	*path;
	FILE		*f;
	int		 line;		/* the last one read */
	int		 set[N_OPTIONS];	/* in which line; 0: not */
	int		 why_line;	/* of the last complaint; 0: none */
	int		 bad_line;	/* the first that is INI, and wrong */
	unsigned	 faults;
	void		(*fault_cb)(void *arg, const char *text);
	void		*arg;
};

int
conf_duration(const char *s, int64_t *ms_r)
{
	char		*end;
	long long	 n;
	int64_t		 unit;

	errno = 0;
	n = strtoll(s, &end, 10);
	if (*s < '0' || *s > '9' || errno != 0 || n > 1000000000)
		return -1;
	if (strcmp(end, "") == 0 && n == 0)
		unit = 1;
	else if (strcmp(end, "ms") == 0)
		unit = 1;
	else if (strcmp(end, "s") == 0)
		unit = 1000;
	else if (strcmp(end, "m") == 0)
		unit = 60 * 1000;
	else if (strcmp(end, "h") == 0)
		unit = HOUR;
	else if (strcmp(end, "d") == 0)
		unit = DAY;
	else
		return -1;
	*ms_r = n * unit;
	return 0;
}

/* "1000 1001", also with commas; to those that are there. */
static int
conf_uids(struct conf *c, const char *value)
{
	char		 copy[CONF_STR_SIZE], *word, *save = NULL, *end;
	unsigned long	 uid;

	if (strlen(value) >= sizeof copy)
		return -1;
	strcpy(copy, value);
	for (word = strtok_r(copy, " ,\t", &save); word != NULL;
	    word = strtok_r(NULL, " ,\t", &save)) {
		errno = 0;
		uid = strtoul(word, &end, 10);
		if (*word < '0' || *word > '9' || *end != '\0' || errno != 0 ||
		    uid >= UINT32_MAX || c->n_allow_uids == CONF_UIDS_MAX)
			return -1;
		c->allow_uids[c->n_allow_uids++] = uid;
	}
	return 0;
}

/* A number within the option's range. */
static int
conf_int(const struct option *o, const char *value, int64_t *v)
{
	char	*end;

	errno = 0;
	*v = strtoll(value, &end, 10);
	return *value < '0' || *value > '9' || *end != '\0' || errno != 0 ||
	    *v < o->min || *v > o->max ? -1 : 0;
}

static int
conf_auto(const char *value, int64_t *v)
{
	if (strcmp(value, "auto") == 0)
		*v = CONF_AUTO;
	else if (strcmp(value, "yes") == 0)
		*v = CONF_YES;
	else if (strcmp(value, "no") == 0)
		*v = CONF_NO;
	else
		return -1;
	return 0;
}

static int
conf_is_log(const char *value)
{
	return strcmp(value, "syslog") == 0 || strcmp(value, "stderr") == 0;
}

/* One of the paths, or a word in place of one?  what_r: for the answer. */
static int
conf_is_path(enum conf_type type, const char *value, const char **what_r)
{
	*what_r = type == CONF_T_LOG ? ", syslog or stderr" :
	    type == CONF_T_PLACE ? ", auto or none" : "";
	if (*value == '/')
		return 1;
	if (type == CONF_T_PLACE)
		return strcmp(value, "auto") == 0 ||
		    strcmp(value, "none") == 0;
	return *value == '\0' || (type == CONF_T_LOG && conf_is_log(value));
}

static int
conf_is_url(const char *value)
{
	char		host[INVITE_HOST_SIZE];
	uint16_t	port;
	int		tls;

	return *value == '\0' || (strlen(value) < CONF_STR_SIZE &&
	    invite_url_parse(value, host, &port, &tls) == 0);
}

/* Set one option; -1 with what would be right in why. */
static int
conf_set(struct conf *c, const struct option *o, const char *value, char *why,
    size_t whylen)
{
	char	*at = (char *)c + o->offset;
	int64_t	*num = (void *)at;
	const char *words;
	size_t	 len = strlen(value);

	switch (o->type) {
	case CONF_T_INT:
		if (conf_int(o, value, num) == 0)
			return 0;
		snprintf(why, whylen, "%s: a whole number from %lld to %lld",
		    o->name, (long long)o->min, (long long)o->max);
		return -1;
	case CONF_T_URL:
		if (conf_is_url(value)) {
			memcpy(at, value, len + 1);
			return 0;
		}
		snprintf(why, whylen, "%s: ws://host:port/ws or "
		    "wss://host:port/ws", o->name);
		return -1;
	case CONF_T_LOG:
	case CONF_T_PATH:
	case CONF_T_PLACE:
		if (!conf_is_path(o->type, value, &words)) {
			snprintf(why, whylen, "%s: an absolute path%s", o->name,
			    words);
			return -1;
		}
		/* FALLTHROUGH */
	case CONF_T_STR:
		if (len < CONF_STR_SIZE) {
			memcpy(at, value, len + 1);
			return 0;
		}
		snprintf(why, whylen, "%s: too long", o->name);
		return -1;
	case CONF_T_DURATION:
		if (conf_duration(value, num) == 0 && *num >= o->min &&
		    *num <= o->max)
			return 0;
		snprintf(why, whylen, "%s: a duration such as 90s, 15m, 12h "
		    "or 30d, from %llds to %lldd", o->name,
		    (long long)(o->min / 1000), (long long)(o->max / DAY));
		return -1;
	case CONF_T_LEVEL:
		if ((*num = log_level_parse(value)) != -1)
			return 0;
		snprintf(why, whylen, "%s: error, warn, info or debug",
		    o->name);
		return -1;
	case CONF_T_AUTO:
		if (conf_auto(value, num) == 0)
			return 0;
		snprintf(why, whylen, "%s: yes, no or auto", o->name);
		return -1;
	case CONF_T_UIDS:
		if (conf_uids(c, value) == 0)
			return 0;
		snprintf(why, whylen, "%s: at most %d numeric user ids, with "
		    "spaces between", o->name, CONF_UIDS_MAX);
		return -1;
	}
	return -1;
}

/* ---- the file ---- */

static void	conf_complain(struct reading *, const char *, ...)
		    __attribute__((__format__(printf, 2, 3)));

static void
conf_complain(struct reading *r, const char *fmt, ...)
{
	char	 text[CONF_FAULT_SIZE];
	va_list	 ap;
	int	 n;

	if (r->why_line == r->line)
		return;
	r->why_line = r->line;
	r->faults++;
	n = snprintf(text, sizeof text, "%.600s:%d: ", r->path, r->line);
	va_start(ap, fmt);
	vsnprintf(text + n, sizeof text - (size_t)n, fmt, ap);
	va_end(ap);
	r->fault_cb(r->arg, text);
}

/* inih tells of options only, and would pass a section that has none. */
static void
conf_section(struct reading *r, const char *line)
{
	size_t	i, n = strcspn(line + 1, "]");

	if (line[1 + n] == '\0')
		return;			/* inih says what is wrong */
	for (i = 0; i < N_OPTIONS; i++)
		if (strlen(options[i].section) == n &&
		    memcmp(options[i].section, line + 1, n) == 0)
			return;
	conf_complain(r, "no section [%.*s]; see meshsup.conf(5)",
	    n < 64 ? (int)n : 64, line + 1);
}

/*
 * What inih takes for neither a section nor an option; it would tell only of
 * the first.
 */
static void
conf_syntax(struct reading *r, const char *line)
{
	const char	*p = line;

	if (*p == '\0' || strchr(";#\r\n", *p) != NULL)
		return;
	for (p += *p == '['; *p != '\0'; p++) {
		if (strchr(*line == '[' ? "]" : "=:", *p) != NULL)
			return;
		if (*p == ';' && p > line && strchr(" \t", p[-1]) != NULL)
			break;		/* a comment */
	}
	conf_complain(r, "neither \"[section]\" nor \"option = value\"");
	if (r->bad_line == 0)
		r->bad_line = r->line;
}

/*
 * inih reads with this, one line a call.  It would take the rest of a line
 * that is too long for the next one, and what is indented for more of the
 * option above.
 */
static char *
conf_read(char *buf, int size, void *arg)
{
	struct reading	*r = arg;
	size_t		 n = 0;
	int		 c, bad = 0;

	while ((c = getc(r->f)) != EOF) {
		if (c == '\0' || n == (size_t)size - 1)
			bad = 1;
		else
			buf[n++] = (char)c;
		if (c == '\n')
			break;
	}
	if (n == 0 && c == EOF && !bad)
		return NULL;
	r->line++;
	buf[bad ? 0 : n] = '\0';
	if (bad)
		conf_complain(r, "longer than %d bytes, or not text",
		    size - 2);
	n = strspn(buf, " \t");
	memmove(buf, buf + n, strlen(buf + n) + 1);
	conf_syntax(r, r->line == 1 && strncmp(buf, "\xef\xbb\xbf", 3) == 0 ?
	    buf + 3 : buf);
	if (buf[0] == '[')
		conf_section(r, buf);
	return buf;
}

static int
conf_take_line(struct reading *r, const char *section, const char *name,
    const char *value)
{
	const struct option	*o;
	char			 why[256];
	size_t			 i;

	for (i = 0; i < N_OPTIONS; i++)
		if (strcmp(options[i].section, section) == 0 &&
		    strcmp(options[i].name, name) == 0)
			break;
	if (i == N_OPTIONS) {
		conf_complain(r, "no option \"%.64s\" in section [%.64s]; see "
		    "meshsup.conf(5)", name, section);
		return 0;
	}
	o = &options[i];
	if (r->set[i] != 0 && o->type != CONF_T_UIDS) {
		conf_complain(r, "%s: is set in line %d already", name,
		    r->set[i]);
		return 0;
	}
	r->set[i] = r->line;
	if (conf_set(r->conf, o, value, why, sizeof why) == -1) {
		conf_complain(r, "%s", why);
		return 0;
	}
	return 1;
}

/* inih calls this for every line "name = value"; 0: wrong. */
static int
conf_line(void *arg, const char *section, const char *name, const char *value)
{
	struct reading	*r = arg;

	if (conf_take_line(r, section, name, value))
		return 1;
	if (r->bad_line == 0)
		r->bad_line = r->line;
	return 0;
}

void
conf_init(struct conf *c)
{
	char	why[256];
	size_t	i;

	memset(c, 0, sizeof *c);
	for (i = 0; i < N_OPTIONS; i++)
		if (conf_set(c, &options[i], options[i].value, why,
		    sizeof why) == -1)
			fatalx("default of %s", why);
}

int
conf_load_all(struct conf *c, const char *path, int must_exist,
    void (*fault_cb)(void *arg, const char *text), void *arg)
{
	struct reading	 r = { .conf = c, .path = path, .fault_cb = fault_cb,
	    .arg = arg };
	char		 text[CONF_FAULT_SIZE];
	int		 line;

	conf_init(c);
	if ((r.f = fopen(path, "re")) == NULL) {
		if (errno == ENOENT && !must_exist)
			return 0;
		snprintf(text, sizeof text, "%s: %s", path, strerror(errno));
		fault_cb(arg, text);
		return -1;
	}
	line = ini_parse_stream(conf_read, &r, conf_line, &r);
	if (ferror(r.f) || line < 0) {
		r.faults++;
		snprintf(text, sizeof text, "%s: %s", path, line < 0 ?
		    "no memory to read it" : strerror(errno));
		fault_cb(arg, text);
	} else if (line > 0 && line != r.bad_line) {
		r.line = line;		/* the first that is no INI */
		r.why_line = 0;
		conf_complain(&r, "neither \"[section]\" nor "
		    "\"option = value\"");
	}
	fclose(r.f);
	return r.faults > 0 ? -1 : 0;
}

/* The first of them by its line. */
struct first {
	char	*err;
	size_t	 errlen;
	int	 line;			/* 0: none yet */
	size_t	 skip;			/* the path and ":" */
};

static void
conf_first_cb(void *arg, const char *text)
{
	struct first	*f = arg;
	int		 line = 0;

	if (strlen(text) > f->skip)
		line = (int)strtol(text + f->skip, NULL, 10);
	if (f->line != 0 && line >= f->line)
		return;
	f->line = line > 0 ? line : 1;
	snprintf(f->err, f->errlen, "%s", text);
}

int
conf_load(struct conf *c, const char *path, int must_exist, char *err,
    size_t errlen)
{
	struct first	f = { err, errlen, 0, strlen(path) + 1 };

	return conf_load_all(c, path, must_exist, conf_first_cb, &f);
}

/* ---- where an option stands ---- */

static int
conf_where_line(void *arg, const char *section, const char *name,
    const char *value)
{
	struct reading	*r = arg;
	size_t		 i;

	(void)value;
	for (i = 0; i < N_OPTIONS; i++)
		if (strcmp(options[i].section, section) == 0 &&
		    strcmp(options[i].name, name) == 0)
			r->set[i] = r->line;
	return 1;
}

static void
conf_where_cb(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

int
conf_where(const char *path, const char *section, const char *name)
{
	struct reading	r = { .path = path, .fault_cb = conf_where_cb };
	size_t		i;
	int		line = 0;

	if ((r.f = fopen(path, "re")) == NULL)
		return 0;
	(void)ini_parse_stream(conf_read, &r, conf_where_line, &r);
	fclose(r.f);
	for (i = 0; i < N_OPTIONS; i++)
		if (strcmp(options[i].section, section) == 0 &&
		    strcmp(options[i].name, name) == 0)
			line = r.set[i];
	return line;
}

/* ---- two of them ---- */

/* Does the option hold text? */
static int
conf_is_text(const struct option *o)
{
	return o->type == CONF_T_STR || o->type == CONF_T_PATH ||
	    o->type == CONF_T_LOG || o->type == CONF_T_URL ||
	    o->type == CONF_T_PLACE;
}

static int
conf_is_same(const struct option *o, const struct conf *a,
    const struct conf *b)
{
	const char	*x = (const char *)a + o->offset;
	const char	*y = (const char *)b + o->offset;

	if (conf_is_text(o))
		return strcmp(x, y) == 0;
	if (o->type == CONF_T_UIDS)
		return a->n_allow_uids == b->n_allow_uids &&
		    memcmp(a->allow_uids, b->allow_uids,
		    (size_t)a->n_allow_uids * sizeof *a->allow_uids) == 0;
	return memcmp(x, y, sizeof(int64_t)) == 0;
}

void
conf_differ(const struct conf *a, const struct conf *b,
    void (*cb)(void *arg, const char *section, const char *name), void *arg)
{
	size_t	i;

	for (i = 0; i < N_OPTIONS; i++)
		if (!conf_is_same(&options[i], a, b))
			cb(arg, options[i].section, options[i].name);
}

void
conf_take(struct conf *dst, const struct conf *src, const char *section,
    const char *name)
{
	const struct option	*o;

	for (o = options; o < options + N_OPTIONS; o++) {
		if (strcmp(o->section, section) != 0 ||
		    strcmp(o->name, name) != 0)
			continue;
		if (o->type == CONF_T_UIDS)
			memcpy(dst->allow_uids, src->allow_uids,
			    sizeof dst->allow_uids);
		memcpy((char *)dst + o->offset, (const char *)src + o->offset,
		    conf_is_text(o) ? CONF_STR_SIZE : sizeof(int64_t));
	}
}
