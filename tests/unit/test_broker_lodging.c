/*
 * contrib/broker/lodging.c and groups.c: who is here is in the file as it was
 * said, and what a damaged row says is not believed.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "broker_help.h"
#include "common/xalloc.h"
#include "contrib/broker/groups.h"
#include "contrib/broker/lodging.h"
#include "contrib/broker/presence.h"
#include "scratch.h"

static struct lodging	*l;
static struct presence	 presence;
static struct peer	*loaded;
static int		 nloaded;

static int
set_up(void **state)
{
	if (help_open(state) != 0)
		return -1;
	l = lodging_new(help_db);
	presence_init(&presence);
	nloaded = 0;
	return 0;
}

static int
tear_down(void **state)
{
	peer_free(&loaded);
	presence_clear(&presence);
	lodging_free(&l);
	return help_close(state);
}

static void
load_cb(void *arg, struct peer *peer, int64_t mesh, const char *mesh_id)
{
	(void)arg;
	assert_int_equal(mesh, help_number("SELECT id FROM mesh"));
	assert_int_equal(strlen(mesh_id), 22);
	peer_free(&loaded);
	loaded = peer;
	nloaded++;
}

static struct peer *
somebody(void)
{
	struct peer	*peer = peer_new(NULL, PEER_SESSION);
	json_t		*groups;

	groups = json_loads("[{\"name\":\"dev\",\"role\":\"a \\\"b\\\"\"},"
	    "{\"name\":\"ops\"},{\"name\":\"dev\"}]", 0, NULL);
	assert_true(groups_ok(groups));
	groups_set(peer, groups);
	json_decref(groups);
	queue_make_id(peer->presence_id);
	memcpy(peer->key, help_pubkey(2), sizeof peer->key);
	peer->member = help_alice;
	peer->session_id = xstrdup("sid");
	peer->name = xstrdup("it's \"me\"");
	peer->hello_groups = xstrdup("[]");
	peer->status = STATUS_DND;
	peer->summary = xstrdup("at work");
	peer->visible = 0;
	peer->connected_at = 77;
	presence_join(&presence, peer, help_number("SELECT id FROM mesh"),
	    "mesh");
	assert_int_equal(lodging_put(l, peer), 0);
	return peer;
}

static void
gone(struct peer *peer)
{
	presence_leave(&presence, peer);
	peer_free(&peer);
}

static void
test_what_was_put_is_loaded(void **state)
{
	struct peer	*peer = somebody();

	(void)state;
	assert_int_equal(lodging_put_seq(l, peer, 9), 0);
	assert_int_equal(lodging_load(l, load_cb, NULL), 0);
	assert_int_equal(nloaded, 1);
	assert_string_equal(loaded->presence_id, peer->presence_id);
	assert_string_equal(loaded->key_hex + 60, "6363");
	assert_string_equal(loaded->member_key_hex + 60, "6161");
	assert_string_equal(loaded->name, "it's \"me\"");
	assert_string_equal(loaded->groups, peer->groups);
	assert_string_equal(loaded->groups, "[{\"name\":\"dev\",\"role\":"
	    "\"a \\\"b\\\"\"},{\"name\":\"ops\"}]");
	assert_int_equal(loaded->status, STATUS_DND);
	assert_string_equal(loaded->summary, "at work");
	assert_null(loaded->stats);
	assert_int_equal(loaded->visible, 0);
	assert_int_equal(loaded->connected_at, 77);
	assert_int_equal(loaded->left_at, 0);
	assert_int_equal(loaded->feed.seq, 9);
	assert_true(loaded->feed.behind);
	/* One row for it, and none once it has ended. */
	peer->left_at = 99;
	assert_int_equal(lodging_put(l, peer), 0);
	assert_int_equal(lodging_load(l, load_cb, NULL), 0);
	assert_int_equal(nloaded, 2);
	assert_int_equal(loaded->left_at, 99);
	assert_int_equal(loaded->feed.seq, 9);
	assert_int_equal(lodging_end(l, peer), 0);
	assert_int_equal(help_number("SELECT count(*) FROM presence"), 0);
	gone(peer);
}

static void
damage(const char *sql)
{
	assert_true(db_write(help_db, db_prepare(help_db, sql)) > 0);
	nloaded = 0;
	assert_int_equal(lodging_load(l, load_cb, NULL), 0);
	assert_int_equal(nloaded, 0);
}

static void
test_damaged_rows_are_left_out(void **state)
{
	struct peer	*peer = somebody();

	(void)state;
	damage("UPDATE presence SET status = 7");
	assert_int_equal(lodging_end(l, peer), 0);
	assert_int_equal(lodging_put(l, peer), 0);
	damage("UPDATE presence SET groups = '[{\"name\":\"a b\"}]'");
	assert_int_equal(lodging_put(l, peer), 0);
	damage("UPDATE presence SET groups = 'no JSON'");
	assert_int_equal(lodging_put(l, peer), 0);
	damage("UPDATE presence SET pubkey = x'00'");
	gone(peer);
}

static void
test_a_banned_member_is_not_here(void **state)
{
	struct peer	*peer = somebody();

	(void)state;
	damage("UPDATE member SET revoked_at = 1 WHERE name = 'alice'");
	assert_int_equal(help_number("SELECT count(*) FROM presence"), 0);
	gone(peer);
}

static void
test_the_past_of_a_member(void **state)
{
	struct peer	*peer = somebody();
	struct past	 past;

	(void)state;
	assert_int_equal(lodging_past(l, help_alice, &past), 0);
	assert_int_equal(lodging_put_past(l, peer), 0);
	assert_int_equal(lodging_put_past(l, peer), 0);
	assert_int_equal(lodging_past(l, help_alice, &past), 1);
	assert_string_equal(past.summary, "at work");
	assert_string_equal(past.groups, peer->groups);
	assert_null(past.stats);
	past_clear(&past);
	assert_int_equal(lodging_past(l, help_bob, &past), 0);
	gone(peer);
}

/* A group is there while a peer that is here is in it. */
static void
test_groups_come_and_go(void **state)
{
	struct peer	*one = somebody(), *two = peer_new(NULL, PEER_MEMBER);
	struct mesh	*mesh = one->mesh;

	(void)state;
	assert_non_null(mesh_group(mesh, "ops"));
	assert_null(mesh_group(mesh, "op"));
	groups_clear(one);
	assert_null(mesh_group(mesh, "ops"));
	groups_move(two, one);
	assert_string_equal(two->groups, "[]");
	peer_free(&two);
	gone(one);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		T(test_what_was_put_is_loaded),
		T(test_damaged_rows_are_left_out),
		T(test_a_banned_member_is_not_here),
		T(test_the_past_of_a_member),
		T(test_groups_come_and_go),
	};

	if (sodium_init() == -1)
		return 1;
	json_set_alloc_funcs(wipe_malloc, wipe_free);
	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
