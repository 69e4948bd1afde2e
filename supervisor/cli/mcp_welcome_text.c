/* What the welcome says. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "supervisor/cli/cli.h"
#include "supervisor/cli/mcp_event.h"
#include "supervisor/cli/mcp_welcome.h"
#include "supervisor/cli/text.h"

#define NAMES_MAX	5
#define PREVIEWS_MAX	3
#define PREVIEW_WIDTH	100

static void
meta_count(json_t *meta, const char *key, size_t n)
{
	json_object_set_new(meta, key, json_sprintf("%zu", n));
}

static void
add_self(const json_t *me, const char *mesh, struct buf *b, json_t *meta)
{
	json_t	*name = mcp_meta_line(me, "displayName");
	json_t	*slug = mcp_meta_line(me, "mesh");

	if (slug == NULL && mesh != NULL)
		slug = json_string(mesh);
	if (me == NULL)
		buf_adds(b, "You speak on the mesh for your user, without a "
		    "session of your own");
	else
		buf_addf(b, "You are \"%s\"", name != NULL ?
		    json_string_value(name) : "?");
	if (slug != NULL)
		buf_addf(b, "%s mesh \"%s\"", me == NULL ? ":" : " on the",
		    json_string_value(slug));
	buf_adds(b, ".");
	if (strcmp(cli_json_or(me, "state", "open"), "open") != 0) {
		buf_adds(b, " Your connection to the broker is ");
		mcp_add_line(me, "state", "", b);
		buf_adds(b, " just now.");
	}
	if (name != NULL)
		json_object_set_new(meta, "self_name", name);
	if (slug != NULL)
		json_object_set_new(meta, "mesh_slug", slug);
	if ((name = mcp_meta_line(json_object_get(me, "presence"),
	    "sessionPubkey")) != NULL)
		json_object_set_new(meta, "self_pubkey", name);
}

static void
add_peers(const json_t *peers, struct buf *b, json_t *meta)
{
	json_t		*names;
	const json_t	*p;
	size_t		 i, n = json_array_size(peers);

	if (peers == NULL) {
		buf_adds(b, "\nWho is on line cannot be said just now.");
		return;
	}
	buf_addf(b, "\n%zu peer%s on line", n, n == 1 ? " is" : "s are");
	names = json_array();
	json_array_foreach(peers, i, p) {
		if (i == NAMES_MAX)
			break;
		buf_adds(b, i == 0 ? ": " : ", ");
		mcp_add_line(p, "displayName", "?", b);
		json_array_append_new(names, json_string(
		    cli_json_or(p, "displayName", "?")));
	}
	buf_adds(b, n > NAMES_MAX ? ", ..." : ".");
	meta_count(meta, "peer_count", n);
	json_object_set_new(meta, "peer_names", mcp_meta_json(names));
	json_decref(names);
}

/* "\n- bob: the beginning of it" */
static void
add_preview(const json_t *item, struct buf *b)
{
	char	*line = text_clean(cli_json_or(item, "body", ""), TEXT_LINE);

	text_cut(line, PREVIEW_WIDTH);
	buf_adds(b, "\n- ");
	mcp_add_marks(item, b);
	mcp_add_line(item, "sender_name", "?", b);
	buf_addf(b, ": %s", line);
	freezero_str(line);
}

static void
add_unread(const json_t *unread, int more, struct buf *b, json_t *meta)
{
	json_t		*ids;
	const json_t	*item;
	const char	*id;
	size_t		 i, n = json_array_size(unread);

	if (unread == NULL) {
		buf_adds(b, "\nWhat is unread cannot be said just now.");
		return;
	}
	if (n == 0)
		buf_adds(b, "\nNothing is unread.");
	else
		buf_addf(b, "\n%zu message%s%s unread%s", n, n == 1 ? "" :
		    "s", more ? " or more are" : n == 1 ? " is" : " are",
		    n > PREVIEWS_MAX ? "; the newest:" : ":");
	ids = json_array();
	json_array_foreach(unread, i, item) {
		if (i == PREVIEWS_MAX)
			break;
		add_preview(item, b);
		id = mcp_message_id(item);
		json_array_append_new(ids, json_string(id != NULL ? id : ""));
	}
	meta_count(meta, "unread_count", n);
	json_object_set_new(meta, "unread_ids", mcp_meta_json(ids));
	json_decref(ids);
}

json_t *
mcp_welcome_text(const json_t *me, const char *mesh, const json_t *peers,
    const json_t *unread, int more, struct buf *b)
{
	json_t	*meta = json_pack("{s:s}", "kind", "welcome");

	add_self(me, mesh, b, meta);
	add_peers(peers, b, meta);
	add_unread(unread, more, b, meta);
	if (json_array_size(unread) > 0)
		buf_adds(b, "\nRead them with check_messages. ");
	else
		buf_adds(b, "\n");
	buf_adds(b, "Say what you work on with set_summary, look who is there "
	    "with list_peers, and write with send_message.");
	return meta;
}
