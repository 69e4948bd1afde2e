/*
 * topic list, create, join, leave, read, members and history.  A topic is
 * named with or without "#", by name or id; what is said there comes to the
 * inbox of who has joined.
 */

#include <stdio.h>
#include <stdlib.h>

#include "supervisor/cli/api.h"
#include "supervisor/cli/list.h"
#include "supervisor/cli/service.h"
#include "supervisor/cli/show.h"
#include "supervisor/cli/table.h"
#include "supervisor/cli/text.h"
#include "supervisor/cli/verbs.h"

#define DESCRIPTION_WIDTH	60
#define HISTORY_MAX		200

static void
print_list(const struct cli *c, json_t *j)
{
	static const char *const heads[] = { "TOPIC", "MESH", ">MEMBERS",
				    "CREATED", "ID", "DESCRIPTION", NULL };
	struct table		*t = table_new(heads);
	const json_t		*topic;
	size_t			 i;

	json_array_foreach(json_object_get(j, "topics"), i, topic) {
		table_add(t, cli_json_str(topic, "name"));
		table_add(t, cli_json_str(topic, "mesh"));
		table_addf(t, "%lld", cli_json_int(topic, "memberCount"));
		table_add_time(t, cli_json_str(topic, "createdAt"));
		table_add(t, cli_json_str(topic, "id"));
		table_add_cut(t, cli_json_str(topic, "description"),
		    DESCRIPTION_WIDTH);
	}
	table_end(&t, stdout, c->color, "no topics");
	list_missing(c, j);
}

int
v_topic_list(struct cli *c)
{
	return service_show(c, "GET", "/v1/topics", print_list);
}

/* What was typed, without the "#" that is for people. */
static const char *
topic_typed(const struct cli *c)
{
	const char	*name = c->opts.operands[0];

	return *name == '#' ? name + 1 : name;
}

static void
print_created(const struct cli *c, json_t *j)
{
	const json_t	*topic = json_object_get(j, "topic");

	text_printf("topic %s%s%s (%s)\n", cli_json_or(topic, "name",
	    topic_typed(c)), json_is_false(json_object_get(j, "created")) ?
	    " was there before" : " was made", service_on(j),
	    cli_json_or(topic, "id", "?"));
}

int
v_topic_create(struct cli *c)
{
	json_t	*body = json_pack("{s:s}", "name", c->opts.operands[0]);
	int	 rc;

	if (body == NULL)
		return cli_usage(c, "TOPIC must be UTF-8");
	if ((rc = service_option(c, body, OPT_DESCRIPTION, "description")) ==
	    CLI_OK && (rc = service_option(c, body, OPT_VISIBILITY,
	    "visibility")) == CLI_OK)
		return service_send(c, "POST", "/v1/topics", body,
		    print_created);
	json_decref(body);
	return rc;
}

static void
print_joined(const struct cli *c, json_t *j)
{
	text_printf("joined %s%s; what is said there from now on comes to "
	    "the inbox\n", topic_typed(c), service_on(j));
}

int
v_topic_join(struct cli *c)
{
	return service_show(c, "POST", "/v1/topics/{}/join", print_joined);
}

static void
print_left(const struct cli *c, json_t *j)
{
	text_printf("left %s%s\n", topic_typed(c), service_on(j));
}

int
v_topic_leave(struct cli *c)
{
	return service_show(c, "POST", "/v1/topics/{}/leave", print_left);
}

static void
print_read(const struct cli *c, json_t *j)
{
	text_printf("%s%s is marked as read\n", topic_typed(c),
	    service_on(j));
}

int
v_topic_read(struct cli *c)
{
	return service_show(c, "POST", "/v1/topics/{}/read", print_read);
}

static void
print_members(const struct cli *c, json_t *j)
{
	static const char *const heads[] = { "NAME", "ROLE", "JOINED",
				    "LAST READ", "KEY", NULL };
	struct table		*t = table_new(heads);
	const json_t		*m;
	size_t			 i;

	json_array_foreach(json_object_get(j, "members"), i, m) {
		table_add(t, cli_json_str(m, "displayName"));
		table_add(t, cli_json_str(m, "role"));
		table_add_time(t, cli_json_str(m, "joinedAt"));
		table_add_time(t, cli_json_str(m, "lastReadAt"));
		table_add(t, cli_json_str(m, "pubkey"));
	}
	table_end(&t, stdout, c->color, "no members");
}

int
v_topic_members(struct cli *c)
{
	return service_show(c, "GET", "/v1/topics/{}/members",
	    print_members);
}

/* As in the inbox.  Nothing proves who said it. */
static void
print_said(const struct cli *c, const json_t *m)
{
	const json_t	*body = json_object_get(m, "body");
	const char	*answers = cli_json_or(m, "replyToId", NULL);
	const char	*off = cli_color(c, COLOR_OFF);
	const char	*dim = cli_color(c, COLOR_DIM);
	char		*when = text_time(cli_json_str(m, "createdAt"));

	printf("%s%s", when, cli_color(c, COLOR_BOLD));
	text_printf(" %s", cli_json_or(m, "senderName", "?"));
	printf("%s%s", off, dim);
	text_printf(" <%s>", cli_json_or(m, "senderPubkey", "?"));
	printf("%s %s[unverified]%s\n%s", off, cli_color(c, COLOR_YELLOW), off,
	    dim);
	text_printf("  id %s%s%s", cli_json_or(m, "id", "?"),
	    answers != NULL ? "  answers " : "",
	    answers != NULL ? answers : "");
	printf("%s\n", off);
	if (json_is_string(body))
		show_body(stdout, body);
	else
		fputs("  (it is not text)\n", stdout);
	free(when);
}

static void
print_history(const struct cli *c, json_t *j)
{
	const json_t	*m;
	size_t		 i;

	json_array_foreach(json_object_get(j, "messages"), i, m)
		print_said(c, m);
	if (i == 0)
		fputs("no messages\n", stdout);
}

int
v_topic_history(struct cli *c)
{
	struct buf	 path = { 0 };
	long		 limit;
	int		 rc;

	if ((rc = cli_number(c, OPT_LIMIT, "limit", 1, HISTORY_MAX,
	    &limit)) != CLI_OK ||
	    (rc = service_path(c, "/v1/topics/{}/history", &path)) != CLI_OK)
		return rc;
	buf_add_query(&path, "limit", cli_opt(c, OPT_LIMIT));
	buf_add_query(&path, "beforeId", cli_opt(c, OPT_BEFORE));
	return service_call(c, "GET", &path, NULL, print_history);
}
