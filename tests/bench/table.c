/* The results of all benches, for people or for programs. */

#include <sys/utsname.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "tests/bench/result.h"

#define COLUMNS	6

static const char *const titles[COLUMNS] = { "name", "median", "min..max",
    "unit", "of its baseline", "goal" };
static const int right[COLUMNS] = { 0, 1, 1, 0, 0, 0 };


/* Three or more digits that say something. */
static char *
number(double v)
{
	char	*s;

	xasprintf(&s, "%.*f", v >= 100 ? 0 : v >= 10 ? 1 : 2, v);
	return s;
}

static char *
ratio_text(json_t *ratios)
{
	const char	*name;
	char		*text = xstrdup(""), *next;
	json_t		*v;

	json_object_foreach(ratios, name, v) {
		xasprintf(&next, "%s%s%.2f x %s", text,
		    *text != '\0' ? ", " : "", json_number_value(v), name);
		free(text);
		text = next;
	}
	return text;
}

static char *
goal_text(const json_t *goal)
{
	const char	*must, *met;
	char		*text, *limit;

	if (goal == NULL)
		return xstrdup("");
	must = json_string_value(json_object_get(goal, "must_be"));
	met = json_is_true(json_object_get(goal, "met")) ? "met" : "missed";
	limit = number(json_number_value(json_object_get(goal, "limit")));
	xasprintf(&text, "%s %s: %s", must != NULL ? must : "?", limit, met);
	free(limit);
	return text;
}

static void
row_fill(char *cells[COLUMNS], json_t *o)
{
	char	*min, *max;

	min = number(json_number_value(json_object_get(o, "min")));
	max = number(json_number_value(json_object_get(o, "max")));
	cells[0] = xstrdup(json_string_value(json_object_get(o, "name")));
	cells[1] = number(json_number_value(json_object_get(o, "median")));
	xasprintf(&cells[2], "%s..%s", min, max);
	cells[3] = xstrdup(json_string_value(json_object_get(o, "unit")));
	cells[4] = ratio_text(json_object_get(o, "ratios"));
	cells[5] = goal_text(json_object_get(o, "goal"));
	free(min);
	free(max);
}

static void
table_line(const char *const cells[COLUMNS], const size_t widths[COLUMNS])
{
	char	 line[512];
	size_t	 i, len = 0;

	for (i = 0; i < COLUMNS && len < sizeof line; i++)
		len += (size_t)snprintf(line + len, sizeof line - len,
		    right[i] ? "%*s  " : "%-*s  ", (int)widths[i], cells[i]);
	len = strlen(line);
	while (len > 0 && line[len - 1] == ' ')
		line[--len] = '\0';
	puts(line);
}

static void
table_print(const json_t *results)
{
	char	*cells[256][COLUMNS];
	size_t	 widths[COLUMNS], i, c, n = json_array_size(results);

	if (n > 256)
		n = 256;
	for (c = 0; c < COLUMNS; c++)
		widths[c] = strlen(titles[c]);
	for (i = 0; i < n; i++) {
		row_fill(cells[i], json_array_get(results, i));
		for (c = 0; c < COLUMNS; c++)
			if (strlen(cells[i][c]) > widths[c])
				widths[c] = strlen(cells[i][c]);
	}
	table_line(titles, widths);
	for (i = 0; i < n; i++) {
		table_line((const char *const *)cells[i], widths);
		for (c = 0; c < COLUMNS; c++)
			free(cells[i][c]);
	}
}

/* A line as results_write() makes it. */
static json_t *
line_parse(const char *line)
{
	json_t	*o = json_loads(line, 0, NULL);

	if (json_is_object(o) && json_is_string(json_object_get(o, "name")) &&
	    json_is_string(json_object_get(o, "unit")))
		return o;
	json_decref(o);
	return NULL;
}

static json_t *
lines_read(void)
{
	json_t	*all = json_array(), *o;
	char	*line = NULL;
	size_t	 size = 0;

	while (getline(&line, &size, stdin) != -1) {
		if ((o = line_parse(line)) == NULL) {
			log_warnx("not a result: %.80s", line);
			json_decref(all);
			all = NULL;
			break;
		}
		json_array_append_new(all, o);
	}
	free(line);
	return all;
}

int
results_print(int json)
{
	json_t		*all = lines_read(), *doc;
	struct utsname	 u;
	long		 cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (all == NULL || uname(&u) == -1)
		return -1;
	if (json) {
		doc = json_pack("{s:s, s:I, s:s, s:s, s:O}", "version",
		    PACKAGE_VERSION, "cpus", (json_int_t)cpus, "kernel",
		    u.release, "machine", u.machine, "results", all);
		json_dumpf(doc, stdout, JSON_INDENT(2) |
		    JSON_REAL_PRECISION(9));
		putchar('\n');
		json_decref(doc);
	} else {
		printf("meshsup %s, %ld processors, Linux %s %s\n\n",
		    PACKAGE_VERSION, cpus, u.release, u.machine);
		table_print(all);
	}
	json_decref(all);
	return 0;
}
