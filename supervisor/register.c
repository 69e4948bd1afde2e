/* Registration of sessions. */

#include "supervisor/register.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/capacity.h"
#include "supervisor/child.h"
#include "supervisor/member.h"
#include "supervisor/park.h"
#include "supervisor/session.h"
#include "supervisor/session_name.h"

static void
register_answer(struct supervisor *s, uint32_t seq, enum register_result r,
    const struct session *se, const char *detail)
{
	struct msg_registered	body;

	memset(&body, 0, sizeof body);
	body.result = r;
	if (se != NULL) {
		body.registered_at = se->rec.registered_at;
		memcpy(body.pub, se->rec.pub, KEY_PUBLIC_LEN);
	}
	snprintf(body.detail, sizeof body.detail, "%s", detail);
	child_send(s->gate, MSG_SUP_REGISTERED, seq, &body, -1);
}

void
register_answer_session(struct session *se, enum register_result r,
    const char *detail)
{
	unsigned	i;

	for (i = 0; i < se->answers; i++)
		register_answer(se->sup, se->answer_seq[i], r, se, detail);
	se->answers = 0;
}

/* This one is answered with the others that wait for the session. */
static void
register_wait(struct session *se, uint32_t seq)
{
	if (se->answers < SESSION_ANSWERS)
		se->answer_seq[se->answers++] = seq;
	else
		register_answer(se->sup, seq, REGISTER_FAILED, NULL,
		    "it is being registered many times already");
}

void
session_forget_answers(struct supervisor *s)
{
	struct session	*se;

	TAILQ_FOREACH(se, &s->sessions, entry)
		se->answers = 0;
}

static struct session *
register_by_token(struct supervisor *s, const uint8_t hash[32])
{
	struct session	*se;

	TAILQ_FOREACH(se, &s->sessions, entry)
		if (se->rec.has_token && !se->dead &&
		    sodium_memcmp(se->rec.token_hash, hash, 32) == 0)
			return se;
	return NULL;
}

/* The session that these three mean now, in memory. */
static struct session *
register_current(struct supervisor *s, const struct msg_register *m)
{
	struct session	*se;

	TAILQ_FOREACH(se, &s->sessions, entry)
		if (!se->dead && se->rec.current && se->rec.uid == m->uid &&
		    strcmp(se->rec.mesh, m->mesh) == 0 &&
		    strcmp(se->rec.session_id, m->session_id) == 0)
			return se;
	return NULL;
}

/* Does the request bring the key that the session has, or none? */
static int
register_same_key(const struct reg_session *rec, const struct msg_register *m)
{
	return m->key_mode == KEY_MINT ||
	    memcmp(rec->pub, m->pub, KEY_PUBLIC_LEN) == 0;
}

/*
 * A session that was ever registered keeps to what it was allowed then, and one
 * that a session registers to what that one may: it could widen that by itself
 * otherwise.  -1: it asks for more.
 */
static int
register_narrow(struct msg_register *m, uint32_t had)
{
	uint32_t	most = had & m->caps_most;

	if (!m->caps_given)
		m->caps = most;
	return (m->caps & ~most) == 0 ? 0 : -1;
}

/* What the request says of a session, into its record. */
static void
register_fill(struct reg_session *rec, const struct msg_register *m,
    const struct owner_id *process)
{
	rec->uid = m->uid;
	strcpy(rec->mesh, m->mesh);
	strcpy(rec->session_id, m->session_id);
	strcpy(rec->display_name, m->display_name);
	rec->process = *process;
	strcpy(rec->cwd, m->cwd);
	strcpy(rec->role, m->role);
	memset(rec->groups, 0, sizeof rec->groups);
	if (m->groups.len > 0)
		memcpy(rec->groups, m->groups.p, m->groups.len);
	rec->caps = m->caps;
	rec->has_token = 1;
	memcpy(rec->token_hash, m->token_hash, sizeof rec->token_hash);
	memcpy(rec->token_prefix, m->token_prefix, sizeof rec->token_prefix);
	rec->attest_expires_at = m->attest_expires_at;
	memcpy(rec->attest_sig, m->attest_sig, KEY_SIG_LEN);
	rec->registered_at = clock_wall_ms();
	rec->ended_at = 0;
	rec->current = 1;
}

