/* Lists in answers of the API. */

#include "supervisor/cli/list.h"

static void
add_item(struct buf *b, const json_t *item)
{
	const char	*name = cli_json_str(item, "name");
	const char	*role = cli_json_or(item, "role", NULL);

	if (json_is_string(item))
		buf_adds(b, json_string_value(item));
	else if (name != NULL)
		buf_addf(b, "@%s%s%s", name, role != NULL ? ":" : "",
		    role != NULL ? role : "");
	else
		cli_json_dump(b, item);
}

int
list_is_words(const json_t *array)
{
	const json_t	*item;
	size_t		 i;

	json_array_foreach(array, i, item)
		if (!json_is_string(item) && cli_json_str(item, "name") == NULL)
			return 0;
	return i > 0;
}

void
list_join(struct buf *b, const json_t *array, const char *between)
{
	const json_t	*item;
	size_t		 i;

	json_array_foreach(array, i, item) {
		if (i > 0)
			buf_adds(b, between);
		add_item(b, item);
	}
}

void
list_cell(struct table *t, const json_t *array, const char *between)
{
	struct buf	 b = { 0 };

	list_join(&b, array, between);
	table_add(t, b.len > 0 ? b.p : NULL);
	buf_free(&b);
}

void
list_missing(const struct cli *c, const json_t *answer)
{
	const json_t	*away;
	size_t		 i;

	json_array_foreach(json_object_get(answer, "unavailable"), i, away)
		cli_warn(c, "what is on %s is not shown: %s",
		    cli_json_or(away, "mesh", "?"),
		    cli_json_or(away, "detail", "it did not answer"));
	if (json_is_true(json_object_get(answer, "truncated")))
		cli_warn(c, "there is more, which is not shown");
}
