"""Promise: what a peer says of itself is listed and told as it said it, `dnd`
holds stored messages back, and groups are followed as they change
(broker-protocol.md, "Requests and answers", table of targetSpec, "Push").
"""

import pytest


@pytest.fixture
def broker(make):
    b = make.broker("--grace-time", "3600")
    b.alice_member = b.add_member("local", "alice")
    b.bob_member = b.add_member("local", "bob")
    return b.start()


@pytest.fixture
def alice(broker):
    return broker.peer(broker.alice_member, name="a1")


@pytest.fixture
def bob(broker):
    return broker.peer(broker.bob_member, name="b1")


def row(peer, pub):
    return next(p for p in peer.barrier() if p["pubkey"] == pub)


def refused(peer, frame, code="invalid_args"):
    """The error comes in `id`, and the connection stays."""
    peer.put({**frame, "_reqId": "bad"})
    error = peer.expect("error", id="bad")
    assert error["code"] == code and error["message"]


def nothing(peer):
    peer.barrier()
    return not peer.pushes()


@pytest.mark.parametrize("status", ["idle", "working", "dnd"])
def test_status(alice, bob, status):
    alice.put({"type": "set_status", "status": "working"},
              {"type": "set_status", "status": status})
    alice.barrier()
    assert row(bob, alice.pub)["status"] == status


def test_summary(alice, bob):
    for text in "ünïcode \"quoted\" \\ \n line", "x" * 1024:
        alice.put({"type": "set_summary", "summary": text})
        alice.barrier()
        assert row(bob, alice.pub)["summary"] == text
    # What is too long is cut, between characters.
    alice.put({"type": "set_summary", "summary": "é" * 2000})
    alice.barrier()
    assert row(bob, alice.pub)["summary"] == "é" * 512
    for none in None, "":
        alice.put({"type": "set_summary", "summary": "x"},
                  {"type": "set_summary", "summary": none})
        alice.barrier()
        assert row(bob, alice.pub)["summary"] is None


def test_stats(alice, bob):
    stats = {"messagesIn": 3, "nested": {"a": [1, None, "é"]}}
    alice.put({"type": "set_stats", "stats": stats})
    alice.barrier()
    assert row(bob, alice.pub)["stats"] == stats
    alice.put({"type": "set_stats", "stats": None})
    alice.barrier()
    assert "stats" not in row(bob, alice.pub)


def test_profile(broker, alice, bob):
    control = broker.peer(broker.alice_member, session=False)
    ack = alice.ask("set_profile", avatar="🦊", title="t", bio="b",
                    capabilities=["one", "two"])
    assert ack["type"] == "ack" and ack["queued"] is False
    assert "error" not in ack
    assert row(bob, alice.pub)["profile"] == {
        "avatar": "🦊", "title": "t", "bio": "b",
        "capabilities": ["one", "two"]}
    f = bob.expect("push", event="profile_updated")
    assert f["subtype"] == "system" and f["senderPubkey"] == "system"
    assert f["eventData"] == {"name": "a1", "pubkey": alice.pub}
    # One that is not named stays, null takes one away.
    alice.ask("set_profile", title="u", bio=None, capabilities=None)
    assert row(bob, alice.pub)["profile"] == {"avatar": "🦊", "title": "u"}
    bob.expect("push", event="profile_updated")
    # The same again is no news, and its own are not told.
    alice.ask("set_profile", title="u")
    bob.barrier()
    assert not [f for f in bob.unexpected("push")
                if f["event"] == "profile_updated"]
    control.barrier()
    assert not [f for f in control.unexpected("push")
                if f["event"] == "profile_updated"]


def test_visibility(broker, alice, bob):
    sibling = broker.peer(broker.alice_member)
    alice.put({"type": "join_group", "name": "g"})
    alice.ask("set_visible", visible=True)          # no news
    ack = alice.ask("set_visible", visible=False)
    assert ack["type"] == "ack" and ack["queued"] is False
    assert row(bob, alice.pub)["visible"] is False
    f = bob.expect("push", event="peer_hidden")
    assert f["eventData"] == {"name": "a1", "pubkey": alice.pub}
    for target in "*", "@all", "@g":
        bob.send(target, "not for the invisible")
    assert nothing(alice)
    bob.send(alice.pub, "direct")
    assert alice.receive()["text"] == "direct"
    alice.ask("set_visible", visible=True)
    f = bob.expect("push", event="peer_visible")
    assert f["eventData"] == {"name": "a1", "pubkey": alice.pub}
    bob.send("@g", "for all")
    assert alice.receive()["text"] == "for all"
    sibling.barrier()
    assert not [f for f in sibling.unexpected("push")
                if f.get("event") in ("peer_hidden", "peer_visible")]


# --- dnd ---

def test_dnd_holds_back_what_is_stored(alice, bob):
    bob.put({"type": "set_status", "status": "dnd"})
    bob.barrier()
    alice.send(bob.pub, "n1", priority="next")
    alice.send(bob.pub, "l1", priority="low")
    alice.send(bob.pub, "at once", priority="now")
    assert bob.receive()["text"] == "at once"
    alice.send("*", "multicast")
    assert bob.receive()["text"] == "multicast"
    alice.send(bob.pub, "n2", priority="next")
    assert nothing(bob)
    bob.put({"type": "set_status", "status": "working"})
    assert [bob.receive()["text"] for _ in range(3)] == ["n1", "n2", "l1"]


