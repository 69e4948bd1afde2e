"""Promise: multicast reaches exactly who is open now, and the roster and its
events say who that is (broker-protocol.md, table of targetSpec, "Push",
"Requests and answers", "Closes and what they mean").
"""

import pytest

from harness import Key
from harness.keys import minted_id


@pytest.fixture
def broker(make):
    b = make.broker()
    b.alice_member = b.add_member("local", "alice")
    b.bob_member = b.add_member("local", "bob")
    return b.start()


@pytest.mark.parametrize("target", ["*", "@all"])
def test_multicast(broker, target):
    sender = broker.peer(broker.alice_member, name="a1")
    sibling = broker.peer(broker.alice_member, name="a2")
    own_control = broker.peer(broker.alice_member, session=False)
    others = [broker.peer(broker.bob_member),
              broker.peer(broker.bob_member),
              broker.peer(broker.bob_member, session=False)]
    ack = sender.send(target, "to all ✓")
    assert ack["queued"] is True
    for p in [sibling, own_control, *others]:
        push = p.receive()
        assert push["text"] == "to all ✓"
        assert push["senderPubkey"] == sender.pub
        assert push["senderMemberPubkey"] == broker.alice_member.key.pub
        assert push["senderMemberId"] == broker.alice_member.member_id
        assert push["senderName"] == "a1"
    sender.send(target, "second")
    for p in [sibling, own_control, *others]:
        assert p.receive()["text"] == "second"     # one copy of the first
    sender.barrier()
    assert not sender.pushes()


def test_list_peers(broker):
    control = broker.peer(broker.alice_member, session=False)
    a = broker.peer(broker.alice_member, name="a1", cwd="/work",
                    groups=[{"name": "dev", "role": "lead"}], hostname="h")
    b = broker.peer(broker.bob_member, name="b1")
    answer = a.ask("list_peers")
    assert answer["type"] == "peers_list"
    rows = {p["pubkey"]: p for p in answer["peers"]}
    assert set(rows) == {control.pub, a.pub, b.pub}
    row = rows[a.pub]
    assert row["memberPubkey"] == broker.alice_member.key.pub
    assert row["displayName"] == "a1" and row["cwd"] == "/work"
    assert row["sessionId"] == a.hello_fields["sessionId"]
    assert row["peerRole"] == "session"
    assert row["status"] == "idle" and row["summary"] is None
    assert row["groups"] == [{"name": "dev", "role": "lead"}]
    assert row["connectedAt"].endswith("Z")
    assert rows[control.pub]["peerRole"] == "control-plane"
    assert rows[control.pub]["memberPubkey"] == control.pub
    for r in rows.values():
        for name in ("displayName", "status", "groups", "sessionId",
                     "connectedAt", "cwd"):
            assert name in r, r


def test_list_peers_echoes_the_request_id(broker):
    a = broker.peer(broker.alice_member)
    a.put({"type": "list_peers", "_reqId": "one"},
          {"type": "list_peers"}, {"type": "list_peers", "_reqId": "two"})
    answers = [a.expect("peers_list") for _ in range(3)]
    assert {x.get("_reqId") for x in answers} == {"one", None, "two"}


def events(peer, event, name):
    peer.barrier()
    return [f for f in peer.unexpected("push") if f.get("event") == event
            and f["eventData"]["name"] == name]


def test_peer_joined(broker):
    alice = broker.peer(broker.alice_member)
    control = broker.peer(broker.alice_member, session=False)
    bob = broker.peer(broker.bob_member, name="b1",
                      groups=[{"name": "dev"}])
    for p in alice, control:
        f = p.expect("push", event="peer_joined")
        while f["eventData"]["name"] != "b1":
            f = p.expect("push", event="peer_joined")
        assert f["subtype"] == "system" and f["senderPubkey"] == "system"
        assert f["nonce"] == "" and f["ciphertext"] == ""
        assert f["meshId"] == broker.alice_member.mesh_id
        assert f["eventData"]["pubkey"] == bob.pub
        assert [g["name"] for g in f["eventData"]["groups"]] == ["dev"]
    assert not events(bob, "peer_joined", "b1")


