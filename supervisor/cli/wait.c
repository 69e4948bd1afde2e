/*
 * send --wait.  The daemon holds each question back until there is something
 * to say; it is asked again in between, so that a restart of the daemon is no
 * end of the wait.
 */

#include "supervisor/cli/wait.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "supervisor/cli/api.h"
#include "supervisor/cli/buf.h"
#include "supervisor/cli/text.h"

#define DEFAULT_S	30
#define MAX_S		86400
#define ASK_MAX_S	20	/* of one question */
#define AGAIN_MS	250

int
wait_options(const struct cli *c, struct wait *w)
{
	const char	*until = cli_opt(c, OPT_WAIT);

	w->wanted = until != NULL;
	w->delivered = until != NULL && strcmp(until, "delivered") == 0;
	w->seconds = DEFAULT_S;
	if (until != NULL && *until != '\0' && !w->delivered &&
	    strcmp(until, "sent") != 0)
		return cli_usage(c, "--wait is --wait=sent or "
		    "--wait=delivered");
	if (until == NULL && cli_opt(c, OPT_TIMEOUT) != NULL)
		return cli_usage(c, "--timeout is for --wait");
	return cli_number(c, OPT_TIMEOUT, "timeout", 0, MAX_S, &w->seconds);
}

static int
status_is(const json_t *answer, const char *status)
{
	const char	*its = cli_json_str(answer, "status");

	return its != NULL && strcmp(its, status) == 0;
}

enum wait_end
wait_judge(const struct wait *w, const json_t *answer)
{
	if (status_is(answer, "dead") || status_is(answer, "aborted"))
		return WAIT_MISSED;
	if (!status_is(answer, "done"))
		return WAIT_OPEN;
	return !w->delivered ||
	    json_is_true(json_object_get(answer, "delivered")) ?
	    WAIT_REACHED : WAIT_OPEN;
}

/* It is with the broker: and with the recipient? */
static void
add_sent(struct buf *b, const struct wait *w, const json_t *answer,
    const char *id)
{
	const json_t	*delivered = json_object_get(answer, "delivered");

	if (json_is_true(delivered))
		buf_addf(b, "delivered %s", id);
	else if (!w->delivered)
		buf_addf(b, "sent %s", id);
	else if (json_is_false(delivered))
		buf_addf(b, "sent %s, not yet delivered", id);
	else
		buf_addf(b, "sent %s; whether it was delivered is not known",
		    id);
}

/* It waits: for what, since how many attempts, and until when? */
static void
add_open(struct buf *b, const json_t *answer, const char *id)
{
	const char	*error = cli_json_str(answer, "last_error");
	const char	*next = cli_json_str(answer, "next_attempt_at");
	long long	 tries = cli_json_int(answer, "attempts");
	char		*when;

	buf_addf(b, "%s %s, not yet sent", status_is(answer, "inflight") ?
	    "inflight" : "pending", id);
	if (tries > 0)
		buf_addf(b, ", %lld attempt%s", tries, tries == 1 ? "" : "s");
	if (error != NULL)
		buf_addf(b, ": %s", error);
	if (next != NULL) {
		when = text_time(next);
		buf_addf(b, "; next attempt at %s", when);
		free(when);
	}
}

void
wait_describe(const struct wait *w, const json_t *answer, const char *id,
    struct buf *b)
{
	const char	*error = cli_json_or(answer, "last_error", "");
	const char	*why = cli_json_or(answer, "reason", error);

	if (status_is(answer, "done"))
		add_sent(b, w, answer, id);
	else if (status_is(answer, "aborted"))
		buf_addf(b, "aborted %s", id);
	else if (status_is(answer, "dead"))
		buf_addf(b, "dead %s%s%s", id, *why != '\0' ? ": " : "",
		    why);
	else
		add_open(b, answer, id);
}

/* One question, of at most left ms. */
static void
wait_ask(const struct cli *c, const struct wait *w, const char *token,
    const char *id, int64_t left, struct api_answer *a)
{
	long		 seconds = (long)(left / 1000);
	struct buf	 path = { 0 };

	if (seconds > ASK_MAX_S)
		seconds = ASK_MAX_S;
	buf_adds(&path, "/v1/send/");
	buf_add_escaped(&path, id);
	buf_addf(&path, "?timeout=%ld", seconds);
	buf_add_query(&path, "wait", w->delivered ? "delivered" : "sent");
	buf_add_query(&path, "mesh", cli_opt(c, OPT_MESH));
	api_call(c, "GET", path.p, token, NULL,
	    (int)seconds * 1000 + API_TIMEOUT_MS, a);
	buf_free(&path);
}

/*
 * What to exit with, after the last question.  The message was accepted, so a
 * daemon that is away means no more than that it is not known yet.
 */
static int
wait_result(const struct cli *c, const struct wait *w,
    const struct api_answer *a)
{
	if (!api_is_ok(a)) {
		api_explain(c, a);
		return api_is_passing(a) ? CLI_NOT_YET : CLI_FAIL;
	}
	switch (wait_judge(w, a->json)) {
	case WAIT_REACHED:
		return CLI_OK;
	case WAIT_MISSED:
		return CLI_FAIL;
	case WAIT_OPEN:
		break;
	}
	return CLI_NOT_YET;
}

int
wait_for(const struct cli *c, const struct wait *w, const char *token,
    const char *id, json_t **answer_r)
{
	struct api_answer	 a;
	int64_t			 end = clock_mono_ms() + w->seconds * 1000;
	int64_t			 left = w->seconds * 1000;
	int			 again, rc;

	*answer_r = NULL;
	for (;;) {
		wait_ask(c, w, token, id, left, &a);
		if (api_is_ok(&a)) {
			json_decref(*answer_r);
			*answer_r = json_incref(a.json);
			again = wait_judge(w, a.json) == WAIT_OPEN;
		} else
			again = api_is_passing(&a);
		left = end - clock_mono_ms();
		if (!again || left <= 0)
			break;
		api_answer_clear(&a);
		poll(NULL, 0, left < AGAIN_MS ? (int)left : AGAIN_MS);
		if ((left = end - clock_mono_ms()) < 0)
			left = 0;
	}
	rc = wait_result(c, w, &a);
	api_answer_clear(&a);
	return rc;
}