def test_dnd_after_an_unacknowledged_push(alice, bob):
    """What is behind it waits, and comes in order."""
    alice.send(bob.pub, "one")
    first = bob.receive()
    bob.put({"type": "set_status", "status": "dnd"})
    bob.barrier()
    for text in "two", "three":
        alice.send(bob.pub, text)
    bob.acknowledge(first)
    alice.send(bob.pub, "four")
    assert nothing(bob)
    bob.put({"type": "set_status", "status": "idle"})
    assert [bob.receive()["text"] for _ in range(3)] == [
        "two", "three", "four"]


def test_dnd_outlives_the_connection_and_the_broker(broker, alice, bob):
    bob.put({"type": "set_status", "status": "dnd"})
    bob.barrier()
    bob.cut()
    broker.kill()
    broker.start()
    alice.wait_closed()
    alice.connect()
    alice.send(bob.pub, "patience")
    bob.connect()
    assert nothing(bob)
    bob.put({"type": "set_status", "status": "idle"})
    assert bob.receive()["text"] == "patience"


def test_dnd_of_one_session_leaves_the_member_to_others(broker, alice):
    quiet = broker.peer(broker.bob_member)
    other = broker.peer(broker.bob_member)
    quiet.put({"type": "set_status", "status": "dnd"})
    quiet.barrier()
    texts = [f"m{i}" for i in range(5)]
    for text in texts:
        alice.send(broker.bob_member.key.pub, text)
    assert [other.receive()["ciphertext"] != "" for _ in texts] == [True] * 5
    assert nothing(quiet)


# --- groups ---

def test_groups_are_followed(broker, alice, bob):
    for p in alice, bob:
        p.put({"type": "join_group", "name": "dev/x_1-y", "role": "lead"})
        p.barrier()
    assert row(bob, alice.pub)["groups"] == [
        {"name": "dev/x_1-y", "role": "lead"}]
    alice.send("@dev/x_1-y", "in")
    assert bob.receive()["text"] == "in"
    # Exactly that name, as long as it is in it.
    for other in "@dev", "@dev/x_1-Y", "@dev/x_1-y/z":
        alice.send(other, "elsewhere")
    bob.put({"type": "join_group", "name": "dev/x_1-y"})
    bob.barrier()
    assert row(alice, bob.pub)["groups"] == [{"name": "dev/x_1-y"}]
    bob.put({"type": "leave_group", "name": "dev/x_1-y"},
            {"type": "leave_group", "name": "never joined"})
    bob.barrier()
    alice.send("@dev/x_1-y", "out")
    assert nothing(bob)
    assert row(alice, bob.pub)["groups"] == []
    bob.put({"type": "join_group", "name": "dev/x_1-y"})
    bob.barrier()
    alice.send("@dev/x_1-y", "in again")
    assert bob.receive()["text"] == "in again"


def test_one_copy_for_who_joined_twice(alice, bob):
    for _ in range(3):
        bob.put({"type": "join_group", "name": "g"})
    bob.barrier()
    alice.send("@g", "once")
    assert bob.receive()["text"] == "once"
    assert nothing(bob)


def test_as_many_groups_as_allowed(alice, bob):
    for i in range(64):
        bob.put({"type": "join_group", "name": f"g{i}"})
    refused(bob, {"type": "join_group", "name": "one-more"})
    bob.put({"type": "join_group", "name": "g7", "role": "r"},
            {"type": "leave_group", "name": "g0"},
            {"type": "join_group", "name": "one-more"})
    bob.barrier()
    names = [g["name"] for g in row(alice, bob.pub)["groups"]]
    assert len(names) == 64 and "one-more" in names and "g0" not in names


# --- nonsense ---

BAD = [
    {"type": "set_status"},
    {"type": "set_status", "status": "busy"},
    {"type": "set_status", "status": ["idle"]},
    {"type": "set_status", "status": "x" * 60000},
    {"type": "set_summary"},
    {"type": "set_summary", "summary": {"a": 1}},
    {"type": "set_stats", "stats": [1]},
    {"type": "set_stats", "stats": {"a": "x" * 5000}},
    {"type": "set_visible", "visible": "no"},
    {"type": "set_visible"},
    {"type": "set_profile", "title": 7},
    {"type": "set_profile", "capabilities": "all"},
    {"type": "set_profile", "capabilities": ["x"] * 33},
    {"type": "set_profile", "capabilities": ["x" * 65]},
    {"type": "set_profile", "capabilities": [["x"]]},
    {"type": "join_group"},
    {"type": "join_group", "name": ""},
    {"type": "join_group", "name": "a b"},
    {"type": "join_group", "name": "it's\"; DROP TABLE presence"},
    {"type": "join_group", "name": "é"},
    {"type": "join_group", "name": "a\u0000b"},
    {"type": "join_group", "name": "x" * 65},
    {"type": "join_group", "name": "g", "role": 1},
    {"type": "join_group", "name": "g", "role": "x" * 65},
    {"type": "leave_group", "name": 5},
]


def test_nonsense_changes_nothing(alice, bob):
    before = row(bob, alice.pub)
    for frame in BAD:
        if "\u0000" in str(frame.get("name")):
            alice.put(frame)        # no JSON for the broker: no answer
            continue
        refused(alice, frame)
    assert row(bob, alice.pub) == before


def test_a_flood_of_changes(alice, bob):
    """Only the last counts, and the others are still served."""
    for i in range(300):
        alice.put({"type": "set_summary", "summary": f"s{i}"},
                  {"type": "set_status", "status": ["idle", "dnd"][i % 2]},
                  {"type": "join_group", "name": f"g{i % 70}"},
                  {"type": "leave_group", "name": f"g{(i * 7) % 70}"})
    alice.put({"type": "set_status", "status": "idle"})
    alice.barrier()
    listed = row(bob, alice.pub)
    assert listed["summary"] == "s299" and listed["status"] == "idle"
    bob.send(alice.pub, "still here")
    assert alice.receive()["text"] == "still here"
