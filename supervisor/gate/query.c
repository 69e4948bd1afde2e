/* Query strings: decoded whole, or refused. */

#include "supervisor/gate/query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "supervisor/gate/input.h"

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* In place.  -1: malformed, or not one line of UTF-8. */
static int
decode(char *s, int plus_is_space)
{
	char	*out = s, *start = s;
	int	 hi, lo;

	for (; *s != '\0'; s++) {
		if (*s == '%') {
			if ((hi = hex_value(s[1])) == -1 ||
			    (lo = hex_value(s[2])) == -1)
				return -1;
			*out = (char)(hi << 4 | lo);
			if (*out++ == '\0')
				return -1;
			s += 2;
		} else
			*out++ = *s == '+' && plus_is_space ? ' ' : *s;
	}
	*out = '\0';
	return input_line_ok(start, (size_t)(out - start)) ? 0 : -1;
}

char *
query_decode(const char *s, size_t len)
{
	char	*copy = xstrndup(s, len);

	if (decode(copy, 0) == 0)
		return copy;
	freezero(copy, len + 1);
	return NULL;
}

/* One "name=value" or "name". */
static int
add(struct query *q, char *piece)
{
	char	*value = strchr(piece, '=');

	if (value != NULL)
		*value++ = '\0';
	else
		value = piece + strlen(piece);
	if (decode(piece, 1) == -1 || decode(value, 1) == -1 ||
	    q->n == QUERY_MAX || query_get(q, piece) != NULL)
		return -1;
	q->p[q->n].name = piece;
	q->p[q->n].value = value;
	q->n++;
	return 0;
}

int
query_parse(struct query *q, const char *raw)
{
	char	*rest, *piece;

	memset(q, 0, sizeof *q);
	if (raw == NULL)
		return 0;
	q->size = strlen(raw) + 1;
	rest = q->text = xstrdup(raw);
	while ((piece = strsep(&rest, "&")) != NULL)
		if (*piece != '\0' && add(q, piece) == -1)
			return -1;
	return 0;
}

void
query_clear(struct query *q)
{
	freezero(q->text, q->size);	/* somebody may have put a token in */
	memset(q, 0, sizeof *q);
}

const char *
query_get(const struct query *q, const char *name)
{
	unsigned	i;

	for (i = 0; i < q->n; i++)
		if (strcmp(q->p[i].name, name) == 0)
			return q->p[i].value;
	return NULL;
}

int
query_int(const struct query *q, const char *name, int64_t min, int64_t max,
    int64_t def, int64_t *out_r, struct fault *f)
{
	const char	*s = query_get(q, name);
	long long	 v;
	char		*end;

	*out_r = def;
	if (s == NULL)
		return 0;
	errno = 0;
	v = strtoll(s, &end, 10);
	if (*s < '0' || *s > '9' || *end != '\0' || errno != 0 || v < min ||
	    v > max)
		return fault_set(f, 400, "invalid_query", "'%s' must be a "
		    "whole number from %lld to %lld.", name, (long long)min,
		    (long long)max);
	*out_r = v;
	return 0;
}

int
query_bool(const struct query *q, const char *name, int def, int *out_r,
    struct fault *f)
{
	const char	*s = query_get(q, name);

	*out_r = def;
	if (s == NULL)
		return 0;
	if (strcmp(s, "true") == 0 || strcmp(s, "1") == 0)
		*out_r = 1;
	else if (strcmp(s, "false") == 0 || strcmp(s, "0") == 0)
		*out_r = 0;
	else
		return fault_set(f, 400, "invalid_query",
		    "'%s' must be true or false.", name);
	return 0;
}
