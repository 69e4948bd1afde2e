/* outbox list, show and cat: what was sent, and what became of it. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "supervisor/cli/api.h"
#include "supervisor/cli/buf.h"
#include "supervisor/cli/show.h"
#include "supervisor/cli/table.h"
#include "supervisor/cli/text.h"
#include "supervisor/cli/verbs.h"

#define PATH		"/v1/outbox/"
#define LIMIT_MAX	500
#define ERROR_WIDTH	60

static void
print_list(const struct cli *c, json_t *j)
{
	static const char *const heads[] = { "ACCEPTED", "STATUS", "TO",
				    "PRIORITY", ">TRIES", ">BYTES", "ID",
				    "MESSAGE", "REASON", NULL };
	struct table		*t = table_new(heads);
	const json_t		*row;
	size_t			 i;

	json_array_foreach(json_object_get(j, "items"), i, row) {
		table_add_time(t, cli_json_str(row, "enqueued_at"));
		table_addf(t, "%s%s", cli_json_or(row, "status", "?"),
		    json_is_true(json_object_get(row, "held")) ?
		    " (held)" : "");
		table_add_key(t, cli_json_str(row, "to"));
		table_add(t, cli_json_str(row, "priority"));
		table_addf(t, "%lld", cli_json_int(row, "attempts"));
		table_addf(t, "%lld", cli_json_int(row, "payload_bytes"));
		table_add(t, cli_json_str(row, "id"));
		table_add(t, cli_json_str(row, "client_message_id"));
		table_add_cut(t, cli_json_str(row, "last_error"),
		    ERROR_WIDTH);
	}
	table_end(&t, stdout, c->color, "no messages");
}

int
v_outbox_list(struct cli *c)
{
	struct buf	 path = { 0 };
	long		 limit;
	int		 rc;

	if ((rc = cli_number(c, OPT_LIMIT, "limit", 1, LIMIT_MAX,
	    &limit)) != CLI_OK)
		return rc;
	buf_adds(&path, "/v1/outbox");
	buf_add_query(&path, "status", cli_opt(c, OPT_STATUS));
	buf_add_query(&path, "limit", cli_opt(c, OPT_LIMIT));
	rc = api_show(c, "GET", path.p, NULL, print_list);
	buf_free(&path);
	return rc;
}

static void
print_row(const struct cli *c, json_t *row)
{
	(void)c;
	show_object(stdout, row, "body");
}

int
v_outbox_show(struct cli *c)
{
	struct buf	 path = { 0 };
	int		 rc;

	if ((rc = cli_row_path(c, &path, PATH)) == CLI_OK)
		rc = api_show(c, "GET", path.p, NULL, print_row);
	buf_free(&path);
	return rc;
}

/* Byte for byte, but what goes to a terminal can only be read. */
static void
cat_body(const struct cli *c, const char *s, size_t len)
{
	char	*text;

	if (!c->terminal) {
		fwrite(s, 1, len, stdout);
		return;
	}
	text = text_clean_n(s, len, TEXT_BLOCK);
	printf("%s%s", text, len > 0 && s[len - 1] == '\n' ? "" : "\n");
	freezero_str(text);
}

/* Why is there none? */
static int
cat_none(const struct cli *c, const json_t *row)
{
	const char	*status = cli_json_str(row, "status");

	if (status != NULL && strcmp(status, "done") == 0)
		return cli_fail(c, "the text is gone: it is wiped when the "
		    "message is done");
	return cli_fail(c, "only the session that sent it may read the "
	    "text: name it with --as");
}

int
v_outbox_cat(struct cli *c)
{
	struct buf	 path = { 0 };
	json_t		*row = NULL, *body, *j;
	int		 rc;

	if ((rc = cli_row_path(c, &path, PATH)) == CLI_OK)
		row = api_ask(c, "GET", path.p, NULL, &rc);
	buf_free(&path);
	if (row == NULL)
		return rc;
	body = json_object_get(row, "body");
	if (!json_is_string(body))
		rc = cat_none(c, row);
	else if (c->json) {
		j = json_pack("{s:O?, s:O}", "id", json_object_get(row, "id"),
		    "body", body);
		cli_print_json(c, j);
		json_decref(j);
	} else
		cat_body(c, json_string_value(body),
		    json_string_length(body));
	json_decref(row);
	return rc;
}
