/* What tools take: as JSON schemas, and as a check of what comes. */

#include <stdio.h>
#include <string.h>

#include "supervisor/cli/mcp_tools.h"

#define NAME_SHOWN	64

/* The next of "now|next|low"; its length, 0 at the end. */
static size_t
word_next(const char **p)
{
	if (**p == '|')
		++*p;
	return strcspn(*p, "|");
}

static json_t *
words_list(const char *words)
{
	json_t	*list = json_array();
	size_t	 n;

	for (; (n = word_next(&words)) > 0; words += n)
		json_array_append_new(list, json_stringn(words, n));
	return list;
}

static json_t *
arg_schema(const struct tool_arg *a)
{
	json_t	*j = json_object();

	switch (a->type) {
	case ARG_TEXT:
		json_object_set_new(j, "type", json_string("string"));
		if (a->words != NULL)
			json_object_set_new(j, "enum", words_list(a->words));
		else if (a->min > 0)
			json_object_set_new(j, "minLength", json_integer(1));
		break;
	case ARG_INTEGER:
		json_object_set_new(j, "type", json_string("integer"));
		json_object_set_new(j, "minimum", json_integer(a->min));
		json_object_set_new(j, "maximum", json_integer(a->max));
		break;
	case ARG_FLAG:
		json_object_set_new(j, "type", json_string("boolean"));
		break;
	case ARG_TEXTS:
		json_object_set_new(j, "type", json_string("array"));
		json_object_set_new(j, "items",
		    json_pack("{s:s}", "type", "string"));
		json_object_set_new(j, "maxItems", json_integer(a->max));
		break;
	case ARG_ANY:
		break;
	}
	json_object_set_new(j, "description", json_string(a->help));
	return j;
}

json_t *
tool_schema(const struct tool_arg *args)
{
	json_t	*properties = json_object(), *required = json_array();

	for (; args->name != NULL; args++) {
		json_object_set_new(properties, args->name, arg_schema(args));
		if (args->required)
			json_array_append_new(required,
			    json_string(args->name));
	}
	return json_pack("{s:s, s:o, s:o, s:b}", "type", "object",
	    "properties", properties, "required", required,
	    "additionalProperties", 0);
}

/* ---- the check ---- */

static int
text_is_clean(const json_t *v)
{
	return json_is_string(v) &&
	    strlen(json_string_value(v)) == json_string_length(v);
}

static int
is_word(const char *words, const char *s)
{
	size_t	 n;

	for (; (n = word_next(&words)) > 0; words += n) {
		if (strlen(s) == n && strncmp(words, s, n) == 0)
			return 1;
	}
	return 0;
}

static int
check_text(const struct tool_arg *a, const json_t *v, char *err,
    size_t errlen)
{
	json_int_t	 len = (json_int_t)json_string_length(v);

	if (!text_is_clean(v))
		snprintf(err, errlen, "%s must be text without NUL", a->name);
	else if (a->words != NULL && !is_word(a->words, json_string_value(v)))
		snprintf(err, errlen, "%s must be one of %s", a->name,
		    a->words);
	else if (a->words == NULL && (len < a->min || len > a->max))
		snprintf(err, errlen, "%s must have %lld to %lld bytes",
		    a->name, (long long)a->min, (long long)a->max);
	else
		return 0;
	return -1;
}

static int
check_texts(const struct tool_arg *a, const json_t *v, char *err,
    size_t errlen)
{
	const json_t	*item;
	size_t		 i;
	int		 good = json_is_array(v) &&
			    (json_int_t)json_array_size(v) <= a->max;

	json_array_foreach(v, i, item)
		good &= text_is_clean(item);
	if (!good)
		snprintf(err, errlen, "%s must be a list of at most %lld "
		    "texts", a->name, (long long)a->max);
	return good ? 0 : -1;
}

static int
check_value(const struct tool_arg *a, const json_t *v, char *err,
    size_t errlen)
{
	switch (a->type) {
	case ARG_TEXT:
		return check_text(a, v, err, errlen);
	case ARG_TEXTS:
		return check_texts(a, v, err, errlen);
	case ARG_INTEGER:
		if (json_is_integer(v) && json_integer_value(v) >= a->min &&
		    json_integer_value(v) <= a->max)
			return 0;
		snprintf(err, errlen, "%s must be a whole number from %lld "
		    "to %lld", a->name, (long long)a->min, (long long)a->max);
		return -1;
	case ARG_FLAG:
		if (json_is_boolean(v))
			return 0;
		snprintf(err, errlen, "%s must be true or false", a->name);
		return -1;
	case ARG_ANY:
		break;
	}
	return 0;
}

/* How much of a name is shown: whole characters only. */
static int
name_shown(const char *name)
{
	size_t	 n = strnlen(name, NAME_SHOWN);

	while (n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80)
		n--;
	return (int)n;
}

/* Nothing that the tool does not know: a misspelt name would go unheard. */
static int
check_names(const struct tool_arg *args, const json_t *given, char *err,
    size_t errlen)
{
	const struct tool_arg	*a;
	const char		*key;
	json_t			*v;
	char			 names[256] = "nothing";
	size_t			 n = 0;

	for (a = args; a->name != NULL && n < sizeof names; a++)
		n += (size_t)snprintf(names + n, sizeof names - n, "%s%s",
		    n > 0 ? ", " : "", a->name);
	json_object_foreach((json_t *)given, key, v) {
		for (a = args; a->name != NULL; a++) {
			if (strcmp(a->name, key) == 0)
				break;
		}
		if (a->name == NULL) {
			snprintf(err, errlen, "it has no argument of the name "
			    "%.*s; it takes %s", name_shown(key), key, names);
			return -1;
		}
	}
	return 0;
}

int
tool_check(const struct tool_arg *args, const json_t *given, char *err,
    size_t errlen)
{
	const struct tool_arg	*a;
	const json_t		*v;

	if (!json_is_object(given)) {
		snprintf(err, errlen, "arguments must be an object");
		return -1;
	}
	if (check_names(args, given, err, errlen) == -1)
		return -1;
	for (a = args; a->name != NULL; a++) {
		v = json_object_get(given, a->name);
		/* Models fill in null for what they leave out. */
		if (v == NULL || json_is_null(v)) {
			if (!a->required)
				continue;
			snprintf(err, errlen, "%s is missing: %s", a->name,
			    a->help);
			return -1;
		}
		if (check_value(a, v, err, errlen) == -1)
			return -1;
	}
	return 0;
}
