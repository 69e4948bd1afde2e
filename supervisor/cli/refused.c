/*
 * Why the daemon did not do it, as a sentence that ends in what to do next.
 * The daemon's own "detail" comes first; what it cannot know, the words of
 * this command, comes from here.
 */

#include <stdio.h>
#include <string.h>

#include "supervisor/cli/api.h"
#include "supervisor/cli/buf.h"
#include "supervisor/cli/list.h"
#include "supervisor/cli/table.h"

/* By code, or by status when no code matches. */
static const struct {
	const char	*code;		/* NULL: any */
	int		 status;	/* 0: any */
	const char	*next;
} hints[] = {
	{ "mesh_required", 0, "Name one with --mesh." },
	{ "inflight", 0, "Try again in a moment." },
	{ "row_ended", 0, "meshsup send sends it again." },
	{ "sender_ended", 0, "meshsup session register --name NAME does." },
	{ "row_not_found", 0, "meshsup outbox list shows those there are, "
	    "with --as those of a session." },
	{ "idempotency_key_reused", 0,
	    "This id belongs to another send; leave --id out for a new one." },
	{ "pid_not_yours", 0, "Name a process of yours with --pid." },
	{ "missing_capability", 0, "What it may do was said when it was "
	    "registered: another session, without --caps, may do all." },
	{ "too_many_topics", 0, "meshsup topic leave TOPIC does." },
	{ "too_many_groups", 0, "meshsup session register --group does." },
	{ "not_your_mesh", 0, "Leave --mesh out, or use another session." },
	{ NULL, 401, "The session has ended or was registered anew: "
	    "meshsup session register --name NAME" },
	{ NULL, 413, "What is longer goes in parts." },
	{ NULL, 429, "Try again in a moment." },
	{ NULL, 503, "meshsup status says more." },
	{ NULL, 507, "Make room on the disk of the state directory." },
};

static const char *
hint_find(const char *code, int status)
{
	size_t	 i;

	for (i = 0; i < sizeof hints / sizeof *hints; i++) {
		if (hints[i].code != NULL && strcmp(hints[i].code, code) != 0)
			continue;
		if (hints[i].status != 0 && hints[i].status != status)
			continue;
		return hints[i].next;
	}
	return NULL;
}

/* Words that come with it: what could have been named, what was done. */
static void
add_words(struct buf *b, const char *what, const json_t *list)
{
	if (json_array_size(list) == 0)
		return;
	buf_addf(b, " %s: ", what);
	list_join(b, list, ", ");
	buf_adds(b, ".");
}

/* Those that a name or the beginning of a key could mean. */
static void
print_candidates(const json_t *list)
{
	static const char *const heads[] = { "NAME", "STATUS", "HOST",
				    "DIRECTORY", "KEY", NULL };
	struct table		*t;
	const json_t		*p;
	size_t			 i;

	if (json_array_size(list) == 0)
		return;
	t = table_new(heads);
	json_array_foreach(list, i, p) {
		table_add(t, cli_json_str(p, "displayName"));
		table_add(t, cli_json_str(p, "status"));
		table_add(t, cli_json_str(p, "hostname"));
		table_add(t, cli_json_str(p, "cwd"));
		table_add(t, cli_json_str(p, "pubkey"));
	}
	table_end(&t, stderr, 0, "");
}

static void
add_sentence(struct buf *b, const char *s)
{
	size_t	 len = strlen(s);

	buf_addf(b, " %s%s", s,
	    len > 0 && strchr(".!?:", s[len - 1]) != NULL ? "" : ".");
}

/* "refused: code: Detail. Next step." */
static int
explain_answer(const struct cli *c, const struct api_answer *a)
{
	const char	*code = cli_json_str(a->json, "error");
	const char	*detail = cli_json_str(a->json, "detail");
	const char	*conflict = cli_json_str(a->json, "conflict");
	const char	*next;
	struct buf	 b = { 0 };

	if (code == NULL)
		code = a->status == 404 ? "not_found" : "error";
	buf_addf(&b, "refused: %s", code);
	if (conflict != NULL)
		buf_addf(&b, " (%s)", conflict);
	buf_addf(&b, " (HTTP %d).", a->status);
	if (detail != NULL)
		add_sentence(&b, detail);
	add_words(&b, "attached", json_object_get(a->json, "attached"));
	add_words(&b, "Set before that",
	    json_object_get(a->json, "applied"));
	if ((next = hint_find(code, a->status)) != NULL &&
	    (detail == NULL || strstr(detail, next) == NULL))
		add_sentence(&b, next);
	if (a->retry_after > 0)
		buf_addf(&b, " (The daemon asks for %d s.)", a->retry_after);
	cli_warn(c, "%s", b.p);
	buf_free(&b);
	print_candidates(json_object_get(a->json, "candidates"));
	return CLI_FAIL;
}

int
api_refused(const struct cli *c, const struct api_answer *a)
{
	if (a->result == CLIENT_OK && c->json)
		cli_print_json(c, a->json);
	return api_explain(c, a);
}

int
api_explain(const struct cli *c, const struct api_answer *a)
{
	switch (a->result) {
	case CLIENT_OK:
		return explain_answer(c, a);
	case CLIENT_DOWN:
		cli_warn(c, "meshsup is not running (%s); start it with: "
		    "meshsup start", a->err);
		return CLI_DOWN;
	case CLIENT_DENIED:
		return cli_fail(c, "%s; it is another user's meshsup", a->err);
	case CLIENT_LOST:
	case CLIENT_LATE:
		return cli_fail(c, "%s; meshsup status says more", a->err);
	case CLIENT_BAD:
	case CLIENT_STOPPED:
	case CLIENT_GOING:
		break;
	}
	return cli_fail(c, "%s", a->err);
}
