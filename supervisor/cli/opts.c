/* Options by table. */

#include "supervisor/cli/opts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

struct scan {
	struct opts		*opts;
	const struct opt_def	*const *tables;
	int			 argc;
	char			*const *argv;
	int			 at;
	char			*err;
	size_t			 errlen;
};

static int scan_fail(struct scan *, const char *, ...)
	    __attribute__((__format__(printf, 2, 3)));

static int
scan_fail(struct scan *sc, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(sc->err, sc->errlen, fmt, ap);
	va_end(ap);
	return -1;
}

static const struct opt_def *
def_find(const struct opt_def *const tables[], const char *name, size_t len)
{
	const struct opt_def	*d;
	size_t			 i;

	for (i = 0; tables[i] != NULL; i++) {
		for (d = tables[i]; d->name != NULL; d++) {
			if (strlen(d->name) == len &&
			    strncmp(d->name, name, len) == 0)
				return d;
		}
	}
	return NULL;
}

int
opts_has(const struct opt_def *const tables[], enum opt id)
{
	const struct opt_def	*d;
	size_t			 i;

	for (i = 0; tables[i] != NULL; i++) {
		for (d = tables[i]; d->name != NULL; d++) {
			if (d->id == id)
				return 1;
		}
	}
	return 0;
}

/* Does every value of it count, and not the last one only? */
static int
is_repeated(enum opt id)
{
	return id == OPT_GROUP || id == OPT_TAG || id == OPT_CAPABILITY;
}

static int
value_set(struct scan *sc, const struct opt_def *d, const char *value)
{
	struct opts	*o = sc->opts;

	o->value[d->id] = value;
	if (!is_repeated(d->id))
		return 0;
	if (o->nrepeated == OPTS_REPEAT_MAX)
		return scan_fail(sc, "at most %d times --%s", OPTS_REPEAT_MAX,
		    d->name);
	o->repeated[o->nrepeated++] = value;
	return 0;
}

/* "--name", "--name value" or "--name=value"; an optional value needs "=". */
static int
on_long(struct scan *sc, const char *arg)
{
	const char		*name = arg + 2, *eq = strchr(name, '=');
	size_t			 len = eq != NULL ? (size_t)(eq - name) :
				    strlen(name);
	const struct opt_def	*d = def_find(sc->tables, name, len);

	if (d == NULL)
		return scan_fail(sc, "no option --%.*s here", (int)len, name);
	if (d->arg == NULL && eq != NULL)
		return scan_fail(sc, "--%s takes no value", d->name);
	if (eq != NULL)
		return value_set(sc, d, eq + 1);
	if (d->arg == NULL || *d->arg == '[')
		return value_set(sc, d, "");
	if (sc->at == sc->argc)
		return scan_fail(sc, "--%s needs a value: %s", d->name,
		    d->arg);
	return value_set(sc, d, sc->argv[sc->at++]);
}

int
opts_parse(struct opts *o, const struct opt_def *const tables[], int argc,
    char *const argv[], enum opts_stop stop, char *err, size_t errlen)
{
	struct scan	 sc = { o, tables, argc, argv, 0, err, errlen };
	const char	*arg;
	int		 only_operands = 0;

	free(o->operands);
	o->operands = xcalloc((size_t)argc + 1, sizeof *o->operands);
	o->noperands = 0;
	while (sc.at < argc) {
		arg = argv[sc.at];
		if (only_operands || arg[0] != '-' || arg[1] == '\0') {
			if (stop == OPTS_BEFORE)
				break;
			if (stop == OPTS_COMMAND)
				only_operands = 1;
			sc.at++;
			o->operands[o->noperands++] = arg;
			continue;
		}
		sc.at++;
		if (strcmp(arg, "--") == 0)
			only_operands = 1;
		else if (strcmp(arg, "-h") == 0)
			o->value[OPT_HELP] = "";
		else if (arg[1] != '-')
			return scan_fail(&sc, "no option %s here (an operand "
			    "that starts with \"-\" comes after \"--\")", arg);
		else if (on_long(&sc, arg) == -1)
			return -1;
	}
	return sc.at;
}

void
opts_clear(struct opts *o)
{
	free(o->operands);
	memset(o, 0, sizeof *o);
}

int
opts_number(const char *name, const char *value, long min, long max,
    long *out, char *err, size_t errlen)
{
	char	*end;
	long	 n;

	errno = 0;
	n = strtol(value, &end, 10);
	if (errno != 0 || *end != '\0' || *value < '0' || *value > '9' ||
	    n < min || n > max) {
		snprintf(err, errlen, "--%s must be a number from %ld to %ld",
		    name, min, max);
		return -1;
	}
	*out = n;
	return 0;
}

int
opts_span(const char *value, long max, long *s_r)
{
	static const struct {
		char	unit;
		long	seconds;
	}	 units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 },
		    { 'd', 86400 } };
	char	*end;
	long	 n;
	size_t	 i;

	errno = 0;
	n = strtol(value, &end, 10);
	if (errno != 0 || *value < '0' || *value > '9' || n < 1 ||
	    *end == '\0' || end[1] != '\0')
		return -1;
	for (i = 0; i < sizeof units / sizeof *units; i++) {
		if (units[i].unit != *end || n > max / units[i].seconds)
			continue;
		*s_r = n * units[i].seconds;
		return 0;
	}
	return -1;
}
