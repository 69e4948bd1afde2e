/*
 * DELETE /v1/inbox/{id} and DELETE /v1/inbox through the real process of the
 * gate: delivery.md, section 6.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"
#include "gate_world.h"

static struct world	*w;

static int
setup(void **state)
{
	world_setup(state);
	w = *state;
	return 0;
}

static struct answer *
delete(const char *auth, const char *id)
{
	char	path[128];

	snprintf(path, sizeof path, "/v1/inbox/%s", id);
	return ask(w, "DELETE", path, auth, NULL);
}

static int64_t
removed(const struct answer *a)
{
	expect(a, 200, "");
	return json_integer_value(json_object_get(a->json, "removed"));
}

static int64_t
left(void)
{
	return world_number(w, "SELECT count(*) FROM inbox");
}

static void
one(void **state)
{
	char		 id[UUID_SIZE], members[UUID_SIZE];
	struct answer	*a;

	(void)state;
	world_deliver(w, &w->bob, "x", id);
	world_deliver(w, &w->bob, "y", NULL);
	world_deliver(w, &w->member, "z", members);
	expect(delete(w->alice.auth, id), 404, "message_not_found");
	expect(delete(NULL, id), 404, "message_not_found");
	expect(delete(w->bob.auth, "nope"), 404, "message_not_found");
	assert_int_equal(w->deletes, 0);
	a = delete(w->bob.auth, id);
	assert_int_equal(removed(a), 1);
	assert_string_equal(said("id"), id);
	expect(delete(w->bob.auth, id), 404, "message_not_found");
	assert_int_equal(removed(delete(w->bob.auth, members)), 1);
	assert_int_equal(left(), 1);
	assert_int_equal(w->deletes, 2);
}

static void
all(void **state)
{
	int	i;

	(void)state;
	for (i = 0; i < 1203; i++)
		world_deliver(w, &w->bob, "x", NULL);
	world_deliver(w, &w->alice, "y", NULL);
	world_deliver(w, &w->member, "z", NULL);
	assert_int_equal(removed(ask(w, "DELETE", "/v1/inbox", NULL, NULL)),
	    1);
	/* In slices, and nobody else's. */
	assert_int_equal(removed(ask(w, "DELETE", "/v1/inbox", w->bob.auth,
	    NULL)), 1203);
	assert_int_equal(w->deletes, 4);
	assert_int_equal(left(), 1);
	assert_int_equal(removed(ask(w, "DELETE", "/v1/inbox", w->bob.auth,
	    NULL)), 0);
	assert_int_equal(w->deletes, 4);
}

static void
some(void **state)
{
	struct person	second;

	(void)state;
	world_deliver(w, &w->bob, "x", NULL);
	assert_int_equal(sqlite3_exec(w->db, "UPDATE inbox SET received_at ="
	    " 1795473802000", NULL, NULL, NULL), SQLITE_OK);
	world_deliver(w, &w->bob, "y", NULL);
	assert_int_equal(removed(ask(w, "DELETE",
	    "/v1/inbox?before=2001-01-01T00:00:00Z", w->bob.auth, NULL)), 0);
	assert_int_equal(removed(ask(w, "DELETE",
	    "/v1/inbox?before=2026-11-23T22:43:22.001Z&mesh=acme",
	    w->bob.auth, NULL)), 1);
	assert_int_equal(left(), 1);
	expect(ask(w, "DELETE", "/v1/inbox?before=now", w->bob.auth, NULL),
	    400, "invalid_query");
	expect(ask(w, "DELETE", "/v1/inbox?mesh=zzz", w->bob.auth, NULL), 403,
	    "not_your_mesh");
	person_make(&second, "m2", "second", w->uid, NULL);
	world_tell(w, &second);
	world_deliver(w, &second, "z", NULL);
	world_deliver(w, &w->member, "z", NULL);
	assert_int_equal(removed(ask(w, "DELETE", "/v1/inbox?mesh=second",
	    NULL, NULL)), 1);
	assert_int_equal(left(), 2);
	expect(ask(w, "DELETE", "/v1/inbox?mesh=third", NULL, NULL), 404,
	    "mesh_not_attached");
}

/* A session that ends meanwhile does not become its member. */
static void
session_ends(void **state)
{
	int		fd = client_open(w, "daemon.sock"), i;
	struct answer	a;

	(void)state;
	for (i = 0; i < 600; i++)
		world_deliver(w, &w->bob, "x", NULL);
	world_deliver(w, &w->member, "not bob's to flush", NULL);
	w->hold = 1;
	ask_on(w, fd, "DELETE", "/v1/inbox?before=2020-01-01T00:00:00Z",
	    w->bob.auth, NULL, 0);
	client_read(w, fd, &a);
	assert_non_null(strstr(a.body, "\"removed\":0"));
	answer_clear(&a);
	ask_on(w, fd, "DELETE", "/v1/inbox", w->bob.auth, NULL, 0);
	world_until(w, &w->deletes, 1);
	world_forget(w, &w->bob);
	world_pump(w, 50);
	w->hold = 0;
	world_store_new(w);			/* asks once more */
	client_read(w, fd, &a);
	assert_int_equal(a.status, 200);
	answer_clear(&a);
	assert_memory_equal(w->last_delete.reader, w->bob.owner,
	    OWNER_ID_LEN);
	close(fd);
}

static void
refused(void **state)
{
	char		 id[UUID_SIZE];
	struct answer	 a;
	int		 fd = client_open(w, "admin.sock");

	(void)state;
	world_deliver(w, &w->bob, "x", id);
	w->accept = ACCEPT_FULL;
	expect(delete(w->bob.auth, id), 507, "disk_full");
	expect(ask(w, "DELETE", "/v1/inbox", w->bob.auth, NULL), 507,
	    "disk_full");
	w->accept = ACCEPT_BUSY;
	expect(delete(w->bob.auth, id), 503, "store_busy");
	expect(ask(w, "DELETE", "/v1/inbox", w->bob.auth, NULL), 503,
	    "store_busy");
	/* The operator is no reader. */
	ask_on(w, fd, "DELETE", "/v1/inbox", NULL, NULL, 0);
	client_read(w, fd, &a);
	assert_int_equal(a.status, 403);
	assert_non_null(strstr(a.body, "session_required"));
	answer_clear(&a);
	close(fd);
	assert_int_equal(left(), 1);
}

int
main(void)
{
#define T(f)	cmocka_unit_test_setup_teardown(f, setup, world_teardown)
	const struct CMUnitTest tests[] = {
		T(one),
		T(all),
		T(some),
		T(session_ends),
		T(refused),
	};

	if (sodium_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
