/*
 * What others see of a session, or of the member: profile set, profile status,
 * group join and group leave.
 */

#include <stdio.h>
#include <string.h>

#include "supervisor/cli/api.h"
#include "supervisor/cli/list.h"
#include "supervisor/cli/service.h"
#include "supervisor/cli/text.h"
#include "supervisor/cli/verbs.h"

static void
print_applied(const struct cli *c, json_t *j)
{
	struct buf	 b = { 0 };

	(void)c;
	buf_adds(&b, "set ");
	list_join(&b, json_object_get(j, "applied"), ", ");
	buf_adds(&b, " on ");
	list_join(&b, json_object_get(j, "meshes"), ", ");
	text_printf("%s\n", b.p);
	buf_free(&b);
}

static int
visible_add(struct cli *c, json_t *body)
{
	const char	*v = cli_opt(c, OPT_VISIBLE);

	if (v == NULL)
		return CLI_OK;
	if (strcmp(v, "yes") == 0 || strcmp(v, "true") == 0)
		json_object_set_new(body, "visible", json_true());
	else if (strcmp(v, "no") == 0 || strcmp(v, "false") == 0)
		json_object_set_new(body, "visible", json_false());
	else
		return cli_usage(c, "--visible is yes or no");
	return CLI_OK;
}

static int
stats_add(struct cli *c, json_t *body)
{
	const char	*text = cli_opt(c, OPT_STATS);
	json_t		*stats;

	if (text == NULL)
		return CLI_OK;
	stats = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(stats)) {
		json_decref(stats);
		return cli_usage(c, "--stats must be a JSON object");
	}
	json_object_set_new(body, "stats", stats);
	return CLI_OK;
}

/* One empty one: there are none. */
static int
capabilities_add(struct cli *c, json_t *body)
{
	if (c->opts.nrepeated != 1 || *c->opts.repeated[0] != '\0')
		return service_repeated(c, body, "capabilities");
	json_object_set_new(body, "capabilities", json_array());
	return CLI_OK;
}

static int
profile_body(struct cli *c, json_t *body)
{
	static const struct {
		enum opt	 id;
		const char	*name;
	}	 texts[] = {
		{ OPT_SUMMARY, "summary" }, { OPT_STATUS, "status" },
		{ OPT_AVATAR, "avatar" }, { OPT_TITLE, "title" },
		{ OPT_BIO, "bio" },
	};
	size_t	 i;
	int	 rc = CLI_OK;

	for (i = 0; i < sizeof texts / sizeof *texts && rc == CLI_OK; i++)
		rc = service_option(c, body, texts[i].id, texts[i].name);
	if (rc != CLI_OK || (rc = visible_add(c, body)) != CLI_OK ||
	    (rc = stats_add(c, body)) != CLI_OK ||
	    (rc = capabilities_add(c, body)) != CLI_OK)
		return rc;
	return json_object_size(body) > 0 ? CLI_OK : cli_usage(c, "say what "
	    "to set, as --summary TEXT");
}

int
v_profile_set(struct cli *c)
{
	json_t	*body = json_object();
	int	 rc;

	if ((rc = profile_body(c, body)) == CLI_OK)
		return service_send(c, "POST", "/v1/profile", body,
		    print_applied);
	json_decref(body);
	return rc;
}

int
v_profile_status(struct cli *c)
{
	return service_send(c, "POST", "/v1/profile", json_pack("{s:s}",
	    "status", c->opts.operands[0]), print_applied);
}

/* ---- groups ---- */

static void
print_joined(const struct cli *c, json_t *j)
{
	(void)c;
	text_printf("in @%s%s\n", cli_json_or(j, "group", "?"),
	    service_on(j));
}

int
v_group_join(struct cli *c)
{
	json_t	*body = json_object();
	int	 rc;

	if ((rc = service_option(c, body, OPT_ROLE, "role")) == CLI_OK)
		return service_send(c, "POST", "/v1/groups/{}/join", body,
		    print_joined);
	json_decref(body);
	return rc;
}

static void
print_left(const struct cli *c, json_t *j)
{
	(void)c;
	text_printf("left @%s%s\n", cli_json_or(j, "group", "?"),
	    service_on(j));
}

int
v_group_leave(struct cli *c)
{
	return service_show(c, "POST", "/v1/groups/{}/leave", print_left);
}
