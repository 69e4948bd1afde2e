/*
 * Why the daemon did not do it, as a sentence that ends in what to do next.
 * The daemon's own "detail" comes first; what it cannot know, the words of
 * this command, comes from here.
 */

#include <stdio.h>
#include <string.h>

#include "supervisor/cli/api.h"
#include "supervisor/cli/buf.h"

/* By code, or by status when no code matches. */
static const struct {
	const char	*code;		/* NULL: any */
	int		 status;	/* 0: any */
	const char	*next;
} hints[] = {
	{ "mesh_required", 0, "Name one with --mesh." },
	{ "mesh_not_attached", 0,
	    "meshsup status lists the meshes that there are." },
	{ "ambiguous_target", 0, "Use the whole key." },
	{ "own_key", 0, "A session cannot send to itself." },
	{ "idempotency_key_reused", 0,
	    "This id belongs to another send; leave --id out for a new one." },
	{ "pid_not_yours", 0, "Name a process of yours with --pid." },
	{ "not_your_mesh", 0, "Leave --mesh out, or use another session." },
	{ NULL, 401, "The session has ended or was registered anew: "
	    "meshsup session register --name NAME" },
	{ NULL, 413, "Send it in parts." },
	{ NULL, 429, "Try again in a moment." },
	{ NULL, 503, "Try again in a moment; meshsup status says more." },
	{ NULL, 504, "Try again; meshsup status says more." },
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

/* "name: a, b." from an array of strings, or of objects with slug or pubkey. */
static void
add_list(struct buf *b, const json_t *j, const char *name)
{
	const json_t	*list = json_object_get(j, name), *v;
	const char	*s;
	size_t		 i, n = 0;

	json_array_foreach(list, i, v) {
		if ((s = json_string_value(v)) == NULL &&
		    (s = cli_json_str(v, "slug")) == NULL &&
		    (s = cli_json_str(v, "pubkey")) == NULL)
			continue;
		if (n++ == 0)
			buf_addf(b, " %s: %s", name, s);
		else
			buf_addf(b, ", %s", s);
	}
	if (n > 0)
		buf_adds(b, ".");
}

static void
add_sentence(struct buf *b, const char *s)
{
	size_t	 len = strlen(s);

	buf_addf(b, " %s%s", s,
	    len > 0 && strchr(".!?", s[len - 1]) != NULL ? "" : ".");
}

/* "refused: code: Detail. Next step." */
static int
refused_answer(const struct cli *c, const struct api_answer *a)
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
	add_list(&b, a->json, "attached");
	add_list(&b, a->json, "candidates");
	if ((next = hint_find(code, a->status)) != NULL &&
	    (detail == NULL || strstr(detail, next) == NULL))
		add_sentence(&b, next);
	if (a->retry_after > 0)
		buf_addf(&b, " (The daemon asks for %d s.)", a->retry_after);
	cli_warn(c, "%s", b.p);
	buf_free(&b);
	return CLI_FAIL;
}

int
api_refused(const struct cli *c, const struct api_answer *a)
{
	switch (a->result) {
	case CLIENT_OK:
		if (c->json)
			cli_print_json(c, a->json);
		return refused_answer(c, a);
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
		break;
	}
	return cli_fail(c, "%s", a->err);
}
