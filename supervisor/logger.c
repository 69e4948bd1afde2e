/* The one writer of the log. */

#include "supervisor/logger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/xalloc.h"

struct logger {
	char	*path;			/* NULL: stderr or syslog */
	FILE	*file;
	int	 syslog;
	enum log_level level;
};

/* Append, readable by its owner alone. */
static FILE *
logger_file(const char *path)
{
	FILE	*f;
	int	 fd;

	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
	    0600);
	if (fd == -1)
		return NULL;
	if ((f = fdopen(fd, "a")) == NULL)
		fd_close(&fd);
	return f;
}

static void
logger_sink(void *arg, enum log_level level, const char *msg)
{
	struct log_who	who = { .process = "supervisor",
	    .pid = (long)getpid() };

	logger_write(arg, &who, level, msg);
}

struct logger *
logger_open(const char *where)
{
	struct logger	*l = xcalloc(1, sizeof *l);

	if (strcmp(where, "syslog") == 0) {
		openlog("meshsup", LOG_PID, LOG_DAEMON);
		l->syslog = 1;
	} else if (strcmp(where, "stderr") == 0)
		l->file = stderr;
	else {
		if ((l->file = logger_file(where)) == NULL) {
			free(l);
			return NULL;
		}
		l->path = xstrdup(where);
	}
	log_set_sink(logger_sink, l);
	return l;
}

/* In the directory of that path, may files be made? */
static int
logger_may_make(const char *path)
{
	char	*dir = xstrdup(path), *slash = strrchr(dir, '/');
	int	 ret;

	slash[slash == dir] = '\0';
	ret = access(dir, W_OK | X_OK);
	free(dir);
	return ret;
}

int
logger_try(const char *where)
{
	int	fd;

	if (strcmp(where, "syslog") == 0 || strcmp(where, "stderr") == 0)
		return 0;
	fd = open(where, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW |
	    O_NONBLOCK | O_NOCTTY);
	if (fd == -1)
		return errno == ENOENT ? logger_may_make(where) : -1;
	fd_close(&fd);
	return 0;
}

void
logger_close(struct logger **lp)
{
	struct logger	*l = *lp;

	if (l == NULL)
		return;
	log_set_sink(NULL, NULL);
	if (l->path != NULL)
		fclose(l->file);
	free(l->path);
	free(l);
	*lp = NULL;
}

void
logger_reopen(struct logger *l)
{
	FILE	*f;

	if (l->path == NULL)
		return;
	if ((f = logger_file(l->path)) == NULL) {
		log_warn("log: cannot open %s again, keep the old one",
		    l->path);
		return;
	}
	fclose(l->file);
	l->file = f;
}

/* A line of JSON, written at once; to syslog through memory. */
void
logger_write(struct logger *l, const struct log_who *who,
    enum log_level level, const char *msg)
{
	static const int	priority[] = { [LOG_LV_ERROR] = LOG_ERR,
	    [LOG_LV_WARN] = LOG_WARNING, [LOG_LV_INFO] = LOG_INFO,
	    [LOG_LV_DEBUG] = LOG_DEBUG };
	char			*text = NULL;
	size_t			 len = 0;
	FILE			*f;

	if (!l->syslog) {
		log_write_line(l->file, who, level, msg);
		return;
	}
	if ((f = open_memstream(&text, &len)) == NULL)
		return;
	log_write_line(f, who, level, msg);
	if (fclose(f) == 0)
		syslog(priority[level], "%s", text);
	free(text);
}
