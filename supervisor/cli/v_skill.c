/* skill list, show, share and remove: what members of a mesh teach others. */

#include <stdio.h>

#include "supervisor/cli/api.h"
#include "supervisor/cli/input.h"
#include "supervisor/cli/list.h"
#include "supervisor/cli/service.h"
#include "supervisor/cli/show.h"
#include "supervisor/cli/table.h"
#include "supervisor/cli/text.h"
#include "supervisor/cli/verbs.h"

#define DESCRIPTION_WIDTH	60
#define PATH			"/v1/skills/{}"

static void
print_list(const struct cli *c, json_t *j)
{
	static const char *const heads[] = { "NAME", "MESH", "AUTHOR",
				    "CREATED", "TAGS", "DESCRIPTION", NULL };
	struct table		*t = table_new(heads);
	const json_t		*s;
	size_t			 i;

	json_array_foreach(json_object_get(j, "skills"), i, s) {
		table_add(t, cli_json_str(s, "name"));
		table_add(t, cli_json_str(s, "mesh"));
		table_add(t, cli_json_str(s, "author"));
		table_add_time(t, cli_json_str(s, "createdAt"));
		list_cell(t, json_object_get(s, "tags"), ", ");
		table_add_cut(t, cli_json_str(s, "description"),
		    DESCRIPTION_WIDTH);
	}
	table_end(&t, stdout, c->color, "no skills");
	list_missing(c, j);
}

int
v_skill_list(struct cli *c)
{
	struct buf	 path = { 0 };

	buf_adds(&path, "/v1/skills");
	buf_add_query(&path, "query", c->opts.operands[0]);
	buf_add_query(&path, "mesh", cli_opt(c, OPT_MESH));
	return service_call(c, "GET", &path, NULL, print_list);
}

static void
print_skill(const struct cli *c, json_t *j)
{
	(void)c;
	show_object(stdout, json_object_get(j, "skill"), "instructions");
}

int
v_skill_show(struct cli *c)
{
	return service_show(c, "GET", PATH, print_skill);
}

/* --manifest, a file of JSON. */
static int
manifest_add(struct cli *c, json_t *body)
{
	const char	*path = cli_opt(c, OPT_MANIFEST);
	struct buf	 text = { 0 };
	json_t		*manifest;
	int		 rc;

	if (path == NULL)
		return CLI_OK;
	if ((rc = input_file(c, path, "the manifest", &text)) == CLI_OK) {
		manifest = json_loadb(text.p, text.len,
		    JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
		if (json_object_set_new(body, "manifest", manifest) == -1)
			rc = cli_fail(c, "the manifest %s is not JSON", path);
	}
	buf_free(&text);
	return rc;
}

static void
print_shared(const struct cli *c, json_t *j)
{
	text_printf("shared %s%s\n", c->opts.operands[0], service_on(j));
}

static int
share_body(struct cli *c, json_t *body)
{
	const char	*file = c->opts.operands[1];
	struct buf	 text = { 0 };
	int		 rc;

	json_object_set_new(body, "description", json_string(""));
	rc = input_file(c, file != NULL ? file : "-", "the instructions",
	    &text);
	if (rc == CLI_OK)
		json_object_set_new(body, "instructions",
		    json_stringn(text.p, text.len));
	buf_free(&text);
	if (rc == CLI_OK)
		rc = service_option(c, body, OPT_DESCRIPTION, "description");
	if (rc == CLI_OK)
		rc = service_repeated(c, body, "tags");
	return rc == CLI_OK ? manifest_add(c, body) : rc;
}

int
v_skill_share(struct cli *c)
{
	json_t	*body = json_object();
	int	 rc;

	if ((rc = share_body(c, body)) == CLI_OK)
		return service_send(c, "PUT", PATH, body, print_shared);
	json_decref(body);
	return rc;
}

static void
print_removed(const struct cli *c, json_t *j)
{
	text_printf("removed %s%s\n", c->opts.operands[0], service_on(j));
}

int
v_skill_remove(struct cli *c)
{
	return service_show(c, "DELETE", PATH, print_removed);
}
