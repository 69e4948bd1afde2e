"""Promise: the embedded broker takes each send once, by (mesh, sender key,
client_message_id), keeps the order of a connection's sends to a target, and
says of a send that it cannot deliver exactly what the protocol says
(broker-protocol.md, "Send"; delivery.md sections 4 and 6).
"""

import os
import re
import subprocess

import pytest

from harness import Key, binary
from harness.keys import b64, fingerprint, minted_id

NOT_CONNECTED = ("no connected peer for target (not online, or targetSpec is"
                 " your own key without another session)")


@pytest.fixture(scope="module")
def broker(make_shared):
    b = make_shared.broker()
    b.alice_member = b.add_member("local", "alice")
    b.bob_member = b.add_member("local", "bob")
    return b.start()


@pytest.fixture
def alice(broker):
    p = broker.peer(broker.alice_member, name="alice-1")
    yield p
    p.close()


@pytest.fixture
def bob(broker):
    p = broker.peer(broker.bob_member, name="bob-1")
    yield p
    p.close()


def test_direct_both_ways(broker, alice, bob):
    ack = alice.send(bob.pub, "hé ✓", cid="c1", priority="now")
    assert ack["queued"] is True and "error" not in ack
    assert re.fullmatch(r"[A-Za-z0-9]{32}", ack["messageId"])
    assert "duplicate" not in ack or ack["duplicate"] is False
    push = bob.receive()
    assert push["text"] == "hé ✓"
    assert push["messageId"] == ack["messageId"]
    assert push["senderPubkey"] == alice.pub
    assert push["meshId"] == broker.alice_member.mesh_id
    assert push["priority"] == "now"
    assert push["client_message_id"] == "c1"
    assert push["request_fingerprint"] == fingerprint(bob.pub, "hé ✓", "now")
    # The embedded broker gives every push all fields.
    assert push["senderMemberPubkey"] == broker.alice_member.key.pub
    assert push["senderMemberId"] == broker.alice_member.member_id
    assert push["senderName"] == "alice-1"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
                        push["createdAt"])
    bob.acknowledge(push)
    bob.send(alice.pub, "back", replyToId=push["messageId"])
    back = alice.receive()
    assert back["text"] == "back"
    assert back["replyToId"] == push["messageId"]


def test_to_a_member_key(broker, alice):
    """Direct to a member: one of its connections claims it."""
    bob = broker.peer(broker.bob_member, session=False)
    alice.send(broker.bob_member.key.pub, "for the member")
    push = bob.receive()
    assert push["text"] == "for the member"
    bob.acknowledge(push)
    bob.close()


# --- dedupe ---

def test_a_repeat_is_acknowledged_and_not_delivered(broker, alice, bob):
    frame = alice.message(bob.pub, "once", cid=minted_id())
    alice.put(frame)
    first = alice.expect("ack")
    bob.acknowledge(bob.receive())
    alice.put(frame)
    again = alice.expect("ack")
    assert again["queued"] is True
    assert again["messageId"] == first["messageId"]
    assert again["duplicate"] is True
    alice.send(bob.pub, "next")
    assert bob.receive()["text"] == "next"


def test_a_repeat_on_a_new_connection(broker, bob):
    key = Key()
    p = broker.peer(broker.alice_member, key=key)
    frame = p.message(bob.pub, "once", cid=minted_id())
    p.put(frame)
    first = p.expect("ack")
    p.cut()
    p.connect()
    p.put(frame)
    again = p.expect("ack")
    assert (again["messageId"], again["duplicate"]) == (
        first["messageId"], True)
    assert bob.receive()["text"] == "once"
    p.send(bob.pub, "next")
    assert bob.receive()["text"] == "next"
    p.close()


def test_a_repeat_with_another_fingerprint(broker, alice, bob):
    cid = minted_id()
    alice.send(bob.pub, "one", cid=cid)
    other = alice.send(bob.pub, "two", cid=cid)
    assert other["queued"] is False
    assert other["error"] == "idempotency_key_reused"
    assert bob.receive()["text"] == "one"
    # It blocks nothing: the id was never refused for want of a recipient.
    alice.put(alice.message(bob.pub, "three", first=True))
    assert alice.expect("ack")["queued"] is True
    assert bob.receive()["text"] == "three"


def test_ids_of_different_senders_do_not_meet(broker, alice, bob):
    other = broker.peer(broker.alice_member)
    cid = minted_id()
    a = alice.send(bob.pub, "from alice", cid=cid)
    b = other.send(bob.pub, "from other", cid=cid)
    assert a["queued"] and b["queued"] and a["messageId"] != b["messageId"]
    assert {bob.receive()["text"], bob.receive()["text"]} == {
        "from alice", "from other"}
    other.close()


def test_a_multicast_repeat_is_known(broker, alice, bob):
    frame = alice.message("*", "to all", cid=minted_id())
    alice.put(frame)
    first = alice.expect("ack")
    assert bob.receive()["text"] == "to all"
    alice.put(frame)
    again = alice.expect("ack")
    assert again["queued"] and again["messageId"] == first["messageId"]
    alice.put(alice.message("*", "another"))
    assert bob.receive()["text"] == "another"


def test_the_same_id_many_times_in_one_burst(broker, alice, bob):
    """Before the first is synced its repeats are known already."""
    frame = alice.message(bob.pub, "burst", cid=minted_id())
    alice.put(*[frame] * 20)
    acks = [alice.expect("ack") for _ in range(20)]
    assert len({a["messageId"] for a in acks}) == 1
    assert all(a["queued"] for a in acks)
    assert sum(bool(a.get("duplicate")) for a in acks) == 19
    alice.send(bob.pub, "next")
    assert [bob.receive()["text"] for _ in range(2)] == ["burst", "next"]


