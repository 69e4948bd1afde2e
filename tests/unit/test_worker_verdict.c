/* worker/verdict and worker/closing: what refusals and closes mean. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/closing.h"
#include "worker/verdict.h"

static void
refusals_of_a_send(void **state)
{
	static const struct {
		const char	*error;
		enum verdict	 verdict;
		const char	*code;
	} t[] = {
		{ "rate_limit: max 60 msg/min (burst 10) — slow down",
		    VERDICT_RATE, NULL },
		{ "payload too large: 70000 bytes > MAX_MESSAGE_BYTES=65536",
		    VERDICT_DEAD, "payload_too_large" },
		{ "no connected peer for target (not online, or targetSpec is "
		    "your own key without another session)",
		    VERDICT_ABSENT, NULL },
		{ "blocked by recipient grants (sender lacks dm capability)",
		    VERDICT_DEAD, "blocked_by_recipient" },
		{ "out_of_order", VERDICT_ORDER, NULL },
		{ "idempotency_key_reused", VERDICT_DEAD,
		    "idempotency_key_reused" },
		{ "forbidden", VERDICT_DEAD, "forbidden" },
		{ "Missing capability: broadcast", VERDICT_DEAD,
		    "missing_capability" },
		{ "invalid target", VERDICT_DEAD, "invalid_target" },
		{ "capacity", VERDICT_LATER, NULL },
		{ "something that nobody has heard of", VERDICT_LATER, NULL },
		{ "", VERDICT_LATER, NULL },
	};
	const char	*code;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof t / sizeof t[0]; i++) {
		assert_int_equal(verdict_of(t[i].error, &code), t[i].verdict);
		if (t[i].code == NULL)
			assert_null(code);
		else
			assert_string_equal(code, t[i].code);
	}
}

static void
ends_of_a_connection(void **state)
{
	static const struct {
		int		 code;
		const char	*reason, *error;
		enum closing	 what;
		const char	*why;
	} t[] = {
		{ 1000, "session_replaced", "", CLOSING_REPLACED,
		    "session_replaced" },
		{ 1000, "disconnected", "", CLOSING_RETRY, "disconnected" },
		{ 1000, "disconnected_stale", "", CLOSING_RETRY,
		    "disconnected_stale" },
		{ 1001, "shutting down", "", CLOSING_RETRY, "shutting down" },
		{ 1008, "expired", "expired", CLOSING_RENEW, "expired" },
		{ 1008, "timestamp_skew", "", CLOSING_LONG, "timestamp_skew" },
		{ 1008, "capacity", "capacity", CLOSING_LONG, "capacity" },
		{ 1008, "bad_signature", "", CLOSING_PARK, "bad_signature" },
		{ 1008, "bad_session_pubkey", "", CLOSING_PARK,
		    "bad_session_pubkey" },
		{ 1008, "malformed", "", CLOSING_PARK, "malformed" },
		{ 1008, "ttl_too_long", "", CLOSING_PARK, "ttl_too_long" },
		{ 1008, "attestation_mismatch", "", CLOSING_PARK,
		    "attestation_mismatch" },
		{ 1008, "parent_member_id_mismatch", "", CLOSING_PARK,
		    "parent_member_id_mismatch" },
		{ 1008, "unauthorized", "", CLOSING_PARK, "unauthorized" },
		{ 1008, "", "", CLOSING_RETRY, "" },
		{ 1009, "", "", CLOSING_TOO_BIG, "frame_too_large" },
		{ 4001, "kicked", "", CLOSING_PARK, "kicked" },
		{ 4001, "kicked_stale", "", CLOSING_PARK, "kicked" },
		{ 4001, "", "", CLOSING_PARK, "kicked" },
		{ 4002, "banned", "revoked", CLOSING_BAN, "banned" },
		{ 4002, "", "", CLOSING_BAN, "banned" },
		/* The close frame was lost, the error frame was not. */
		{ 0, "connection lost", "bad_signature", CLOSING_PARK,
		    "bad_signature" },
		{ 0, "connection lost", "expired", CLOSING_RENEW, "expired" },
		{ 1006, "", "no_hello", CLOSING_RETRY, "no_hello" },
		{ 0, "connection lost", "", CLOSING_RETRY, "connection lost" },
		{ 3999, "whatever", "", CLOSING_RETRY, "whatever" },
	};
	const char	*why;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof t / sizeof t[0]; i++) {
		assert_int_equal(closing_of(t[i].code, t[i].reason,
		    t[i].error, &why), t[i].what);
		assert_string_equal(why, t[i].why);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(refusals_of_a_send),
		cmocka_unit_test(ends_of_a_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