def test_a_session_that_joins_is_announced_to_its_siblings(broker):
    first = broker.peer(broker.alice_member, name="a1")
    second = broker.peer(broker.alice_member, name="a2")
    f = first.expect("push", event="peer_joined")
    assert f["eventData"]["pubkey"] == second.pub


def test_a_member_is_not_announced_to_its_own(broker):
    a = broker.peer(broker.alice_member, name="a1")
    broker.peer(broker.alice_member, session=False)
    bob = broker.peer(broker.bob_member, name="b1")
    a.expect("push", event="peer_joined")       # bob's: the only one
    assert not events(a, "peer_joined", "alice")
    bob.barrier()


@pytest.mark.parametrize("how", ["close", "cut", "leave"])
def test_peer_left(make, how):
    grace = "1" if how != "leave" else "3600"
    broker = make.broker("--grace-time", grace)
    broker.alice_member = broker.add_member("local", "alice")
    broker.bob_member = broker.add_member("local", "bob")
    broker.start()
    alice = broker.peer(broker.alice_member, name="a1")
    control = broker.peer(broker.alice_member, session=False)
    bob = broker.peer(broker.bob_member, name="b1")
    getattr(bob, how)()
    for p in alice, control:
        f = p.expect("push", event="peer_left")
        assert f["subtype"] == "system"
        assert f["eventData"] == {"name": "b1", "pubkey": bob.pub}
    assert bob.pub not in {p["pubkey"] for p in alice.barrier()}


def test_a_kill_of_the_broker_leaves_no_ghosts(broker):
    bob = broker.peer(broker.bob_member)
    alice = broker.peer(broker.alice_member)
    broker.kill()
    bob.wait_closed()
    broker.start()
    bob.connect()
    listed = [p["pubkey"] for p in bob.barrier()]
    assert listed.count(bob.pub) == 1
    alice.wait_closed()
    alice.connect()
    assert alice.send(bob.pub, "x")["queued"] is True


# --- replaced ---

def test_the_same_session_id_closes_the_first(broker):
    sid = minted_id()
    first = broker.peer(broker.alice_member, sessionId=sid)
    second = broker.peer(broker.bob_member, sessionId=sid)
    assert first.wait_closed() == (1000, "session_replaced")
    assert second.barrier()


def test_over_both_kinds_of_connection(broker):
    sid = minted_id()
    first = broker.peer(broker.alice_member, sessionId=sid)
    second = broker.peer(broker.alice_member, session=False, sessionId=sid)
    assert first.wait_closed() == (1000, "session_replaced")
    third = broker.peer(broker.bob_member, sessionId=sid)
    assert second.wait_closed() == (1000, "session_replaced")
    assert {p["pubkey"] for p in third.barrier()} >= {third.pub}


def test_the_same_key_closes_the_first(broker):
    key = Key()
    first = broker.peer(broker.alice_member, key=key)
    second = broker.peer(broker.alice_member, key=key)
    assert first.wait_closed() == (1000, "session_replaced")
    assert [p["pubkey"] for p in second.barrier()].count(key.pub) == 1


def test_session_ids_are_per_mesh(make):
    b = make.broker()
    here, there = b.add_member("here", "h"), b.add_member("there", "t")
    b.start()
    sid = minted_id()
    p, q = b.peer(here, sessionId=sid), b.peer(there, sessionId=sid)
    assert p.barrier() and q.barrier()


def test_a_refused_hello_replaces_nobody(broker):
    sid = minted_id()
    first = broker.peer(broker.alice_member, sessionId=sid)
    thief = broker.peer(broker.bob_member, connect=False, sessionId=sid)
    thief.open()
    thief.put(thief.hello(signature="0" * 128))
    thief.wait_closed()
    assert first.barrier()
    assert not first.closed
