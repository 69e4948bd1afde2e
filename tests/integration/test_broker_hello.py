"""Promise: the embedded broker takes the hello of a member and of a session
that proves its keys, refuses every other one with the documented code, in
the documented order of checks, and answers nothing before a hello
(broker-protocol.md, "Hello of a member", "Hello of a session").
"""

import itertools

import pytest

from harness import Key, Member, Peer, wait_for
from harness.keys import now_ms

DAY = 24 * 3600 * 1000


@pytest.fixture(scope="module")
def broker(make_shared):
    b = make_shared.broker()
    b.alice = b.add_member("local", "alice")
    b.bob = b.add_member("local", "bob")
    b.carol = b.add_member("other", "carol")
    b.start()
    # Says nothing for the whole of this file; see the last test.
    b.mute = Peer(b.url, b.alice).open()
    return b


def test_add_member_uses_one_mesh_per_slug(broker):
    assert broker.alice.mesh_id == broker.bob.mesh_id
    assert broker.alice.mesh_id != broker.carol.mesh_id
    assert len({m.member_id for m in
                (broker.alice, broker.bob, broker.carol)}) == 3


def test_member_hello(broker):
    p = broker.peer(broker.alice, session=False, connect=False)
    ack = p.connect()
    assert ack["memberDisplayName"] == "alice"
    assert {"ordered", "dedupe"} <= set(ack["features"])
    assert isinstance(ack["presenceId"], str) and ack["presenceId"]
    p.close()


def test_session_hello(broker):
    p = broker.peer(broker.alice, connect=False, name="s1", role="peer",
                    model="m", hostname="h",
                    groups=[{"name": "dev", "role": "lead"}])
    ack = p.connect()
    assert {"ordered", "dedupe"} <= set(ack["features"])
    mine = [x for x in p.barrier() if x["pubkey"] == p.pub]
    assert len(mine) == 1 and mine[0]["displayName"] == "s1"
    assert [g["name"] for g in mine[0]["groups"]] == ["dev"]
    p.close()


def test_unknown_members_of_a_hello_are_ignored(broker):
    p = broker.peer(broker.alice, connect=False)
    assert p.connect(futureField={"x": 1})["type"] == "hello_ack"
    p.close()


# --- refusals of a session, in the order of the checks ---

def hello_with(broker, faults):
    """A session hello that is wrong in all the named ways at once."""
    member = broker.alice
    if "unauthorized" in faults:
        member = Member(broker.alice.mesh_id, broker.alice.member_id)
    key = Key()
    expires = None
    if "expired" in faults:
        expires = now_ms() - 1000
    elif "ttl_too_long" in faults:
        expires = now_ms() + DAY + 60000
    other = "attestation_mismatch" in faults
    attestation = member.attest(Key().pub if other else key.pub, expires)
    if "attestation malformed" in faults:
        attestation["signature"] = "z" * 128
    if "attestation bad_signature" in faults:
        attestation["signature"] = Key().sign("something else")
    changes = {"parentAttestation": attestation}
    if "timestamp_skew" in faults:
        changes["timestamp"] = now_ms() - 65000
    if "hello malformed" in faults:
        changes["signature"] = "z" * 128
    if "hello bad_signature" in faults:
        changes["signature"] = Key().sign("something else")
    if "parent_member_id_mismatch" in faults:
        changes["parentMemberId"] = broker.bob.member_id
    if "bad_session_pubkey" in faults:
        changes["sessionPubkey"] = key.pub.upper()
    return member.session_hello(key, **changes)


ORDER = ["bad_session_pubkey", "attestation_mismatch",
         "attestation malformed", "expired", "ttl_too_long",
         "attestation bad_signature", "timestamp_skew", "hello malformed",
         "hello bad_signature", "unauthorized", "parent_member_id_mismatch"]
# One frame cannot be wrong in both of these ways.
APART = [{"expired", "ttl_too_long"},
         {"attestation malformed", "attestation bad_signature"},
         {"hello malformed", "hello bad_signature"}]
# An upper-case key is no key that an attestation could name.
PAIRS = [(a, b) for a, b in itertools.combinations(ORDER, 2)
         if {a, b} not in APART]


