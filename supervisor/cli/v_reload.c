/* reload: what was taken over, what needs a restart, or what is wrong. */

#include <stdio.h>

#include "supervisor/cli/api.h"
#include "supervisor/cli/text.h"
#include "supervisor/cli/verbs.h"

static void
print_each(const json_t *list, const char *before)
{
	const json_t	*one;
	size_t		 i;

	json_array_foreach(list, i, one)
		if (json_is_string(one))
			text_printf("%s%s\n", before, json_string_value(one));
}

static void
print_done(const json_t *j)
{
	const json_t	*applied = json_object_get(j, "applied");
	const json_t	*restart = json_object_get(j, "needs_restart");

	print_each(applied, "");
	print_each(restart, "needs a restart: ");
	if (json_array_size(applied) + json_array_size(restart) == 0)
		printf("nothing has changed\n");
}

/* Every fault, as "file:line: what is wrong". */
static int
say_faults(const struct cli *c, const struct api_answer *a)
{
	const json_t	*faults = json_object_get(a->json, "faults"), *one;
	size_t		 i;

	if (c->json)
		cli_print_json(c, a->json);
	json_array_foreach(faults, i, one)
		if (json_is_string(one))
			cli_warn(c, "%s", json_string_value(one));
	return cli_fail(c, "nothing was changed");
}

int
v_reload(struct cli *c)
{
	struct api_answer	 a;
	int			 rc = CLI_OK;

	api_call(c, "POST", "/v1/reload", NULL, NULL, API_TIMEOUT_MS, &a);
	if (a.result == CLIENT_OK &&
	    json_array_size(json_object_get(a.json, "faults")) > 0)
		rc = say_faults(c, &a);
	else if (!api_is_ok(&a))
		rc = api_refused(c, &a);
	else if (c->json)
		cli_print_json(c, a.json);
	else
		print_done(a.json);
	api_answer_clear(&a);
	return rc;
}
