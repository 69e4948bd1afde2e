/* version, help, and the broker by itself. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "supervisor/cli/spawn.h"
#include "supervisor/cli/verbs.h"

int
v_version(struct cli *c)
{
	json_t	*j;

	if (c->json) {
		j = json_pack("{s:s}", "version", PACKAGE_VERSION);
		cli_print_json(c, j);
		json_decref(j);
	} else
		printf("meshsup %s\n", PACKAGE_VERSION);
	return CLI_OK;
}

int
v_help(struct cli *c)
{
	const struct verb	*v;
	const char		*first, *second;
	size_t			 n = c->opts.noperands;
	int			 words;

	if (n == 0) {
		verbs_print();
		return CLI_OK;
	}
	first = c->opts.operands[0];
	second = n > 1 ? c->opts.operands[1] : NULL;
	v = verb_find(first, second, &words);
	if (v != NULL && (size_t)words == n)
		verb_print(v);
	else if (v == NULL && words == 1 && n == 1)
		verbs_print_group(first);
	else
		return cli_usage(c, "no verb %s%s%s", first,
		    n > 1 ? " " : "", n > 1 ? second : "");
	return CLI_OK;
}

/* Everything behind the verb is the broker's. */
int
v_broker(struct cli *c)
{
	char	**argv, *program = spawn_find("broker");
	size_t	  n = 0, i;

	while (c->raw[n] != NULL)
		n++;
	argv = xcalloc(n + 2, sizeof *argv);
	argv[0] = program;
	for (i = 0; i < n; i++)
		argv[i + 1] = c->raw[i];
	execv(program, argv);
	cli_warn(c, "cannot run %s: %s", program, strerror(errno));
	free(argv);
	free(program);
	return CLI_FAIL;
}
