/*
 * One line per event, as JSON, or through a sink to whoever writes it.
 *
 * Nothing here allocates, so that a process that is out of memory can still
 * say so.  Messages hold text of peers: a line is always one line, valid JSON
 * and free of what a terminal would obey.
 */

#include "common/log.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/encode.h"

#define NAME_MAX_BYTES	64	/* of process, session, mesh in a line */

/* A byte becomes six at most: \u001b; the rest is for the other members. */
#define LINE_SIZE	(6 * LOG_LINE_MAX + 3 * 6 * NAME_MAX_BYTES + 256)

static const char	*const level_names[] = {
	[LOG_LV_ERROR] = "error",
	[LOG_LV_WARN] = "warn",
	[LOG_LV_INFO] = "info",
	[LOG_LV_DEBUG] = "debug",
};
#define NLEVELS	((int)(sizeof level_names / sizeof *level_names))

static const char	*log_process;
static enum log_level	 log_level = LOG_LV_INFO;
static log_sink_cb	 log_sink;
static void		*log_sink_arg;
static int		 log_in_sink;

struct line {
	char	 buf[LINE_SIZE];
	size_t	 len;
};

void
log_init(const char *process)
{
	log_process = process;
}

void
log_set_level(enum log_level level)
{
	log_level = level;
}

int
log_level_parse(const char *name)
{
	int	 i;

	for (i = 0; i < NLEVELS; i++)
		if (strcmp(name, level_names[i]) == 0)
			return i;
	return -1;
}

const char *
log_level_name(enum log_level level)
{
	return (int)level >= 0 && (int)level < NLEVELS ? level_names[level] :
	    "error";
}

void
log_set_sink(log_sink_cb cb, void *arg)
{
	log_sink = cb;
	log_sink_arg = arg;
}

/* Literal text, which we know to fit. */
static void
line_put(struct line *l, const char *s, size_t len)
{
	if (len > sizeof l->buf - l->len)
		return;
	memcpy(l->buf + l->len, s, len);
	l->len += len;
}

static void
line_puts(struct line *l, const char *s)
{
	line_put(l, s, strlen(s));
}

/* One character in the form that it has inside a JSON string. */
static void
line_put_char(struct line *l, const char *s, size_t len, uint32_t cp)
{
	char	 esc[8];

	if (cp == '"' || cp == '\\') {
		line_put(l, "\\", 1);
		line_put(l, s, 1);
	} else if (cp == '\n')
		line_puts(l, "\\n");
	else if (cp == '\t')
		line_puts(l, "\\t");
	else if (utf8_is_control(cp)) {
		snprintf(esc, sizeof esc, "\\u%04x", cp & 0xff);
		line_puts(l, esc);
	} else
		line_put(l, s, len);
}

/* A JSON string of at most max bytes of s; what is not UTF-8 is replaced. */
static void
line_put_string(struct line *l, const char *s, size_t max)
{
	size_t		 left = strnlen(s, max), n;
	uint32_t	 cp;

	line_put(l, "\"", 1);
	for (; left > 0; s += n, left -= n) {
		if ((n = utf8_next(s, left, &cp)) == 0) {
			line_puts(l, "\xef\xbf\xbd");	/* U+FFFD */
			n = 1;
		} else
			line_put_char(l, s, n, cp);
	}
	line_put(l, "\"", 1);
}

/* ,"name":"value", unless there is no value */
static void
line_put_member(struct line *l, const char *name, const char *value,
    size_t max)
{
	if (value == NULL)
		return;
	line_puts(l, ",\"");
	line_puts(l, name);
	line_puts(l, "\":");
	line_put_string(l, value, max);
}

/*
 * One write() for the line, whatever buffer the stream has, so that lines of
 * processes that share a file do not mix.  There is nobody to tell when it
 * fails.
 */
