/* peers: who is on the mesh. */

#include <stdio.h>

#include "supervisor/cli/api.h"
#include "supervisor/cli/buf.h"
#include "supervisor/cli/list.h"
#include "supervisor/cli/table.h"
#include "supervisor/cli/verbs.h"

#define SUMMARY_WIDTH	40

static void
print_peers(const struct cli *c, json_t *j)
{
	static const char *const heads[] = { "NAME", "MESH", "STATUS", "ROLE",
				    "GROUPS", "SUMMARY", "KEY", NULL };
	struct table		*t = table_new(heads);
	const json_t		*p;
	size_t			 i;

	json_array_foreach(json_object_get(j, "peers"), i, p) {
		table_add(t, cli_json_str(p, "displayName"));
		table_add(t, cli_json_str(p, "mesh"));
		table_add(t, cli_json_str(p, "status"));
		table_add(t, cli_json_str(p, "peerRole"));
		list_cell(t, json_object_get(p, "groups"), " ");
		table_add_cut(t, cli_json_str(p, "summary"), SUMMARY_WIDTH);
		table_add(t, cli_json_str(p, "pubkey"));
	}
	table_end(&t, stdout, c->color, "no peers");
	list_missing(c, j);
}

int
v_peers(struct cli *c)
{
	struct buf	 path = { 0 };
	int		 rc;

	buf_adds(&path, "/v1/peers");
	buf_add_query(&path, "mesh", cli_opt(c, OPT_MESH));
	buf_add_query(&path, "all",
	    cli_opt(c, OPT_ALL) != NULL ? "true" : "false");
	rc = api_show(c, "GET", path.p, NULL, print_peers);
	buf_free(&path);
	return rc;
}
