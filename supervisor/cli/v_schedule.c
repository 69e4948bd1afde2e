/* schedule add, list and cancel: messages that the broker sends later. */

#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "supervisor/cli/api.h"
#include "supervisor/cli/input.h"
#include "supervisor/cli/list.h"
#include "supervisor/cli/service.h"
#include "supervisor/cli/table.h"
#include "supervisor/cli/text.h"
#include "supervisor/cli/verbs.h"

#define MESSAGE_WIDTH	40
#define AHEAD_MAX	(366L * 86400)	/* seconds of "+7d" */

/* --at a time, or "+30m" from now; or --cron. */
static int
when_add(struct cli *c, json_t *body)
{
	const char	*at = cli_opt(c, OPT_AT);
	int64_t		 ms;
	long		 s;

	if ((at == NULL) == (cli_opt(c, OPT_CRON) == NULL))
		return cli_usage(c, "when?  --at TIME, or, for again and "
		    "again, --cron 'MINUTE HOUR DAY MONTH WEEKDAY'");
	if (at == NULL)
		return CLI_OK;
	if (*at == '+' && opts_span(at + 1, AHEAD_MAX, &s) == 0)
		ms = clock_wall_ms() + (int64_t)s * 1000;
	else if (clock_parse_iso(at, &ms) == -1)
		return cli_usage(c, "--at must be a time as "
		    "2026-11-23T22:05:09Z, or one from now on as +30m");
	json_object_set_new(body, "deliver_at", json_integer(ms));
	return CLI_OK;
}

static void
print_added(const struct cli *c, json_t *j)
{
	const char	*to = cli_json_or(j, "to", "?");
	const char	*cron = cli_json_or(j, "cron", NULL);
	char		*when = text_time(cli_json_str(j, "deliverAt"));

	(void)c;
	text_printf("scheduled %s to %s for %s%s%s%s\n", cli_json_or(j,
	    "scheduledId", "?"), to, when, cron != NULL ? ", again by " : "",
	    cron != NULL ? cron : "", service_on(j));
	free(when);
}

int
v_schedule_add(struct cli *c)
{
	struct buf	 text = { 0 };
	json_t		*body = NULL;
	int		 rc;

	if ((rc = input_text(c, c->opts.operands[1], "the message", &text)) ==
	    CLI_OK) {
		body = json_pack("{s:s, s:s%, s:s*}", "to",
		    c->opts.operands[0], "message", text.p, text.len, "cron",
		    cli_opt(c, OPT_CRON));
		rc = body == NULL ? cli_usage(c, "the arguments must be "
		    "UTF-8") : when_add(c, body);
	}
	buf_free(&text);
	if (rc == CLI_OK)
		return service_send(c, "POST", "/v1/schedule", body,
		    print_added);
	json_decref(body);
	return rc;
}

static void
print_list(const struct cli *c, json_t *j)
{
	static const char *const heads[] = { "DUE", "CRON", "TO", "MESH",
				    "ID", "MESSAGE", NULL };
	struct table		*t = table_new(heads);
	const json_t		*m;
	size_t			 i;

	json_array_foreach(json_object_get(j, "scheduled"), i, m) {
		table_add_time(t, cli_json_str(m, "deliverAt"));
		table_add(t, cli_json_or(m, "cron", NULL));
		table_add_key(t, cli_json_str(m, "to"));
		table_add(t, cli_json_str(m, "mesh"));
		table_add(t, cli_json_str(m, "id"));
		table_add_cut(t, cli_json_str(m, "message"), MESSAGE_WIDTH);
	}
	table_end(&t, stdout, c->color, "nothing is scheduled");
	list_missing(c, j);
}

int
v_schedule_list(struct cli *c)
{
	return service_show(c, "GET", "/v1/schedule", print_list);
}

static void
print_cancelled(const struct cli *c, json_t *j)
{
	text_printf("cancelled %s%s\n", c->opts.operands[0], service_on(j));
}

int
v_schedule_cancel(struct cli *c)
{
	return service_show(c, "DELETE", "/v1/schedule/{}", print_cancelled);
}
