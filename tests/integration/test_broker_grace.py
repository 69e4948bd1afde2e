"""Promise: a connection that ends does not end a presence: for the grace it
stands, over a SIGKILL of the broker too, and who comes back with its key is
who it was; nobody saw it leave, and what was sent to it has waited
(broker-protocol.md, "Hello", "Push", "Closes and what they mean").
"""

import signal

import pytest

from harness import Key, wait_for
from harness.keys import minted_id

LONG = ("--grace-time", "3600")
SHORT = ("--grace-time", "1")


def start(make, *options):
    b = make.broker(*options)
    b.alice_member = b.add_member("local", "alice")
    b.bob_member = b.add_member("local", "bob")
    return b.start()


@pytest.fixture
def broker(make):
    return start(make, *LONG)


def row(peer, pub):
    """How a peer is listed, or None."""
    rows = [p for p in peer.barrier() if p["pubkey"] == pub]
    assert len(rows) < 2, rows
    return rows[0] if rows else None


def events(peer):
    peer.barrier()
    return [f["event"] for f in peer.unexpected("push")
            if f.get("subtype") == "system"]


def dress(peer):
    """Say everything that there is to say of oneself."""
    peer.put({"type": "set_status", "status": "working"},
             {"type": "set_summary", "summary": "at work \"here\""},
             {"type": "set_stats", "stats": {"turns": 7}},
             {"type": "join_group", "name": "ops", "role": "lead"})
    peer.ask("set_profile", title="Dr", capabilities=["c"])
    peer.ask("set_visible", visible=False)


DRESSED = {"status": "working", "summary": "at work \"here\"",
           "stats": {"turns": 7}, "visible": False,
           "groups": [{"name": "ops", "role": "lead"}],
           "profile": {"title": "Dr", "capabilities": ["c"]}}


def subset(listed):
    return {k: listed.get(k) for k in DRESSED}


@pytest.mark.parametrize("how", ["close", "cut"])
@pytest.mark.parametrize("session", [True, False])
def test_who_comes_back_is_who_it_was(broker, how, session):
    bob = broker.peer(broker.bob_member, name="b1")
    alice = broker.peer(broker.alice_member, session=session)
    dress(alice)
    first = alice.presence
    before = row(bob, alice.pub)
    assert subset(before) == DRESSED
    bob.frames.clear()
    getattr(alice, how)()
    assert row(bob, alice.pub) == before
    ack = alice.connect()
    assert ack["presenceId"] == first
    assert row(bob, alice.pub) == before
    assert events(bob) == []


def test_it_survives_a_kill_of_the_broker(broker):
    alice = broker.peer(broker.alice_member)
    gone = broker.peer(broker.alice_member, name="gone")
    bob = broker.peer(broker.bob_member)
    dress(alice)
    first = alice.presence
    bob.barrier()
    gone.cut()
    wait_for(lambda: row(bob, gone.pub))
    broker.kill(signal.SIGKILL)
    broker.start()
    for p in alice, bob:
        p.wait_closed()
    bob.connect()
    assert subset(row(bob, alice.pub)) == DRESSED
    assert row(bob, gone.pub)["displayName"] == "gone"
    assert bob.send(alice.pub, "for you")["queued"] is True
    assert alice.connect()["presenceId"] == first
    assert alice.receive()["text"] == "for you"
    assert subset(row(bob, alice.pub)) == DRESSED


def test_an_orderly_restart_keeps_presences(broker):
    alice = broker.peer(broker.alice_member)
    first = alice.presence
    assert broker.kill(signal.SIGTERM) == 0
    assert alice.wait_closed() == (1001, "shutting down")
    broker.start()
    assert alice.connect()["presenceId"] == first


def test_after_the_grace_it_has_left(make):
    broker = start(make, *SHORT)
    alice = broker.peer(broker.alice_member, name="a1")
    bob = broker.peer(broker.bob_member, name="b1")
    dress(bob)
    bob.ask("set_visible", visible=True)
    first = bob.presence
    bob.cut()
    f = alice.expect("push", event="peer_left")
    assert f["eventData"] == {"name": "b1", "pubkey": bob.pub}
    assert row(alice, bob.pub) is None
    ack = bob.connect()
    assert ack["presenceId"] != first
    bare = row(alice, bob.pub)
    assert bare["status"] == "idle" and bare["summary"] is None
    assert bare["visible"] is True and bare["groups"] == []
    assert "stats" not in bare and "profile" not in bare
    assert alice.expect("push", event="peer_joined")["eventData"][
        "pubkey"] == bob.pub


