/* What is found, and saying so. */

#include "supervisor/check.h"

#include <sys/stat.h>

#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/xalloc.h"

static void
check_put(struct check *c, char *file, int line, const char *text)
{
	struct check_fault	*f;

	c->faults = xreallocarray(c->faults, c->n_faults + 1,
	    sizeof *c->faults);
	f = &c->faults[c->n_faults++];
	f->file = file;
	f->line = line;
	f->text = xstrdup(text);
}

void
check_fault(struct check *c, const char *file, int line, const char *fmt, ...)
{
	char	text[CHECK_TEXT_SIZE];
	va_list	ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	check_put(c, xstrdup(file), line, text);
}

/* How much of the text is the path that it begins with; 0: it does not. */
static size_t
path_length(const char *text)
{
	const char	*p;
	char		*path;
	struct stat	 st;
	int		 there;

	if (*text != '/')
		return 0;
	for (p = strchr(text, ':'); p != NULL; p = strchr(p + 1, ':')) {
		path = xstrndup(text, (size_t)(p - text));
		there = lstat(path, &st) == 0;
		free(path);
		if (there)
			return (size_t)(p - text);
	}
	return strcspn(text, ":");
}

void
check_text(struct check *c, const char *file, const char *text)
{
	size_t	 n = file == NULL ? path_length(text) :
		    strncmp(text, file, strlen(file)) == 0 ? strlen(file) : 0;
	char	*end;
	long	 line = 0;
	char	*name = n > 0 ? xstrndup(text, n) :
		    xstrdup(file != NULL ? file : "");

	text += n;
	if (n > 0 && text[0] == ':' && text[1] >= '1' && text[1] <= '9') {
		line = strtol(text + 1, &end, 10);
		if (*end == ':')
			text = end;
		else
			line = 0;
	}
	if (n > 0)
		text += strspn(text, ": ");
	check_put(c, name, (int)line, text);
}

void
check_clear(struct check *c)
{
	size_t	i;

	for (i = 0; i < c->n_faults; i++) {
		free(c->faults[i].file);
		free(c->faults[i].text);
	}
	free(c->faults);
	c->faults = NULL;
	c->n_faults = 0;
}

int
check_is_running(const struct check *c)
{
	char	*path = paths_join(c->paths->run_dir, PATHS_RUN_LOCK), *text;
	size_t	 len;
	long	 pid = 0;

	if ((text = fd_read_file(path, 64, &len)) != NULL)
		pid = strtol(text, NULL, 10);
	free(text);
	free(path);
	return pid > 1 && kill((pid_t)pid, 0) == 0;
}

/* Files may have names that are no UTF-8. */
static json_t *
check_string(const char *s)
{
	json_t	*j = json_string(s);

	return j != NULL ? j : json_string("(a name that is not UTF-8)");
}

static void
check_print_json(const struct check *c)
{
	json_t	*list = json_array(), *o;
	size_t	 i;
	char	*text;

	for (i = 0; i < c->n_faults; i++) {
		o = json_pack("{s:o, s:o}", "file",
		    check_string(c->faults[i].file), "fault",
		    check_string(c->faults[i].text));
		if (c->faults[i].line > 0)
			json_object_set_new(o, "line",
			    json_integer(c->faults[i].line));
		json_array_append_new(list, o);
	}
	o = json_pack("{s:b, s:o}", "ok", c->n_faults == 0, "faults", list);
	if (o == NULL || (text = json_dumps(o, JSON_COMPACT)) == NULL)
		fatalx("check: out of memory");
	puts(text);
	wipe_free(text);
	json_decref(o);
}

static void
check_print(const struct check *c)
{
	const struct check_fault	*f;
	size_t				 i;

	for (i = 0; i < c->n_faults; i++) {
		f = &c->faults[i];
		if (f->line > 0)
			printf("%s:%d: %s\n", f->file, f->line, f->text);
		else
			printf("%s%s%s\n", f->file,
			    f->file[0] != '\0' ? ": " : "", f->text);
	}
	if (c->n_faults == 0)
		printf("all is well: %s, %s\n", c->paths->config,
		    c->paths->state_dir);
}

int
check_main(const char *libexec, const char *config, const char *state_dir,
    const char *run_dir, int json)
{
	struct paths	 paths;
	struct check	 c = { .paths = &paths, .libexec = libexec };
	char		 err[CHECK_TEXT_SIZE];
	int		 code;

	if (paths_find(&paths, config, state_dir, run_dir, err, sizeof err) ==
	    -1)
		check_fault(&c, "", 0, "%s", err);
	else {
		check_conf(&c);
		check_places(&c);
		check_state(&c);
	}
	check_programs(&c);
	if (json)
		check_print_json(&c);
	else
		check_print(&c);
	code = c.n_faults > 0 || fflush(stdout) == EOF;
	check_clear(&c);
	paths_clear(&paths);
	return code;
}