/* Would its hello to the broker look the same? */
static int
register_same_hello(const struct reg_session *a, const struct reg_session *b)
{
	return strcmp(a->display_name, b->display_name) == 0 &&
	    strcmp(a->cwd, b->cwd) == 0 && strcmp(a->role, b->role) == 0 &&
	    strcmp(a->groups, b->groups) == 0 &&
	    a->process.pid == b->process.pid &&
	    a->attest_expires_at == b->attest_expires_at;
}

/* A session that is there: what it says of itself may be new. */
static void
register_again(struct session *se, struct member *mb,
    const struct msg_register *m, const struct owner_id *process, uint32_t seq)
{
	struct reg_session	before = se->rec;
	int			same;

	if (registry_free_token(se->sup->registry, m->token_hash,
	    se->rec.owner) == -1) {
		register_answer(se->sup, seq, REGISTER_FAILED, NULL,
		    "sessions.db cannot be used; see the log");
		return;
	}
	register_fill(&se->rec, m, process);
	same = register_same_hello(&before, &se->rec) && !se->draining;
	if (se->rec.has_key &&
	    registry_put(se->sup->registry, &se->rec) == -1) {
		se->rec = before;
		register_answer(se->sup, seq, REGISTER_FAILED, NULL,
		    "the session cannot be kept in sessions.db; see the log");
		return;
	}
	session_revive(se);
	if (se->member->gone) {		/* the mesh went, and came back */
		session_move(se, mb);
		same = 0;
	}
	if ((same && child_is_up(se->child)) || !park_session_runs(se)) {
		tell_session(se);
		register_answer(se->sup, seq, REGISTER_OK, se, "");
		return;
	}
	register_wait(se, seq);
	if (!same || child_state(se->child) != CHILD_STARTING)
		session_restart(se);
}

/* A session that is not running: of old, or new. */
static void
register_new(struct supervisor *s, struct member *mb,
    struct reg_session *rec, const struct msg_register *m,
    const struct owner_id *process, uint32_t seq)
{
	struct session	*se;
	uint8_t		*secret = NULL;

	register_fill(rec, m, process);
	if (!rec->has_key && m->key_mode == KEY_BROUGHT) {
		if ((secret = sodium_malloc(KEY_SECRET_LEN)) == NULL) {
			register_answer(s, seq, REGISTER_FAILED, NULL,
			    "no memory for a key");
			return;
		}
		memcpy(secret, m->secret, KEY_SECRET_LEN);
	}
	if (!rec->has_key) {
		rec->key_mode = (enum key_mode)m->key_mode;
		memcpy(rec->pub, m->pub, KEY_PUBLIC_LEN);
	}
	se = session_new(s, mb, rec);
	se->brought = secret;
	if (!park_session_runs(se) && rec->has_key) {
		if (registry_put(s->registry, rec) == -1) {
			session_free(se);
			register_answer(s, seq, REGISTER_FAILED, NULL, "the "
			    "session cannot be kept in sessions.db; see the "
			    "log");
			return;
		}
		se->kept = 1;
		tell_session(se);
		register_answer(s, seq, REGISTER_OK, se, "");
	} else
		register_wait(se, seq);
	session_watch_owner(se);
	log_info("session %s: registered by uid %llu on mesh %s, process %ld",
	    se->wire_id, (unsigned long long)rec->uid, rec->mesh,
	    (long)process->pid);
	session_start(se);
}

/* Another key under the same name: the one that had the name drains. */
static int
register_replace(struct supervisor *s, struct session *se,
    struct reg_session *old)
{
	old->current = 0;
	if (se == NULL) {
		if (old->ended_at == 0)
			old->ended_at = clock_wall_ms();
		old->has_token = 0;
		return registry_put(s->registry, old);
	}
	se->rec.current = 0;
	if (se->rec.has_key && registry_put(s->registry, &se->rec) == -1) {
		se->rec.current = 1;
		return -1;
	}
	session_drain(se, "replaced by a session with another key");
	session_rename(se);
	return 0;
}