def test_the_grace_runs_out_after_a_kill_too(make):
    broker = start(make, *SHORT)
    alice = broker.peer(broker.alice_member)
    bob = broker.peer(broker.bob_member)
    broker.kill(signal.SIGKILL)
    broker.start()
    alice.wait_closed()
    alice.connect()
    wait_for(lambda: row(alice, bob.pub) is None)
    first = bob.presence
    bob.wait_closed()
    assert bob.connect()["presenceId"] != first


@pytest.mark.parametrize("code,reason", [(1000, "session_ended")])
def test_who_ends_leaves_at_once(broker, code, reason):
    alice = broker.peer(broker.alice_member)
    bob = broker.peer(broker.bob_member, name="b1")
    bob.close(code, reason)
    f = alice.expect("push", event="peer_left")
    assert f["eventData"]["pubkey"] == bob.pub
    assert row(alice, bob.pub) is None
    first = bob.presence
    assert bob.connect()["presenceId"] != first


@pytest.mark.parametrize("code,reason", [
    (1001, "session_ended"), (1000, "session_ended!"), (1000, "session"),
    (3000, ""), (1000, "")])
def test_other_closes_are_no_farewell(broker, code, reason):
    alice = broker.peer(broker.alice_member)
    bob = broker.peer(broker.bob_member)
    bob.close(code, reason)
    assert row(alice, bob.pub)


def test_what_was_sent_meanwhile_has_waited(broker):
    alice = broker.peer(broker.alice_member)
    bob = broker.peer(broker.bob_member)
    control = broker.peer(broker.bob_member, session=False)
    bob.cut()
    assert alice.send(bob.pub, "one")["queued"] is True
    alice.send(bob.pub, "two")
    control.barrier()
    assert not control.pushes()
    bob.connect()
    assert [bob.receive()["text"] for _ in range(2)] == ["one", "two"]


def test_a_connection_that_was_not_known_to_be_lost(broker):
    """The client saw it break before the broker did."""
    alice = broker.peer(broker.alice_member)
    bob = broker.peer(broker.bob_member)
    dress(bob)
    alice.send(bob.pub, "unacknowledged")
    bob.receive()
    again = broker.peer(broker.bob_member, key=bob.key,
                        sessionId=bob.hello_fields["sessionId"])
    assert bob.wait_closed() == (1000, "session_replaced")
    assert again.presence == bob.presence
    assert subset(row(alice, bob.pub)) == DRESSED
    assert again.receive()["text"] == "unacknowledged"


def test_another_session_id_is_another_row_of_the_same(broker):
    alice = broker.peer(broker.alice_member)
    bob = broker.peer(broker.bob_member)
    bob.cut()
    sid = minted_id()
    ack = bob.connect(sessionId=sid)
    assert ack["presenceId"] == bob.presence
    assert row(alice, bob.pub)["sessionId"] == sid


def test_another_key_is_somebody_else(broker):
    """The session id of one in its grace is not a claim to be it."""
    alice = broker.peer(broker.alice_member)
    bob = broker.peer(broker.bob_member)
    dress(bob)
    bob.cut()
    thief = broker.peer(broker.alice_member, connect=False,
                        sessionId=bob.hello_fields["sessionId"])
    assert thief.connect()["presenceId"] != bob.presence
    assert row(alice, thief.pub)["summary"] is None
    assert row(alice, bob.pub) is None


@pytest.mark.parametrize("session", [True, False])
def test_those_in_grace_count_towards_the_capacity(make, session):
    broker = start(make, *LONG, "--max-connections", "2")
    first = broker.peer(broker.alice_member, session=session)
    broker.peer(broker.bob_member)
    first.cut()
    more = broker.peer(broker.bob_member, connect=False)

    def refused():
        more.open()
        more.put(more.hello())
        return more.wait_closed() == (1008, "capacity")
    wait_for(refused)
    assert first.connect()["presenceId"] == first.presence


