/*
 * What a peer says of itself.
 *
 * A request that changes nothing costs nothing: it is not written, and nobody
 * is told.
 */

#include "contrib/broker/attributes.h"

#include <stdlib.h>
#include <string.h>

#include "common/encode.h"
#include "common/xalloc.h"
#include "contrib/broker/announce.h"
#include "contrib/broker/broker.h"
#include "contrib/broker/conn.h"
#include "contrib/broker/frame.h"
#include "contrib/broker/lodging.h"
#include "contrib/broker/reply.h"

void
attributes_changed(struct peer *peer)
{
	mesh_changed(peer->mesh);
	(void)lodging_put(peer->conn->broker->lodging, peer);
}

/* Takes the new text.  1: it is another one. */
static int
replace(char **text, char *new)
{
	int	 same = *text == NULL || new == NULL ? *text == new :
		    strcmp(*text, new) == 0;

	free(*text);
	*text = new;
	return !same;
}

void
attributes_set_status(struct conn *c, const json_t *json)
{
	struct peer		*peer = c->peer;
	const char		*name = frame_str(json, "status", 16);
	enum peer_status	 status;

	if (name == NULL || status_parse(name, &status) == -1) {
		reply_invalid(c, json, "invalid_args",
		    "status is idle, working or dnd");
		return;
	}
	if (status == peer->status)
		return;
	peer->status = status;
	if (!c->broker->options->ack_only)
		deliver_quiet(c->broker->deliver, &peer->reader,
		    status == STATUS_DND);
	feed_room(c->broker->feed, peer);
	attributes_changed(peer);
}

void
attributes_set_summary(struct conn *c, const json_t *json)
{
	const json_t	*summary = json_object_get(json, "summary");

	if (!json_is_string(summary) && !json_is_null(summary)) {
		reply_invalid(c, json, "invalid_args",
		    "summary is a text, or null for none");
		return;
	}
	if (replace(&c->peer->summary, frame_str_cut(json, "summary",
	    PEER_SUMMARY_MAX)))
		attributes_changed(c->peer);
}

/* JSON of a value, for keeping; NULL when it has more than max bytes. */
static char *
json_text(const json_t *json, size_t max)
{
	char	*text = json_dumps(json, JSON_COMPACT), *copy = NULL;

	if (text != NULL && strlen(text) <= max)
		copy = xstrdup(text);
	wipe_free(text);	/* from the allocator that jansson was given */
	return copy;
}

void
attributes_set_stats(struct conn *c, const json_t *json)
{
	const json_t	*stats = json_object_get(json, "stats");
	char		*text = NULL;

	if (json_is_object(stats))
		text = json_text(stats, ATTRIBUTES_STATS_MAX);
	if (text == NULL && !json_is_null(stats)) {
		reply_invalid(c, json, "invalid_args",
		    "stats is an object of at most 4096 bytes, or null");
		return;
	}
	if (replace(&c->peer->stats, text))
		attributes_changed(c->peer);
}

void
attributes_set_visible(struct conn *c, const json_t *json)
{
	struct peer	*peer = c->peer;
	const json_t	*visible = json_object_get(json, "visible");

	if (!json_is_boolean(visible)) {
		reply_invalid(c, json, "invalid_args",
		    "visible is true or false");
		return;
	}
	if (json_is_true(visible) != peer->visible) {
		peer->visible = json_is_true(visible);
		attributes_changed(peer);
		announce_event(peer, peer->visible ? "peer_visible" :
		    "peer_hidden");
	}
	reply_after_commit(c);
	reply_ack(c, json);
}

/* ---- the profile ---- */

/* One of its texts: absent leaves it as it is, null or "" takes it away. */
static int
profile_text(json_t *profile, const json_t *json, const char *name, size_t max)
{
	const json_t	*value = json_object_get(json, name);
	char		*text;

	if (value == NULL)
		return 0;
	if (!json_is_string(value) && !json_is_null(value))
		return -1;
	if ((text = frame_str_cut(json, name, max)) == NULL)
		json_object_del(profile, name);
	else
		json_object_set_new(profile, name, json_string(text));
	free(text);
	return 0;
}

static int
profile_capabilities(json_t *profile, const json_t *json)
{
	const json_t	*list = json_object_get(json, "capabilities"), *item;
	size_t		 i;

	if (list == NULL)
		return 0;
	if (json_is_null(list)) {
		json_object_del(profile, "capabilities");
		return 0;
	}
	if (!json_is_array(list) ||
	    json_array_size(list) > ATTRIBUTES_CAPABILITIES_MAX)
		return -1;
	json_array_foreach(list, i, item)
		if (!json_is_string(item) || json_string_length(item) >
		    ATTRIBUTES_CAPABILITY_MAX)
			return -1;
	json_object_set_new(profile, "capabilities", json_deep_copy(list));
	return 0;
}

/* The profile with what the request changes; NULL: it makes no sense. */
static json_t *
profile_merge(const char *old, const json_t *json)
{
	json_t	*profile;

	profile = old != NULL ? json_loads(old, 0, NULL) : json_object();
	if (profile != NULL &&
	    profile_text(profile, json, "avatar", ATTRIBUTES_AVATAR_MAX) == 0 &&
	    profile_text(profile, json, "title", ATTRIBUTES_TITLE_MAX) == 0 &&
	    profile_text(profile, json, "bio", ATTRIBUTES_BIO_MAX) == 0 &&
	    profile_capabilities(profile, json) == 0)
		return profile;
	json_decref(profile);
	return NULL;
}

void
attributes_set_profile(struct conn *c, const json_t *json)
{
	struct peer	*peer = c->peer;
	json_t		*profile = profile_merge(peer->profile, json);

	if (profile == NULL) {
		reply_invalid(c, json, "invalid_args", "avatar, title and bio "
		    "are texts, capabilities a list of at most 32 texts of "
		    "at most 64 bytes");
		return;
	}
	if (replace(&peer->profile, json_object_size(profile) > 0 ?
	    json_text(profile, FRAME_MAX) : NULL)) {
		attributes_changed(peer);
		announce_event(peer, "profile_updated");
	}
	json_decref(profile);
	reply_after_commit(c);
	reply_ack(c, json);
}
