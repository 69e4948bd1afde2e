"""Promise: an admin of a mesh, and nobody else, ends connections of its mesh
and shuts members out, as the protocol says: 4001 kicked, 1000 disconnected,
4002 banned; control planes are not kicked; a ban outlives the broker; nobody
is told that somebody left (broker-protocol.md, "Closes").
"""

import pytest

from harness import Key


@pytest.fixture
def broker(make):
    b = make.broker()
    b.alice_member = b.add_member("local", "alice")     # made it: its admin
    b.bob_member = b.add_member("local", "bob")
    return b.start()


@pytest.fixture
def admin(broker):
    return broker.peer(broker.alice_member, name="al")


@pytest.fixture
def bob(broker):
    return broker.peer(broker.bob_member, name="bo")


@pytest.fixture
def plane(broker):
    return broker.peer(broker.bob_member, session=False)


def code(frame):
    assert frame["type"] == "error", frame
    return frame["code"]


def test_who_may(broker, admin, bob):
    for kind in "kick", "disconnect", "ban", "unban":
        assert code(bob.ask(kind, target="al")) == "forbidden"
    assert bob.ask("list_bans")["bans"] == []
    admin.barrier()


def test_kick_by_name(admin, bob, plane):
    third = bob.member
    answer = admin.ask("kick", target="bo")
    assert answer == {"type": "kick_ack", "_reqId": answer["_reqId"],
                      "affected": ["bo"], "kicked": ["bo"]}
    assert bob.wait_closed() == (4001, "kicked")
    # The broker does not remember it; and nobody saw it leave.
    names = [p["displayName"] for p in plane.barrier()]
    assert "bo" not in names
    assert [f for f in plane.frames if f.get("event") == "peer_left"] == []
    bob.connect()
    assert third is bob.member


def test_kick_by_member_key(broker, admin, bob, plane):
    key = broker.bob_member.key.pub
    for target in key, key[:8]:
        answer = admin.ask("kick", target=target)
        assert answer["kicked"] == ["bo"]
        assert answer["skipped_control_plane"] == ["bob"]
        assert bob.wait_closed() == (4001, "kicked")
        bob.connect()
    # A session's key names nobody, and neither does a short beginning.
    for target in bob.pub, bob.pub[:12], key[:7], "nobody":
        assert admin.ask("kick", target=target)["kicked"] == []
    plane.barrier()


def test_all_and_stale(broker, admin, bob, plane):
    answer = admin.ask("kick", all=True)
    assert answer["kicked"] == ["bo"]
    assert answer["skipped_control_plane"] == ["bob"]
    assert bob.wait_closed() == (4001, "kicked")
    bob.connect()
    assert admin.ask("kick", stale=3600000)["kicked"] == []
    assert admin.ask("kick", stale=True)["kicked"] == []
    # Nothing was heard of it for that long when there is an answer.
    for _ in range(100):
        if "bo" in admin.ask("kick", stale=1)["kicked"]:
            break
    assert bob.wait_closed() == (4001, "kicked_stale")
    plane.barrier()
    admin.barrier()


def test_disconnect(broker, admin, bob, plane):
    answer = admin.ask("disconnect", target="bo")
    assert answer["type"] == "disconnect_ack"
    assert answer["affected"] == answer["kicked"] == ["bo"]
    assert bob.wait_closed() == (1000, "disconnected")
    bob.connect()
    answer = admin.ask("disconnect", all=True)
    assert sorted(answer["kicked"]) == ["bo", "bob"]
    assert "skipped_control_plane" not in answer
    assert plane.wait_closed() == (1000, "disconnected")


@pytest.mark.parametrize("who", [
    {}, {"target": ""}, {"target": 7}, {"target": ["bo"]}, {"stale": -1},
    {"stale": "1"}, {"all": 1}, {"target": "bo", "all": True}])
def test_kick_says_who(admin, bob, who):
    assert code(admin.ask("kick", **who)) == "invalid_args"
    bob.barrier()


def test_ban(broker, admin, bob, plane):
    assert admin.ask("ban", target="bob")["banned"] == "bob"
    assert bob.wait_closed() == (4002, "banned")
    assert plane.wait_closed() == (4002, "banned")
    ban, = admin.ask("list_bans")["bans"]
    assert ban["name"] == "bob"
    assert ban["pubkey"] == broker.bob_member.key.pub
    assert ban["revokedAt"].endswith("Z")
    # It is nobody that messages can be sent to.
    assert admin.send(bob.pub, "x")["queued"] is False
    broker.kill()
    broker.start()
    for p in bob, plane:
        p.url = broker.url
        p.open()
        p.put(p.hello())
        assert p.expect("error")["code"] == "revoked"
        assert p.wait_closed() == (4002, "banned")
    admin.url = broker.url
    admin.connect()
    assert admin.ask("unban", target=broker.bob_member.key.pub[:10])[
        "unbanned"] == "bob"
    assert admin.ask("list_bans")["bans"] == []
    bob.connect()


def test_ban_says_who(broker, admin, bob):
    assert code(admin.ask("ban")) == "invalid"
    assert code(admin.ask("ban", target="nobody")) == "not_found"
    assert code(admin.ask("ban", target="alice")) == "invalid"
    assert code(admin.ask("unban", target="bob")) == "not_found"
    assert code(admin.ask("ban", target=bob.pub)) == "not_found"
    broker.peer(broker.alice_member, name="bo")
    assert code(admin.ask("ban", target="bo")) == "invalid"
    bob.barrier()
    # A session's name says whose it is.
    lone = broker.peer(broker.bob_member, name="lone")
    assert admin.ask("ban", target="lone")["banned"] == "bob"
    assert lone.wait_closed()[0] == 4002


def test_other_meshes_are_not_touched(broker, bob):
    carol_member = broker.add_member("other", "carol")
    carol = broker.peer(carol_member, name="bo", key=Key())
    assert carol.ask("kick", target="bo")["kicked"] == []
    assert carol.ask("kick", all=True)["kicked"] == []
    assert code(carol.ask("ban", target="bob")) == "not_found"
    assert code(carol.ask("ban", target=broker.bob_member.key.pub)) == (
        "not_found")
    bob.barrier()