def test_groups_of_a_hello_that_changed_win(broker):
    alice = broker.peer(broker.alice_member)
    bob = broker.peer(broker.bob_member, groups=[{"name": "a"}])
    bob.put({"type": "join_group", "name": "b"})
    bob.cut()
    bob.connect()
    assert [g["name"] for g in row(alice, bob.pub)["groups"]] == ["a", "b"]
    bob.cut()
    bob.connect(groups=[])
    assert row(alice, bob.pub)["groups"] == []
    alice.send("@b", "x")
    bob.barrier()
    assert not bob.pushes()


def test_a_member_is_told_what_it_left_behind(make):
    broker = start(make, *LONG)
    alice = broker.peer(broker.alice_member)
    bob = broker.peer(broker.bob_member, session=False)
    bob.put({"type": "set_summary", "summary": "last words"},
            {"type": "set_stats", "stats": {"n": 1}},
            {"type": "join_group", "name": "ops", "role": "r"})
    bob.barrier()
    bob.leave()
    alice.expect("push", event="peer_left")
    ack = bob.connect()
    assert ack["restored"] is True
    assert ack["lastSummary"] == "last words"
    assert ack["restoredStats"] == {"n": 1}
    assert ack["restoredGroups"] == [{"name": "ops", "role": "r"}]
    assert ack["lastSeenAt"].endswith("Z")
    f = alice.expect("push", event="peer_returned")
    assert f["eventData"] == {
        "name": "bob", "pubkey": bob.pub, "lastSeenAt": ack["lastSeenAt"],
        "groups": [{"name": "ops", "role": "r"}], "summary": "last words"}
    listed = row(alice, bob.pub)
    assert listed["summary"] is None and "stats" not in listed
    alice.send("@ops", "to the group")
    assert bob.receive()["text"] == "to the group"
    # A list of its own wins.
    bob.leave()
    alice.expect("push", event="peer_left")
    ack = bob.connect(groups=[{"name": "dev"}])
    assert "restoredGroups" not in ack
    assert row(alice, bob.pub)["groups"] == [{"name": "dev"}]


def test_a_member_with_another_connection_has_not_left(broker):
    alice = broker.peer(broker.alice_member)
    one = broker.peer(broker.bob_member, session=False)
    two = broker.peer(broker.bob_member, session=False)
    one.leave()
    wait_for(lambda: len([p for p in alice.barrier()
                          if p["pubkey"] == two.pub]) == 1)
    assert "peer_left" not in events(alice)


def test_multicast_is_not_kept_for_the_grace(broker):
    alice = broker.peer(broker.alice_member)
    bob = broker.peer(broker.bob_member, groups=[{"name": "g"}])
    bob.cut()
    for target in "*", "@g":
        assert alice.send(target, "now or never")["queued"] is True
    bob.connect()
    bob.barrier()
    assert not bob.pushes()


def test_a_revoked_member_has_no_presence_after_a_restart(broker):
    import sqlite3
    bob = broker.peer(broker.bob_member)
    alice = broker.peer(broker.alice_member)
    broker.kill(signal.SIGKILL)
    with sqlite3.connect(broker.db) as db:
        db.execute("UPDATE member SET revoked_at = 1 WHERE member_id = ?",
                   (broker.bob_member.member_id,))
    db.close()
    broker.start()
    alice.wait_closed()
    alice.connect()
    assert row(alice, bob.pub) is None


def test_many_come_and_go(broker):
    """Half of them return at once, after a kill: each is who it was."""
    keys = [Key() for _ in range(40)]
    peers = [broker.peer(broker.bob_member, key=k) for k in keys]
    broker.kill(signal.SIGKILL)
    broker.start()
    for p in peers:
        p.wait_closed()
    for p in peers[::2]:
        first = p.presence
        assert p.connect()["presenceId"] == first
    assert {r["pubkey"] for r in peers[0].barrier()} == {k.pub for k in keys}
