/* Names of peers to keys, and of topics to ids. */

#include "supervisor/gate/resolve.h"

#include <stdio.h>
#include <string.h>

#include "common/encode.h"
#include "common/xalloc.h"
#include "supervisor/gate/call.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/input.h"
#include "supervisor/gate/peers.h"
#include "supervisor/gate/request.h"
#include "supervisor/gate/roster.h"
#include "supervisor/gate/scope.h"

static void	roster_cb(struct request *, void *, enum call_end, const void *);
static void	topic_cb(struct request *, void *, enum call_end, const void *);

static int
resolve_unavailable(struct resolve *re, const struct request *r,
    const char *why)
{
	fault_set(&re->fault, 503, "roster_unavailable", "Who is on the mesh "
	    "is not known now, %s: try again in a moment, or name the whole "
	    "key.", why);
	scope_fault_parked(r->gate, re->owner, &re->fault);
	return -1;
}

/* Does this one have that name, or a key that begins so? */
static int
peer_matches(const json_t *peer, const char *name, const char *prefix)
{
	const char	*its, *key;

	its = json_string_value(json_object_get(peer, "displayName"));
	key = json_string_value(json_object_get(peer, "pubkey"));
	if (key == NULL || !hex_is(key, HEX_KEY_SIZE - 1) ||
	    roster_is_control_plane(peer))
		return 0;
	return (its != NULL && strcmp(its, name) == 0) ||
	    (prefix != NULL && strncmp(key, prefix, strlen(prefix)) == 0);
}

/* In lower case; NULL: it is no beginning of a key. */
static const char *
key_prefix(const char *name, char lower[HEX_KEY_SIZE])
{
	size_t	len = strlen(name);

	if (len < RESOLVE_PREFIX_MIN || len >= HEX_KEY_SIZE ||
	    !hex_is(input_lower(lower, name, HEX_KEY_SIZE), len))
		return NULL;
	return lower;
}

/* A peer with several connections is one. */
static int
is_there(const json_t *list, const json_t *peer)
{
	const json_t	*key = json_object_get(peer, "pubkey"), *other;
	size_t		 i;

	json_array_foreach(list, i, other)
		if (json_equal(json_object_get(other, "pubkey"), key))
			return 1;
	return 0;
}

/* Those that are meant, each with its name: a new array. */
static json_t *
resolve_match(const struct resolve *re, const json_t *peers)
{
	json_t		*found = json_array();
	const json_t	*peer;
	json_t		*copy;
	char		 lower[HEX_KEY_SIZE];
	const char	*prefix = key_prefix(re->name, lower);
	size_t		 i;

	json_array_foreach(peers, i, peer) {
		if (!peer_matches(peer, re->name, prefix) ||
		    is_there(found, peer))
			continue;
		copy = json_copy((json_t *)(uintptr_t)peer);
		json_object_set(copy, "name",
		    json_object_get(peer, "displayName"));
		json_array_append_new(found, copy);
		if (json_array_size(found) == RESOLVE_CANDIDATES_MAX)
			break;
	}
	return found;
}

/* -1: as the fault says. */
static int
resolve_ask(struct resolve *re, struct request *r)
{
	struct peer	*worker = peers_worker(r->gate->peers, re->owner);
	struct msg_ask	 ask;

	memset(&ask, 0, sizeof ask);
	strcpy(ask.what, re->confirming ? "list_peers" : "roster");
	if (worker == NULL || call_worker(r, worker, MSG_GATE_ASK, &ask,
	    MSG_WRK_ANSWER, roster_cb, re) == -1)
		return resolve_unavailable(re, r, "its worker is away");
	return 0;
}

/* Nobody, or several, also now. */
static void
resolve_fails(struct request *r, struct resolve *re, json_t *found)
{
	size_t	n = json_array_size(found);

	if (n == 0)
		fault_set(&re->fault, 404, "peer_not_found", "Nobody of that "
		    "name, or whose key begins so, is on the mesh now: "
		    "`meshsup peers` shows who is; who is away is reached by "
		    "the whole key.");
	else {
		fault_set(&re->fault, 409, "ambiguous_target", "%zu peers "
		    "could be meant: send to the whole key of one of the "
		    "'candidates'.", n);
		re->candidates = json_incref(found);
	}
	re->cb(r, re, NULL);
}

/* What the worker says, or why it says nothing.  NULL: as the fault says. */
static json_t *
resolve_peers(struct resolve *re, const struct request *r, enum call_end how,
    const struct msg_answer *a)
{
	json_t	*peers;
	int	 cut;

	if (how == CALL_TIMEOUT || (how == CALL_ANSWERED && a->status == 504)) {
		fault_set(&re->fault, 504, "timeout", "The %s did not say in "
		    "time who is on the mesh: try again, or name the whole "
		    "key.", how == CALL_TIMEOUT ? "worker" : "broker");
		return NULL;
	}
	if (how != CALL_ANSWERED)
		resolve_unavailable(re, r, "its worker has ended");
	else if (a->status != 0)
		resolve_unavailable(re, r, "the broker is away");
	else if ((peers = roster_peers(&a->json, &cut)) != NULL && !cut)
		return peers;
	else if (peers != NULL) {
		/* Who is left out may have the same name. */
		json_decref(peers);
		fault_set(&re->fault, 502, "roster_unavailable", "More peers "
		    "are on the mesh than its broker can list: name the whole "
		    "key.");
	} else
		fault_set(&re->fault, 502, "roster_unavailable", "The broker's "
		    "answer is no list of peers: name the whole key.");
	return NULL;
}

