/* memory add, memory search and memory delete: what a mesh remembers. */

#include <stdio.h>
#include <stdlib.h>

#include "supervisor/cli/api.h"
#include "supervisor/cli/input.h"
#include "supervisor/cli/list.h"
#include "supervisor/cli/service.h"
#include "supervisor/cli/show.h"
#include "supervisor/cli/text.h"
#include "supervisor/cli/verbs.h"

static void
print_added(const struct cli *c, json_t *j)
{
	(void)c;
	text_printf("remembered %s%s\n", cli_json_or(j, "id", "?"),
	    service_on(j));
}

int
v_memory_add(struct cli *c)
{
	struct buf	 text = { 0 };
	json_t		*body;
	int		 rc;

	if ((rc = input_text(c, c->opts.operands[0], "the text", &text)) !=
	    CLI_OK) {
		buf_free(&text);
		return rc;
	}
	body = json_pack("{s:s%}", "content", text.p, text.len);
	buf_free(&text);
	if ((rc = service_repeated(c, body, "tags")) == CLI_OK)
		return service_send(c, "POST", "/v1/memory", body,
		    print_added);
	json_decref(body);
	return rc;
}

/* When, by whom, and its id and tags; below it the text. */
static void
print_memory(const struct cli *c, const json_t *m)
{
	const json_t	*tags = json_object_get(m, "tags");
	char		*when = text_time(cli_json_str(m, "rememberedAt"));
	struct buf	 b = { 0 };

	fputs(when, stdout);
	fputs(cli_color(c, COLOR_BOLD), stdout);
	text_printf(" %s", cli_json_or(m, "rememberedBy", "?"));
	printf("%s%s", cli_color(c, COLOR_OFF), cli_color(c, COLOR_DIM));
	if (json_array_size(tags) > 0)
		buf_adds(&b, "  tags ");
	list_join(&b, tags, ", ");
	text_printf("%s\n", service_on(m));
	text_printf("  id %s%s", cli_json_or(m, "id", "?"),
	    b.p != NULL ? b.p : "");
	printf("%s\n", cli_color(c, COLOR_OFF));
	show_body(stdout, json_object_get(m, "content"));
	buf_free(&b);
	free(when);
}

static void
print_matches(const struct cli *c, json_t *j)
{
	const json_t	*m;
	size_t		 i;

	json_array_foreach(json_object_get(j, "matches"), i, m)
		print_memory(c, m);
	if (i == 0)
		printf("nothing is remembered%s\n",
		    c->opts.noperands > 0 ? " about that" : "");
	list_missing(c, j);
}

/* The words of the query; none at all is a question for the newest. */
int
v_memory_search(struct cli *c)
{
	struct buf	 path = { 0 }, words = { 0 };
	size_t		 i;

	for (i = 0; i < c->opts.noperands; i++)
		buf_addf(&words, "%s%s", i > 0 ? " " : "",
		    c->opts.operands[i]);
	buf_adds(&path, "/v1/memory");
	buf_add_query(&path, "q", words.p);
	buf_add_query(&path, "mesh", cli_opt(c, OPT_MESH));
	buf_free(&words);
	return service_call(c, "GET", &path, NULL, print_matches);
}

static void
print_deleted(const struct cli *c, json_t *j)
{
	text_printf("forgotten %s%s\n", c->opts.operands[0], service_on(j));
}

int
v_memory_delete(struct cli *c)
{
	return service_show(c, "DELETE", "/v1/memory/{}", print_deleted);
}