static void
line_write(const struct line *l, FILE *fp)
{
	size_t	 off;
	ssize_t	 n;
	int	 fd;

	fflush(fp);
	if ((fd = fileno(fp)) == -1) {		/* a stream in memory */
		fwrite(l->buf, 1, l->len, fp);
		fflush(fp);
		return;
	}
	for (off = 0; off < l->len; off += n) {
		n = write(fd, l->buf + off, l->len - off);
		if (n == -1 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			return;
	}
}

void
log_write_line(FILE *fp, const struct log_who *who, enum log_level level,
    const char *msg)
{
	struct line	 l;
	char		 pid[32], ts[CLOCK_ISO_SIZE];
	int		 saved = errno;

	l.len = 0;
	line_puts(&l, "{\"ts\":\"");
	line_puts(&l, clock_iso(clock_wall_ms(), ts));
	line_puts(&l, "\"");
	line_put_member(&l, "level", log_level_name(level), NAME_MAX_BYTES);
	line_put_member(&l, "process", who->process, NAME_MAX_BYTES);
	if (who->pid != 0) {
		snprintf(pid, sizeof pid, ",\"pid\":%ld", who->pid);
		line_puts(&l, pid);
	}
	line_put_member(&l, "session", who->session, NAME_MAX_BYTES);
	line_put_member(&l, "mesh", who->mesh, NAME_MAX_BYTES);
	line_put_member(&l, "msg", msg, LOG_LINE_MAX);
	line_puts(&l, "}\n");
	line_write(&l, fp);
	errno = saved;
}

/*
 * Make a message fit for any reader: '?' for every control character and
 * every byte that is not UTF-8, which is what a cut leaves at the end too.
 */
static void
msg_clean(char *s)
{
	size_t		 left = strlen(s), n;
	uint32_t	 cp;

	for (; left > 0; s += n, left -= n) {
		if ((n = utf8_next(s, left, &cp)) == 0)
			n = 1;
		else if (!utf8_is_control(cp))
			continue;
		memset(s, '?', n);
	}
}

/* err is an errno to append, or 0. */
static void
log_emit(enum log_level level, int err, const char *fmt, va_list ap)
{
	struct log_who	 who = { .process = log_process };
	char		 msg[LOG_LINE_MAX + 1], reason[128] = "";
	size_t		 room;

	/* What failed may be long; why it did must not be what is cut. */
	if (err != 0)
		snprintf(reason, sizeof reason, ": %s", strerror(err));
	room = sizeof msg - strlen(reason);
	if (vsnprintf(msg, room, fmt, ap) < 0)
		snprintf(msg, room, "%s", fmt);
	strcat(msg, reason);
	msg_clean(msg);

	/* A sink that logs itself must not come back to itself. */
	if (log_sink != NULL && !log_in_sink) {
		log_in_sink = 1;
		log_sink(log_sink_arg, level, msg);
		log_in_sink = 0;
		return;
	}
	if (who.process == NULL)
		who.process = program_invocation_short_name;
	log_write_line(stderr, &who, level, msg);
}

#define LOG_BODY(level, err) do {					\
	va_list	 ap;							\
	int	 saved = errno;						\
									\
	if ((level) <= log_level) {					\
		va_start(ap, fmt);					\
		log_emit((level), (err) ? saved : 0, fmt, ap);		\
		va_end(ap);						\
	}								\
	errno = saved;							\
} while (0)

void
log_warn(const char *fmt, ...)
{
	LOG_BODY(LOG_LV_WARN, 1);
}

void
log_warnx(const char *fmt, ...)
{
	LOG_BODY(LOG_LV_WARN, 0);
}

void
log_info(const char *fmt, ...)
{
	LOG_BODY(LOG_LV_INFO, 0);
}

void
log_debug(const char *fmt, ...)
{
	LOG_BODY(LOG_LV_DEBUG, 0);
}

void
fatal(const char *fmt, ...)
{
	LOG_BODY(LOG_LV_ERROR, 1);
	exit(1);
}

void
fatalx(const char *fmt, ...)
{
	LOG_BODY(LOG_LV_ERROR, 0);
	exit(1);
}
