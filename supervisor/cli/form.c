/* What session register and launch say of a session to the daemon. */

#include "supervisor/cli/form.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/cli/table.h"

/* As the gate knows them; doc/api.md says which request needs which. */
static const struct {
	const char	*name;
	const char	*allows;
} caps[] = {
	{ "dm", "messages to one peer" },
	{ "broadcast", "messages to *, @groups and #topics" },
	{ "state-read", "reading the mesh's state and memory" },
	{ "state-write", "writing its state and memory" },
	{ "grant", "granting capabilities to peers" },
	{ "kick", "disconnecting peers" },
	{ "ban", "banning members" },
	{ "profile-write", "its own status, summary, profile and groups" },
	{ "service-deploy", "sharing and removing skills" },
};

/* Append the parts of "a,b,c". */
static void
split_commas(json_t *a, const char *list)
{
	size_t	 n;

	while (*list != '\0') {
		n = strcspn(list, ",");
		if (n > 0)
			json_array_append_new(a, json_stringn(list, n));
		list += n + (list[n] == ',');
	}
}

/* Every --group and --groups; nothing when there is none of them. */
static void
form_groups(const struct cli *c, json_t *body)
{
	const char	*list = cli_opt(c, OPT_GROUPS);
	json_t		*a;
	size_t		 i;

	if (c->opts.nrepeated == 0 && list == NULL)
		return;
	a = json_array();
	for (i = 0; i < c->opts.nrepeated; i++)
		json_array_append_new(a, json_string(c->opts.repeated[i]));
	if (list != NULL)
		split_commas(a, list);
	json_object_set_new(body, "groups", a);
}

json_t *
form_make(const struct cli *c, const struct token *t, const char *name,
    pid_t owner, int *rc_r)
{
	const char	*list = cli_opt(c, OPT_CAPS);
	char		*cwd;
	json_t		*body, *a;

	body = json_pack("{s:s, s:s, s:s*, s:s, s:I, s:s*, s:{s:b}}",
	    "token", t->hex, "session_id", t->session_id,
	    "mesh", cli_opt(c, OPT_MESH), "display_name", name, "pid",
	    (json_int_t)owner, "role", cli_opt(c, OPT_ROLE),
	    "presence", "mint", 1);
	*rc_r = CLI_OK;
	if (body == NULL) {
		*rc_r = cli_usage(c, "names must be UTF-8");
		return NULL;
	}
	if ((cwd = getcwd(NULL, 0)) != NULL) {
		json_object_set_new(body, "cwd", json_string(cwd));
		free(cwd);
	}
	form_groups(c, body);
	if (list != NULL) {
		a = json_array();
		split_commas(a, list);
		json_object_set_new(body, "caps", a);
	}
	return body;
}

int
form_session_id(const struct cli *c, struct token *t)
{
	const char	*id = cli_opt(c, OPT_SESSION_ID);

	if (!token_id_is_valid(id))
		return cli_usage(c, "--session-id must be printable, "
		    "without blanks, at most %d characters", TOKEN_ID_MAX);
	strcpy(t->session_id, id);
	return CLI_OK;
}

size_t
form_caps_count(void)
{
	return sizeof caps / sizeof *caps;
}

int
form_caps_asked(const struct cli *c)
{
	static const char *const heads[] = { "CAPABILITY", "ALLOWS", NULL };
	const char	*list = cli_opt(c, OPT_CAPS);
	struct table	*t;
	size_t		 i;

	if (list == NULL || strcmp(list, "?") != 0)
		return 0;
	t = table_new(heads);
	for (i = 0; i < sizeof caps / sizeof *caps; i++) {
		table_add(t, caps[i].name);
		table_add(t, caps[i].allows);
	}
	table_end(&t, stdout, c->color, "");
	return 1;
}