/* The process that the session is to belong to.  -1: answered. */
static int
register_look(struct supervisor *s, const struct msg_register *m,
    uint32_t seq, struct owner_id *process_r)
{
	errno = 0;
	if (m->pid <= INT32_MAX && owner_look((pid_t)m->pid, (uid_t)m->uid,
	    process_r) == 0)
		return 0;
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
		log_warn("registration of process %llu",
		    (unsigned long long)m->pid);
		register_answer(s, seq, REGISTER_FAILED, NULL, "too many "
		    "files are open, or there is no memory: try again, or "
		    "raise the limit of meshsup");
	} else
		register_answer(s, seq, REGISTER_PID_NOT_YOURS, NULL, "");
	return -1;
}

/* Is there room for one session more?  -1: answered. */
static int
register_room(struct supervisor *s, const struct msg_register *m, uint32_t seq)
{
	struct msg_registered	body;

	memset(&body, 0, sizeof body);
	body.result = capacity_check(s, m->uid, &body.limit, body.detail,
	    sizeof body.detail);
	if (body.result == REGISTER_OK)
		return 0;
	child_send(s->gate, MSG_SUP_REGISTERED, seq, &body, -1);
	return -1;
}

/* Who is meant, and what is to be done with it. */
static void
register_session(struct supervisor *s, struct msg_register *m, uint32_t seq)
{
	struct member		*mb = member_find(s, m->mesh, m->uid);
	struct session		*se, *holder;
	struct reg_session	 rec;
	struct owner_id		 process;
	int			 found;

	if (s->state == SUP_STOPPING) {
		register_answer(s, seq, REGISTER_FAILED, NULL, "meshsup is "
		    "stopping");
		return;
	}
	if (mb == NULL) {
		register_answer(s, seq, REGISTER_MESH_NOT_ATTACHED, NULL, "");
		return;
	}
	if (register_look(s, m, seq, &process) == -1)
		return;
	se = register_current(s, m);
	holder = register_by_token(s, m->token_hash);
	if (holder != NULL && holder != se) {
		register_answer(s, seq, REGISTER_TOKEN_IN_USE, NULL, "");
		return;
	}
	memset(&rec, 0, sizeof rec);
	found = se != NULL ? 1 : registry_find(s->registry, m->uid, m->mesh,
	    m->session_id, &rec);
	if (se != NULL)
		rec = se->rec;
	if (register_narrow(m, found == 1 ? rec.caps : CAP_ALL) == -1) {
		register_answer(s, seq, REGISTER_CAPS_WIDER, NULL, "");
		return;
	}
	if (se != NULL && register_same_key(&se->rec, m)) {
		register_again(se, mb, m, &process, seq);
		return;
	}
	if (register_room(s, m, seq) == -1)
		return;
	if (found == -1 || (holder == NULL && registry_free_token(s->registry,
	    m->token_hash, rec.owner) == -1) ||
	    (found == 1 && !register_same_key(&rec, m) &&
	    register_replace(s, se, &rec) == -1)) {
		register_answer(s, seq, REGISTER_FAILED, NULL,
		    "sessions.db cannot be used; see the log");
		return;
	}
	if (found == 0 || !register_same_key(&rec, m)) {
		memset(&rec, 0, sizeof rec);
		randombytes_buf(rec.owner, OWNER_ID_LEN);
	}
	register_new(s, mb, &rec, m, &process, seq);
}

int
on_register(void *child, struct msg *m)
{
	struct msg_register	body;
	int			ret;

	if ((ret = msg_decode(m, &body)) == 0) {
		if (body.key_mode == KEY_WRAPPED)
			ret = -1;
		else
			register_session(child_sup(child), &body, m->seq);
	}
	sodium_memzero(&body, sizeof body);
	sodium_memzero((void *)(uintptr_t)m->data, m->len);
	return ret;
}

int
on_end(void *child, struct msg *m)
{
	struct supervisor	*s = child_sup(child);
	struct msg_ended	 answer = { .found = 0 };
	struct msg_end		 body;
	struct session		*se;

	if (msg_decode(m, &body) == -1)
		return -1;
	se = register_by_token(s, body.token_hash);
	if (se != NULL && se->rec.uid == body.uid) {
		answer.found = 1;
		session_drain(se, "deregistered");
	}
	child_send(s->gate, MSG_SUP_ENDED, m->seq, &answer, -1);
	return 0;
}
