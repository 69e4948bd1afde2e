/*
 * supervisor/presence.c: whose session is paused, and whose mesh.  A mesh goes
 * with all of its sessions, so that only its owner and the operator may;
 * another uid's session is as unknown as one that never was.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "supervisor/answer.h"
#include "supervisor/child.h"
#include "supervisor/member.h"
#include "supervisor/park.h"
#include "supervisor/presence.h"
#include "supervisor/session.h"

#define OWNER	1000u
#define USER	1001u
#define STRANGER 1002u

static struct supervisor sup;
static struct member	 mine, theirs;
static struct session	 session;
static struct msg_presence asked;
static int		 status, fails;
static char		 code[64];
static json_t		*answer;

/* ---- what it stands on ---- */

int	__wrap_msg_decode(const struct msg *, void *);

int
__wrap_msg_decode(const struct msg *m, void *body)
{
	(void)m;
	memcpy(body, &asked, sizeof asked);
	return 0;
}

struct supervisor *
child_sup(const struct child *c)
{
	(void)c;
	return &sup;
}

struct session *
session_by_owner(struct supervisor *s, const uint8_t owner[OWNER_ID_LEN])
{
	(void)s;
	return memcmp(owner, session.rec.owner, OWNER_ID_LEN) == 0 ?
	    &session : NULL;
}

struct member *
member_find(struct supervisor *s, const char *slug, uint64_t uid)
{
	struct member	*mb;

	TAILQ_FOREACH(mb, &s->members, entry)
		if (strcmp(mb->mesh.slug, slug) == 0 &&
		    (mb->mesh.owner_uid == uid || uid == USER))
			return mb;
	return NULL;
}

const char *
park_of_session(const struct session *se)
{
	return se->rec.park[0] != '\0' ? se->rec.park : NULL;
}

const char *
park_of_member(const struct member *mb)
{
	return mb->park[0] != '\0' ? mb->park : NULL;
}

static int
set(char *park, enum conn_state *state, const char *to)
{
	if (fails)
		return -1;
	strcpy(park, to);
	*state = *to != '\0' ? CONN_PARKED : CONN_CONNECTING;
	return 0;
}

int
park_session_pause(struct session *se)
{
	return set(se->rec.park, &se->state, PARK_PAUSED);
}

int
park_session_resume(struct session *se)
{
	return set(se->rec.park, &se->state, "");
}

int
park_mesh_pause(struct member *mb)
{
	return set(mb->park, &mb->state, PARK_PAUSED);
}

int
park_mesh_resume(struct member *mb)
{
	return set(mb->park, &mb->state, "");
}

void
tell_hurry(struct supervisor *s)
{
	(void)s;
}

void
answer_json(struct supervisor *s, uint32_t seq, json_t *o)
{
	(void)s;
	assert_int_equal(seq, 7);
	json_decref(answer);
	answer = o;
	status = 200;
	code[0] = '\0';
}

void
answer_error(struct supervisor *s, uint32_t seq, int st, const char *what,
    const char *fmt, ...)
{
	(void)s;
	(void)fmt;
	assert_int_equal(seq, 7);
	status = st;
	snprintf(code, sizeof code, "%s", what);
}

/* ---- what tests do ---- */

static int
setup(void **state)
{
	(void)state;
	memset(&mine, 0, sizeof mine);
	memset(&theirs, 0, sizeof theirs);
	memset(&session, 0, sizeof session);
	TAILQ_INIT(&sup.members);
	strcpy(mine.mesh.slug, "mine");
	mine.mesh.owner_uid = OWNER;
	strcpy(theirs.mesh.slug, "theirs");
	theirs.mesh.owner_uid = STRANGER;
	TAILQ_INSERT_TAIL(&sup.members, &mine, entry);
	TAILQ_INSERT_TAIL(&sup.members, &theirs, entry);
	session.sup = &sup;
	session.member = &mine;
	session.kept = 1;
	session.rec.uid = USER;
	memset(session.rec.owner, 5, OWNER_ID_LEN);
	fails = 0;
	return 0;
}

