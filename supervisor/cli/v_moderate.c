/* peers kick, disconnect, ban, unban and bans: for admins of a mesh. */

#include <stdio.h>

#include "supervisor/cli/api.h"
#include "supervisor/cli/list.h"
#include "supervisor/cli/service.h"
#include "supervisor/cli/table.h"
#include "supervisor/cli/text.h"
#include "supervisor/cli/verbs.h"

#define STALE_MAX	(366L * 86400)		/* seconds */

/* One of TARGET, --stale and --all; nobody by mistake. */
static int
whom_add(struct cli *c, json_t *body)
{
	const char	*target = c->opts.operands[0];
	const char	*stale = cli_opt(c, OPT_STALE);
	int		 all = cli_opt(c, OPT_ALL) != NULL;
	long		 s;

	if ((target != NULL) + (stale != NULL) + all != 1)
		return cli_usage(c, "whom?  TARGET, --stale or --all, one "
		    "of them");
	if (stale != NULL && *stale != '\0' &&
	    opts_span(stale, STALE_MAX, &s) == -1)
		return cli_usage(c, "--stale is a time such as 90s or 30m");
	if (target != NULL && json_object_set_new(body, "target",
	    json_string(target)) == -1)
		return cli_usage(c, "TARGET must be UTF-8");
	if (stale != NULL)
		json_object_set_new(body, "stale", *stale == '\0' ?
		    json_true() : json_integer((json_int_t)s * 1000));
	if (all)
		json_object_set_new(body, "all", json_true());
	return CLI_OK;
}

static void
print_names(const char *what, const json_t *names)
{
	struct buf	 b = { 0 };

	if (json_array_size(names) == 0)
		return;
	list_join(&b, names, ", ");
	text_printf("%s: %s\n", what, b.p);
	buf_free(&b);
}

/* Whoever was named and is not there is a failure. */
static int
print_ended(const struct cli *c, const json_t *j, const char *what)
{
	const json_t	*affected = json_object_get(j, "affected");
	const json_t	*skipped = json_object_get(j, "skipped_control_plane");
	int		 nobody = json_array_size(affected) == 0;

	if (c->json)
		cli_print_json(c, j);
	else {
		print_names(what, affected);
		print_names("left alone, being members' own connections",
		    skipped);
	}
	if (nobody && c->opts.noperands > 0 && json_array_size(skipped) == 0)
		return cli_fail(c, "nobody there is called %s, and no "
		    "member's key begins so: meshsup peers shows who is "
		    "there", c->opts.operands[0]);
	if (nobody && !c->json && c->opts.noperands == 0)
		fputs("there was nobody to end\n", stdout);
	return CLI_OK;
}

static int
end_some(struct cli *c, const char *pattern, const char *what)
{
	struct buf	 path = { 0 };
	json_t		*body = json_object(), *j;
	int		 rc;

	if ((rc = whom_add(c, body)) == CLI_OK &&
	    (rc = service_path(c, pattern, &path)) == CLI_OK &&
	    (j = api_ask(c, "POST", path.p, body, &rc)) != NULL) {
		rc = print_ended(c, j, what);
		json_decref(j);
	}
	buf_free(&path);
	json_decref(body);
	return rc;
}

int
v_peers_kick(struct cli *c)
{
	return end_some(c, "/v1/peers/kick", "kicked");
}

int
v_peers_disconnect(struct cli *c)
{
	return end_some(c, "/v1/peers/disconnect", "disconnected");
}

/* ---- bans ---- */

static void
print_banned(const struct cli *c, json_t *j)
{
	text_printf("banned %s%s\n", cli_json_or(j, "banned",
	    c->opts.operands[0]), service_on(j));
}

int
v_peers_ban(struct cli *c)
{
	return service_send(c, "POST", "/v1/peers/ban", json_pack("{s:s}",
	    "target", c->opts.operands[0]), print_banned);
}

static void
print_unbanned(const struct cli *c, json_t *j)
{
	text_printf("%s may connect again%s\n", cli_json_or(j, "unbanned",
	    c->opts.operands[0]), service_on(j));
}

int
v_peers_unban(struct cli *c)
{
	return service_send(c, "POST", "/v1/peers/unban", json_pack("{s:s}",
	    "target", c->opts.operands[0]), print_unbanned);
}

static void
print_bans(const struct cli *c, json_t *j)
{
	static const char *const heads[] = { "NAME", "MESH", "BANNED", "KEY",
				    NULL };
	struct table		*t = table_new(heads);
	const json_t		*b;
	size_t			 i;

	json_array_foreach(json_object_get(j, "bans"), i, b) {
		table_add(t, cli_json_str(b, "name"));
		table_add(t, cli_json_str(b, "mesh"));
		table_add_time(t, cli_json_str(b, "revokedAt"));
		table_add(t, cli_json_str(b, "pubkey"));
	}
	table_end(&t, stdout, c->color, "nobody is banned");
	list_missing(c, j);
}

int
v_peers_bans(struct cli *c)
{
	return service_show(c, "GET", "/v1/peers/bans", print_bans);
}