# --- order ---

def test_a_burst_keeps_its_order(broker, alice, bob):
    frames = [alice.message(bob.pub, f"m{i}", cid=minted_id(),
                            first=True if i == 0 else None)
              for i in range(500)]
    alice.put(*frames)
    acks = [alice.expect("ack") for _ in frames]
    assert [a["id"] for a in acks] == [f["id"] for f in frames]
    assert all(a["queued"] for a in acks)
    got = []
    for _ in frames:
        push = bob.receive()
        bob.acknowledge(push)
        got.append(push["text"])
    assert got == [f"m{i}" for i in range(500)]


def test_refused_target_holds_later_sends_until_the_refused_id(
        broker, alice, bob):
    key = Key()
    one = alice.message(key.pub, "one", cid=minted_id())
    two = alice.message(key.pub, "two", cid=minted_id())
    alice.put(one, two)
    assert alice.expect("ack", id=one["id"])["error"] == NOT_CONNECTED
    assert alice.expect("ack", id=two["id"])["error"] == "out_of_order"
    # Nobody else's target is held up.
    assert alice.send(bob.pub, "free")["queued"] is True
    late = broker.peer(broker.bob_member, key=key)
    alice.put(two)
    assert alice.expect("ack", id=two["id"])["error"] == "out_of_order"
    alice.put(one, two)
    assert alice.expect("ack", id=one["id"])["queued"] is True
    assert alice.expect("ack", id=two["id"])["queued"] is True
    assert [late.receive()["text"] for _ in range(2)] == ["one", "two"]
    late.close()


def test_first_ends_the_hold(broker, alice):
    key = Key()
    alice.put(alice.message(key.pub, "gave up on this", cid="gone"))
    assert alice.expect("ack", id="gone")["error"] == NOT_CONNECTED
    late = broker.peer(broker.bob_member, key=key)
    held = alice.message(key.pub, "two", cid=minted_id())
    alice.put(held)
    assert alice.expect("ack", id=held["id"])["error"] == "out_of_order"
    held["first"] = True
    after = alice.message(key.pub, "three", cid=minted_id())
    alice.put(held, after)
    assert alice.expect("ack", id=held["id"])["queued"] is True
    assert alice.expect("ack", id=after["id"])["queued"] is True
    assert [late.receive()["text"] for _ in range(2)] == ["two", "three"]
    late.close()


def test_first_that_is_refused_holds_again(broker, alice):
    key = Key()
    one = alice.message(key.pub, "one", cid=minted_id(), first=True)
    two = alice.message(key.pub, "two", cid=minted_id())
    for _ in range(2):
        alice.put(one, two)
        assert alice.expect("ack", id=one["id"])["error"] == NOT_CONNECTED
        assert alice.expect("ack", id=two["id"])["error"] == "out_of_order"


def test_a_hold_is_its_connections_own(broker, alice, bob):
    key = Key()
    alice.put(alice.message(key.pub, "one"))
    assert alice.expect("ack")["error"] == NOT_CONNECTED
    late = broker.peer(broker.bob_member, key=key)
    assert bob.send(key.pub, "from bob")["queued"] is True
    assert late.receive()["text"] == "from bob"
    late.close()


# --- who cannot be reached ---

def test_unknown_keys(broker, alice):
    ack = alice.send(Key().pub, "nobody")
    assert ack == {**ack, "queued": False, "messageId": "",
                   "error": NOT_CONNECTED}


def test_display_names_are_not_resolved(broker, alice, bob):
    alice.put(alice.message("bob-1", "by name"))
    assert alice.expect("ack")["queued"] is False
    assert not bob.pushes()


def test_own_session_key(broker, alice):
    assert alice.send(alice.pub, "to myself")["error"] == NOT_CONNECTED
    assert not alice.pushes()


def test_own_member_key_reaches_a_sibling(broker, alice):
    sibling = broker.peer(broker.alice_member)
    assert alice.send(broker.alice_member.key.pub, "sibling")["queued"]
    push = sibling.receive()
    sibling.acknowledge(push)
    assert push["senderPubkey"] == alice.pub
    assert not alice.pushes()
    sibling.close()


def test_keys_of_another_mesh_are_unknown(make):
    b = make.broker()
    here, there = b.add_member("here", "h"), b.add_member("there", "t")
    b.start()
    p, q = b.peer(here), b.peer(there)
    assert p.send(q.pub, "across")["error"] == NOT_CONNECTED
    p.send("*", "everyone")
    assert q.barrier() and not q.pushes()
    assert {x["pubkey"] for x in q.barrier()} == {q.pub}


# --- the command ---

def test_add_member_refuses_nonsense(broker, tmp_path):
    for arg in "local", "local:zz:n", "a b:" + "0" * 64 + ":n", \
            "local:" + "A" * 64 + ":n", "":
        out = subprocess.run(
            [binary(), "broker", "--db", str(tmp_path / "b.db"),
             "--add-member", arg], capture_output=True, text=True,
            timeout=30)
        assert out.returncode not in (0, -6, -11), (arg, out)
        assert out.stderr and not out.stdout


def test_members_added_while_it_runs(broker, alice):
    late = broker.add_member("local", "late")
    p = broker.peer(late)
    assert p.send(alice.pub, "hello")["queued"]
    assert alice.receive()["senderMemberPubkey"] == late.key.pub
    p.close()


def test_ciphertext_travels_untouched(broker, alice, bob):
    raw = os.urandom(300)
    frame = {**alice.message(bob.pub, "x"), "ciphertext": b64(raw)}
    alice.put(frame)
    assert alice.expect("ack")["queued"]
    push = bob.receive()
    assert push["ciphertext"] == b64(raw)
    assert push["nonce"] == frame["nonce"]