static void
ask(enum row_kind kind, uint64_t uid, int all, int pause, const char *mesh)
{
	struct msg	m = { .type = MSG_GATE_PRESENCE, .seq = 7 };

	memset(&asked, 0, sizeof asked);
	asked.kind = kind;
	asked.uid = uid;
	asked.all = all;
	asked.pause = pause;
	memset(asked.owner, 5, OWNER_ID_LEN);
	strcpy(asked.mesh, mesh);
	assert_int_equal(on_presence(NULL, &m), 0);
}

static void
expect_refused(int want, const char *why)
{
	assert_int_equal(status, want);
	assert_string_equal(code, why);
	assert_string_equal(session.rec.park, "");
	assert_string_equal(mine.park, "");
	assert_string_equal(theirs.park, "");
}

static void
test_session(void **state)
{
	(void)state;
	ask(OWNER_SESSION, STRANGER, 0, 1, "");
	expect_refused(404, "session_not_found");
	ask(OWNER_SESSION, OWNER, 0, 1, "");	/* nor who has the mesh */
	expect_refused(404, "session_not_found");
	session.kept = 0;			/* it has no key yet */
	ask(OWNER_SESSION, USER, 0, 1, "");
	expect_refused(404, "session_not_found");
	session.kept = 1;
	fails = 1;
	ask(OWNER_SESSION, USER, 0, 1, "");
	expect_refused(503, "registry_failed");
	fails = 0;
	ask(OWNER_SESSION, USER, 0, 1, "");
	assert_int_equal(status, 200);
	assert_string_equal(session.rec.park, PARK_PAUSED);
	assert_string_equal(json_string_value(json_object_get(answer,
	    "state")), "parked");
	assert_string_equal(json_string_value(json_object_get(answer,
	    "reason")), PARK_PAUSED);
	ask(OWNER_SESSION, STRANGER, 1, 0, "");	/* the operator may */
	assert_int_equal(status, 200);
	assert_string_equal(session.rec.park, "");
	assert_true(json_is_false(json_object_get(answer, "paused")));
	assert_string_equal(mine.park, "");
}

static void
test_mesh(void **state)
{
	(void)state;
	ask(OWNER_MEMBER, USER, 0, 1, "mine");
	expect_refused(403, "not_mesh_owner");
	ask(OWNER_MEMBER, USER, 0, 1, "");
	expect_refused(403, "not_mesh_owner");
	ask(OWNER_MEMBER, OWNER, 0, 1, "theirs");
	expect_refused(404, "mesh_not_attached");
	ask(OWNER_MEMBER, OWNER, 1, 1, "none");
	expect_refused(404, "mesh_not_attached");
	fails = 1;
	ask(OWNER_MEMBER, OWNER, 0, 1, "mine");
	expect_refused(503, "registry_failed");
	fails = 0;
	ask(OWNER_MEMBER, OWNER, 0, 1, "");
	assert_int_equal(status, 200);
	assert_string_equal(mine.park, PARK_PAUSED);
	assert_string_equal(theirs.park, "");
	assert_int_equal(json_array_size(json_object_get(answer, "meshes")),
	    1);
	ask(OWNER_MEMBER, OWNER, 1, 1, "");	/* the operator: all */
	assert_string_equal(theirs.park, PARK_PAUSED);
	assert_int_equal(json_array_size(json_object_get(answer, "meshes")),
	    2);
	ask(OWNER_MEMBER, STRANGER, 0, 0, "theirs");
	assert_string_equal(theirs.park, "");
	assert_string_equal(mine.park, PARK_PAUSED);
	assert_true(json_is_false(json_object_get(answer, "paused")));
}

static int
teardown(void **state)
{
	(void)state;
	json_decref(answer);
	answer = NULL;
	return 0;
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(test_session, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mesh, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