static void
roster_cb(struct request *r, void *arg, enum call_end how, const void *body)
{
	struct resolve	*re = arg;
	json_t		*peers, *found;

	if ((peers = resolve_peers(re, r, how, body)) == NULL) {
		re->cb(r, re, NULL);
		return;
	}
	found = resolve_match(re, peers);
	json_decref(peers);
	if (json_array_size(found) == 1)
		re->cb(r, re, json_string_value(json_object_get(
		    json_array_get(found, 0), "pubkey")));
	else if (re->confirming)
		resolve_fails(r, re, found);
	else {
		re->confirming = 1;
		if (resolve_ask(re, r) == -1)
			re->cb(r, re, NULL);
	}
	json_decref(found);
}

/* ---- topics ---- */

static int
topic_unavailable(struct resolve *re, const struct request *r,
    const char *why)
{
	fault_set(&re->fault, 503, "roster_unavailable", "Which topics there "
	    "are is not known now, %s: try again in a moment, or join the topic "
	    "and name its id.", why);
	scope_fault_parked(r->gate, re->owner, &re->fault);
	return -1;
}

/* What its worker asks its broker, when it does not know it.  -1: fault. */
static int
topic_ask(struct resolve *re, struct request *r)
{
	struct peer	*worker = peers_worker(r->gate->peers, re->owner);
	struct msg_ask	 ask;
	json_t		*args;
	char		*text;
	int		 ret = -1;

	memset(&ask, 0, sizeof ask);
	strcpy(ask.what, "topic");
	args = json_pack("{s:s}", "topic", re->name + 1);
	text = args != NULL ? json_dumps(args, JSON_COMPACT) : NULL;
	json_decref(args);
	if (text != NULL && worker != NULL) {
		ask.args.p = (const uint8_t *)text;
		ask.args.len = strlen(text);
		ret = call_worker(r, worker, MSG_GATE_ASK, &ask,
		    MSG_WRK_ANSWER, topic_cb, re);
	}
	wipe_free(text);
	return ret == -1 ? topic_unavailable(re, r,
	    "its worker is away") : 0;
}

/* Its id, from a worker, and so to be checked.  0 or -1. */
static int
topic_target(const struct msg_answer *a, char target[TARGET_SIZE])
{
	const char	*id, *s;
	json_t		*j = NULL;
	int		 ret = -1;

	if (input_depth_ok((const char *)a->json.p, a->json.len))
		j = json_loadb((const char *)a->json.p, a->json.len, 0, NULL);
	id = json_string_value(json_object_get(json_object_get(j, "topic"),
	    "id"));
	if (id != NULL && *id != '\0' && strlen(id) < BROKER_ID_SIZE) {
		for (s = id; *s > ' ' && *s <= '~' && *s != '"' &&
		    *s != '\\'; s++)
			;
		if (*s == '\0') {
			snprintf(target, TARGET_SIZE, "#%s", id);
			ret = 0;
		}
	}
	json_decref(j);
	return ret;
}

static void
topic_refused(struct resolve *re, const struct request *r,
    const struct msg_answer *a)
{
	struct fault	*f = &re->fault;

	switch (a->status) {
	case 400:
	case 404:
		fault_set(f, 404, "topic_not_found", "There is no topic of "
		    "that name or id on the mesh: `meshsup topic list` shows "
		    "those there are.");
		break;
	case 409:
		fault_set(f, 409, "ambiguous_target", "Several topics have "
		    "that name: send to '#' and the id of one.");
		break;
	case 503:
		topic_unavailable(re, r, "the broker is away");
		break;
	case 504:
		fault_set(f, 504, "timeout", "The broker did not say in time "
		    "which topics there are: try again.");
		break;
	default:
		fault_set(f, 502, "roster_unavailable", "The broker did not "
		    "say which topics there are (%s).", a->error);
		break;
	}
}

static void
topic_cb(struct request *r, void *arg, enum call_end how, const void *body)
{
	const struct msg_answer	*a = body;
	struct resolve		*re = arg;
	char			 target[TARGET_SIZE];

	if (how == CALL_TIMEOUT)
		fault_set(&re->fault, 504, "timeout", "The worker did not say "
		    "in time which topics there are: try again.");
	else if (how != CALL_ANSWERED)
		topic_unavailable(re, r, "its worker has ended");
	else if (a->status != 0)
		topic_refused(re, r, a);
	else if (topic_target(a, target) == 0) {
		re->cb(r, re, target);
		return;
	} else
		fault_set(&re->fault, 502, "roster_unavailable", "The "
		    "broker's topic has no id that can be sent to.");
	re->cb(r, re, NULL);
}

int
resolve_start(struct resolve *re, struct request *r,
    const uint8_t owner[OWNER_ID_LEN], const char *name, resolve_cb cb)
{
	resolve_clear(re);
	memcpy(re->owner, owner, sizeof re->owner);
	strcpy(re->name, name);		/* not longer than a target */
	re->cb = cb;
	return *name == '#' ? topic_ask(re, r) : resolve_ask(re, r);
}

void
resolve_clear(struct resolve *re)
{
	json_decref(re->candidates);
	memset(re, 0, sizeof *re);
}

json_t *
resolve_more(const struct resolve *re)
{
	if (re->candidates == NULL)
		return NULL;
	return json_pack("{s:O}", "candidates", re->candidates);
}
