/* Why the daemon did not do it, for a model to read and to act on. */

#include <string.h>

#include "supervisor/cli/mcp_event.h"
#include "supervisor/cli/mcp_tools.h"

/* What comes next, where the daemon's own words do not say it. */
static const struct {
	const char	*code;
	const char	*next;
} hints[] = {
	{ "ambiguous_target", "Say which of these is meant by its key:" },
	{ "peer_not_found", "list_peers shows who is there." },
	{ "own_key", "That is yourself." },
	{ "message_too_large", "Send it in parts." },
	{ "idempotency_key_reused", "This client_message_id belongs to "
	    "another message: leave it out." },
	{ "mesh_required", "Your user has to name a mesh for this server: "
	    "meshsup mcp --mesh MESH." },
	{ "row_not_found", "No message of yours has this client_message_id." },
	{ "invalid_session_token", "Your session has ended; your user has to "
	    "register it again, and to start this server anew." },
};

static void
add_hint(const char *code, struct buf *b)
{
	size_t	 i;

	for (i = 0; i < sizeof hints / sizeof *hints; i++) {
		if (strcmp(hints[i].code, code) == 0)
			buf_addf(b, " %s", hints[i].next);
	}
}

static void
add_candidates(const json_t *list, struct buf *b)
{
	const json_t	*p;
	size_t		 i;

	json_array_foreach(list, i, p) {
		buf_adds(b, "\n- ");
		mcp_add_line(p, "displayName",
		    cli_json_or(p, "name", "?"), b);
		buf_adds(b, ", key ");
		mcp_add_line(p, "pubkey", cli_json_or(p, "id", "?"), b);
		if (cli_json_str(p, "cwd") != NULL) {
			buf_adds(b, ", in ");
			mcp_add_line(p, "cwd", "", b);
		}
	}
}

static void
add_refusal(const struct api_answer *a, struct buf *b)
{
	const char	*code = cli_json_or(a->json, "error", "error");

	buf_addf(b, "Refused (%s).", code);
	if (cli_json_str(a->json, "detail") != NULL)
		buf_addf(b, " %s.", cli_json_str(a->json, "detail"));
	if (b->len > 1 && b->p[b->len - 2] == '.')
		b->p[--b->len] = '\0';		/* it had one of its own */
	add_hint(code, b);
	add_candidates(json_object_get(a->json, "candidates"), b);
}

void
tool_add_reason(const struct api_answer *a, struct buf *b)
{
	switch (a->result) {
	case CLIENT_OK:
		add_refusal(a, b);
		break;
	case CLIENT_DOWN:
		buf_addf(b, "meshsup is not running (%s). Your user can start "
		    "it with: meshsup start", a->err);
		break;
	case CLIENT_DENIED:
		buf_addf(b, "%s: it is another user's meshsup.", a->err);
		break;
	default:
		buf_addf(b, "No answer from meshsup (%s). It is not known "
		    "whether it was done; your user can look with: meshsup "
		    "status", a->err);
	}
}
