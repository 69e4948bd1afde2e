/* Answers of the supervisor. */

#include "supervisor/gate/answer.h"

#include <stdio.h>
#include <string.h>

#include "supervisor/gate/gate.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"

/* "code: what a person can do" */
static void
answer_refused(struct request *r, const struct msg_answer *a)
{
	char		 code[64];
	const char	*colon = strstr(a->error, ": ");

	if (colon == NULL || (size_t)(colon - a->error) >= sizeof code) {
		reply_error(r, (int)a->status, "refused", "%s", a->error);
		return;
	}
	snprintf(code, sizeof code, "%.*s", (int)(colon - a->error), a->error);
	reply_error(r, (int)a->status, code, "%s", colon + 2);
}

void
answer_cb(struct request *r, void *arg, enum call_end how, const void *body)
{
	const struct msg_answer	*a = body;

	(void)arg;
	if (how == CALL_TIMEOUT)
		reply_error(r, 504, "timeout", "The supervisor did not answer "
		    "in time: try again; `meshsup status` says more.");
	else if (how != CALL_ANSWERED)
		reply_unanswered(r, 0, "supervisor");
	else if (a->status != 0)
		answer_refused(r, a);
	else
		reply_text(r, 200, a->json.p, a->json.len);
}

void
answer_ask(struct request *r, enum msg_type type, const void *body, int64_t ms)
{
	if (call_supervisor_for(r, type, body, MSG_SUP_ANSWER, answer_cb,
	    ms != 0 ? ms : GATE_ANSWER_MS) == -1)
		reply_unanswered(r, 0, "supervisor");
}
