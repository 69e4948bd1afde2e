"""Promise: an admin's kick parks the session until it is resumed, a ban the
mesh; a nudge and an unban leave nothing behind (design.md, "Sessions";
broker-protocol.md, "Closes"): end to end, on the broker of our own.
"""

import pytest

from harness import wait_for


@pytest.fixture
def broker(make):
    b = make.broker()
    b.admin_member = b.add_member("acme", "boss")       # made it: its admin
    b.bob_member = b.add_member("acme", "bob")
    return b.start()


@pytest.fixture
def admin(broker):
    return broker.peer(broker.admin_member, name="boss-session")


@pytest.fixture
def daemon(make, broker):
    return make.daemon(meshes=[broker.bob_member.mesh_file(broker.url)])


def brokers(daemon):
    return daemon.api().get("/v1/health").json["brokers"]


def test_a_kick(daemon, admin):
    s = daemon.register("carl", mesh="acme")
    other = daemon.register("dora", mesh="acme")
    with s.events() as events:
        assert admin.ask("kick", target="carl")["kicked"] == ["carl"]
        s.wait_state("parked")
        events.wait("broker_status", lambda e: e.data.get("session") ==
                    s.session_id and e.data.get("reason") == "kicked")
    assert s.me()["reason"] == "kicked"
    assert other.state() == "open"
    wait_for(lambda: brokers(daemon) == {"acme": "open"}, 15)
    r = s.send(other, "not yet", client_message_id="c1")
    assert r.status == 202 and r.json["parked"] == "kicked"
    daemon.ms("session", "resume", "carl")
    s.wait_open()
    wait_for(lambda: [i["body"] for i in other.inbox()] == ["not yet"], 15)


def test_a_nudge(daemon, admin):
    s = daemon.register("carl", mesh="acme")
    answer = admin.ask("disconnect", target="carl")
    assert "carl" in answer["kicked"] + answer["affected"]
    wait_for(lambda: len([x for x in daemon.log() if x.get("process") ==
                          "worker" and x["msg"].startswith("broker: open")
                          ]) >= 2, 20, "a second connection")
    wait_for(lambda: s.state() == "open" and "reason" not in s.me(), 15)


def test_a_ban(daemon, broker, admin):
    """The member and all of its sessions; resumed too early it is parked
    again; after the unban all come back."""
    all = [daemon.register(n, mesh="acme") for n in ("carl", "dora")]
    assert admin.ask("ban", target="bob")["banned"] == "bob"
    for s in all:
        s.wait_state("parked")
        assert s.me()["reason"] == "banned"
    wait_for(lambda: brokers(daemon) == {"acme": "parked"}, 10)
    daemon.ms("presence", "resume", "--mesh", "acme")
    wait_for(lambda: len([x for x in daemon.log() if "parked with its"
                          " sessions: banned" in x["msg"]]) == 2, 20)
    for s in all:
        s.wait_state("parked")
    assert admin.ask("unban", target="bob")["unbanned"] == "bob"
    daemon.ms("presence", "resume", "--mesh", "acme")
    for s in all:
        s.wait_open()
    wait_for(lambda: brokers(daemon) == {"acme": "open"}, 15)
