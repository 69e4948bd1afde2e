/* An object in full, and the text of a message. */

#include "supervisor/cli/show.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "supervisor/cli/buf.h"
#include "supervisor/cli/cli.h"
#include "supervisor/cli/list.h"
#include "supervisor/cli/text.h"

static int
is_time(const char *key)
{
	size_t	 len = strlen(key);

	return len > 3 && (strcmp(key + len - 3, "_at") == 0 ||
	    strcmp(key + len - 2, "At") == 0);
}

/* A value on one line, clean; allocated. */
static char *
value_text(const char *key, const json_t *v)
{
	struct buf	 b = { 0 };
	char		*text;

	if (json_is_null(v) || (json_is_array(v) && json_array_size(v) == 0))
		return xstrdup("-");
	if (json_is_boolean(v))
		return xstrdup(json_is_true(v) ? "yes" : "no");
	if (json_is_string(v))
		return is_time(key) ? text_time(json_string_value(v)) :
		    text_clean_n(json_string_value(v), json_string_length(v),
		    TEXT_LINE);
	if (list_is_words(v))
		list_join(&b, v, ", ");
	else
		cli_json_dump(&b, v);
	text = text_clean_n(b.p, b.len, TEXT_LINE);
	buf_free(&b);
	return text;
}

/* A key takes no more columns than bytes. */
static size_t
keys_width(json_t *j)
{
	const char	*key;
	const json_t	*v;
	size_t		 max = 0;

	json_object_foreach(j, key, v) {
		if (strlen(key) > max)
			max = strlen(key);
	}
	return max;
}

void
show_object(FILE *f, json_t *j, const char *text_key)
{
	const json_t	*body = json_object_get(j, text_key), *v;
	int		 has_body = json_is_string(body);
	size_t		 width = keys_width(j);
	const char	*key;
	char		*name, *text;

	json_object_foreach(j, key, v) {
		if (v == body && has_body)
			continue;
		name = text_clean(key, TEXT_LINE);
		text = value_text(key, v);
		fprintf(f, "%s%*s  %s\n", name,
		    (int)(width - text_width(name)), "", text);
		free(name);
		freezero_str(text);
	}
	if (has_body) {
		fprintf(f, "%s\n", text_key);
		show_body(f, body);
	}
}

void
show_body(FILE *f, const json_t *string)
{
	const char	*s = json_string_value(string);
	char		*text, *line, *next;
	size_t		 len;

	text = text_clean_n(s != NULL ? s : "", json_string_length(string),
	    TEXT_BLOCK);
	len = strlen(text);
	for (line = text; line != NULL; line = next) {
		if ((next = strchr(line, '\n')) != NULL)
			*next++ = '\0';
		if (next != NULL && *next == '\0')
			next = NULL;		/* a last line end is no line */
		fprintf(f, "    %s\n", line);
	}
	freezero(text, len);
}
