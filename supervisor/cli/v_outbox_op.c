/* outbox requeue, hold, release and abort: what a person can do to a row. */

#include <stdlib.h>
#include <string.h>

#include "supervisor/cli/api.h"
#include "supervisor/cli/text.h"
#include "supervisor/cli/verbs.h"

static void
print_requeued(const struct cli *c, json_t *j)
{
	(void)c;
	text_printf("requeued %s as %s to %s (message %s)\n",
	    cli_json_or(j, "aborted_row_id", "?"),
	    cli_json_or(j, "new_row_id", "?"), cli_json_or(j, "to", "?"),
	    cli_json_or(j, "new_client_message_id", "?"));
}

int
v_outbox_requeue(struct cli *c)
{
	json_t	*body;
	int	 rc;

	body = json_pack("{s:s, s:s*, s:s*}", "id", c->opts.operands[0],
	    "new_client_message_id", cli_opt(c, OPT_ID),
	    "to", cli_opt(c, OPT_TO));
	if (body == NULL)
		return cli_usage(c, "the arguments must be UTF-8");
	rc = api_show(c, "POST", "/v1/outbox/requeue", body, print_requeued);
	json_decref(body);
	return rc;
}

/* The daemon's reasons, as a person would put them. */
static const struct {
	const char	*code;
	const char	*text;
} reasons[] = {
	{ "not_found", "no such row in your outbox" },
	{ "inflight", "it is being sent just now; try again in a moment" },
	{ "ended", "it has ended" },
};

static void
say_refused(const struct cli *c, const char *id, const json_t *refusal)
{
	const char	*why = cli_json_or(refusal, "reason", "refused");
	const char	*status = cli_json_str(refusal, "status");
	size_t		 i;

	for (i = 0; i < sizeof reasons / sizeof *reasons; i++) {
		if (strcmp(reasons[i].code, why) == 0) {
			why = reasons[i].text;
			break;
		}
	}
	cli_warn(c, "%s: %s%s%s", id, why, status != NULL ? ": " : "",
	    status != NULL ? status : "");
}

/* Why this row was not changed; NULL: it was. */
static const json_t *
refusal_find(const json_t *refused, const char *id)
{
	const json_t	*r;
	const char	*its;
	size_t		 i;

	json_array_foreach(refused, i, r) {
		if ((its = cli_json_str(r, "id")) != NULL &&
		    strcmp(its, id) == 0)
			return r;
	}
	return NULL;
}

/* In the order of the operands. */
static void
print_changes(const struct cli *c, const json_t *refused, const char *done)
{
	const json_t	*r;
	const char	*id;
	size_t		 i;

	for (i = 0; i < c->opts.noperands; i++) {
		id = c->opts.operands[i];
		if ((r = refusal_find(refused, id)) == NULL)
			text_printf("%s %s\n", done, id);
		else
			say_refused(c, id, r);
	}
}

/* All rows in one request, and so in one transaction. */
static int
rows_change(struct cli *c, const char *path, const char *done)
{
	json_t		*body, *ids = json_array(), *j;
	const json_t	*refused;
	size_t		 i;
	int		 rc;

	for (i = 0; i < c->opts.noperands; i++) {
		if (json_array_append_new(ids,
		    json_string(c->opts.operands[i])) == -1) {
			json_decref(ids);
			return cli_usage(c, "an ID must be UTF-8");
		}
	}
	body = json_pack("{s:o}", "ids", ids);
	j = api_ask(c, "POST", path, body, &rc);
	json_decref(body);
	if (j == NULL)
		return rc;
	refused = json_object_get(j, "refused");
	if (c->json)
		cli_print_json(c, j);
	else
		print_changes(c, refused, done);
	if (json_array_size(refused) > 0)
		rc = CLI_FAIL;
	json_decref(j);
	return rc;
}

int
v_outbox_hold(struct cli *c)
{
	return rows_change(c, "/v1/outbox/hold", "held");
}

int
v_outbox_release(struct cli *c)
{
	return rows_change(c, "/v1/outbox/release", "released");
}

int
v_outbox_abort(struct cli *c)
{
	return rows_change(c, "/v1/outbox/abort", "aborted");
}
