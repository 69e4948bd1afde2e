/* mesh list, mesh info and mesh leave. */

#include <stdio.h>

#include "supervisor/cli/api.h"
#include "supervisor/cli/buf.h"
#include "supervisor/cli/service.h"
#include "supervisor/cli/show.h"
#include "supervisor/cli/table.h"
#include "supervisor/cli/text.h"
#include "supervisor/cli/verbs.h"

static void
print_list(const struct cli *c, json_t *j)
{
	static const char *const heads[] = { "MESH", "NAME", "STATE",
				    "BROKER", "KEY", NULL };
	struct table		*t = table_new(heads);
	const json_t		*m;
	const char		*reason;
	size_t			 i;

	json_array_foreach(json_object_get(j, "meshes"), i, m) {
		reason = cli_json_str(m, "reason");
		table_add(t, cli_json_str(m, "slug"));
		table_add(t, cli_json_str(m, "name"));
		if (reason != NULL)
			table_addf(t, "%s (%s)", cli_json_str(m, "state"),
			    reason);
		else
			table_add(t, cli_json_str(m, "state"));
		table_add(t, cli_json_str(m, "brokerUrl"));
		table_add(t, cli_json_str(m, "pubkey"));
	}
	table_end(&t, stdout, c->color, "no meshes");
}

int
v_mesh_list(struct cli *c)
{
	return api_show(c, "GET", "/v1/meshes", NULL, print_list);
}

static void
print_info(const struct cli *c, json_t *j)
{
	(void)c;
	show_object(stdout, json_object_get(j, "info"), NULL);
}

int
v_mesh_info(struct cli *c)
{
	const char	*mesh = c->opts.operands[0];
	struct buf	 path = { 0 };

	if (mesh != NULL && cli_opt(c, OPT_MESH) != NULL)
		return cli_usage(c, "either MESH or --mesh");
	buf_adds(&path, "/v1/mesh_info");
	buf_add_query(&path, "mesh", mesh != NULL ? mesh :
	    cli_opt(c, OPT_MESH));
	return service_call(c, "GET", &path, NULL, print_info);
}

/* The rest is for a person: scripts read the first line. */
static void
print_left(const struct cli *c, const json_t *j)
{
	text_printf("left %s\n", cli_json_or(j, "slug", "it"));
	cli_warn(c, "the key of its member is gone for good, and its "
	    "sessions have ended; to come back takes an invite (meshsup mesh "
	    "join LINK), to begin anew a new mesh (meshsup mesh create "
	    "NAME)");
}

/* Meshes are a user's, not a session's, so no token is sent. */
int
v_mesh_leave(struct cli *c)
{
	struct api_answer	a;
	struct buf		path = { 0 };
	int			rc;

	if ((rc = cli_row_path(c, &path, "/v1/meshes/")) != CLI_OK) {
		buf_free(&path);
		return rc;
	}
	api_call(c, "DELETE", path.p, NULL, NULL, API_TIMEOUT_MS, &a);
	buf_free(&path);
	if (!api_is_ok(&a))
		rc = api_refused(c, &a);
	else if (c->json)
		cli_print_json(c, a.json);
	else
		print_left(c, a.json);
	api_answer_clear(&a);
	return rc;
}
