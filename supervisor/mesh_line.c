/*
 * Where something stands in a JSON text, for people: jansson does not keep
 * lines of what it has read.
 */

#include <string.h>

#include "supervisor/mesh_impl.h"

/* A place in the text. */
struct place {
	const char	*p;
	int		 line;
	unsigned	 depth;		/* of brackets around it */
};

/* Behind the string that begins here. */
static const char *
skip_string(const char *p)
{
	for (p++; *p != '"' && *p != '\0'; p++)
		if (*p == '\\' && p[1] != '\0')
			p++;
	return *p == '"' ? p + 1 : p;
}

/* Is what begins here the key of that name? */
static int
is_key(const char *p, const char *key)
{
	size_t	n = strlen(key);

	if (strncmp(p + 1, key, n) != 0 || p[1 + n] != '"')
		return 0;
	p += n + 2;
	p += strspn(p, " \t\r\n");
	return *p == ':';
}

/* One token on. */
static void
step(struct place *at)
{
	switch (*at->p) {
	case '{': case '[':
		at->depth++;
		break;
	case '}': case ']':
		at->depth--;
		break;
	case '\n':
		at->line++;
		break;
	case '"':
		at->p = skip_string(at->p);	/* no line ends in it */
		return;
	}
	at->p++;
}

/* On to the key in the object that begins at this depth.  Is it there? */
static int
find_key(struct place *at, const char *key)
{
	unsigned	depth = at->depth;

	while (*at->p != '\0' && at->depth >= depth) {
		if (at->depth == depth && *at->p == '"' && is_key(at->p, key))
			return 1;
		step(at);
	}
	return 0;
}

/* On to the nth object of the list that comes next. */
static int
find_object(struct place *at, size_t nth)
{
	unsigned	depth = at->depth + 1;

	for (; *at->p != '\0'; step(at))
		if (at->depth == depth && *at->p == '{' && nth-- == 0)
			return 1;
	return 0;
}

int
mesh_line(const char *text, const char *list, size_t nth, const char *key)
{
	struct place	at = { text, 1, 0 };
	int		line;

	while (*at.p != '\0' && *at.p != '{')
		step(&at);
	line = at.line;
	if (*at.p == '\0')
		return line;
	step(&at);
	if (list != NULL) {
		if (!find_key(&at, list))
			return line;
		line = at.line;
		if (!find_object(&at, nth))
			return line;
		line = at.line;
		step(&at);
	}
	return find_key(&at, key) ? at.line : line;
}
