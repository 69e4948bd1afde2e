/* inbox, inbox delete, inbox seen and inbox flush. */

#include <stdio.h>
#include <stdlib.h>

#include "supervisor/cli/api.h"
#include "supervisor/cli/buf.h"
#include "supervisor/cli/show.h"
#include "supervisor/cli/text.h"
#include "supervisor/cli/verbs.h"

#define LIMIT_MAX	1000

/* Print a member behind something; nothing when it is absent. */
static void
print_str(const json_t *j, const char *key, const char *before)
{
	const char	*s = cli_json_or(j, key, NULL);

	if (s != NULL)
		text_printf("%s%s", before, s);
}

/* When, from whom, and how it came. */
static void
print_head(const struct cli *c, const json_t *m)
{
	const char	*bold = cli_color(c, COLOR_BOLD);
	const char	*off = cli_color(c, COLOR_OFF);
	char		*when = text_time(cli_json_str(m, "received_at"));

	if (json_is_null(json_object_get(m, "seen_at")))
		printf("%s%s new%s", bold, when, off);
	else
		fputs(when, stdout);
	fputs(bold, stdout);
	print_str(m, "sender_name", " ");
	printf("%s%s", off, cli_color(c, COLOR_DIM));
	text_printf(" <%s>", cli_json_or(m, "sender_pubkey", "?"));
	fputs(off, stdout);
	if (json_is_false(json_object_get(m, "authenticated")))
		printf(" %s[unverified]%s", cli_color(c, COLOR_YELLOW), off);
	print_str(m, "priority", " ");
	print_str(m, "mesh", " on ");
	print_str(m, "topic", " #");
	fputs("\n", stdout);
	free(when);
}

/* The id of the row, for deleting; of the message, for answering. */
static void
print_message(const struct cli *c, const json_t *m)
{
	const json_t	*body = json_object_get(m, "body");

	print_head(c, m);
	fputs(cli_color(c, COLOR_DIM), stdout);
	print_str(m, "id", "  id ");
	print_str(m, "client_message_id", "  message ");
	print_str(m, "reply_to_id", "  answers ");
	printf("%s\n", cli_color(c, COLOR_OFF));
	if (json_is_string(body))
		show_body(stdout, body);
	else
		fputs("  (no key of yours opens it)\n", stdout);
}

static void
print_list(const struct cli *c, json_t *j)
{
	const json_t	*m;
	size_t		 i;

	json_array_foreach(json_object_get(j, "items"), i, m)
		print_message(c, m);
	if (i == 0)
		fputs("no messages\n", stdout);
}

/* "#" before a name is for people. */
static const char *
topic_name(const char *s)
{
	return s != NULL && *s == '#' ? s + 1 : s;
}

static void
list_path(const struct cli *c, struct buf *path)
{
	buf_adds(path, "/v1/inbox");
	buf_add_query(path, "limit", cli_opt(c, OPT_LIMIT));
	buf_add_query(path, "mesh", cli_opt(c, OPT_MESH));
	buf_add_query(path, "from", cli_opt(c, OPT_FROM));
	buf_add_query(path, "topic", topic_name(cli_opt(c, OPT_TOPIC)));
	buf_add_query(path, "since", cli_opt(c, OPT_SINCE));
	if (cli_opt(c, OPT_UNREAD) != NULL)
		buf_add_query(path, "unread_only", "true");
	if (cli_opt(c, OPT_NO_MARK) != NULL)
		buf_add_query(path, "mark_seen", "false");
	if (cli_opt(c, OPT_QUARANTINE) != NULL)
		buf_add_query(path, "quarantine", "true");
}

int
v_inbox(struct cli *c)
{
	struct buf	 path = { 0 };
	long		 limit;
	int		 rc;

	if ((rc = cli_number(c, OPT_LIMIT, "limit", 1, LIMIT_MAX,
	    &limit)) != CLI_OK ||
	    (rc = cli_time(c, OPT_SINCE, "since")) != CLI_OK)
		return rc;
	list_path(c, &path);
	rc = api_show(c, "GET", path.p, NULL, print_list);
	buf_free(&path);
	return rc;
}

static void
print_deleted(const struct cli *c, json_t *j)
{
	(void)c;
	printf("deleted %lld\n", cli_json_int(j, "removed"));
}

int
v_inbox_delete(struct cli *c)
{
	struct buf	 path = { 0 };
	int		 rc;

	if ((rc = cli_row_path(c, &path, "/v1/inbox/")) == CLI_OK)
		rc = api_show(c, "DELETE", path.p, NULL, print_deleted);
	buf_free(&path);
	return rc;
}

static void
print_seen(const struct cli *c, json_t *j)
{
	(void)c;
	printf("marked %lld as seen\n", cli_json_int(j, "marked_seen"));
}

int
v_inbox_seen(struct cli *c)
{
	json_t	*body, *ids = json_array();
	size_t	 i;
	int	 rc = CLI_OK;

	body = json_pack("{s:o}", "ids", ids);
	for (i = 0; i < c->opts.noperands && rc == CLI_OK; i++)
		if (json_array_append_new(ids,
		    json_string(c->opts.operands[i])) == -1)
			rc = cli_usage(c, "an ID must be UTF-8");
	if (rc == CLI_OK)
		rc = api_show(c, "POST", "/v1/inbox/seen", body, print_seen);
	json_decref(body);
	return rc;
}

/* Everything goes only when that is said. */
int
v_inbox_flush(struct cli *c)
{
	const char	*mesh = cli_opt(c, OPT_MESH);
	const char	*before = cli_opt(c, OPT_BEFORE);
	struct buf	 path = { 0 };
	int		 rc, some = mesh != NULL || before != NULL;

	if (some == (cli_opt(c, OPT_ALL) != NULL))
		return cli_usage(c, some ? "--all goes with neither --mesh "
		    "nor --before" : "which messages?  --mesh MESH, --before "
		    "TIME or --all");
	if ((rc = cli_time(c, OPT_BEFORE, "before")) != CLI_OK)
		return rc;
	buf_adds(&path, "/v1/inbox");
	buf_add_query(&path, "mesh", mesh);
	buf_add_query(&path, "before", before);
	rc = api_show(c, "DELETE", path.p, NULL, print_deleted);
	buf_free(&path);
	return rc;
}
