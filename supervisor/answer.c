/* Answers to the gate. */

#include "supervisor/answer.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/child.h"

void
answer_json(struct supervisor *s, uint32_t seq, json_t *o)
{
	struct msg_answer	 body;
	json_free_t		 free_text;
	char			*text;

	memset(&body, 0, sizeof body);
	if (o == NULL || (text = json_dumps(o, JSON_COMPACT)) == NULL)
		fatalx("answer: out of memory");
	json_decref(o);
	body.json.p = (const uint8_t *)text;
	body.json.len = strlen(text);
	child_send(s->gate, MSG_SUP_ANSWER, seq, &body, -1);
	sodium_memzero(text, body.json.len);	/* it may hold an invite */
	json_get_alloc_funcs(NULL, &free_text);
	free_text(text);
}

void
answer_error(struct supervisor *s, uint32_t seq, int status, const char *code,
    const char *fmt, ...)
{
	struct msg_answer	body;
	va_list			ap;
	int			n;

	memset(&body, 0, sizeof body);
	body.status = status;
	n = snprintf(body.error, sizeof body.error, "%s: ", code);
	va_start(ap, fmt);
	vsnprintf(body.error + n, sizeof body.error - (size_t)n, fmt, ap);
	va_end(ap);
	child_send(s->gate, MSG_SUP_ANSWER, seq, &body, -1);
}

void
answer_forward(struct supervisor *s, uint32_t seq, int status,
    const char *error)
{
	struct msg_answer	body;

	memset(&body, 0, sizeof body);
	body.status = status;
	snprintf(body.error, sizeof body.error, "%s", error);
	child_send(s->gate, MSG_SUP_ANSWER, seq, &body, -1);
}
