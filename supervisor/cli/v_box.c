/* inbox and outbox list. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "supervisor/cli/api.h"
#include "supervisor/cli/buf.h"
#include "supervisor/cli/table.h"
#include "supervisor/cli/text.h"
#include "supervisor/cli/verbs.h"

#define INBOX_LIMIT_MAX		1000
#define OUTBOX_LIMIT_MAX	500
#define ERROR_WIDTH		60

/* --limit, checked here so that the answer is about the option. */
static int
limit_check(const struct cli *c, long max)
{
	const char	*value = cli_opt(c, OPT_LIMIT);
	char		 err[128];
	long		 n;

	if (value != NULL &&
	    opts_number("limit", value, 1, max, &n, err, sizeof err) == -1)
		return cli_usage(c, "%s", err);
	return CLI_OK;
}

/* Print a member in front of something, cleaned; nothing when it is null. */
static void
print_str(const json_t *j, const char *key, const char *before,
    const char *after)
{
	const char	*s = cli_json_str(j, key);
	char		*text;

	if (s == NULL || *s == '\0')
		return;
	text = text_clean(s, TEXT_LINE);
	printf("%s%s%s", before, text, after);
	free(text);
}

/* The body, every line of it behind four blanks, so that none can pose. */
static void
print_body(const json_t *m)
{
	const json_t	*body = json_object_get(m, "body");
	char		*text, *line, *next;

	text = text_clean_n(json_string_value(body) != NULL ?
	    json_string_value(body) : "", json_string_length(body),
	    TEXT_BLOCK);
	for (line = text; line != NULL; line = next) {
		if ((next = strchr(line, '\n')) != NULL)
			*next++ = '\0';
		if (next != NULL && *next == '\0')
			next = NULL;		/* a last line end is no line */
		printf("    %s\n", line);
	}
	free(text);
}

static void
print_message(const struct cli *c, const json_t *m)
{
	const json_t	*auth = json_object_get(m, "authenticated");
	const char	*from = cli_json_str(m, "sender_pubkey");
	char		*when = text_time(cli_json_str(m, "received_at"));
	char		*key = text_clean(from, TEXT_LINE);

	if (json_is_null(json_object_get(m, "seen_at")))
		printf("%s%s new%s ", cli_color(c, COLOR_BOLD), when,
		    cli_color(c, COLOR_OFF));
	else
		printf("%s ", when);
	fputs(cli_color(c, COLOR_BOLD), stdout);
	print_str(m, "sender_name", "", "");
	fputs(cli_color(c, COLOR_OFF), stdout);
	if (*key != '\0')
		printf(" %s<%s>%s", cli_color(c, COLOR_DIM), key,
		    cli_color(c, COLOR_OFF));
	if (json_is_false(auth))
		printf(" %s[unverified]%s", cli_color(c, COLOR_YELLOW),
		    cli_color(c, COLOR_OFF));
	print_str(m, "priority", " ", "");
	print_str(m, "mesh", " on ", "");
	print_str(m, "topic", " #", "");
	fputs(cli_color(c, COLOR_DIM), stdout);
	print_str(m, "client_message_id", " id ", "");
	print_str(m, "reply_to_id", " re ", "");
	printf("%s\n", cli_color(c, COLOR_OFF));
	print_body(m);
	free(when);
	free(key);
}

static void
inbox_path(const struct cli *c, struct buf *path)
{
	buf_adds(path, "/v1/inbox");
	buf_add_query(path, "limit", cli_opt(c, OPT_LIMIT));
	buf_add_query(path, "mesh", cli_opt(c, OPT_MESH));
	buf_add_query(path, "from", cli_opt(c, OPT_FROM));
	buf_add_query(path, "since", cli_opt(c, OPT_SINCE));
	if (cli_opt(c, OPT_UNREAD) != NULL)
		buf_add_query(path, "unread_only", "true");
	if (cli_opt(c, OPT_NO_MARK) != NULL)
		buf_add_query(path, "mark_seen", "false");
}

int
v_inbox(struct cli *c)
{
	const char	*since = cli_opt(c, OPT_SINCE);
	struct buf	 path = { 0 };
	json_t		*j, *m;
	int64_t		 ms;
	size_t		 i;
	int		 rc;

	if ((rc = limit_check(c, INBOX_LIMIT_MAX)) != CLI_OK)
		return rc;
	if (since != NULL && clock_parse_iso(since, &ms) == -1)
		return cli_usage(c, "--since must be a time as "
		    "2026-11-23T22:05:09Z");
	inbox_path(c, &path);
	j = api_get(c, path.p, &rc);
	buf_free(&path);
	if (j == NULL)
		return rc;
	if (c->json)
		cli_print_json(c, j);
	else {
		json_array_foreach(json_object_get(j, "items"), i, m)
			print_message(c, m);
		if (i == 0)
			fputs("no messages\n", stdout);
	}
	json_decref(j);
	return rc;
}

/* Why a row waits or ended, short enough for a line. */
static void
add_reason(struct table *t, const json_t *row)
{
	const char	*error = cli_json_str(row, "last_error");
	char		*text;

	text = text_clean(json_is_true(json_object_get(row, "held")) &&
	    error == NULL ? "held" : error, TEXT_LINE);
	text_cut(text, ERROR_WIDTH);
	table_add(t, *text != '\0' ? text : NULL);
	free(text);
}

static void
print_outbox(const struct cli *c, const json_t *list)
{
	static const char *const heads[] = { "ACCEPTED", "STATUS", "TO",
				    "PRIORITY", ">TRIES", ">BYTES", "ID",
				    "REASON", NULL };
	struct table		*t = table_new(heads);
	const json_t		*row;
	char			*when;
	size_t			 i;

	json_array_foreach(list, i, row) {
		when = text_time(cli_json_str(row, "enqueued_at"));
		table_add(t, when);
		table_add(t, cli_json_str(row, "status"));
		table_add(t, cli_json_str(row, "to"));
		table_add(t, cli_json_str(row, "priority"));
		table_addf(t, "%lld", cli_json_int(row, "attempts"));
		table_addf(t, "%lld", cli_json_int(row, "payload_bytes"));
		table_add(t, cli_json_str(row, "client_message_id"));
		add_reason(t, row);
		free(when);
	}
	if (i == 0)
		fputs("no messages\n", stdout);
	else
		table_print(t, stdout, c->color);
	table_free(&t);
}

int
v_outbox_list(struct cli *c)
{
	struct buf	 path = { 0 };
	json_t		*j;
	int		 rc;

	if ((rc = limit_check(c, OUTBOX_LIMIT_MAX)) != CLI_OK)
		return rc;
	buf_adds(&path, "/v1/outbox");
	buf_add_query(&path, "status", cli_opt(c, OPT_STATUS));
	buf_add_query(&path, "limit", cli_opt(c, OPT_LIMIT));
	j = api_get(c, path.p, &rc);
	buf_free(&path);
	if (j == NULL)
		return rc;
	if (c->json)
		cli_print_json(c, j);
	else
		print_outbox(c, json_object_get(j, "items"));
	json_decref(j);
	return rc;
}
