/* Questions to the API about the one mesh that is meant. */

#include "supervisor/cli/service.h"

#include <stdio.h>
#include <string.h>

#include "supervisor/cli/api.h"

int
service_path(const struct cli *c, const char *pattern, struct buf *path)
{
	const char	*hole = strstr(pattern, "{}");

	if (hole == NULL)
		buf_adds(path, pattern);
	else {
		if (*c->opts.operands[0] == '\0')
			return cli_usage(c, "the first operand is empty");
		buf_add(path, pattern, (size_t)(hole - pattern));
		buf_add_escaped(path, c->opts.operands[0]);
		buf_adds(path, hole + 2);
	}
	buf_add_query(path, "mesh", cli_opt(c, OPT_MESH));
	return CLI_OK;
}

int
service_call(const struct cli *c, const char *method, struct buf *path,
    json_t *body, void (*print)(const struct cli *, json_t *))
{
	int	 rc = api_show(c, method, path->p, body, print);

	buf_free(path);
	json_decref(body);
	return rc;
}

int
service_show(const struct cli *c, const char *method, const char *pattern,
    void (*print)(const struct cli *, json_t *))
{
	struct buf	 path = { 0 };
	int		 rc;

	if ((rc = service_path(c, pattern, &path)) != CLI_OK)
		return rc;
	return service_call(c, method, &path, NULL, print);
}

int
service_send(const struct cli *c, const char *method, const char *pattern,
    json_t *body, void (*print)(const struct cli *, json_t *))
{
	struct buf	 path = { 0 };
	int		 rc;

	if (body == NULL)
		return cli_usage(c, "the operands must be UTF-8");
	if ((rc = service_path(c, pattern, &path)) == CLI_OK)
		return service_call(c, method, &path, body, print);
	json_decref(body);
	return rc;
}

int
service_option(const struct cli *c, json_t *body, enum opt id,
    const char *name)
{
	const char	*value = cli_opt(c, id);

	if (value != NULL &&
	    json_object_set_new(body, name, json_string(value)) == -1)
		return cli_usage(c, "the value of --%s is not UTF-8", name);
	return CLI_OK;
}

int
service_repeated(const struct cli *c, json_t *body, const char *name)
{
	json_t	*list;
	size_t	 i;

	if (c->opts.nrepeated == 0)
		return CLI_OK;
	list = json_array();
	json_object_set_new(body, name, list);
	for (i = 0; i < c->opts.nrepeated; i++)
		if (json_array_append_new(list,
		    json_string(c->opts.repeated[i])) == -1)
			return cli_usage(c, "%s must be UTF-8", name);
	return CLI_OK;
}

const char *
service_on(const json_t *answer)
{
	static char	 on[128];
	const char	*mesh = cli_json_or(answer, "mesh", NULL);

	*on = '\0';
	if (mesh != NULL)
		snprintf(on, sizeof on, " on %s", mesh);
	return on;
}
