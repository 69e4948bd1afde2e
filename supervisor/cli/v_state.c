/* state get, state set and state list: what a mesh shares, by key. */

#include <stdio.h>
#include <stdlib.h>

#include "supervisor/cli/api.h"
#include "supervisor/cli/input.h"
#include "supervisor/cli/list.h"
#include "supervisor/cli/service.h"
#include "supervisor/cli/table.h"
#include "supervisor/cli/text.h"
#include "supervisor/cli/verbs.h"

#define VALUE_WIDTH	60

/* A text as it is, so that a script can use it; else JSON. */
static void
value_add(struct buf *b, const json_t *value)
{
	if (json_is_string(value))
		buf_add(b, json_string_value(value),
		    json_string_length(value));
	else
		cli_json_dump(b, value);
}

static void
print_value(const struct cli *c, json_t *j)
{
	const json_t	*state = json_object_get(j, "state");
	struct buf	 b = { 0 };
	char		*text;

	(void)c;
	value_add(&b, json_object_get(state, "value"));
	text = text_clean_n(b.p != NULL ? b.p : "", b.len, TEXT_BLOCK);
	printf("%s\n", text);
	free(text);
	buf_free(&b);
}

int
v_state_get(struct cli *c)
{
	struct buf	 path = { 0 };

	buf_adds(&path, "/v1/state");
	buf_add_query(&path, "key", c->opts.operands[0]);
	buf_add_query(&path, "mesh", cli_opt(c, OPT_MESH));
	return service_call(c, "GET", &path, NULL, print_value);
}

static void
print_set(const struct cli *c, json_t *j)
{
	text_printf("set %s%s\n", c->opts.operands[0], service_on(j));
}

/* What is no JSON is refused, so that a typing error is never a text. */
static int
value_read(struct cli *c, json_t **value_r)
{
	struct buf	 b = { 0 };
	int		 rc;

	if ((rc = input_text(c, c->opts.operands[1], "the value", &b)) ==
	    CLI_OK) {
		if (cli_opt(c, OPT_STRING) != NULL)
			*value_r = json_stringn(b.p, b.len);
		else
			*value_r = json_loadb(b.p, b.len,
			    JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
		if (*value_r == NULL)
			rc = cli_usage(c, "the value is not JSON; a text is "
			    "set with --string");
		else if (json_is_null(*value_r))
			rc = cli_usage(c, "null is no value");
	}
	buf_free(&b);
	return rc;
}

int
v_state_set(struct cli *c)
{
	json_t	*value = NULL, *body;
	int	 rc;

	if ((rc = value_read(c, &value)) == CLI_OK) {
		body = json_pack("{s:s, s:O}", "key", c->opts.operands[0],
		    "value", value);
		rc = service_send(c, "POST", "/v1/state", body, print_set);
	}
	json_decref(value);
	return rc;
}

static void
print_list(const struct cli *c, json_t *j)
{
	static const char *const heads[] = { "KEY", "MESH", "SET BY",
				    "UPDATED", "VALUE", NULL };
	struct table		*t = table_new(heads);
	struct buf		 b = { 0 };
	const json_t		*e;
	size_t			 i;

	json_array_foreach(json_object_get(j, "entries"), i, e) {
		table_add(t, cli_json_str(e, "key"));
		table_add(t, cli_json_str(e, "mesh"));
		table_add(t, cli_json_str(e, "updatedBy"));
		table_add_time(t, cli_json_str(e, "updatedAt"));
		value_add(&b, json_object_get(e, "value"));
		table_add_cut(t, b.p, VALUE_WIDTH);
		buf_free(&b);
	}
	table_end(&t, stdout, c->color, "no keys are set");
	list_missing(c, j);
}

int
v_state_list(struct cli *c)
{
	return service_show(c, "GET", "/v1/state", print_list);
}