def refused(broker, frame):
    """The error frame; the close that follows must say the same."""
    p = Peer(broker.url).open()
    p.put(frame)
    error = p.expect("error")
    code, reason = p.wait_closed()
    assert (code, reason) == (1008, error["code"]), error
    assert not [f for f in p.seen if f["type"] == "hello_ack"]
    return error


def judged(error, fault):
    where, _, code = fault.rpartition(" ")
    assert error["code"] == code
    if where == "attestation":
        assert error["message"].startswith("attestation"), error
    elif where == "hello":
        assert error["message"].startswith("session_hello"), error


@pytest.mark.parametrize("fault", ORDER)
def test_refused(broker, fault):
    judged(refused(broker, hello_with(broker, {fault})), fault)


@pytest.mark.parametrize("first,second", PAIRS)
def test_the_earlier_check_answers(broker, first, second):
    judged(refused(broker, hello_with(broker, {first, second})), first)


def test_a_parent_key_of_the_wrong_shape(broker):
    for bad in "0" * 63, "g" * 64, broker.alice.key.pub.upper(), "":
        frame = broker.alice.session_hello(Key(), parentMemberPubkey=bad)
        error = refused(broker, frame)
        assert error["code"].startswith("bad_") and \
            error["code"].endswith("_pubkey"), error


def test_timestamps_at_the_edge(broker):
    p = broker.peer(broker.alice, connect=False)
    assert p.connect(timestamp=now_ms() - 55000)
    p.close()
    assert broker.peer(broker.alice, connect=False).connect(
        timestamp=now_ms() + 55000)
    assert refused(broker, broker.alice.session_hello(
        Key(), timestamp=now_ms() + 65000))["code"] == "timestamp_skew"


def test_upper_case_signatures_are_refused(broker):
    frame = broker.alice.session_hello(Key())
    frame["signature"] = frame["signature"].upper()
    refused(broker, frame)


def test_a_member_of_another_mesh(broker):
    stranger = Member(broker.carol.mesh_id, broker.alice.member_id,
                      key=broker.alice.key)
    assert refused(broker, stranger.session_hello(
        Key()))["code"] == "unauthorized"


# --- refusals of a member ---

@pytest.mark.parametrize("code,changes", [
    ("bad_signature", {"signature": "0" * 128}),
    ("timestamp_skew", {"timestamp": now_ms() - 3600000}),
])
def test_member_refused(broker, code, changes):
    error = refused(broker, broker.alice.hello(**changes))
    assert error["code"] == code


def test_unknown_member_refused(broker):
    stranger = Member(broker.alice.mesh_id, broker.alice.member_id)
    assert refused(broker, stranger.hello())["code"] == "unauthorized"


def test_member_signature_does_not_fit_another_mesh(broker):
    frame = broker.alice.hello()
    frame["meshId"] = broker.carol.mesh_id
    assert refused(broker, frame)["code"] in ("bad_signature",
                                              "unauthorized")


# --- swallowed, and before a hello ---

@pytest.mark.parametrize("missing", ["sessionId", "pid", "cwd"])
@pytest.mark.parametrize("session", [True, False])
def test_hello_without_a_mandatory_member_is_swallowed(
        broker, missing, session):
    p = broker.peer(broker.alice, session=session, connect=False)
    p.open()
    p.put(p.hello(**{missing: None}))
    # Had the hello been answered, this answer would not be the first.
    p.put({"type": "send", "id": "x"})
    assert p.expect()["code"] == "no_hello"
    p.put(p.hello())
    assert p.expect()["type"] == "hello_ack"
    p.close()


@pytest.mark.parametrize("frame", [
    {"type": "send", "id": "x", "targetSpec": "*", "priority": "now",
     "nonce": "", "ciphertext": ""},
    {"type": "list_peers", "_reqId": "r"},
    {"type": "client_ack", "brokerMessageId": "x"},
])
def test_before_the_hello(broker, frame):
    p = broker.peer(broker.alice, connect=False)
    p.open()
    p.put(frame)
    error = p.expect()
    assert (error["type"], error["code"]) == ("error", "no_hello")
    p.put(p.hello())
    p.expect("hello_ack")
    p.close()


def test_no_hello_within_ten_seconds_is_dropped(broker):
    broker.mute.wait_closed(deadline=15)
    # A connection with a hello outlives it.
    p = broker.peer(broker.alice)
    wait_for(p.barrier)
    p.close()
