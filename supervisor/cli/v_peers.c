/* peers: who is on the mesh. */

#include <stdio.h>
#include <stdlib.h>

#include "supervisor/cli/api.h"
#include "supervisor/cli/buf.h"
#include "supervisor/cli/table.h"
#include "supervisor/cli/text.h"
#include "supervisor/cli/verbs.h"

#define SUMMARY_WIDTH	40

/* "@a:role @b"; groups come as objects. */
static void
add_groups(struct table *t, const json_t *list)
{
	struct buf	 b = { 0 };
	const json_t	*g;
	const char	*name, *role;
	size_t		 i;

	json_array_foreach(list, i, g) {
		if ((name = cli_json_str(g, "name")) == NULL)
			continue;
		role = cli_json_str(g, "role");
		buf_addf(&b, "%s@%s%s%s", b.len > 0 ? " " : "", name,
		    role != NULL ? ":" : "", role != NULL ? role : "");
	}
	table_add(t, b.p);
	buf_free(&b);
}

static void
print_peers(const struct cli *c, json_t *j)
{
	static const char *const heads[] = { "NAME", "MESH", "STATUS", "ROLE",
				    "GROUPS", "SUMMARY", "KEY", NULL };
	struct table		*t = table_new(heads);
	const json_t		*p;
	char			*summary;
	size_t			 i;

	json_array_foreach(json_object_get(j, "peers"), i, p) {
		table_add(t, cli_json_str(p, "displayName"));
		table_add(t, cli_json_str(p, "mesh"));
		table_add(t, cli_json_str(p, "status"));
		table_add(t, cli_json_str(p, "peerRole"));
		add_groups(t, json_object_get(p, "groups"));
		summary = text_clean(cli_json_str(p, "summary"), TEXT_LINE);
		text_cut(summary, SUMMARY_WIDTH);
		table_add(t, *summary != '\0' ? summary : NULL);
		table_add(t, cli_json_str(p, "pubkey"));
		free(summary);
	}
	table_end(&t, stdout, c->color, "no peers");
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
