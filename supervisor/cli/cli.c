/* What every verb uses: options, messages, JSON, colours. */

#include "supervisor/cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "supervisor/cli/text.h"
#include "supervisor/cli/verbs.h"

const char *
cli_opt(const struct cli *c, enum opt id)
{
	return c->opts.value[id];
}

int
cli_number(const struct cli *c, enum opt id, const char *name, long min,
    long max, long *n_r)
{
	const char	*value = cli_opt(c, id);
	char		 err[128];

	if (value != NULL &&
	    opts_number(name, value, min, max, n_r, err, sizeof err) == -1)
		return cli_usage(c, "%s", err);
	return CLI_OK;
}

int
cli_time(const struct cli *c, enum opt id, const char *name)
{
	const char	*value = cli_opt(c, id);
	int64_t		 ms;

	if (value != NULL && clock_parse_iso(value, &ms) == -1)
		return cli_usage(c, "--%s must be a time as "
		    "2026-11-23T22:05:09Z", name);
	return CLI_OK;
}

int
cli_row_path(const struct cli *c, struct buf *path, const char *prefix)
{
	const char	*id = c->opts.operands[0];

	if (*id == '\0')
		return cli_usage(c, "the ID is empty");
	buf_adds(path, prefix);
	buf_add_escaped(path, id);
	return CLI_OK;
}

const char *
cli_env(const char *name)
{
	const char	*v = getenv(name);

	return v != NULL && *v != '\0' ? v : NULL;
}

int
cli_run_dir_named(const struct cli *c)
{
	return cli_opt(c, OPT_RUN_DIR) != NULL ||
	    cli_env("MESHSUP_RUN_DIR") != NULL;
}

static void
warn_v(const struct cli *c, const char *fmt, va_list ap)
{
	char	*raw, *text;

	if (vasprintf(&raw, fmt, ap) == -1)
		return;
	text = text_clean(raw, TEXT_BLOCK);
	fflush(stdout);
	fprintf(stderr, "meshsup%s%s: %s\n", c->verb != NULL ? " " : "",
	    c->verb != NULL ? c->verb->name : "", text);
	free(text);
	free(raw);
}

void
cli_warn(const struct cli *c, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	warn_v(c, fmt, ap);
	va_end(ap);
}

int
cli_fail(const struct cli *c, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	warn_v(c, fmt, ap);
	va_end(ap);
	return CLI_FAIL;
}

int
cli_usage(const struct cli *c, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	warn_v(c, fmt, ap);
	va_end(ap);
	fprintf(stderr, "Try: meshsup help%s%s\n", c->verb != NULL ? " " : "",
	    c->verb != NULL ? c->verb->name : "");
	return CLI_USAGE;
}

static int
json_write(const char *p, size_t len, void *arg)
{
	return fwrite(p, 1, len, arg) == len ? 0 : -1;
}

void
cli_print_json(const struct cli *c, const json_t *j)
{
	json_dump_callback(j, json_write, stdout, JSON_ENCODE_ANY |
	    (c->terminal ? JSON_INDENT(2) | JSON_ENSURE_ASCII : JSON_COMPACT));
	fputs("\n", stdout);
}

void
cli_print_json_line(const struct cli *c, const json_t *j)
{
	json_dump_callback(j, json_write, stdout, JSON_ENCODE_ANY |
	    JSON_COMPACT | (c->terminal ? JSON_ENSURE_ASCII : 0));
	fputs("\n", stdout);
}

static int
json_append(const char *p, size_t len, void *arg)
{
	buf_add(arg, p, len);
	return 0;
}

void
cli_json_dump(struct buf *b, const json_t *j)
{
	json_dump_callback(j, json_append, b, JSON_ENCODE_ANY | JSON_COMPACT);
}

const char *
cli_json_str(const json_t *j, const char *key)
{
	return json_string_value(json_object_get(j, key));
}

const char *
cli_json_or(const json_t *j, const char *key, const char *otherwise)
{
	const char	*s = cli_json_str(j, key);

	return s != NULL && *s != '\0' ? s : otherwise;
}

long long
cli_json_int(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

const char *
cli_color(const struct cli *c, enum color color)
{
	static const char	*const seq[] = {
		[COLOR_OFF] = "\033[0m",
		[COLOR_BOLD] = "\033[1m",
		[COLOR_DIM] = "\033[2m",
		[COLOR_RED] = "\033[31m",
		[COLOR_YELLOW] = "\033[33m",
	};

	return c->color ? seq[color] : "";
}
