/* What a broker or an invite host answers, which may be anything. */

#include <stdio.h>
#include <string.h>

#include "common/encode.h"
#include "worker/join_impl.h"

#define DEPTH_MAX	16
#define SENTENCE_MAX	120		/* bytes of one that is passed on */

/* The names of the protocol, and what to do about them. */
static const struct {
	const char	*name;
	int		 status;
	const char	*what;
} errors[] = {
	{ "invite_bad_signature", 400, "The broker says that the invite is "
	    "not signed by the mesh's owner: ask for another." },
	{ "mesh_not_found", 404,
	    "The broker does not have this mesh any more." },
	{ "mesh_missing_owner_key", 409, "The broker cannot check invites to "
	    "this mesh: tell its owner." },
	{ "invite_owner_mismatch", 400, "The mesh belongs to somebody else "
	    "now: ask for another invite." },
	{ "invite_not_found", 404, "The broker does not know this invite: ask "
	    "for another." },
	{ "invite_mesh_mismatch", 400, "The invite is for another mesh: ask "
	    "for another." },
	{ "invite_revoked", 410,
	    "The invite was revoked: ask for another." },
	{ "invite_expired", 410, "The invite is over: ask for another." },
	{ "invite_exhausted", 410, "The invite was used as often as it may "
	    "be: ask for another." },
	{ "member_insert_failed", 502, "The broker could not store the new "
	    "member: try again." },
};

/* Brackets within strings count too: what is meant is never that deep. */
static int
depth_ok(const char *p, size_t len)
{
	size_t	i;
	int	depth = 0;

	for (i = 0; i < len; i++) {
		if (p[i] == '{' || p[i] == '[')
			depth++;
		else if (p[i] == '}' || p[i] == ']')
			depth--;
		if (depth > DEPTH_MAX)
			return 0;
	}
	return 1;
}

/* An object, or NULL, and refused. */
static json_t *
answer_object(struct join *j, int status, const char *text, size_t len)
{
	json_t	*o = NULL;

	if (status >= 300 && status < 400) {
		join_refuse(j, 502, "redirected: %s sends to another place, "
		    "which is not followed: ask for another invite.",
		    j->host);
		return NULL;
	}
	if (depth_ok(text, len))
		o = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(o))
		return o;
	json_decref(o);
	join_refuse(j, 502, "bad_answer: %s answered with status %d, and not "
	    "as a broker does: is the invite right?", j->host, status);
	return NULL;
}

/* A string without control characters, and not longer than max. */
static const char *
line_of(const json_t *o, const char *key, size_t max)
{
	const json_t	*v = json_object_get(o, key);
	const char	*s = json_string_value(v);
	size_t		 len = json_string_length(v);

	if (s == NULL || len == 0 || len > max || strlen(s) != len ||
	    !utf8_valid(s, len, 1) || strpbrk(s, "\t\r\n") != NULL)
		return NULL;
	return s;
}

void
join_code_answer(struct join *j, int status, const char *text, size_t len)
{
	json_t		*o = answer_object(j, status, text, len);
	const char	*token;

	if (o == NULL)
		return;
	token = line_of(o, "token", INVITE_LINK_MAX);
	if (status == 200 && json_is_true(json_object_get(o, "found")) &&
	    token != NULL)
		join_token(j, token, strlen(token));
	else if (status == 404 || json_is_false(json_object_get(o, "found")))
		join_refuse(j, 404, "invite_not_found: %s does not know this "
		    "link: ask for another.", j->host);
	else
		join_refuse(j, 502, "bad_answer: %s answered with status %d "
		    "and no invite: try again, or ask for another.", j->host,
		    status);
	json_decref(o);
}

static void
post_refused(struct join *j, const json_t *o, int status)
{
	const char	*error = line_of(o, "error", SENTENCE_MAX);
	size_t		 i;

	for (i = 0; error != NULL && i < sizeof errors / sizeof *errors; i++)
		if (strcmp(errors[i].name, error) == 0) {
			join_refuse(j, errors[i].status, "%s: %s", error,
			    errors[i].what);
			return;
		}
	if (error != NULL && status < 500)
		join_refuse(j, 403, "join_refused: The broker says: %s",
		    error);
	else
		join_refuse(j, 502, "bad_answer: %s answered with status %d "
		    "and no reason: try again.", j->host, status);
}

void
join_post_answer(struct join *j, int status, const char *text, size_t len)
{
	json_t		*o = answer_object(j, status, text, len);
	const char	*id;

	if (o == NULL)
		return;
	id = line_of(o, "memberId", MSG_ID_SIZE - 1);
	if (status != 200 || !json_is_true(json_object_get(o, "ok")))
		post_refused(j, o, status);
	else if (id == NULL || strchr(id, '|') != NULL)
		join_refuse(j, 502, "bad_answer: %s took us in without an id "
		    "that can be used: tell the mesh's owner.", j->host);
	else
		join_done(j, id, json_is_true(json_object_get(o,
		    "alreadyMember")));
	json_decref(o);
}
